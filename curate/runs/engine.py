"""Engines: ways to run independent tasks. All give identical bytes.

No page travels through an engine: a task names its input files and writes its
output files. So an engine only has to call functions somewhere and tell which
of them ended well; what is complete is told by the store, not by the engine.
"""

from __future__ import annotations

import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Interval

from curate.errors import CurateError, RunError
from curate.garbage import seldom_collected
from curate.limits import Killer, PageLimits, Watch, parse_bytes, watching
from curate.places import Place
from curate.runs.machine import told
from curate.runs.output import Output, TaskResult

__all__ = [
    "Attempt",
    "EngineConfig",
    "Failure",
    "Finished",
    "Task",
    "check_failures",
    "execute",
    "run_tasks",
    "usable_cores",
]

_SIZE = r"^\d+(\.\d+)?\s*[KMGT]i?B$"


@dataclass(frozen=True, slots=True)
class _Matching:
    """Text of a pattern, as pydantic asks for it: workers check no options and don't load it."""

    pattern: str

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        return {**handler(source), "pattern": self.pattern}


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Options of the `engine` group.

    Attributes:
        kind: `local` processes, a `ray` cluster, or `serial` in this process.
        workers: number of processes; None is one for each usable core (of the
            cluster, where `address` is given).
        memory_limit: of aggregations and publishing, e.g. `2GB`.
        partitions: parts, by site, in which recurring lines are added up; each is
            a task of its own that needs a part of the memory.
        address: of a Ray cluster; None starts Ray on this machine.
        page_seconds: wall-clock time that one page may take in one stage.
        page_memory: memory that one page may take; None is no limit.
        max_error_rate: share of pages that may break a stage before it fails.
    """

    kind: Literal["local", "ray", "serial"] = "local"
    workers: Annotated[int, Interval(ge=1)] | None = None
    memory_limit: Annotated[str, _Matching(_SIZE)] = "2GB"
    partitions: Annotated[int, Interval(ge=1)] = 1
    address: str | None = None
    page_seconds: Annotated[float, Interval(gt=0)] | None = 60.0
    page_memory: Annotated[str, _Matching(_SIZE)] | None = "2GB"
    max_error_rate: Annotated[float, Interval(ge=0, le=1)] = 0.05

    @property
    def limits(self) -> PageLimits:
        """The limits of one page."""
        n_bytes = None if self.page_memory is None else parse_bytes(self.page_memory)
        return PageLimits(self.page_seconds, n_bytes)


@dataclass(frozen=True, slots=True)
class Task:
    """One unit of work.

    Attributes:
        stage: stage name.
        key: names its output in `folder`; the digest of all its input.
        folder: the stage's folder in the store.
        body: module-level function called as `body(output, *args)`.
        args: plain picklable values: paths and options, never pages.
        n_pages: pages it will handle, for progress; 0 where unknown.
    """

    stage: str
    key: str
    folder: Place
    body: Callable[..., None]
    args: tuple[Any, ...]
    n_pages: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """How a task is to be run this time.

    Attributes:
        limits: for each page.
        isolated: in a process that may be ended.
        marker: where to note the page at work; makes the attempt a careful one.
        killers: pages to leave out, found by earlier attempts.
    """

    limits: PageLimits = field(default_factory=PageLimits)
    isolated: bool = False
    marker: Place | None = None
    killers: tuple[Killer, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """A task that ended well, with its cost."""

    task: Task
    result: TaskResult
    seconds: float
    cpu_seconds: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Failure:
    """A task that did not end well: what happened, and the traceback if any."""

    task: Task
    error: str
    trace: str = ""
    told: bool = False


def run_tasks(config: EngineConfig, tasks: Sequence[Task]) -> Iterator[Finished | Failure]:
    """Run tasks, yielding each as it ends (in any order).

    A failed task does not stop the others. A task whose process died is run
    again, until the pages that end it are found and left out.

    Raises:
        RunError: the engine can't be started.
    """
    if config.kind == "serial":
        attempt = Attempt(config.limits)
        return (execute(task, attempt) for task in tasks)
    if config.kind == "ray":
        from curate.runs.cluster import run_on_ray

        return run_on_ray(tasks, config.limits, config.workers, config.address)
    from curate.runs.local import run_in_processes

    return run_in_processes(tasks, config.limits, config.workers or usable_cores())


def execute(task: Task, attempt: Attempt) -> Finished | Failure:
    """Run one task here; exceptions become a `Failure`."""
    wall, cpu = time.perf_counter(), time.process_time()
    watch = Watch(
        attempt.limits,
        isolated=attempt.isolated,
        marker=attempt.marker,
        killers=attempt.killers,
    )
    try:
        with watching(watch), seldom_collected():
            output = Output(task.folder, task.key, task.stage, watch)
            task.body(output, *task.args)
            result = output.finish()
    except CurateError as error:
        return Failure(task, str(error), told=True)
    except OSError as error:
        line = told(error)
        return Failure(task, line or repr(error), traceback.format_exc(), told=line is not None)
    except Exception as error:  # noqa: BLE001 - one bad task must not end the others
        return Failure(task, f"{type(error).__name__}: {error}", traceback.format_exc())
    return Finished(task, result, time.perf_counter() - wall, time.process_time() - cpu, _peak_mb())


def usable_cores() -> int:
    """Cores that this process may use."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1


def _peak_mb() -> float:
    """Largest resident size of this process so far, in MB."""
    # What getrusage tells begins with the peak of the process that started this one.
    with suppress(OSError), Path("/proc/self/status").open(encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e6


def check_failures(stage: str, failures: Sequence[Failure]) -> None:
    """Raise for the first of a stage's failures, telling how many there are.

    Raises:
        RunError: some task failed; complete tasks stay and are not redone.
    """
    if not failures:
        return
    first = failures[0]
    more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
    hint = "" if first.told else "; run it with engine=serial to see where"
    raise RunError(f"stage {stage}: {first.error}{more}; finished work is kept{hint}")
