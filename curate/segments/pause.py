"""A pause of the garbage collector."""

from __future__ import annotations

import gc
from types import TracebackType

__all__ = ["CollectorPause"]


class CollectorPause:
    """No search for garbage meanwhile; afterwards as before.

    For work that makes thousands of lists which live for a millisecond, with no
    cycle among them: they look to the collector like a growing process, and it
    searches all of that, page after page.
    """

    def __enter__(self) -> None:
        self._was = gc.isenabled()
        gc.disable()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._was:
            gc.enable()
