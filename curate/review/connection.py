"""The server that review goes to: the one of the config, or the local one, checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from curate.errors import ReviewError
from curate.review.client import LabelStudio, version_warning
from curate.review.config import API_KEY_VARIABLE, ReviewConfig, key_from_environment
from curate.review.server import LocalServer

__all__ = ["Availability", "Connection", "availability", "connect"]

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a run reviews, and in one line why not, with what to do."""

    on: bool
    why: str


@dataclass(slots=True)
class Connection:
    """An open server.

    Attributes:
        server: its name for good: its address, or the local database's own name,
            which stays when the port changes.
        release: its version.
        local: the local server, None for another.
    """

    client: LabelStudio
    server: str
    release: str
    local: LocalServer | None = None

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self.client.close()


def availability(config: ReviewConfig, state: Path) -> Availability:
    """Whether a run with this config reviews.

    Args:
        state: the workspace's state folder (`paths.state`).
    """
    if config.mode == "none":
        return Availability(False, "review=none")
    if config.mode == "label_studio" or config.url or LocalServer(state).was_started:
        return Availability(True, "")
    return Availability(
        False,
        "review is off: start the local Label Studio with `curate server start`, "
        f"or set review.url and {API_KEY_VARIABLE}",
    )


def connect(config: ReviewConfig, state: Path, *, progress: Tell = lambda _: None) -> Connection:
    """Open the server that the config names, or the local one, and check it.

    A local server that was started in this workspace and doesn't run is
    started again.

    Raises:
        ReviewError: no server, wrong or missing key, too old.
    """
    local = LocalServer(state)
    running = local.status()
    url = (config.url or "").rstrip("/")
    named = url.replace("//localhost:", "//127.0.0.1:")
    ours = not url or (running is not None and named == running.url)
    if ours:
        if not local.was_started:
            raise ReviewError(
                "no Label Studio to review with: run curate server start for a local one, "
                f"or set review.url and {API_KEY_VARIABLE}, or review=none"
            )
        info = running or local.start(host=config.server_host, progress=progress)
        if info.is_open and info.started_now:
            progress(info.warning)
        client = LabelStudio(info.url, local.key(), config, key_name=str(local.credentials_file))
        server = f"local/{info.instance}"
    else:
        key = key_from_environment()
        if key is None:
            raise ReviewError(
                f"review.url={url} is set, and {API_KEY_VARIABLE} is not; put a token of a user "
                "of that server there (Account & Settings), or set review=none"
            )
        client, server = LabelStudio(url, key, config), url.lower()
    try:
        release = client.check()
        if (newer := version_warning(release)) and not ours:
            progress(f"warning: {newer}")
        return Connection(client, server, release, local if ours else None)
    except BaseException:
        client.close()
        raise
