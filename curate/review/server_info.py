"""What is known of a running local server, and who can reach it."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from curate.review.config import LOOPBACK

__all__ = ["ANYWHERE", "HOST", "ServerInfo", "own_address"]

HOST = LOOPBACK

ANYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - told apart here, listened on only where the user says so
"""Hosts that mean every address of this machine; our own client goes by loopback."""


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """A running local server.

    Attributes:
        url: where to open it.
        username, credentials_file: who to log in as, and where the password is.
        instance: name of its data, which stays when the port changes.
        started_now: this call started it.
        host: what it listens on; other than loopback, other machines reach it.
    """

    url: str
    username: str
    pid: int
    instance: str
    credentials_file: Path
    log: Path
    started_now: bool = False
    host: str = HOST

    @property
    def is_open(self) -> bool:
        """Whether other machines can reach it."""
        return not (self.host in ("localhost", "::1") or self.host.startswith("127."))

    @property
    def url_for_others(self) -> str:
        """Where people at other machines open it, as far as this machine can tell."""
        if not self.is_open:
            return self.url
        where = own_address() if self.host in ANYWHERE else self.host
        return f"http://{where}:{self.url.rsplit(':', 1)[1]}"

    @property
    def warning(self) -> str:
        """What its owner should know; empty on loopback."""
        if not self.is_open:
            return ""
        return (
            f"warning: the server listens on {self.host}: whoever reaches this machine can reach "
            "its login page, and pages and passwords travel unencrypted; open it only in a "
            "network you trust, or put a proxy with TLS before it. Accounts are made by invite "
            "only, and everyone who logs in sees every project"
        )


def own_address() -> str:
    """Address in its network: that of the interface a packet would leave by."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()
