"""The local Label Studio: started in this workspace, for this user, on loopback unless told else.

Everything it owns lies in `.curate/state/label-studio/`: `venv/` (unless
`CURATE_SERVER_VENV` names a shared one), `data/` (SQLite and its secret),
`credentials.json` (readable by its user only), `server.json` (the running
process) and `server.log`.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from curate.errors import ReviewError
from curate.io import atomic_path, locked, write_json
from curate.processes import birth_of, is_alive
from curate.review import process, server_env
from curate.review.config import ApiKey
from curate.review.server_info import ANYWHERE, HOST, ServerInfo

__all__ = [
    "DEFAULT_PORT",
    "LocalServer",
    "ServerInfo",
    "start",
    "status",
    "stop",
    "was_started",
]

DEFAULT_PORT = 8090

START_TIMEOUT_S = 600.0
"""A start takes 5 s, the first in a new environment, which compiles, up to two minutes on
busy cores; five times that is given."""

TELL_EVERY_S = 5.0

PASSED_VARIABLES = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")
"""All that the server sees of our environment. It reads even bare names such as
HOST, PORT, DEBUG or USERNAME as settings, and secrets are none of its business."""


NEAR = {"ML_BLOCK_LOCAL_IP": "false", "SSRF_PROTECTION_ENABLED": "false"}
"""Lets a server that only this machine reaches ask `curate serve` on it for predictions;
one that others reach must not fetch this machine's addresses for them."""


