"""A lock at an fsspec URL, which ends with its holder however that ends.

No store tells whether a client still lives, and clocks of machines differ. So
the holder renews the lock every few seconds, and who meets it watches whether
it is renewed: if not, its holder is gone.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from curate.errors import DatasetError
from curate.processes import is_alive
from curate.text import digest

__all__ = ["RemoteLock"]

RENEW_S = 10.0
"""Between two renewals."""

PATIENCE_S = 45.0
"""A lock not renewed for so long is nobody's; four renewals may fail before."""

LOOK_S = 2.0
"""Between two looks at a lock that is held."""


class RemoteLock:
    """One object at a URL, created only where there is none.

    Args:
        fs: fsspec file system; path: of the object on it.
        url: of the dataset, for messages.
        tell: told why nothing seems to happen.
    """

    def __init__(self, fs: Any, path: str, url: str, tell: Callable[[str], None]) -> None:
        self._fs, self._path, self._url, self._tell = fs, path, url, tell
        self._owner = {
            "process": os.getpid(),
            "host": socket.gethostname(),
            "machine": _machine(),
            "token": uuid.uuid4().hex,
        }
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self) -> None:
        """Take the lock, after watching whoever seems to hold it.

        Raises:
            DatasetError: its holder renews it.
        """
        watched: dict[str, Any] | None = None
        since = time.monotonic()
        while not self._create():
            met = self._read()
            if met is None:
                continue
            owner = f"process {met.get('process')} on {met.get('host')}"
            if watched is None:
                watched = met
                self._tell(f"{self._url}: {owner} holds its lock; watching if it still works")
            if met.get("token") == watched.get("token") and met != watched:
                raise DatasetError(
                    f"{self._url}: {owner} is publishing this dataset; wait until it has ended, "
                    "or publish under another name="
                )
            if met != watched:
                watched, since = met, time.monotonic()
            elif _gone(met) or time.monotonic() - since > PATIENCE_S:
                if self._read() == met:
                    self._remove()
                continue
            time.sleep(LOOK_S)
        self._thread = threading.Thread(target=self._renew, daemon=True, name="publish-lock")
        self._thread.start()

    def check(self) -> None:
        """Refuse to go on where somebody else has taken the lock meanwhile."""
        met = self._read()
        if met is None or met.get("token") != self._owner["token"]:
            raise DatasetError(
                f"{self._url}: its lock was lost to another publisher (this one stood still for "
                f"over {PATIENCE_S:.0f} s); publish again"
            )

    def give_back(self) -> None:
        """Let others publish."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        met = self._read()
        if met is not None and met.get("token") == self._owner["token"]:
            self._remove()

    def _create(self) -> bool:
        raw = json.dumps({**self._owner, "renewed": 0}).encode()
        try:
            self._fs.pipe_file(self._path, raw, mode="create")
        except Exception:
            # Stores tell "it is there" in ways of their own.
            if self._read() is not None:
                return False
            raise
        met = self._read()  # not every store creates exclusively: the last writer has it
        return met is not None and met.get("token") == self._owner["token"]

    def _renew(self) -> None:
        count = 0
        while not self._stop.wait(RENEW_S):
            with suppress(Exception):  # the next renewal may succeed; `check` decides
                met = self._read()
                if met is not None and met.get("token") != self._owner["token"]:
                    return
                count += 1
                raw = json.dumps({**self._owner, "renewed": count}).encode()
                self._fs.pipe_file(self._path, raw)

    def _read(self) -> dict[str, Any] | None:
        self._fs.invalidate_cache()
        try:
            told = json.loads(self._fs.cat_file(self._path))
        except FileNotFoundError:
            return None
        except ValueError:
            return {}
        return told if isinstance(told, dict) else {}

    def _remove(self) -> None:
        with suppress(FileNotFoundError):
            self._fs.rm_file(self._path)


def _gone(met: dict[str, Any]) -> bool:
    """Whether the holder is a process of this machine that has ended."""
    if met.get("machine") != _machine() or not isinstance(met.get("process"), int):
        return False
    return not is_alive(met["process"])


def _machine() -> str:
    """Where a process id counts: the machine since its last start, and the container on it."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(str(Path("/proc/self/ns/pid").stat().st_ino))
    return digest(*parts, chars=16)
