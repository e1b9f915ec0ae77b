"""DuckDB within a memory limit that counts the whole process, over files here or at a URL."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from curate.io import temp_prefix
from curate.limits import parse_bytes
from curate.places import Place, UrlPath

__all__ = ["aggregating", "sql_memory", "sql_threads"]

MIN_MEMORY = 64_000_000
"""Less than this and DuckDB gives up on tables that it could spill."""

UNCOUNTED = 150_000_000
"""Memory that DuckDB does not count: its code, what it hands to Arrow, what allocators keep
(measured: 90 to 140 MB at limits from 350 MB to 1 GB)."""

OVERHEAD = 1.05
"""Resident memory for each byte that DuckDB counts."""

BYTES_A_THREAD = 100_000_000
"""A thread's sort and hash buffers: with less for each, threads only spill against each other."""


@contextmanager
def aggregating(
    memory_limit: str, files: Sequence[Place] = (), *, near: Place | None = None
) -> Iterator[Any]:
    """A connection whose process stays within `memory_limit` while it works.

    What the process holds already is taken off. What doesn't fit is spilled to disk,
    to a folder that goes with the connection.

    Args:
        files: that will be read; file systems of URLs among them are known then.
        near: folder to spill in; `TMPDIR` where it is a URL, or not there.
    """
    import duckdb

    n_bytes = sql_memory(memory_limit)
    folder = near if isinstance(near, Path) and near.is_dir() else None
    with tempfile.TemporaryDirectory(prefix=temp_prefix(), dir=folder) as scratch:
        config: dict[str, Any] = {
            "memory_limit": f"{n_bytes}B",
            "temp_directory": scratch,
            "threads": sql_threads(n_bytes),
            # Order is asked for where it counts; keeping that of the input costs memory.
            "preserve_insertion_order": False,
        }
        with duckdb.connect(config=config) as connection:
            # It would be drawn into what the run prints.
            connection.execute("SET enable_progress_bar = false")
            urls = {file.protocol: file for file in files if isinstance(file, UrlPath)}
            for url in urls.values():
                connection.register_filesystem(url.filesystem())
            yield connection


def sql_memory(memory_limit: str) -> int:
    """Bytes that DuckDB may count, so that the process stays within the limit."""
    return max(MIN_MEMORY, int((parse_bytes(memory_limit) - _resident() - UNCOUNTED) / OVERHEAD))


def sql_threads(n_bytes: int) -> int:
    """Threads that so many bytes of DuckDB's are enough for."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, min(cores, n_bytes // BYTES_A_THREAD))


def _resident() -> int:
    """Bytes of memory that this process holds; 0 where the system doesn't tell."""
    try:
        fields = Path("/proc/self/statm").read_text(encoding="ascii").split()
    except OSError:
        return 0
    return int(fields[1]) * os.sysconf("SC_PAGESIZE")
