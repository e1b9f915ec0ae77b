"""Limits around one page: no page may stop a run, whatever it does.

A page's own work runs inside `Watch.run`. An exception, too much time or too
much memory becomes a `Fault`, which the stage puts into quarantine. What no
handler can catch (a crash, or code that hangs without giving control back) ends
the process; the engine then runs the task again with a *careful* watch, which
notes each page before touching it, and so finds the one to leave out.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Literal, TypeVar

from curate.deadline import Deadline, TracedDeadline, deadline
from curate.errors import CurateError
from curate.places import Place

__all__ = [
    "FAULTS",
    "Fault",
    "FaultReason",
    "Killer",
    "PageLimits",
    "Watch",
    "current_watch",
    "parse_bytes",
    "watching",
]

FaultReason = Literal["error", "time limit", "memory limit", "killed its process"]

FAULTS: tuple[FaultReason, ...] = ("error", "time limit", "memory limit", "killed its process")
"""Reasons in the quarantine that tell of a page that broke its stage, and count
towards `engine.max_error_rate`; other reasons are bad input told by rule."""

HARD_FACTOR = 2.0
"""A page that the alarm could not stop in time (code that never returns to
Python) ends its process after this many times the limit."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a page could not be worked on, for the quarantine."""

    reason: FaultReason
    detail: str


@dataclass(frozen=True, slots=True)
class Killer:
    """A page known to end its process: its place among the task's pages, and how."""

    number: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class PageLimits:
    """What one page may take.

    Attributes:
        seconds: wall-clock time; None is no limit.
        n_bytes: memory on top of what the process held when its task began;
            None is no limit. Kept by Linux only.
    """

    seconds: float | None = None
    n_bytes: int | None = None


class _OutOfTimeError(BaseException):
    # Not an Exception, so that no library's `except Exception` swallows it.
    pass


class Watch:
    """Runs the pages of one task, one after the other, under limits.

    Args:
        limits: for each page.
        isolated: this process may be ended: the hard limit is armed.
        marker: where to note the number of the page at work; given only for
            a careful run, in which pages must come one by one.
        killers: pages of this task to leave out.
    """

    def __init__(
        self,
        limits: PageLimits | None = None,
        *,
        isolated: bool = False,
        marker: Place | None = None,
        killers: Sequence[Killer] = (),
    ) -> None:
        self.limits = limits or PageLimits()
        self._marker = marker
        self._killers = {killer.number: killer.fault for killer in killers}
        self._count = 0
        self._deadline = self._hard_limit() if isolated else None
        bounded = self.limits.n_bytes is not None and sys.platform == "linux"
        self._memory = _MemoryBound(self.limits.n_bytes or 0) if bounded else None
        # Signals reach only a main thread; elsewhere the hard limit stands alone.
        self._alarm = (
            self.limits.seconds is not None
            and threading.current_thread() is threading.main_thread()
        )

    @property
    def careful(self) -> bool:
        """Whether pages must be given one by one: the task has ended a process before."""
        return self._marker is not None

    def run(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T | Fault:
        """The result of `work(*args, **kwargs)`, or what came between.

        Raises:
            CurateError: as `work` does; such errors are told by rule.
        """
        number, self._count = self._count, self._count + 1
        if number in self._killers:
            return self._killers[number]
        if self._marker is not None:
            self._marker.write_text(str(number), encoding="utf-8")
        try:
            self._arm()
            try:
                return work(*args, **kwargs)
            finally:
                self._disarm()
                if self._marker is not None:
                    self._marker.write_text("", encoding="utf-8")
        except _OutOfTimeError:
            return Fault("time limit", f"took more than engine.page_seconds={self._seconds}")
        except MemoryError:
            return Fault("memory limit", f"needs more than engine.page_memory={self._n_bytes}")
        except CurateError:
            raise
        except RecursionError as error:
            return Fault("error", f"RecursionError: {error}")
        except Exception as error:  # noqa: BLE001 - one bad page must not end the others
            return Fault("error", f"{type(error).__name__}: {error}")

    @property
    def _seconds(self) -> str:
        return f"{self.limits.seconds:g}"

    @property
    def _n_bytes(self) -> str:
        return f"{(self.limits.n_bytes or 0) / 1e6:,.0f} MB"

    def _arm(self) -> None:
        if self._memory is not None:
            self._memory.set()
        seconds = self.limits.seconds
        if seconds is None:
            return
        if self._deadline is not None:
            self._deadline.set(HARD_FACTOR * seconds)
        if self._alarm:
            signal.setitimer(signal.ITIMER_REAL, seconds)

    def _disarm(self) -> None:
        # Reading and writing between two pages may take as long as they need.
        if self._deadline is not None:
            self._deadline.lift()
        if self._alarm:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if self._memory is not None:
            self._memory.lift()

    def _hard_limit(self) -> Deadline | None:
        if self.limits.seconds is None:
            return None
        if self._marker is None:
            return deadline()
        # A careful run's traceback goes to its marker, where the engine reads it.
        return TracedDeadline(self._marker if isinstance(self._marker, Path) else Path(os.devnull))

    def _close(self) -> None:
        if self._memory is not None:
            self._memory.close()
            self._memory = None
        if self._deadline is not None:
            self._deadline.close()
            self._deadline = None


_CURRENT: ContextVar[Watch | None] = ContextVar("watch", default=None)


def current_watch() -> Watch:
    """The watch of the task at work; one without limits where there is none."""
    return _CURRENT.get() or Watch()


@contextlib.contextmanager
def watching(watch: Watch) -> Iterator[Watch]:
    """Make `watch` the current one, with the process's limits set as it needs."""
    token = _CURRENT.set(watch)
    try:
        with _alarm_raises(watch):
            yield watch
    finally:
        watch._close()  # noqa: SLF001 - the two are one thing
        _CURRENT.reset(token)


@contextlib.contextmanager
def _alarm_raises(watch: Watch) -> Iterator[None]:
    if not watch._alarm:  # noqa: SLF001 - the two are one thing
        yield
        return

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise _OutOfTimeError

    before = signal.signal(signal.SIGALRM, ring)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class _MemoryBound:
    """Lets the process hold so much more than now; beyond, allocation fails.

    RLIMIT_DATA counts private writable memory, so that files mapped for
    reading and address space that is only reserved cost nothing (Linux 4.7 and
    newer). It is set for the work on a page alone: reading and writing shards
    may take what they need.
    """

    def __init__(self, n_bytes: int) -> None:
        self._n_bytes = n_bytes
        self._page = resource.getpagesize()
        self._statm = os.open("/proc/self/statm", os.O_RDONLY)
        self._before = resource.getrlimit(resource.RLIMIT_DATA)

    def set(self) -> None:
        now = int(os.pread(self._statm, 200, 0).split()[5]) * self._page
        wanted = now + self._n_bytes
        for bound in self._before:
            if bound != resource.RLIM_INFINITY:
                wanted = min(wanted, bound)
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, self._before[1]))

    def lift(self) -> None:
        resource.setrlimit(resource.RLIMIT_DATA, self._before)

    def close(self) -> None:
        os.close(self._statm)


_UNITS = {"K": 1, "M": 2, "G": 3, "T": 4}


def parse_bytes(size: str) -> int:
    """Bytes of a size such as `512MB` or `2GiB` (also `2 GB`)."""
    text = size.strip().upper().removesuffix("B")
    base = 1024 if text.endswith("I") else 1000
    text = text.removesuffix("I")
    return int(float(text[:-1]) * base ** _UNITS[text[-1]])
