"""Memory that a run holds now: its driver and the workers below it, on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Held", "held_now"]

_WORKERS = (b"loky", b"ray::")
"""What stands in the command line of a worker, and not in that of its helpers."""


@dataclass(frozen=True, slots=True)
class Held:
    """Resident memory.

    Attributes:
        driver_mb, workers_mb: of this process, and of all its workers together.
        n_workers: workers alive on this machine; those of a cluster are not seen.
    """

    driver_mb: float
    workers_mb: float
    n_workers: int

    def __str__(self) -> str:
        """One phrase."""
        if not self.n_workers:
            return f"memory {_size(self.driver_mb)}"
        several = "workers" if self.n_workers > 1 else "worker"
        told = f"{self.n_workers} {several} {_size(self.workers_mb)}"
        return f"memory: driver {_size(self.driver_mb)}, {told}"


def held_now() -> Held | None:
    """What the run holds; None where the system doesn't tell (it is not Linux)."""
    own = _resident_mb(os.getpid())
    if own is None:
        return None
    sizes = [_resident_mb(pid) or 0.0 for pid in _below(os.getpid()) if _is_worker(pid)]
    return Held(own, sum(sizes), len(sizes))


def _below(root: int) -> Iterator[int]:
    try:
        threads = list(Path(f"/proc/{root}/task").iterdir())
    except OSError:
        return
    for thread in threads:
        try:
            children = (thread / "children").read_text(encoding="ascii").split()
        except OSError:
            continue
        for child in map(int, children):
            yield child
            yield from _below(child)


def _is_worker(pid: int) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return any(sign in command for sign in _WORKERS) and b"resource_tracker" not in command


def _resident_mb(pid: int) -> float | None:
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return None
    return int(pages) * os.sysconf("SC_PAGESIZE") / 1e6


def _size(mb: float) -> str:
    return f"{mb / 1000:.1f} GB" if mb >= 1000 else f"{mb:.0f} MB"
