"""What is known of files from earlier runs: digests, kinds, where lines begin."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["DigestCache"]

FORMAT = 1
BUSY_TIMEOUT_S = 30.0
PENDING_MAX = 500
"""Rows written in one transaction: a sync costs some milliseconds."""

RACY_NS = 2 * 10**9
"""A file changed less than 2 s ago may change again within the same tick of its
file system's clock (2 s on FAT, the coarsest): it is not remembered yet."""


class DigestCache:
    """Facts about files by path, size and time of change, in one small file.

    Any number of runs may share it. It is only a cache: where it is damaged or
    can't be written, files are read again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._pending: list[tuple[str, int, int, str]] = []
        self._broken = False

    def __enter__(self) -> DigestCache:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def get(self, path: str, size: int, mtime_ns: int) -> Any:
        """What was put for this state of the file, or None."""
        connection = self._open()
        if connection is None:
            return None
        try:
            row = connection.execute(
                "SELECT facts FROM files WHERE path = ? AND size = ? AND mtime_ns = ?",
                (path, size, mtime_ns),
            ).fetchone()
            return json.loads(row[0]) if row else None
        except (sqlite3.Error, ValueError):
            self._broken = True
            return None

    def put(self, path: str, size: int, mtime_ns: int, facts: object) -> None:
        """Remember JSON-like facts, in place of those of an earlier state."""
        if time.time_ns() - mtime_ns < RACY_NS:
            return
        self._pending.append((path, size, mtime_ns, json.dumps(facts)))
        if len(self._pending) >= PENDING_MAX:
            self.flush()

    def flush(self) -> None:
        """Write what is pending."""
        connection = self._open()
        if connection is not None and self._pending:
            try:
                with connection:
                    connection.executemany(
                        "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", self._pending
                    )
            except sqlite3.Error:
                self._broken = True
        self._pending.clear()

    def close(self) -> None:
        """Write what is pending and close the file."""
        self.flush()
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection | None:
        if self._broken or self._connection is not None:
            return None if self._broken else self._connection
        for _ in range(2):
            try:
                self._connection = self._connect()
            except sqlite3.DatabaseError as error:
                # "Not a database": made anew once. Locked or read-only: done without.
                if isinstance(error, sqlite3.OperationalError):
                    break
                with suppress(OSError):
                    self.path.unlink()
            except OSError:
                break
            else:
                return self._connection
        self._broken = True
        return None

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S)
        try:
            with connection:
                if connection.execute("PRAGMA user_version").fetchone()[0] != FORMAT:
                    connection.execute("DROP TABLE IF EXISTS files")
                    connection.execute(f"PRAGMA user_version = {FORMAT}")
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, size INTEGER, "
                    "mtime_ns INTEGER, facts TEXT) WITHOUT ROWID"
                )
        except sqlite3.Error:
            connection.close()
            raise
        return connection
