"""People's work at a URL: the union of what every machine wrote, but for what was withdrawn.

Files of work have names that hold a digest of their rows, and never change. So
what only one side has goes to the other, whoever writes there at the same time,
and nothing is replaced. Only a withdrawal removes files: their names are kept in
a list that only grows, so that no machine brings them back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from curate.dataset.base import Progress, no_progress
from curate.dataset.remote import Remote
from curate.errors import DatasetError
from curate.io import atomic_path, read_json, write_json

__all__ = ["exchange", "exchange_work"]

REMOVED = "removed.txt"
"""Names of files that a withdrawal removed or rewrote, one a line."""

NOTE = ".sent.json"
"""In the working copy: which files the URL has, and how many withdrawals were known."""


def exchange(
    remote: Remote,
    home: Path,
    folder: str,
    *,
    send: bool = True,
    skip: frozenset[str] = frozenset(),
) -> int:
    """Bring each side the files that only the other has; returns how many were moved.

    Args:
        remote: the dataset's home at the URL; home: its working copy.
        folder: in both, of files that never change.
        send: also upload; False only reads.
        skip: names that are left alone.
    """
    there = remote.names(folder)
    here = {
        path.relative_to(home / folder).as_posix(): path
        for path in sorted((home / folder).rglob("[!.]*"))
        if path.is_file()
    }
    down = sorted(there.keys() - here.keys() - skip)
    up = sorted(here.keys() - there.keys() - skip) if send else []
    for name in down:
        raw = remote.get(f"{folder}/{name}")
        if raw is None or len(raw) != there[name]:
            raise DatasetError(f"{remote.url}/{folder}/{name}: not read whole; run again")
        with atomic_path(home / folder / name) as temp:
            temp.write_bytes(raw)
    for name in up:
        remote.put(f"{folder}/{name}", here[name].read_bytes())
    return len(down) + len(up)


def exchange_work(
    remote: Remote,
    home: Path,
    *,
    record: str,
    folder: str = "annotations",
    send: bool = True,
    progress: Progress = no_progress,
) -> int:
    """Make the working copy and the URL hold the same work; returns files moved.

    Args:
        remote: the dataset's home at the URL; home: its working copy.
        record: file of withdrawals in the folder, a JSON object with a time `at`
            a line.
        send: also change what is there; False only reads.
        progress: told why nothing seems to happen.

    Raises:
        DatasetError: the URL can't be read or written. Work stays here until it can.
    """
    place = home / folder
    told: dict[str, Any] = read_json(home / NOTE) if (home / NOTE).exists() else {}
    known = {record: _lines(_read(place / record)), REMOVED: _lines(_read(place / REMOVED))}
    if len(known[record]) > int(told.get("withdrawals", 0)):
        # What the URL has and this copy had, a withdrawal has taken away since.
        gone = {name for name in told.get("files", ()) if not (place / name).exists()}
        known[REMOVED] = sorted({*known[REMOVED], *gone})
    there = {name: _lines(remote.get(f"{folder}/{name}")) for name in known}
    merged = {
        record: sorted({*known[record], *there[record]}, key=_moment),
        REMOVED: sorted({*known[REMOVED], *there[REMOVED]}),
    }
    skip = frozenset({record, REMOVED, *merged[REMOVED]})
    write = send and merged != there
    with remote.locked(progress) if write else nullcontext():
        if write:
            for name in known:  # again, now that nobody else writes them
                raw = _lines(remote.get(f"{folder}/{name}"))
                merged[name] = sorted(
                    {*merged[name], *raw}, key=_moment if name == record else None
                )
                remote.put(f"{folder}/{name}", _text(merged[name]).encode())
        for name, lines in merged.items():
            if lines and lines != _lines(_read(place / name)):
                with atomic_path(place / name) as temp:
                    temp.write_text(_text(lines), encoding="utf-8")
        for name in merged[REMOVED]:
            (place / name).unlink(missing_ok=True)
        moved = exchange(remote, home, folder, send=send, skip=skip)
        if write:
            for name in remote.names(folder).keys() & set(merged[REMOVED]):
                remote.remove(f"{folder}/{name}")
    if send and place.is_dir():
        files = sorted(path.name for path in place.glob("[!.]*.parquet"))
        note: Mapping[str, Any] = {"files": files, "withdrawals": len(merged[record])}
        if note != told:
            write_json(home / NOTE, note)
    return moved


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _lines(raw: bytes | None) -> list[str]:
    return [line for line in (raw or b"").decode().splitlines() if line.strip()]


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _moment(line: str) -> tuple[str, str]:
    try:
        return str(json.loads(line)["at"]), line
    except (ValueError, KeyError, TypeError):
        return "", line
