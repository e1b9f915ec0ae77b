"""The few calls of Label Studio's HTTP interface that review needs.

Every failure ends in a `ReviewError` of one line; nothing is sent twice but reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from curate.errors import ReviewError
from curate.review.calls import Calls, NotFoundError, UnreachableError

__all__ = [
    "MIN_VERSION",
    "TESTED_VERSION",
    "LabelStudio",
    "NotFoundError",
    "UnreachableError",
    "version_warning",
]

MIN_VERSION = (1, 18)
"""First line with personal access tokens and the settings that switch legacy ones."""

TESTED_VERSION = "1.23.2"

NEEDED = ("projects.create", "tasks.create", "tasks.change", "predictions.any", "annotations.view")
"""Rights that a sync uses, as the server calls them."""

IDS_PER_QUERY = 400
"""Task ids in one query string: 400 of seven digits make about 3 kB of URL."""


class LabelStudio(Calls):
    """A connection to one server as one user."""

    # ------------------------------------------------------------------ server

    def version(self) -> str:
        """The server's release."""
        value = self.get("/api/version")
        release = value.get("release") if isinstance(value, dict) else None
        return str(release or "unknown")

    def check(self) -> str:
        """Fail early: no Label Studio, too old, wrong key, may not write; returns the release.

        Raises:
            ReviewError: one clear line for each.
        """
        try:
            release = self.version()
        except NotFoundError as error:
            raise ReviewError(
                f"{self.url} is no Label Studio (nothing at /api/version); check review.url"
            ) from error
        numbers = _numbers(release)[:2]
        if len(numbers) == 2 and numbers < MIN_VERSION:
            raise ReviewError(
                f"{self.url} runs Label Studio {release}; at least "
                f"{'.'.join(map(str, MIN_VERSION))} is needed (tested with {TESTED_VERSION})"
            )
        user = self.whoami()
        allowed = user.get("permissions")
        if isinstance(allowed, list) and (lacking := [p for p in NEEDED if p not in allowed]):
            raise ReviewError(
                f"{self.url}: the user of {self._key_name} lacks the right to "
                f"{', '.join(lacking)}; ask the server's administrator, or use another user's key"
            )
        return release

    def whoami(self) -> dict[str, Any]:
        """The user of the key."""
        return _dict(self.get("/api/current-user/whoami"))

    def emails(self) -> dict[int, str]:
        """E-mail address of each user by id; only ever turned into pseudonyms."""
        users = self.get("/api/users")
        rows = users.get("results", []) if isinstance(users, dict) else users
        return {int(user["id"]): str(user.get("email") or "") for user in rows}

    # ---------------------------------------------------------------- projects

    def projects(self) -> Iterator[dict[str, Any]]:
        """All projects the user sees: id, title, description."""
        page = 1
        while True:
            answer = self.get(
                "/api/projects/",
                {"page": page, "page_size": 100, "include": "id,title,description"},
            )
            yield from answer["results"]
            if not answer.get("next"):
                return
            page += 1

    def project(self, project: int) -> dict[str, Any]:
        """One project's settings and counts."""
        return _dict(self.get(f"/api/projects/{project}/"))

    def create_project(self, settings: Mapping[str, Any]) -> int:
        """Make a project; returns its id."""
        return int(self.post("/api/projects/", dict(settings))["id"])

    def update_project(self, project: int, settings: Mapping[str, Any]) -> None:
        """Change some of a project's settings."""
        self.patch(f"/api/projects/{project}/", dict(settings))

    # ------------------------------------------------------------------- tasks

    def tasks(
        self, project: int, query: Mapping[str, Any] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Tasks with their annotations, drafts and predictions, by ascending id.

        Read page by page: memory stays bounded, and a task that is added
        meanwhile comes at the end.
        """
        page, seen = 1, 0
        ordered = {"ordering": ["tasks:id"], **(query or {})}
        while True:
            try:
                answer = self.get(
                    "/api/tasks",
                    {
                        "project": project,
                        "fields": "all",
                        "page": page,
                        "page_size": self.config.page_size,
                        "query": json.dumps(ordered),
                    },
                )
            except NotFoundError:
                if page == 1:
                    raise
                return  # tasks were deleted while we read: the page is past the end now
            yield from answer["tasks"]
            seen += len(answer["tasks"])
            if not answer["tasks"] or seen >= answer["total"]:
                return
            page += 1

    def tasks_by_id(self, project: int, ids: Sequence[int]) -> Iterator[dict[str, Any]]:
        """The tasks of these ids that exist."""
        for first in range(0, len(ids), IDS_PER_QUERY):
            chunk = list(ids[first : first + IDS_PER_QUERY])
            yield from self.tasks(project, {"selectedItems": {"all": False, "included": chunk}})

    def tasks_since(self, project: int, time_utc: str) -> Iterator[dict[str, Any]]:
        """Tasks that changed after a moment (`2026-11-22T05:00:00.000000Z`)."""
        item = {
            "filter": "filter:tasks:updated_at",
            "operator": "greater",
            "type": "Datetime",
            "value": time_utc,
        }
        yield from self.tasks(project, {"filters": {"conjunction": "and", "items": [item]}})

    def count_tasks(self, project: int, ids: Sequence[int]) -> int:
        """How many of these tasks exist."""
        total = 0
        for first in range(0, len(ids), IDS_PER_QUERY):
            chunk = list(ids[first : first + IDS_PER_QUERY])
            query = {"selectedItems": {"all": False, "included": chunk}}
            answer = self.get(
                "/api/tasks",
                {"project": project, "page": 1, "page_size": 1, "query": json.dumps(query)},
            )
            total += int(answer["total"])
        return total

    def n_tasks(self, project: int) -> int:
        """How many tasks the project holds."""
        return int(self.get("/api/tasks", {"project": project, "page": 1, "page_size": 1})["total"])

    def task_data(self, task: int) -> dict[str, Any]:
        """One task with everything on it."""
        return _dict(self.get(f"/api/tasks/{task}/"))

    def import_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> list[int]:
        """Send tasks with their predictions, once; returns their ids in order."""
        answer = self.post(
            f"/api/projects/{project}/import", list(tasks), params={"return_task_ids": "true"}
        )
        return [int(task) for task in answer["task_ids"]]

    def import_predictions(self, project: int, predictions: Sequence[Mapping[str, Any]]) -> int:
        """Send predictions for tasks that exist; returns how many were taken."""
        answer = self.post(f"/api/projects/{project}/import/predictions", list(predictions))
        return int(answer["created"])

    def update_task(self, task: int, data: Mapping[str, Any]) -> None:
        """Replace a task's data."""
        self.patch(f"/api/tasks/{task}/", {"data": dict(data)})

    def delete_task(self, task: int) -> None:
        """Remove a task with all that hangs on it."""
        self.delete(f"/api/tasks/{task}/")

    def delete_predictions(self, ids: Iterable[int]) -> None:
        """Remove predictions; those that are gone already are no error."""
        for prediction in ids:
            try:
                self.delete(f"/api/predictions/{prediction}/")
            except NotFoundError:
                continue


def version_warning(release: str) -> str:
    """What to know of a server newer than those this was tried with; empty for others."""
    there, tested = _numbers(release), _numbers(TESTED_VERSION)
    if not there:
        return f"the server doesn't tell its version ({release!r}); tested with {TESTED_VERSION}"
    if there[:2] <= tested[:2]:
        return ""
    return (
        f"the server runs Label Studio {release}, newer than {TESTED_VERSION}, which curate was "
        "tested with; offsets are proved after every push and pull all the same"
    )


def _numbers(release: str) -> tuple[int, ...]:
    parts = release.split(".")[:3]
    return tuple(int(part) for part in parts if part.isdigit())


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ReviewError(f"Label Studio answered with {type(value).__name__}, not an object")
    return value
