"""A reader's project as a seat at the table: what lies there and how far it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from curate.review.accounts import Account
from curate.review.assign import Status
from curate.review.client import LabelStudio
from curate.review.plan import RemoteTask, remote_of
from curate.review.project import ReviewProject

__all__ = ["Seat", "SeatProgress", "SeatTask", "read_seat"]


@dataclass(frozen=True, slots=True)
class SeatTask:
    """A page at a seat.

    Attributes:
        done_by: users who submitted a reading of it.
        drafted: somebody has begun and not submitted.
    """

    remote: RemoteTask
    done_by: frozenset[int]
    drafted: bool

    @property
    def status(self) -> Status:
        """How far its reader is with it; a draft is no finished reading."""
        if self.done_by:
            return "done"
        if self.drafted:
            return "draft"
        return "skipped" if self.remote.n_skipped else "open"


@dataclass(frozen=True, slots=True)
class SeatProgress:
    """How far one reader is.

    Attributes:
        name: who, as the owner of the project calls them; empty where the
            project is everybody's.
        reader: their pseudonym.
        by_others: pages that somebody else submitted here: a free server can't
            keep anybody from it.
    """

    name: str
    reader: str
    url: str
    former: bool
    assigned: int
    open: int
    drafts: int
    done: int
    skipped: int
    by_others: int


@dataclass(slots=True)
class Seat:
    """One project and whose it is.

    Attributes:
        reader: pseudonym; empty for a project that is everybody's.
        account: None for a project that is everybody's, or whose reader left.
        project: None where it is still to be made.
        former: its reader is no longer among `review.annotators`.
        tasks: what it holds, by page id; of doubles the one worked on.
        again: those opened once more, by key; the page itself stays done.
        listed: all of its tasks, None for one that isn't ours.
    """

    reader: str
    account: Account | None
    project: ReviewProject | None
    former: bool = False
    tasks: dict[str, SeatTask] = field(default_factory=dict)
    again: dict[str, SeatTask] = field(default_factory=dict)
    listed: list[RemoteTask | None] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Who, for the owner of the project."""
        return self.account.name if self.account else self.reader

    def progress(self) -> SeatProgress:
        """How far its reader is."""
        everything = [*self.tasks.values(), *self.again.values()]
        statuses = [task.status for task in everything]
        own = {self.account.user} if self.account else set()
        return SeatProgress(
            name=self.name,
            reader=self.reader,
            url=self.project.url if self.project else "",
            former=self.former,
            assigned=len(statuses),
            open=statuses.count("open"),
            drafts=statuses.count("draft"),
            done=statuses.count("done"),
            skipped=statuses.count("skipped"),
            by_others=sum(bool(own and task.done_by - own) for task in everything),
        )


def read_seat(seat: Seat, client: LabelStudio) -> None:
    """List what lies at a seat."""
    seat.tasks, seat.again, seat.listed = {}, {}, []
    if seat.project is None:
        return
    for raw in client.tasks(seat.project.number):
        remote = remote_of(raw)
        seat.listed.append(remote)
        if remote is None:
            continue
        annotations: Iterable[Mapping[str, Any]] = raw.get("annotations") or ()
        found = SeatTask(
            remote,
            frozenset(
                _user(a.get("completed_by")) for a in annotations if not a.get("was_cancelled")
            ),
            bool(raw.get("drafts") or raw.get("draft_exists")),
        )
        tasks = seat.again if remote.round else seat.tasks
        known = tasks.get(remote.key)
        if known is None or known.remote.untouched:
            tasks[remote.key] = found


def _user(completed_by: Any) -> int:
    """Number of the user who submitted; 0 where the server doesn't tell."""
    if isinstance(completed_by, Mapping):
        completed_by = completed_by.get("id")
    return int(completed_by or 0)
