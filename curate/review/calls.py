"""Requests to a Label Studio: the key, timeouts, and every failure as one line.

Plain HTTP rather than the vendor's client: that one repeats POSTs, which
duplicates tasks, and reads imports twice as slowly. Nothing here is sent twice
but reads.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

from curate.errors import ReviewError
from curate.review.config import API_KEY_VARIABLE, ApiKey, ReviewConfig

if TYPE_CHECKING:
    import httpx

__all__ = ["Calls", "NotFoundError", "UnreachableError"]

ACCESS_LIFE_S = 240.0
"""An access token made from a personal one lives 300 s; a fresh one is asked for before."""

READ_TRIES = 3


class NotFoundError(ReviewError):
    """The server has no such project or task."""


class UnreachableError(ReviewError):
    """No answer: for a write it is unknown whether it was done."""


class Calls:
    """Calls to one server as one user.

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


_KINDS = {"pat": "personal access token", "legacy": "legacy token"}


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
