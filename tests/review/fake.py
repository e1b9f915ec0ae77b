"""A Label Studio of a few calls at the HTTP edge, that can be made to fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx

from curate.review.client import LabelStudio
from curate.review.config import ApiKey, ReviewConfig

TOKEN = "0123456789abcdef0123456789abcdef01234567"


class FakeServer:
    """Tasks of one project, as the real server answers.

    Attributes:
        fail: told each write before and after it is done, by name ("import",
            "before"/"after"); raising there cuts the connection.
    """

    def __init__(self) -> None:
        self.tasks: dict[int, dict[str, Any]] = {}
        self.last = 0
        self.writes: list[str] = []
        self.fail: Callable[[str, str], None] = lambda _name, _moment: None

    def client(self, **options: Any) -> LabelStudio:
        """A client of ours that talks to this server."""
        return LabelStudio(
            "http://127.0.0.1:9",
            ApiKey("legacy", TOKEN),
            ReviewConfig(**options),
            transport=httpx.MockTransport(self._answer),
        )

    def _next(self) -> int:
        self.last += 1
        return self.last

    def _answer(self, request: httpx.Request) -> httpx.Response:
        method, path = request.method, request.url.path
        body = json.loads(request.content) if request.content else None
        if method == "GET" and path == "/api/tasks":
            return self._list(request)
        if method == "GET" and path == "/api/users":
            return httpx.Response(200, json=[{"id": 1, "email": "ada@example.org"}])
        name = f"{method} {path.rstrip('/').rsplit('/', 1)[-1]}"
        if method in ("PATCH", "DELETE"):
            name = f"{method} {path.split('/')[2]}"
        self.fail(name, "before")
        self.writes.append(name)
        answer = self._write(method, path, body)
        self.fail(name, "after")
        return answer

    def _list(self, request: httpx.Request) -> httpx.Response:
        query = json.loads(request.url.params.get("query", "{}"))
        found = [self.tasks[number] for number in sorted(self.tasks)]
        if "selectedItems" in query:
            ids = set(query["selectedItems"]["included"])
            found = [task for task in found if task["id"] in ids]
        for item in query.get("filters", {}).get("items", ()):
            found = [task for task in found if task["updated_at"] > item["value"]]
        size, page = (int(request.url.params[name]) for name in ("page_size", "page"))
        if page > 1 and (page - 1) * size >= len(found):
            return httpx.Response(404, json={"detail": "Invalid page."})
        shown = found[(page - 1) * size : page * size]
        return httpx.Response(200, json={"tasks": shown, "total": len(found)})

    def _write(self, method: str, path: str, body: Any) -> httpx.Response:
        if path.endswith("/import"):
            ids = [self._add(task) for task in body]
            return httpx.Response(201, json={"task_ids": ids})
        if path.endswith("/import/predictions"):
            for prediction in body:
                self.tasks[prediction["task"]]["predictions"].append(
                    {**prediction, "id": self._next()}
                )
            return httpx.Response(201, json={"created": len(body)})
        number = int(path.rstrip("/").rsplit("/", 1)[-1])
        if method == "PATCH":
            self.tasks[number]["data"] = body["data"]
            return httpx.Response(200, json=self.tasks[number])
        if "/predictions/" in path:
            for task in self.tasks.values():
                task["predictions"] = [p for p in task["predictions"] if p["id"] != number]
            return httpx.Response(204)
        if self.tasks.pop(number, None) is None:
            return httpx.Response(404, json={"detail": "Not found."})
        return httpx.Response(204)

    def _add(self, task: dict[str, Any]) -> int:
        number = self._next()
        held = json.loads(json.dumps(task))
        for prediction in held.get("predictions", ()):
            prediction["id"] = self._next()
        self.tasks[number] = {
            "id": number,
            "annotations": [],
            "drafts": [],
            "predictions": [],
            **held,
        }
        return number
