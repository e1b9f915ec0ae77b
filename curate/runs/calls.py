"""Parts of one piece of work, such as a publish, done by the pool of this machine.

Tasks (`engine`) leave shards in the store. These are plain calls whose results come
back, for what is one whole: where one fails, all of it does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from curate.errors import RunError
from curate.limits import parse_bytes
from curate.runs.engine import EngineConfig, seldom_collected, usable_cores
from curate.runs.local import ending_of, kill_pool, pool

__all__ = ["PoolCalls", "callers"]

CALL_BYTES = 800_000_000
"""Memory of a process that does one part of a publish: modules and what the stages left
(some 470 MB), and a bucket on its way into its file."""

DRIVER_BYTES = 400_000_000
"""Left for the process that adds all up."""


def callers(engine: EngineConfig) -> PoolCalls | None:
    """Processes to call; None where one is all that engine and memory limit allow."""
    if engine.kind == "serial":
        return None
    # Of a cluster only this machine sees the folder of the version.
    wanted = min(engine.workers or usable_cores(), usable_cores())
    room = (parse_bytes(engine.memory_limit) - DRIVER_BYTES) // CALL_BYTES
    n = min(wanted, room)
    return PoolCalls(n) if n > 1 else None


class PoolCalls:
    """Calls done by processes of the pool that the stages used.

    Attributes:
        n: how many at a time.
    """

    def __init__(self, n: int) -> None:
        self.n = n

    @contextmanager
    def running(
        self, call: Callable[..., Any], rows: Sequence[tuple[Any, ...]]
    ) -> Iterator[Iterator[Any]]:
        """Results of `call(*row)` in the order of the rows; the first are begun at once.

        None runs any more when the block is left.

        Raises:
            RunError: a process died.
        """
        executor = pool(min(self.n, max(1, len(rows))))
        waiting = deque(rows)
        flying: deque[Any] = deque()

        def more() -> None:
            # A short queue: what is handed over early has to be called back.
            while waiting and len(flying) < 2 * self.n:
                flying.append(executor.submit(_called, call, waiting.popleft()))

        def results() -> Iterator[Any]:
            from loky.process_executor import TerminatedWorkerError

            while flying:
                try:
                    result = flying[0].result()
                except TerminatedWorkerError as error:
                    flying.clear()
                    kill_pool(executor)
                    raise RunError(
                        f"a process that did a part of it died ({ending_of(error)}); nothing was "
                        "published: where memory ran out, lower engine.workers, or "
                        "engine.memory_limit, and run again"
                    ) from None
                flying.popleft()
                more()
                yield result

        try:
            more()
            yield results()
        except KeyboardInterrupt:
            flying.clear()
            kill_pool(executor)
            raise
        finally:
            waiting.clear()
            for future in flying:
                if not future.cancel():
                    future.exception()  # it runs: wait for its end


def _called(call: Callable[..., Any], row: tuple[Any, ...]) -> Any:
    with seldom_collected():
        return call(*row)
