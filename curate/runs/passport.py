"""Passports: what every run was made of, `.curate/runs/<run_id>/passport.json`.

A passport holds group choices and plain values; nothing in it names code.
Secrets never get in: they come from the environment, and a password inside a
URL is replaced before anything is written.
"""

from __future__ import annotations

import os
import platform
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from curate.errors import RunError
from curate.io import read_json, write_json
from curate.processes import is_alive

__all__ = ["PASSPORT_VERSION", "Passport", "is_running", "load_passports", "redact"]

PASSPORT_VERSION = 2
"""2 adds choices, seeds, outputs and published files, people and their annotation files."""

_USERINFO = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*(?=@)")
_SECRET_QUERY = re.compile(
    r"(?i)\b((?:[a-z0-9_-]*(?:token|secret|password|passwd|api[_-]?key|signature|credential)[a-z0-9_-]*)=)[^&\s'\"\]]+"
)
_SECRET_KEY = re.compile(r"(?i)(?:\w+_)?(?:token|secret|password|passwd|api_?key|credential)s?")
"""Whole keys only: names of modules are keys too, and may end in `.tokens`."""


def redact(value: object) -> object:
    """A JSON-like value with passwords in URLs, queries and secret keys replaced."""
    if isinstance(value, str):
        return _SECRET_QUERY.sub(r"\1***", _USERINFO.sub("***", value))
    if isinstance(value, Mapping):
        return {k: "***" if _is_secret(k, item) else redact(item) for k, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value


def _is_secret(key: object, value: object) -> bool:
    return isinstance(value, str) and _SECRET_KEY.fullmatch(str(key)) is not None


@dataclass(slots=True)
class Passport:
    """A run's record.

    Attributes:
        run_id: UTC time of the start and four random digits.
        status: running, done, failed or interrupted.
        content: JSON-like; every key is explained in `curate/docs/passports.md`.
    """

    folder: Path
    run_id: str
    status: str = "running"
    content: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def open(cls, runs: Path, content: Mapping[str, Any]) -> Passport:
        """Start the record of a run that begins now."""
        started = datetime.now(UTC)
        # Runs are told apart and put in order by name: the jobs of a sweep begin in one second.
        part = f"{started.microsecond // 1000:03d}{secrets.token_hex(2)}"
        run_id = f"{started:%Y%m%d-%H%M%S}-{part}"
        passport = cls(runs / run_id, run_id)
        passport.content = {
            "started_at": _stamp(started),
            "pid": os.getpid(),
            "host": platform.node(),
            **content,
        }
        passport.save()
        return passport

    def close(self, status: str) -> None:
        """Record how the run ended."""
        self.status = status
        self.content["ended_at"] = _stamp(datetime.now(UTC))
        self.save()

    def save(self) -> None:
        """Write the passport as it stands."""
        write_json(self.folder / "passport.json", self.to_json())

    def to_json(self) -> dict[str, Any]:
        """What is written: plain values without secrets."""
        head = {"passport_version": PASSPORT_VERSION, "run_id": self.run_id, "status": self.status}
        return {**head, **_plain(redact(self.content))}

    def save_tasks(self, tasks: Mapping[str, list[str]]) -> None:
        """Which task outputs the run used, by stage: what `store gc` must keep."""
        write_json(self.folder / "tasks.json", dict(tasks))


def load_passports(runs: Path) -> Iterator[dict[str, Any]]:
    """All passports, newest first.

    Raises:
        RunError: a passport is not readable JSON.
    """
    for folder in sorted(runs.glob("*/passport.json"), reverse=True):
        try:
            value: dict[str, Any] = read_json(folder)
        except ValueError as error:
            raise RunError(f"{folder} is not JSON ({error}); remove that run's folder") from error
        yield value


def is_running(passport: Mapping[str, Any]) -> bool:
    """Whether the run's process is alive on this machine."""
    if passport.get("status") != "running" or passport.get("host") != platform.node():
        return False
    return is_alive(int(passport["pid"]))


def _plain(value: object) -> dict[str, Any]:
    assert isinstance(value, dict)
    return value


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
