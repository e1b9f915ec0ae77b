"""Deadlines that end the process, whatever it is doing; for code that never returns to Python."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import sys
import time
from pathlib import Path
from typing import Protocol

__all__ = ["Deadline", "TracedDeadline", "deadline"]


class Deadline(Protocol):
    """Ends the process when its time is over."""

    def set(self, seconds: float) -> None:
        """End the process so many seconds from now, unless lifted or set anew."""

    def lift(self) -> None:
        """Let the process live on."""

    def close(self) -> None:
        """Give back what it holds; lifted before."""


class TracedDeadline:
    """Writes "Timeout" and a traceback before it ends the process, with status 1.

    faulthandler starts a thread for each time it is set: 40 µs, and several times that
    where other processes want the cores.

    Args:
        trace: file that is written to.
    """

    def __init__(self, trace: Path) -> None:
        self._file = trace.open("a", encoding="utf-8")

    def set(self, seconds: float) -> None:
        """See `Deadline`."""
        faulthandler.dump_traceback_later(seconds, exit=True, file=self._file)

    def lift(self) -> None:
        """See `Deadline`."""
        faulthandler.cancel_dump_traceback_later()

    def close(self) -> None:
        """See `Deadline`."""
        self._file.close()


class _Event(ctypes.Structure):
    """`struct sigevent` of Linux: 64 bytes."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("rest", ctypes.c_char * 48),
    )


class _Times(ctypes.Structure):
    """`struct itimerspec`: how long between two signals, and until the first."""

    _fields_ = tuple((name, ctypes.c_long) for name in ("again_s", "again_ns", "s", "ns"))


class _KernelDeadline:
    """A timer of the kernel's that sends SIGKILL: 1 µs to set and to lift.

    Source:
        timer_create(2) and timer_settime(2), POSIX.1-2008.

    Raises:
        OSError: the kernel gives no timer.
        AttributeError: the C library has none.
    """

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._timer = ctypes.c_void_p()
        self._settime, self._delete = libc.timer_settime, libc.timer_delete
        event = _Event(None, signal.SIGKILL, 0, b"")
        if libc.timer_create(time.CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(self._timer)):
            raise OSError(ctypes.get_errno(), "timer_create")

    def set(self, seconds: float) -> None:
        """See `Deadline`."""
        whole = int(seconds)
        self._settime(
            self._timer, 0, ctypes.byref(_Times(0, 0, whole, int((seconds - whole) * 1e9))), None
        )

    def lift(self) -> None:
        """See `Deadline`."""
        self._settime(self._timer, 0, ctypes.byref(_Times()), None)

    def close(self) -> None:
        """See `Deadline`."""
        self._delete(self._timer)


def deadline() -> Deadline:
    """The cheapest that there is here."""
    if sys.platform == "linux":
        try:
            return _KernelDeadline()
        except (OSError, AttributeError):
            pass
    return TracedDeadline(Path(os.devnull))
