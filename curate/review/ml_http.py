"""The live backend on a port: standard library, bounded requests, errors in one line."""

from __future__ import annotations

import base64
import hmac
import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from curate.errors import CurateError, ReviewError
from curate.review.ml_backend import Backend
from curate.review.server_info import ANYWHERE, own_address

__all__ = ["LOOPBACK", "MLServer"]

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 << 20
"""Largest request: 1,000 pages of 30 kB come to half of it; one page is asked for at a time."""

MAX_REQUESTS = 16
"""Requests at a time; more are told to come back."""

IDLE_TIMEOUT_S = 60.0

LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")


class MLServer(ThreadingHTTPServer):
    """The backend on a port.

    Args:
        host, port: where to listen; port 0 takes a free one.
        password: asked for by HTTP Basic authentication, any user name; None: not asked for.

    Raises:
        ReviewError: the port is taken, or the host is not this machine's.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self, backend: Backend, host: str, port: int, *, password: str | None = None
    ) -> None:
        self.backend = backend
        self.password = password
        self.is_loopback = host in LOOPBACK
        self.room = threading.BoundedSemaphore(MAX_REQUESTS)
        if ":" in host:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((host.strip("[]"), port), _Handler)
        except OSError as error:
            raise ReviewError(
                f"can't listen on {host}:{port} ({error.strerror or error}); "
                "give another with --port or --host"
            ) from error

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's
        """A client that went away is no matter for a traceback."""
        log.info("%s went away", client_address[0], exc_info=log.isEnabledFor(logging.DEBUG))

    @property
    def url(self) -> str:
        """Where it answers; listening on every address, where others in the network find it."""
        host, port = self.server_address[:2]
        name = own_address() if str(host) in ANYWHERE else str(host)
        return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


class _RefusedError(Exception):
    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    server: MLServer
    protocol_version = "HTTP/1.1"
    server_version = "curate"
    sys_version = ""
    timeout = IDLE_TIMEOUT_S

    def do_GET(self) -> None:
        self._serve({"/": self.server.backend.health, "/health": self.server.backend.health})

    def do_POST(self) -> None:
        backend = self.server.backend
        self._serve(
            {
                "/setup": lambda: backend.setup(self._body()),
                "/predict": lambda: backend.answer(self._body()),
                "/webhook": lambda: backend.webhook(self._body()),
            }
        )

    def _serve(self, calls: Mapping[str, Callable[[], dict[str, Any]]]) -> None:
        path = self.path.partition("?")[0].rstrip("/") or "/"
        try:
            self._admit()
            call = calls.get(path)
            if call is None:
                known = ", ".join(["GET /health", "POST /setup", "/predict", "/webhook"])
                raise _RefusedError(HTTPStatus.NOT_FOUND, f"nothing here; known are {known}")
            if not self.server.room.acquire(blocking=False):
                raise _RefusedError(
                    HTTPStatus.SERVICE_UNAVAILABLE, f"{MAX_REQUESTS} requests are under way"
                )
            try:
                self._send(HTTPStatus.OK, call())
            finally:
                self.server.room.release()
        except _RefusedError as error:
            self.close_connection = True  # what it sent may not have been read
            self._send(error.status, {"error": str(error)})
        except CurateError as error:
            log.warning("%s: %s", path, error)
            self._send(HTTPStatus.BAD_REQUEST, {"error": " ".join(str(error).split())})
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # nobody is there to be told
        except Exception:  # the client gets one line, the log the rest
            log.exception("%s failed", path)
            self.close_connection = True
            self._send(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                {"error": "curate serve failed; its own output says why"},
            )

    def _admit(self) -> None:
        if self.server.is_loopback:
            # A page in a browser must not reach us under a name of its own.
            host = self.headers.get("Host", "").rsplit(":", 1)[0] or "localhost"
            if host.lower() not in LOOPBACK:
                raise _RefusedError(HTTPStatus.FORBIDDEN, f"not served under the name {host[:80]}")
        wanted = self.server.password
        if wanted is not None and not _is_right(self.headers.get("Authorization", ""), wanted):
            raise _RefusedError(
                HTTPStatus.UNAUTHORIZED, "wrong or no password; the backend's settings hold it"
            )

    def _body(self) -> Mapping[str, Any]:
        if self.headers.get_content_type() != "application/json":
            raise _RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send application/json")
        told = self.headers.get("Content-Length")
        if told is None or not told.isdigit():
            raise _RefusedError(HTTPStatus.LENGTH_REQUIRED, "send Content-Length")
        if int(told) > MAX_BODY_BYTES:
            raise _RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"{told} bytes; at most {MAX_BODY_BYTES} are taken",
            )
        raw = self.rfile.read(int(told))
        if len(raw) < int(told):
            raise ConnectionAbortedError
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise ReviewError("the request's body is no JSON") from error
        if not isinstance(value, dict):
            raise ReviewError("the request's body is no JSON object")
        return value

    def _send(self, status: HTTPStatus, value: Mapping[str, Any]) -> None:
        raw = json.dumps(value).encode("ascii")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("X-Content-Type-Options", "nosniff")
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Basic realm="curate"')
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        log.info(format, *args)


def _is_right(header: str, wanted: str) -> bool:
    kind, _, value = header.partition(" ")
    if kind.lower() != "basic":
        return False
    try:
        told = base64.b64decode(value.strip(), validate=True).decode("utf-8")
    except ValueError:
        return False
    return hmac.compare_digest(told.partition(":")[2].encode(), wanted.encode())
