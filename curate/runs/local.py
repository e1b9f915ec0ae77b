"""Engine `local`: a pool of processes on this machine."""

from __future__ import annotations

import ctypes
import gc
import os
import re
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from curate.garbage import COLLECT_AFTER
from curate.limits import PageLimits
from curate.runs.deaths import Deaths
from curate.runs.engine import Attempt, Failure, Finished, Task, execute

__all__ = ["end_pool", "ending_of", "kill_pool", "pool", "run_in_processes", "warm"]

IDLE_SECONDS = 60
"""An idle worker ends after this long; stages that follow at once reuse it."""


def run_in_processes(
    tasks: Sequence[Task], limits: PageLimits, workers: int
) -> Iterator[Finished | Failure]:
    """Run tasks in `workers` processes.

    A dying worker fails everything in flight. These tasks are suspects: they
    run again one by one in a pool of one, so that only the culprit dies.
    """
    from concurrent.futures import FIRST_COMPLETED, Future, wait

    from loky.process_executor import TerminatedWorkerError

    deaths = Deaths(limits)
    waiting, suspects = list(reversed(tasks)), list[Task]()
    while waiting or suspects:
        alone = bool(suspects)
        n_workers = 1 if alone else min(workers, len(waiting))
        queue = suspects if alone else waiting
        executor = pool(n_workers)
        flying: dict[Future[Finished | Failure], Task] = {}
        died = False
        try:
            while (queue and not died) or flying:
                # A short queue in the pool keeps workers busy without handing it everything.
                while queue and not died and len(flying) < (1 if alone else 2 * n_workers):
                    task = queue.pop()
                    try:
                        flying[executor.submit(_in_worker, task, deaths.attempt(task))] = task
                    except TerminatedWorkerError:
                        # It died with nothing to do, so it wasn't this task's doing.
                        queue.append(task)
                        died = True
                for future in wait(flying, return_when=FIRST_COMPLETED).done:
                    task = flying.pop(future)
                    try:
                        ended = future.result()
                    except TerminatedWorkerError as error:
                        died = True
                        failed = deaths.died(task, ending_of(error))
                        if failed is None:
                            suspects.append(task)
                        else:
                            yield failed
                    else:
                        deaths.ended(task)
                        yield ended
        except (KeyboardInterrupt, GeneratorExit):
            kill_pool(executor)
            raise
        if died:
            kill_pool(executor)


_sizes: list[int] = []
"""Workers of the pool of this process, while it has one."""


_warming: list[Any] = []
"""What workers do before there is a task for them."""


def pool(n_workers: int) -> Any:
    """The pool of this process, with as many workers or more.

    It only grows. A stage with one task would else end all workers but one, and
    those that the next stage starts would load modules and tables anew.
    """
    from loky import get_reusable_executor

    while _warming and n_workers > _sizes[0]:
        _warming.pop().exception()  # loky warns where it has to wait for this itself
    _sizes[:] = [max([n_workers, *_sizes])]
    return get_reusable_executor(
        max_workers=_sizes[0],
        timeout=IDLE_SECONDS,
        initializer=_end_with_parent,
        initargs=(os.getpid(),),
    )


def warm(modules: Sequence[str], n_workers: int = 1) -> None:
    """Let workers start and load modules while the driver still plans; those there are stay."""
    from loky.process_executor import TerminatedWorkerError

    if not _warming:
        executor = pool(n_workers)
        with suppress(TerminatedWorkerError):  # the first stage will start others
            _warming.extend(executor.submit(_load, tuple(modules)) for _ in range(n_workers))


def _load(modules: Sequence[str]) -> None:
    for name in modules:
        import_module(name)


def end_pool() -> None:
    """End idle workers without asking: leaving one by one takes them half a second."""
    if _sizes:
        kill_pool(pool(1))


def kill_pool(executor: Any) -> None:
    """End the pool and its workers at once."""
    _sizes.clear()
    _warming.clear()
    executor.shutdown(wait=True, kill_workers=True)


_settled: set[object] = set()


def _in_worker(task: Task, attempt: Attempt) -> Finished | Failure:
    ended = execute(task, attempt)
    if task.body not in _settled:
        # loky looks for garbage every second: spare it modules, tables and models.
        _settled.add(task.body)
        gc.collect()
        gc.freeze()
    return ended


def ending_of(error: Exception) -> str:
    """How the worker ended whose death an error tells of."""
    found = re.search(r"exit codes? of the workers? (?:are|is) \{(.*?)\}", str(error))
    return found[1] if found else "no exit code told"


def _end_with_parent(parent: int) -> None:
    """Let a worker end when its driver is killed, and leave Ctrl-C to the driver."""
    gc.set_threshold(*COLLECT_AFTER)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)
