"""Who uses a store at a URL: small objects there, renewed while their run lives.

A file lock ends with its process, but holds on one machine only. At a URL each run
leaves a lease and renews it; what was not renewed for a while is nobody's. A run
writes its lease and then looks for a collector; a collector writes its mark and
then looks for leases: whichever comes second sees the first.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from curate.errors import RunError
from curate.places import UrlPath

__all__ = ["collecting", "leased"]

RENEW_S = 60.0
"""Between two renewals."""

PATIENCE_S = 600.0
"""A lease not renewed for so long is nobody's; clocks of machines may differ by minutes."""

LOOK_S = 2.0
"""Between two looks at a collector."""

_COLLECTOR = "collecting.json"


@contextmanager
def leased(folder: UrlPath, on_wait: Callable[[str], None]) -> Iterator[None]:
    """Held by a run, beside other runs; waits for a collector."""
    with _renewed(folder, f"run-{uuid.uuid4().hex[:12]}.json"):
        told = False
        while (met := _alive(folder, _COLLECTOR)) is not None:
            if not told:
                on_wait(f"waiting for `curate store gc` of {_who(met)}, which is collecting")
                told = True
            time.sleep(LOOK_S)
        yield


@contextmanager
def collecting(folder: UrlPath) -> Iterator[None]:
    """Held while outputs are collected.

    Raises:
        RunError: a run uses the store, or somebody else collects.
    """
    if (met := _alive(folder, _COLLECTOR)) is not None:
        raise RunError(f"`curate store gc` of {_who(met)} is going on at {folder.parent}; wait")
    with _renewed(folder, _COLLECTOR):
        for name in sorted(folder.names() - {_COLLECTOR}):
            if (met := _alive(folder, name)) is not None:
                raise RunError(
                    f"a run of {_who(met)} is going on and uses {folder.parent}; wait for its end "
                    f"(one that was killed counts for {PATIENCE_S / 60:.0f} minutes)"
                )
            (folder / name).unlink(missing_ok=True)
        yield


@contextmanager
def _renewed(folder: UrlPath, name: str) -> Iterator[None]:
    lease, over = folder / name, threading.Event()
    _write(lease)

    def renew() -> None:
        while not over.wait(RENEW_S):
            with suppress(RunError):  # the next renewal may succeed
                _write(lease)

    thread = threading.Thread(target=renew, daemon=True, name="store-lease")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        with suppress(RunError):
            lease.unlink(missing_ok=True)


def _write(lease: UrlPath) -> None:
    told = {"process": os.getpid(), "host": socket.gethostname(), "time": time.time()}
    lease.write_text(json.dumps(told))


def _alive(folder: UrlPath, name: str) -> dict[str, Any] | None:
    """A lease that was renewed lately."""
    try:
        told = json.loads((folder / name).read_text())
        fresh = time.time() - float(told["time"]) < PATIENCE_S
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return dict(told) if fresh else None


def _who(met: dict[str, Any]) -> str:
    return f"process {met.get('process')} on {met.get('host')}"
