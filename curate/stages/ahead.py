"""What a first run will need, got ready while it plans and reads: by nobody waited for."""

from __future__ import annotations

import threading

from curate.runs.fingerprint import code_digests, library_versions
from curate.runs.local import warm
from curate.stages.settings import Settings

__all__ = ["look_ahead"]

_STAGES = tuple(
    f"curate.stages.{name}"
    for name in ("segments", "predictions", "evidence", "labels", "publishing", "reporting")
)


def look_ahead(settings: Settings) -> None:
    """Start the first worker, and look up beside it what later stages are made of.

    A worker loads its first modules in half a second. So long takes, too, what each
    stage would otherwise do between the tasks of the one before and its own.
    """
    if settings.engine.kind != "local":
        return
    warm(("curate.stages.pages", "curate.stages.segments"))
    threading.Thread(target=_look_up, args=(settings,), daemon=True).start()


def _look_up(settings: Settings) -> None:
    chosen = (type(settings.segmenter).__module__, type(settings.labeler).__module__)
    # Both remember what they find.
    library_versions(tuple(code_digests((*_STAGES, *chosen))))
    import duckdb

    assert duckdb
