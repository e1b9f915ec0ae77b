"""What should be right before people's work is touched, each with one clear line.

What would fail a sync anyway (no server, a refused key, too old, no right to
write) fails here too; what merely deserves a look is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from curate.errors import ReviewError
from curate.review.accounts import accounts_of
from curate.review.client import MIN_VERSION, TESTED_VERSION, version_warning
from curate.review.config import ReviewConfig
from curate.review.connection import Connection
from curate.review.interface import differences
from curate.review.project import ReviewProject
from curate.schema import LabelSet

__all__ = ["Finding", "check_people", "check_projects", "check_server"]

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    text: str


def check_server(connection: Connection) -> Iterator[Finding]:
    """Version, key and rights of an open connection.

    A server that is too old, a refused key and missing rights failed when the
    connection was opened (`LabelStudio.check`).
    """
    release = connection.release
    newer = version_warning(release)
    least = ".".join(map(str, MIN_VERSION))
    yield (
        Finding("warning", newer)
        if newer
        else Finding(
            "ok", f"Label Studio {release} (at least {least}, tested with {TESTED_VERSION})"
        )
    )
    client = connection.client
    kind = {"pat": "a personal access token", "legacy": "a legacy token"}[client.key_kind]
    told = f"the key is {kind}, and the server takes it"
    if client.key_kind == "legacy" and connection.local is None:
        yield Finding(
            "warning",
            f"{told}; legacy tokens don't expire and can be switched off for the whole server: "
            "a personal access token (Account & Settings) is the better key",
        )
    else:
        yield Finding("ok", told)
    user = client.whoami()
    rights = user.get("permissions")
    yield (
        Finding("ok", "its user may make projects, send pages and read annotations")
        if isinstance(rights, list)
        else Finding("warning", "the server doesn't tell what the key's user may do")
    )
    info = connection.local.status() if connection.local else None
    if info is not None and info.is_open:
        yield Finding("warning", info.warning.removeprefix("warning: "))


def check_people(connection: Connection, config: ReviewConfig) -> Iterator[Finding]:
    """Whether everybody who should read has an account."""
    names = [*config.annotators, *([config.adjudicator] if config.adjudicator else [])]
    names = list(dict.fromkeys(names))
    if not names:
        return
    try:
        accounts = accounts_of(connection.client, names, connection.local, create=False)
    except ReviewError as error:
        yield Finding("error", str(error))
        return
    missing = [account.name for account in accounts if account.user is None]
    if missing:
        yield Finding("ok", f"accounts that the next push makes: {', '.join(missing)}")
    if len(missing) < len(accounts):
        n = len(accounts) - len(missing)
        yield Finding("ok", f"{n} of {len(accounts)} people have accounts")


def check_projects(projects: list[ReviewProject], label_set: LabelSet) -> Iterator[Finding]:
    """Each project's labeling config against the label set."""
    for project in projects:
        try:
            held = project.connection.client.project(project.number)
        except ReviewError as error:
            yield Finding("error", str(error))
            continue
        where = f"project {project.number} ({project.title})"
        wrong = differences(str(held.get("label_config") or ""), label_set)
        if not wrong:
            yield Finding("ok", f"{where}: its labeling interface fits schema {label_set.name}")
        else:
            yield Finding(
                "error",
                f"{where}: {'; '.join(wrong)}; the next push mends it where no work is in the "
                "way, else correct the labeling interface there",
            )
