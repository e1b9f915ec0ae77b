"""Engine `ray`: the same tasks on a Ray cluster, or on a Ray of this machine."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from curate.errors import RunError
from curate.limits import PageLimits
from curate.runs.deaths import Deaths
from curate.runs.engine import Attempt, Failure, Finished, Task, execute

__all__ = ["run_on_ray"]

WINDOW = 2
"""Tasks in flight for each core: enough to hide the 1.5 ms that a task costs,
few enough that an interrupted run has little to call back."""

ANSWER_SECONDS = 10.0


def run_on_ray(
    tasks: Sequence[Task], limits: PageLimits, workers: int | None, address: str | None
) -> Iterator[Finished | Failure]:
    """Run tasks on Ray.

    The store and the input must lie where every node sees them under the same
    name; `curate` must be installed on every node, in the same version.

    Raises:
        RunError: ray is not installed, or the cluster can't be reached.
    """
    ray = _connected(workers, address)
    from ray.exceptions import RayError, RayTaskError

    remote = ray.remote(max_retries=0, num_cpus=1)(_there)
    deaths = Deaths(limits)
    folder = os.getcwd()  # noqa: PTH109 - a name for other machines, not a file here
    waiting = list(reversed(tasks))
    flying: dict[Any, Task] = {}
    n_flying = WINDOW * (workers or max(1, int(ray.cluster_resources().get("CPU", 1))))
    try:
        while waiting or flying:
            while waiting and len(flying) < n_flying:
                task = waiting.pop()
                flying[remote.remote(folder, task, deaths.attempt(task))] = task
            ready, _ = ray.wait(list(flying), num_returns=1)
            for reference in ready:
                task = flying.pop(reference)
                try:
                    ended = ray.get(reference)
                except RayTaskError as error:  # told by `execute` but for what it can't pickle
                    ended = Failure(task, str(error).splitlines()[-1])
                except RayError as error:
                    # The worker, its node or its memory is gone: the page's doing or not.
                    failed = deaths.died(task, type(error).__name__)
                    if failed is None:
                        waiting.append(task)
                    else:
                        yield failed
                    continue
                deaths.ended(task)
                yield ended
    finally:
        for reference in flying:
            with suppress(RayError):
                ray.cancel(reference, force=True)


def _there(folder: str, task: Task, attempt: Attempt) -> Finished | Failure:
    """On a worker: relative paths mean what they mean for the driver."""
    with suppress(FileNotFoundError):
        os.chdir(folder)
    return execute(task, attempt)


def _answers(address: str | None) -> None:
    """Try the door first: Ray itself knocks for minutes before it gives up."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        with socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS):
            pass


def _connected(workers: int | None, address: str | None) -> Any:
    try:
        import ray
    except ImportError:
        raise RunError(
            "engine=ray needs the package ray; install it with: pip install 'pagecurate[ray]'"
        ) from None
    if ray.is_initialized():
        return ray
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address is None:
        options.update(num_cpus=workers, include_dashboard=False)
    try:
        _answers(address)
        ray.init(address=address or "local", **options)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise RunError(
            f"engine.address={address}: no Ray cluster answers there ({line}); start one with "
            "`ray start --head`, or leave engine.address out to start Ray on this machine"
        ) from error
    return ray
