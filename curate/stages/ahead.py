"""What a first run will need, got ready while it plans and reads: by nobody waited for."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.runs.engine import usable_cores
from curate.runs.fingerprint import code_digests, library_versions
from curate.runs.local import warm

if TYPE_CHECKING:
    from curate.stages.settings import Settings

__all__ = ["look_ahead", "start_worker", "start_workers"]

_STAGES = tuple(
    f"curate.stages.{name}"
    for name in ("segments", "predictions", "evidence", "labels", "publishing", "reporting")
)

_FIRST = ("curate.stages.pages", "curate.stages.segments")
"""What a worker loads before it is given anything to do."""

MANY_UNITS = 4
"""A file of so many units gives work to more than one worker."""


def start_workers(config: Mapping[str, Any]) -> None:
    """Start the workers of a run that has a large file to read, and nothing of it yet.

    Args:
        config: composed, but not checked yet: what is wrong in it is told elsewhere.
    """
    try:
        engine, pages = config["engine"], config["pages"]
        if (
            engine["kind"] != "local"
            or config["dry_run"]
            or Path(config["paths"]["store"]).exists()
        ):
            return
        n_units = Path(pages["path"]).stat().st_size // pages["unit_bytes"]
        if n_units >= MANY_UNITS:
            warm(_FIRST, min(engine["workers"] or usable_cores(), n_units))
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OSError):
        return


def start_worker(settings: Settings) -> None:
    """Start one worker while the run plans: it loads its first modules in half a second."""
    if settings.engine.kind == "local":
        warm(_FIRST)


def look_ahead(settings: Settings) -> None:
    """Look up what later stages are made of, while workers do the first one.

    It takes half a second, which each stage would otherwise spend between the tasks of
    the one before and its own.
    """
    if settings.engine.kind == "local":
        threading.Thread(target=_look_up, args=(settings,), daemon=True).start()


def _look_up(settings: Settings) -> None:
    chosen = (type(settings.segmenter).__module__, type(settings.labeler).__module__)
    # Both remember what they find.
    library_versions(tuple(code_digests((*_STAGES, *chosen))))
    import duckdb

    assert duckdb