class LocalServer:
    """The server of one workspace.

    Args:
        state: the workspace's state folder (`paths.state`, `.curate/state`).
    """

    def __init__(self, state: Path) -> None:
        self.home = state.absolute() / "label-studio"
        self.data = self.home / "data"
        self.credentials_file = self.home / "credentials.json"
        self.log = self.home / "server.log"
        self._record = self.home / "server.json"
        shared = os.environ.get(server_env.VENV_VARIABLE)
        self.venv = Path(shared).expanduser().absolute() if shared else self.home / "venv"

    @property
    def was_started(self) -> bool:
        """Whether it was ever started in this workspace."""
        return self.credentials_file.exists()

    def key(self) -> ApiKey:
        """The key our own client uses.

        Raises:
            ReviewError: the server was never started here.
        """
        return ApiKey("legacy", str(self._credentials()["token"]))

    def password(self) -> str:
        """The password of `ServerInfo.username`, for the login page."""
        return str(self._credentials()["password"])

    def status(self) -> ServerInfo | None:
        """The running server, None where it doesn't run."""
        record = _read(self._record)
        if not record or not self.was_started:
            return None
        if not is_alive(int(record["pid"]), str(record["birth"])):
            return None
        return ServerInfo(
            url=str(record["url"]),
            username=str(self._credentials()["username"]),
            pid=int(record["pid"]),
            instance=self._instance(),
            credentials_file=self.credentials_file,
            log=self.log,
            host=str(record.get("host") or HOST),
        )

    def start(
        self,
        *,
        port: int = DEFAULT_PORT,
        host: str = HOST,
        progress: Callable[[str], None] = lambda _: None,
    ) -> ServerInfo:
        """Start it unless it runs, and wait until it answers.

        The port it had last is taken again where that is free, else the first
        free one from `port` on.

        Args:
            host: address to listen on; beyond loopback only where the user said so.

        Raises:
            ReviewError: it can't be installed or doesn't come up, or it runs
                already and can't be reached as asked.
        """
        host = host.strip()
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)
        with locked(self.home / "lock", on_wait=progress):
            running = self.status()
            if running is not None:
                self._wait(running, progress)
                if host not in (HOST, running.host):
                    raise ReviewError(
                        f"the server runs already and listens on {running.host}, not on {host}; "
                        "run curate server stop first"
                    )
                return running
            server_env.build(self.venv, progress)
            credentials = self._make_credentials()
            record = _read(self._record)
            first = int(record["port"]) if record else port
            chosen = process.free_port(host, first) or process.free_port(host, port)
            if chosen is None:
                raise ReviewError(
                    f"no port from {port} to {port + 199} is free on {host}; give another with "
                    "curate server start --port, or check review.server_host: it must be an "
                    "address of this machine"
                )
            self._lay_out()
            progress(f"starting Label Studio on port {chosen}")
            pid = self._spawn(host, chosen, credentials)
            birth = birth_of(pid)
            url = f"http://{HOST if host in ANYWHERE else host}:{chosen}"
            if birth is not None:
                note = {"pid": pid, "birth": birth, "url": url, "port": chosen, "host": host}
                write_json(self._record, note)
            info = ServerInfo(
                url=url,
                username=credentials["username"],
                pid=pid,
                instance=self._instance(),
                credentials_file=self.credentials_file,
                log=self.log,
                started_now=True,
                host=host,
            )
            try:
                self._wait(info, progress)
            except BaseException:
                if birth is not None:
                    process.terminate(pid, birth)
                raise
            return info

    def stop(self) -> bool:
        """End it; False where it didn't run."""
        running = self.status()
        if running is None:
            return False
        record = _read(self._record) or {}
        process.terminate(running.pid, str(record["birth"]))
        return True

    # ----------------------------------------------------------------- inside

    def _spawn(self, host: str, port: int, credentials: dict[str, str]) -> int:
        self.data.mkdir(parents=True, exist_ok=True)
        env = {k: v for k in PASSED_VARIABLES if (v := os.environ.get(k)) is not None}
        env |= {
            "LABEL_STUDIO_BASE_DATA_DIR": str(self.data),
            "LABEL_STUDIO_USERNAME": credentials["username"],
            "LABEL_STUDIO_PASSWORD": credentials["password"],
            "LABEL_STUDIO_USER_TOKEN": credentials["token"],
            "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
            "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
            **server_env.QUIET,
            **(NEAR if host == HOST else {}),
            "PYTHONNOUSERSITE": "1",
            "PYTHONUNBUFFERED": "1",
        }
        self._rotate_log()
        return process.spawn(
            [
                *(str(server_env.python_of(self.venv)), "-m", "label_studio.server"),
                *("start", "--no-browser", "--internal-host", host),
                *("--port", str(port), "--log-level", "WARNING"),
            ],
            env=env,
            log=self.log,
            cwd=self.data,
        )

    def _lay_out(self) -> None:
        """A new workspace starts from the empty database that was laid out once."""
        database = self.data / server_env.DATABASE
        if not database.exists():
            with atomic_path(database) as temp:
                shutil.copyfile(server_env.blank_database(self.venv), temp)

    def _rotate_log(self) -> None:
        if self.log.exists():
            self.log.replace(self.log.with_name("server.log.1"))
        self.log.touch(mode=0o600)

    def _wait(self, info: ServerInfo, progress: Callable[[str], None]) -> None:
        """Wait until the server answers, and answers to our key."""
        import httpx

        token = self.key().value
        begun = told = time.monotonic()
        record = _read(self._record) or {}
        with httpx.Client(trust_env=False, timeout=10) as client:
            while True:
                try:
                    if client.get(f"{info.url}/health").status_code == 200:
                        who = client.get(
                            f"{info.url}/api/current-user/whoami",
                            headers={"Authorization": f"Token {token}"},
                        )
                        break
                except httpx.HTTPError:
                    pass
                if not is_alive(info.pid, str(record.get("birth"))):
                    raise ReviewError(
                        f"Label Studio ended while it was starting ({self._last_words()}); "
                        f"see {self.log}"
                    )
                now = time.monotonic()
                if now - begun > START_TIMEOUT_S:
                    raise ReviewError(
                        f"Label Studio doesn't answer at {info.url} after "
                        f"{START_TIMEOUT_S:.0f} s ({self._last_words()}); see {self.log}"
                    )
                if now - told >= TELL_EVERY_S:
                    told = now
                    progress(f"Label Studio is starting ({now - begun:.0f} s)")
                time.sleep(0.2)
        if who.status_code != 200 or who.json().get("email") != info.username:
            raise ReviewError(
                f"the server at {info.url} doesn't take the key in {self.credentials_file} "
                f"(HTTP {who.status_code}): the file and {self.data} don't belong together; move "
                "the file away and run curate server start again, which makes a new user"
            )

    def _last_words(self) -> str:
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return "no log"
        told = [line.strip() for line in lines if line.strip()]
        return told[-1][:200] if told else "it said nothing"

    def _credentials(self) -> dict[str, str]:
        found = _read(self.credentials_file)
        if not found or not {"username", "password", "token"} <= found.keys():
            raise ReviewError(f"no credentials in {self.credentials_file}; run curate server start")
        return {k: str(v) for k, v in found.items()}

    def _make_credentials(self) -> dict[str, str]:
        if self.was_started:
            return self._credentials()
        # Where the database outlived its credentials, the old user's password is
        # lost; a new user of the same organisation sees all its projects.
        again = (self.data / server_env.DATABASE).exists()
        name = f"reviewer-{secrets.token_hex(2)}" if again else "reviewer"
        made = {
            "username": f"{name}@curate.local",
            "password": secrets.token_urlsafe(12),
            "token": secrets.token_hex(20),
        }
        fd = os.open(self.credentials_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            json.dump(made, file, indent=2)
        return made

    def _instance(self) -> str:
        """Name of this database; a new one where the data were removed."""
        path = self.data / "curate-instance"
        try:
            return path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            self.data.mkdir(parents=True, exist_ok=True)
            path.write_text(secrets.token_hex(4), encoding="utf-8")
            return path.read_text(encoding="utf-8").strip()


def start(
    workspace: Path,
    *,
    port: int = DEFAULT_PORT,
    progress: Callable[[str], None] = lambda _: None,
) -> ServerInfo:
    """Start the workspace's local server; see `LocalServer.start`."""
    return LocalServer(workspace / ".curate" / "state").start(port=port, progress=progress)


def stop(workspace: Path) -> bool:
    """End the workspace's local server; False where it didn't run."""
    return LocalServer(workspace / ".curate" / "state").stop()


def status(workspace: Path) -> ServerInfo | None:
    """The workspace's running server, None where it doesn't run."""
    return LocalServer(workspace / ".curate" / "state").status()


def was_started(workspace: Path) -> bool:
    """Whether the local server was ever started in this workspace."""
    return LocalServer(workspace / ".curate" / "state").was_started


def _read(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
