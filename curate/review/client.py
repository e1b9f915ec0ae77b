"""The few calls of Label Studio's HTTP interface that review needs.

Plain HTTP rather than the vendor's client: that one repeats POSTs, which
duplicates tasks, and reads imports twice as slowly. Nothing here is sent twice
but reads. Every failure ends in a `ReviewError` of one line.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

from curate.errors import ReviewError
from curate.review.config import API_KEY_VARIABLE, ApiKey, ReviewConfig

if TYPE_CHECKING:
    import httpx

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

ACCESS_LIFE_S = 240.0
"""An access token made from a personal one lives 300 s; a fresh one is asked for before."""

READ_TRIES = 3
IDS_PER_QUERY = 400
"""Task ids in one query string: 400 of seven digits make about 3 kB of URL."""


class NotFoundError(ReviewError):
    """The server has no such project or task."""


class UnreachableError(ReviewError):
    """No answer: for a write it is unknown whether it was done."""


class LabelStudio:
    """A connection to one server as one user.

    Args:
        url: the server's address, with or without a path.
        key: the user's key.
        config: batch sizes and timeouts.
        key_name: how messages call the place that the key came from.
        transport: what carries the requests, for tests.
    """

    def __init__(
        self,
        url: str,
        key: ApiKey,
        config: ReviewConfig | None = None,
        *,
        key_name: str = API_KEY_VARIABLE,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        import httpx

        self.url = url.rstrip("/")
        self.config = config or ReviewConfig()
        self._key = key
        self._key_name = key_name
        self._access: tuple[str, float] | None = None
        host = urlsplit(self.url).hostname or ""
        # A proxy from the environment can't reach our own loopback.
        local = host in ("localhost", "::1") or host.startswith("127.")
        self._http = httpx.Client(trust_env=not local, follow_redirects=False, transport=transport)

    @property
    def key_kind(self) -> Literal["pat", "legacy"]:
        """What kind of key this connection uses."""
        return self._key.kind

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    # ------------------------------------------------------------------- calls

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Read; repeated where the connection breaks."""
        for attempt in range(READ_TRIES):
            try:
                return self._call(
                    "GET", path, params=params, timeout=self.config.transfer_timeout_s
                )
            except UnreachableError:
                if attempt + 1 == READ_TRIES:
                    raise
                time.sleep(0.3 * 2**attempt)
        raise AssertionError

    def post(self, path: str, body: Any, *, params: Mapping[str, Any] | None = None) -> Any:
        """Write, once."""
        return self._call(
            "POST", path, body=body, params=params, timeout=self.config.transfer_timeout_s
        )

    def patch(self, path: str, body: Any) -> Any:
        """Change, once."""
        return self._call("PATCH", path, body=body, timeout=self.config.timeout_s)

    def delete(self, path: str, body: Any = None) -> Any:
        """Remove, once."""
        return self._call("DELETE", path, body=body, timeout=self.config.timeout_s)

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, Any] | None = None,
        timeout: float,
    ) -> Any:
        response = self._send(method, path, body, params, timeout, self._authorization())
        if response.status_code == 401 and self._key.kind == "pat":
            self._access = None
            response = self._send(method, path, body, params, timeout, self._authorization())
        if response.status_code >= 300:
            raise self._error(response, f"{method} {path}")
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError as error:
            raise ReviewError(
                f"{self.url} answers {method} {path} with {_kind(response)} instead of JSON; "
                "is review.url the address of a Label Studio, and not of a page before it?"
            ) from error

    def _send(
        self,
        method: str,
        path: str,
        body: Any,
        params: Mapping[str, Any] | None,
        timeout: float,
        authorization: str | None,
    ) -> httpx.Response:
        import httpx

        headers = {"Authorization": authorization} if authorization else {}
        content = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body, ensure_ascii=False).encode("utf-8")
        try:
            return self._http.request(
                method,
                self.url + path,
                params=dict(params) if params else None,
                content=content,
                headers=headers,
                timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            )
        except httpx.TimeoutException as error:
            raise UnreachableError(
                f"{self.url} gave no answer to {method} {path} within {timeout:.0f} s; "
                "run again when it is less busy, or raise review.transfer_timeout_s"
            ) from error
        except httpx.HTTPError as error:
            raise UnreachableError(
                f"no Label Studio can be reached at {self.url} ({error}); start it "
                "(curate server start for the local one), check review.url, or set review=none"
            ) from error

    def _authorization(self) -> str:
        if self._key.kind == "legacy":
            return f"Token {self._key.value}"
        if self._access is None or time.monotonic() - self._access[1] > ACCESS_LIFE_S:
            begun = time.monotonic()
            response = self._send(
                "POST",
                "/api/token/refresh/",
                {"refresh": self._key.value},
                None,
                self.config.timeout_s,
                None,
            )
            if response.status_code in (400, 401, 403):
                raise ReviewError(
                    f"{self.url} refuses the personal access token in {self._key_name}; it was "
                    "revoked or belongs to another server; make a new one under Account & Settings"
                )
            if response.status_code >= 300:
                raise self._error(response, "POST /api/token/refresh/")
            self._access = (str(response.json()["access"]), begun)
        return f"Bearer {self._access[0]}"

    def _error(self, response: httpx.Response, call: str) -> ReviewError:
        status = response.status_code
        detail = _detail(response)
        if status == 401:
            if "legacy" in detail.lower():
                return ReviewError(
                    f"{self.url} has legacy tokens switched off, and {self._key_name} holds one; "
                    "use a personal access token (Account & Settings)"
                )
            return ReviewError(
                f"{self.url} refuses the {_KINDS[self._key.kind]} in {self._key_name} "
                f"({detail}); copy it again from Account & Settings of that server"
            )
        if status == 403:
            return ReviewError(
                f"{self.url}: this user may not do {call} ({detail}); "
                "ask the server's administrator, or use another user's key"
            )
        if status == 404:
            return NotFoundError(f"{self.url} has nothing at {call} ({detail})")
        if 300 <= status < 400:
            return ReviewError(
                f"{self.url} sends {call} on to {response.headers.get('location', '?')}; "
                "write that server's address in review.url"
            )
        if status == 413:
            return ReviewError(f"{self.url} takes no requests that large; lower review.push_batch")
        if status >= 500:
            return UnreachableError(
                f"{self.url} failed at {call} (HTTP {status}: {detail}); see the server's log"
            )
        return ReviewError(f"{self.url} refuses {call} (HTTP {status}: {detail})")

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


_KINDS = {"pat": "personal access token", "legacy": "legacy token"}


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ReviewError(f"Label Studio answered with {type(value).__name__}, not an object")
    return value


def _kind(response: httpx.Response) -> str:
    return str(response.headers.get("content-type", "something")).split(";")[0]


def _detail(response: httpx.Response) -> str:
    """What the server says, in one line; error pages in HTML are not quoted."""
    try:
        value = response.json()
    except ValueError:
        return f"HTTP {response.status_code}, {_kind(response)}"
    if isinstance(value, dict):
        errors = value.get("validation_errors")
        value = errors or value.get("detail") or value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= 300 else text[:299] + "…"
