"""Files: atomic replacement, Parquet with one set of settings, digests.

Nothing here knows what a record means.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate.places import TEMP_PREFIX, Place
from curate.processes import birth_of, is_alive
from curate.text import digest

__all__ = [
    "ROW_GROUP_ROWS",
    "TEMP_PREFIX",
    "atomic_path",
    "canonical_json",
    "fetched",
    "file_digest",
    "json_digest",
    "kept_here",
    "locked",
    "read_json",
    "read_rows",
    "read_schema",
    "read_table",
    "stored_folder",
    "sweep_temporary",
    "temp_prefix",
    "write_json",
    "write_rows",
]

FOREIGN_AGE_S = 86_400.0
"""No write of one shard takes a day."""

ROW_GROUP_ROWS = 256
"""Rows of a page table in one row group. 100-1000 rows of whole pages bound the
reader's memory and cost under 1 % of size (measured on 2,008 real pages)."""

ZSTD_LEVEL = 3
"""zstd 3: 60 MB against 122 MB with snappy on 463 MB of HTML, written faster."""

STORE_LEVEL = 1
"""What only the stages read is packed lighter and without dictionaries: written in
two thirds of the time, and all tables of a page together are as large (pages of HTML
a seventh larger, the others smaller: zstd sees more of plain strings)."""


@cache
def _machine() -> str:
    return digest(platform.node(), chars=6)


def _born(pid: int) -> str:
    """Tells a process from a later one that was given the same id; "" where that is not shown."""
    birth = birth_of(pid)
    return digest(birth, chars=6) if birth else ""


def _is_at_work(pid: int, born: str) -> bool:
    """Whether the process that named a temporary file so still runs."""
    now = _born(pid)
    return is_alive(pid) and (not born or not now or born == now)


def temp_prefix() -> str:
    """Beginning of the name of a temporary file of this process on this machine."""
    return _temp_prefix(os.getpid())


@cache
def _temp_prefix(pid: int) -> str:
    return f"{TEMP_PREFIX}{pid}@{_machine()}.{_born(pid)}-"


def sweep_temporary(paths: Iterable[Path]) -> int:
    """Remove those temporary files whose process is no more; returns how many.

    Of another machine's files, which a shared store may hold, only those are
    taken that are a day old.
    """
    swept = 0
    for path in paths:
        owner = path.name[len(TEMP_PREFIX) :].partition("-")[0]
        pid, _, where = owner.partition("@")
        machine, _, born = where.partition(".")
        if not path.name.startswith(TEMP_PREFIX) or not pid.isdigit():
            continue
        with suppress(FileNotFoundError):
            if machine in ("", _machine()):
                dead = not _is_at_work(int(pid), born)
            else:
                dead = time.time() - path.stat().st_mtime > FOREIGN_AGE_S
            if dead and path.is_dir():  # what an aggregation spilled
                shutil.rmtree(path, ignore_errors=True)
            elif dead:
                path.unlink()
            swept += dead
    return swept


@contextmanager
def atomic_path(path: Place) -> Iterator[Path]:
    """A temporary path beside `path` that takes its name when the block ends well.

    A reader sees the old file or the whole new one. A Parquet writer leaves a
    valid short file behind on an exception, so only the rename says "complete".
    The name carries the process id and a random part: two runs don't collide.
    What belongs at a URL is written here and uploaded in one go.
    """
    if not isinstance(path, Path):
        with _scratch_file(path.name) as temp:
            yield temp
            path.put(temp)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temp = path.with_name(f"{temp_prefix()}{uuid.uuid4().hex[:8]}-{path.name}")
    try:
        yield temp
        temp.replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            temp.unlink()
        raise


@contextmanager
def fetched(path: Place) -> Iterator[Path]:
    """The file here while the block runs: itself, or a copy of what lies at a URL."""
    if isinstance(path, Path):
        yield path
        return
    with _scratch_file(path.name) as temp:
        path.get(temp)
        yield temp


@contextmanager
def stored_folder(folder: Place) -> Iterator[Path]:
    """A folder to write files to, which are in `folder` when the block ends well."""
    if isinstance(folder, Path):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="curate-") as name:
        yield Path(name)
        for path in sorted(Path(name).iterdir()):
            (folder / path.name).put(path)


_copies: dict[str, tempfile.TemporaryDirectory[str]] = {}


