"""Which page ends its process: found by running a suspect task again, carefully."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from os import getpid

from curate.io import TEMP_PREFIX
from curate.limits import Fault, Killer, PageLimits
from curate.places import Place
from curate.runs.engine import Attempt, Failure, Task

__all__ = ["Deaths"]

MAX_KILLERS = 50
"""Pages that one task may lose before it fails. A shard holds at most 4,096
pages; where so many end their process, it is not the pages."""

MAX_BLANK_DEATHS = 2
"""Deaths outside the work on any page, while reading or writing shards."""

OWN_DEATHS = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "EXIT")
"""Ends of a process that come from its own code, not from an operator, a shutdown
or the kernel's hunt for memory (SIGKILL, SIGTERM, a lost node)."""


@dataclass(slots=True)
class _Case:
    killers: list[Killer] = field(default_factory=list)
    last: int | None = None
    n_blank: int = 0


class Deaths:
    """What is known of tasks whose process died.

    The first death makes a task suspect: several tasks may have shared the
    process or died with it. Run again carefully, it notes each page before the
    work on it. The page at work when the process ends itself is a killer; where
    it may have been ended from outside, the page at work at two deaths is.
    """

    def __init__(self, limits: PageLimits) -> None:
        self._limits = limits
        self._cases: dict[tuple[str, str], _Case] = {}

    def attempt(self, task: Task) -> Attempt:
        """How to run the task now."""
        case = self._cases.get((task.stage, task.key))
        if case is None:
            return Attempt(self._limits, isolated=True)
        marker = _marker(task)
        marker.unlink(missing_ok=True)
        return Attempt(self._limits, isolated=True, marker=marker, killers=tuple(case.killers))

    def died(self, task: Task, how: str) -> Failure | None:
        """Take in that the task's process died; None where it should run again."""
        case = self._cases.get((task.stage, task.key))
        if case is None:
            self._cases[task.stage, task.key] = _Case()
            return None
        note = ""
        with suppress(FileNotFoundError):
            note = _marker(task).read_text(encoding="utf-8", errors="replace")
        digits = note[: len(note) - len(note.lstrip("0123456789"))]
        if not digits:
            case.n_blank += 1
            if case.n_blank >= MAX_BLANK_DEATHS:
                return self._failed(task, f"its process died {case.n_blank} times ({how})")
            return None
        number = int(digits)
        if "Timeout" in note:
            detail = (
                f"took more than engine.page_seconds={self._limits.seconds:g}, "
                "and could not be interrupted"
            )
            case.killers.append(Killer(number, Fault("time limit", detail)))
        elif number == case.last or any(sign in how for sign in OWN_DEATHS):
            case.killers.append(Killer(number, Fault("killed its process", how)))
        else:
            case.last = number
            return None
        if len(case.killers) > MAX_KILLERS:
            return self._failed(task, f"{len(case.killers)} of its pages end their process ({how})")
        return None

    def ended(self, task: Task) -> None:
        """The task is done with: forget it."""
        if self._cases.pop((task.stage, task.key), None) is not None:
            _marker(task).unlink(missing_ok=True)

    def _failed(self, task: Task, error: str) -> Failure:
        self.ended(task)
        return Failure(task, error)


def _marker(task: Task) -> Place:
    # Named like a temporary file of the driver, so that a sweep finds it.
    return task.folder / f"{TEMP_PREFIX}{getpid()}-{task.stage}-{task.key}.at"
