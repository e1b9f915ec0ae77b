"""Where a dataset's exports are: a folder, or a URL with a working copy here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from curate.dataset import Remote, exchange_work
from curate.review.withdraw import RECORD

if TYPE_CHECKING:
    from curate.stages.settings import Paths

__all__ = ["remote_home", "sync_work"]


def remote_home(paths: Paths, name: str) -> Remote | None:
    """The dataset's home at a URL, None where it is a folder.

    Raises:
        DatasetError: a URL of an unknown kind, or one that holds credentials.
    """
    if paths.exports_url is None:
        return None
    return Remote(paths.exports_url, name, option="paths.exports", leads=True)


def sync_work(
    paths: Paths, name: str, tell: Callable[[str], None] = lambda _: None, *, send: bool = True
) -> None:
    """Bring people's work from the URL here, and what is only here there.

    Called before work is read and as soon as it was written, so that a machine
    that is lost takes nothing with it.

    Raises:
        DatasetError: the URL can't be read or written; what is here stays.
    """
    remote = remote_home(paths, name)
    if remote is None:
        return
    folder = Path(paths.exports) / name
    moved = exchange_work(
        remote, folder, record=RECORD, send=send, progress=lambda what, *_: tell(what)
    )
    if moved:
        tell(f"people's work: {moved} files exchanged with {remote.url}")