def kept_here(folder: Place, names: Iterable[str] | None = None) -> Path:
    """A folder here with the files of `folder`, for as long as this process lives.

    Args:
        names: of the files that are needed; None is all.
    """
    if isinstance(folder, Path):
        return folder
    if folder.url not in _copies:
        _copies[folder.url] = tempfile.TemporaryDirectory(prefix="curate-")
    here = Path(_copies[folder.url].name)
    for name in sorted(folder.names() if names is None else names):
        if not (here / name).exists():
            (folder / name).get(here / name)
    return here


@contextmanager
def _scratch_file(name: str) -> Iterator[Path]:
    temp = _scratch_folder() / f"{temp_prefix()}{uuid.uuid4().hex[:8]}-{name}"
    try:
        yield temp
    finally:
        with suppress(FileNotFoundError):
            temp.unlink()


@cache
def _scratch_folder() -> Path:
    """Where files pass on their way from and to a URL; what killed processes left is swept."""
    folder = Path(tempfile.gettempdir()) / f"curate-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    sweep_temporary(folder.glob(f"{TEMP_PREFIX}*"))
    return folder


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spare blanks: equal values, equal text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def json_digest(value: object, *, chars: int = 32) -> str:
    """Digest of a JSON-like value, independent of key order."""
    return digest(canonical_json(value), chars=chars)


def read_json(path: Place) -> Any:
    """The parsed file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Place, value: object) -> None:
    """Write readable JSON atomically."""
    with atomic_path(path) as temp:
        text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=False)
        temp.write_text(text + "\n", encoding="utf-8")


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, 32 hex digits."""
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def write_rows(
    path: Place,
    schema: pa.Schema,
    batches: Iterable[pa.Table | pa.RecordBatch],
    *,
    metadata: Mapping[str, str] | None = None,
    row_group_rows: int = ROW_GROUP_ROWS,
    fast: bool = False,
) -> int:
    """Write tables of one schema to one Parquet file, atomically.

    The same rows give the same bytes: no clock time, no path, and row groups
    that don't depend on how the rows were batched.

    Args:
        fast: for the store (`STORE_LEVEL`).

    Returns:
        Number of rows written.
    """
    if metadata:
        schema = schema.with_metadata({**(schema.metadata or {}), **metadata})
    rows = 0
    held: list[pa.Table] = []
    n_held = 0
    with (
        atomic_path(path) as temp,
        pq.ParquetWriter(
            temp,
            schema,
            compression="zstd",
            compression_level=STORE_LEVEL if fast else ZSTD_LEVEL,
            use_dictionary=not fast,
            store_schema=True,
        ) as writer,
    ):
        for batch in batches:
            table = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
            table = table.cast(schema) if table.schema != schema else table
            held.append(table)
            n_held += table.num_rows
            rows += table.num_rows
            if n_held >= row_group_rows:
                joined = pa.concat_tables(held)
                whole = n_held - n_held % row_group_rows
                writer.write_table(joined.slice(0, whole), row_group_size=row_group_rows)
                held = [joined.slice(whole)]
                n_held -= whole
        if n_held:
            writer.write_table(pa.concat_tables(held), row_group_size=row_group_rows)
    return rows


def read_rows(
    path: Place, *, columns: list[str] | None = None, batch_rows: int = ROW_GROUP_ROWS
) -> Iterator[pa.RecordBatch]:
    """Record batches of a Parquet file, streamed in order."""
    with fetched(path) as here, pq.ParquetFile(here) as file:
        yield from file.iter_batches(batch_size=batch_rows, columns=columns)


def read_table(path: Place, *, columns: list[str] | None = None) -> pa.Table:
    """A Parquet file in full."""
    with fetched(path) as here:
        return pq.read_table(here, columns=columns)


def read_schema(path: Place) -> pa.Schema:
    """Columns of a Parquet file, with its metadata."""
    with fetched(path) as here:
        return pq.read_schema(here)


@contextmanager
def locked(path: Path, *, on_wait: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold an exclusive lock on `path` while the block runs.

    The kernel gives the lock back when its process ends, however it ends, so
    a lock can't be left behind. The file names its owner for whoever waits.

    Args:
        path: lock file; made if absent, never removed.
        on_wait: told once who holds the lock and since when, before waiting.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if on_wait is not None:
                file.seek(0)
                owner, _, since = file.read().partition(" ")
                age = f" for {max(0.0, time.time() - float(since)):.0f} s" if since else ""
                on_wait(f"waiting for {path.name}: held{age} by process {owner or 'unknown'}")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()} {time.time():.0f}")
        file.flush()
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
