"""Parts of one piece of work, such as a publish, done by the pool of this machine.

Tasks (`engine`) leave shards in the store. These are plain calls whose results come
back, for what is one whole: where one fails, all of it does.
"""

from __future__ import annotations

import ctypes
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pyarrow as pa

from curate.errors import RunError
from curate.garbage import seldom_collected
from curate.limits import parse_bytes
from curate.runs.engine import EngineConfig, usable_cores
from curate.runs.local import end_pool, ending_of, pool

__all__ = ["PoolCalls", "callers"]

CALL_BYTES = 800_000_000
"""Memory of a process that does one part of a publish: modules and what the stages left
(some 470 MB), and a bucket on its way into its file."""

MAX_DEATHS = 3
"""Deaths of processes under one call: the first may come from outside, or from another call."""

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

        A call whose process died is done once more, so it must not mind what an
        earlier try left.

        Raises:
            RunError: its process died again.
        """
        flights: deque[_Flight] = deque()
        waiting = deque(rows)

        def more() -> None:
            # A short queue: what is handed over early has to be called back.
            while waiting and len(flights) < 2 * self.n:
                flights.append(_Flight(call, waiting.popleft(), self.n))

        def results() -> Iterator[Any]:
            while flights:
                result = flights[0].result()
                flights.popleft()
                more()
                yield result

        try:
            more()
            yield results()
        except KeyboardInterrupt:
            flights.clear()
            end_pool()
            raise
        finally:
            waiting.clear()
            for flight in flights:
                flight.call_back()


class _Flight:
    """One call on its way."""

    def __init__(self, call: Callable[..., Any], row: tuple[Any, ...], n: int) -> None:
        self._call, self._row, self._n = call, row, n
        self._n_deaths = 0
        self._start()

    def _start(self) -> None:
        from loky.process_executor import TerminatedWorkerError

        try:
            # Of a pool that broke, this makes a new one.
            self._future = pool(self._n).submit(_called, self._call, self._row)
        except TerminatedWorkerError:  # it broke just now
            self._future = pool(self._n).submit(_called, self._call, self._row)

    def result(self) -> Any:
        """Wait for it, and start it again where its process dies."""
        from loky.process_executor import TerminatedWorkerError

        while True:
            try:
                return self._future.result()
            except TerminatedWorkerError as error:
                # It may not be this call's doing: one death fails all that are on their way.
                self._n_deaths += 1
                if self._n_deaths > MAX_DEATHS:
                    raise RunError(
                        f"a process that did a part of it died {self._n_deaths} times "
                        f"({ending_of(error)}); nothing was published: where memory ran out, "
                        "lower engine.workers or engine.memory_limit, and run again"
                    ) from None
                self._start()

    def call_back(self) -> None:
        """Leave it undone, or wait for its end."""
        if not self._future.cancel():
            self._future.exception()


def _called(call: Callable[..., Any], row: tuple[Any, ...]) -> Any:
    if not _trimmed:
        _trimmed.append(True)
        _give_back()
    with seldom_collected():
        try:
            return call(*row)
        finally:
            pa.default_memory_pool().release_unused()


_trimmed: list[bool] = []


def _give_back() -> None:
    """Return what the stages' work has left free: it would count beside the publish's own."""
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # a C library without it
            ctypes.CDLL(None).malloc_trim(0)
