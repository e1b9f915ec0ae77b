"""Engines: ways to run independent tasks. All give identical bytes.

No page travels through an engine: a task names its input files and writes its
output files. So an engine only has to call functions somewhere and tell which
of them ended well; what is complete is told by the store, not by the engine.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from curate.errors import CurateError, RunError
from curate.runs.machine import told
from curate.runs.output import Output, TaskResult

__all__ = ["EngineConfig", "Failure", "Finished", "Task", "check_failures", "run_tasks"]


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Options of the `engine` group.

    Attributes:
        kind: `local` processes or `serial` in this process.
        workers: number of processes; None is one for each usable core.
        memory_limit: of aggregations and publishing, e.g. `2GB`.
    """

    kind: Literal["local", "serial"] = "local"
    workers: Annotated[int, Field(ge=1)] | None = None
    memory_limit: Annotated[str, Field(pattern=r"^\d+(\.\d+)?\s*[KMGT]i?B$")] = "2GB"


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
    folder: Path
    body: Callable[..., None]
    args: tuple[Any, ...]
    n_pages: int = 0


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

    A failed task does not stop the others.
    """
    if config.kind == "serial":
        yield from map(execute, tasks)
    else:
        yield from _run_local(tasks, config.workers or _usable_cores())


def execute(task: Task) -> Finished | Failure:
    """Run one task here; exceptions become a `Failure`."""
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        output = Output(task.folder, task.key, task.stage)
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


def _run_local(tasks: Sequence[Task], workers: int) -> Iterator[Finished | Failure]:
    """A pool of processes; a task whose process dies is found and named.

    A dying worker fails everything in flight, so the tasks in flight are run
    again one by one in a pool of one: who dies alone is the culprit.
    """
    if len(tasks) == 1 or workers == 1:
        # A pool costs half a second; isolation is worth it only for many tasks.
        yield from map(execute, tasks)
        return
    from concurrent.futures import FIRST_COMPLETED, Future, wait

    from loky import get_reusable_executor
    from loky.process_executor import TerminatedWorkerError

    waiting, suspects = list(reversed(tasks)), list[Task]()
    while waiting or suspects:
        alone = bool(suspects)
        n_workers = 1 if alone else min(workers, len(waiting))
        queue = suspects if alone else waiting
        executor = get_reusable_executor(
            max_workers=n_workers, timeout=60, initializer=_end_with_parent, initargs=(os.getpid(),)
        )
        flying: dict[Future[Finished | Failure], Task] = {}
        died = False
        try:
            while (queue and not died) or flying:
                # A short queue in the pool keeps workers busy without handing it everything.
                while queue and not died and len(flying) < (1 if alone else 2 * n_workers):
                    task = queue.pop()
                    flying[executor.submit(execute, task)] = task
                for future in wait(flying, return_when=FIRST_COMPLETED).done:
                    task = flying.pop(future)
                    try:
                        yield future.result()
                    except TerminatedWorkerError as error:
                        died = True
                        if alone:
                            yield Failure(task, _death(error))
                        else:
                            suspects.append(task)
        except (KeyboardInterrupt, GeneratorExit):
            executor.shutdown(wait=True, kill_workers=True)
            raise
        if died:
            executor.shutdown(wait=True, kill_workers=True)


def _death(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if "exit codes" in line]
    return f"its process died ({lines[0].strip()})" if lines else "its process died"


def _end_with_parent(parent: int) -> None:
    """Let a worker end when its driver is killed, and leave Ctrl-C to the driver."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)


def _usable_cores() -> int:
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1


def _peak_mb() -> float:
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
