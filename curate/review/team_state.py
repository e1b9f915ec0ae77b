"""What lies in a dataset's projects, and what waits for whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curate.io import read_json
from curate.review.agreement import site_agreement
from curate.review.assign import Status, readers_wanted
from curate.review.config import ReviewConfig
from curate.review.connection import Connection
from curate.review.plan import RemoteTask
from curate.review.project import ReviewProject
from curate.review.pseudonyms import Pseudonyms
from curate.review.seats import Seat, SeatProgress, read_seat
from curate.review.votes import ADJUDICATION
from curate.schema import Annotation, LabelSet

__all__ = ["TeamState", "read_note", "site_of"]


@dataclass(slots=True)
class TeamState:
    """A dataset's projects: one for each annotator, or one for all, and adjudication.

    Attributes:
        seats: present annotators in the order of `review.annotators` (or the
            project for all), then projects whose readers are no longer asked.
        adjudication: the project of disputed pages; None until there are any.
    """

    connection: Connection
    config: ReviewConfig
    label_set: LabelSet
    state: Path
    name: str
    seats: list[Seat] = field(default_factory=list)
    adjudication: ReviewProject | None = None
    _is_read: bool = False
    _emails: dict[int, str] | None = None

    def seat_name(self, reader: str) -> str:
        """Name of a reader's project in this workspace's notes; the one for all has none."""
        return f"{self.name}.{reader}" if reader else self.name

    @property
    def adjudication_name(self) -> str:
        """Name of the project of disputed pages in this workspace's notes."""
        return f"{self.name}.{ADJUDICATION}"

    @property
    def pseudonyms(self) -> Pseudonyms:
        """What makes readers' names."""
        return Pseudonyms(self.state / "pseudonym.key")

    # ------------------------------------------------------------------ reading

    @property
    def projects(self) -> list[ReviewProject]:
        """All that exist."""
        found = [seat.project for seat in self.seats if seat.project is not None]
        return found + ([self.adjudication] if self.adjudication else [])

    @property
    def url(self) -> str:
        """The first project's list of pages."""
        return next((project.url for project in self.projects), self.connection.client.url)

    @property
    def is_team(self) -> bool:
        """Whether each reader has a project of their own."""
        return bool(self.config.annotators)

    @property
    def gold_given(self) -> dict[str, list[str]]:
        """Page ids of the gold that each reader was given; for the owner's eyes."""
        return {
            k: [str(page) for page in v]
            for k, v in read_note(self.state, self.name, "gold").items()
        }

    @property
    def names(self) -> dict[str, str]:
        """What the owner calls each reader, by pseudonym."""
        known = {
            reader: str(email)
            for reader, email in read_note(self.state, self.name, "people").items()
        }
        return known | {seat.reader: seat.name for seat in self.seats if seat.account}

    @property
    def is_made(self) -> bool:
        """Whether every reader's project is there."""
        return all(seat.project is not None for seat in self.seats)

    def read(self, *, again: bool = False) -> None:
        """List what lies in every project, once."""
        if again or not self._is_read:
            for seat in self.seats:
                read_seat(seat, self.connection.client)
            self._is_read = True

    def remote(self) -> list[RemoteTask | None]:
        """Every task of every reader's project; None for one that isn't ours."""
        self.read()
        return [remote for seat in self.seats for remote in seat.listed]

    def progress(self) -> list[SeatProgress]:
        """How far everybody is."""
        self.read()
        return [seat.progress() for seat in self.seats]

    def finished(self) -> dict[str, frozenset[str]]:
        """Who submitted a reading of each page, in whichever project."""
        found: dict[str, set[str]] = defaultdict(set)
        for seat in self.seats:
            for page_id, task in seat.tasks.items():
                found[page_id].update(self._reader_of(user) for user in task.done_by)
        return {page_id: frozenset(who) for page_id, who in found.items()}

    def _reader_of(self, user: int) -> str:
        if self._emails is None:
            self._emails = self.connection.client.emails()
        server = self.connection.server
        name = self._emails.get(user) or (f"{server}/{user}" if user else f"{server}/unknown")
        return self.pseudonyms.of(name)

    def held(self) -> dict[str, dict[str, Status]]:
        """Each present reader's status of each page."""
        found: dict[str, dict[str, Status]] = defaultdict(dict)
        for seat in self.seats:
            if not seat.former:
                for page_id, task in seat.tasks.items():
                    found[page_id][seat.reader] = task.status
        return found

    def wanted(self, page_key: str, site: str | None, agreement: Mapping[str, float]) -> int:
        """How many people should read a page."""
        if not self.is_team:
            return self.config.annotators_per_page
        return readers_wanted(page_key, site, self.config, agreement)

    def waiting(self, annotations: Iterable[Annotation] = ()) -> tuple[set[str], set[str]]:
        """Pages that wait for readers, and pages that all who could read them skipped.

        Args:
            annotations: people's work so far, for `review.overlap_rule`.
        """
        self.read()
        agreement = self.agreement(annotations)
        finished, held = self.finished(), self.held()
        readers = {seat.reader for seat in self.seats if not seat.former}
        waiting: set[str] = set()
        given_up: set[str] = set()
        for page_id, remote in self.pages().items():
            had = finished.get(page_id, frozenset())
            statuses = held.get(page_id, {})
            reading = any(status in ("open", "draft") for status in statuses.values())
            wanted = self.wanted(remote.page_key, site_of(remote), agreement)
            if len(had) >= wanted:
                continue
            if self.is_team and not reading and not readers - had - set(statuses):
                given_up.add(page_id)
            else:
                waiting.add(page_id)
        return waiting, given_up

    def is_over(
        self, finished: Mapping[str, frozenset[str]], agreement: Mapping[str, float]
    ) -> Callable[[str], bool]:
        """Tells of a page by its id whether nobody is to read it any more.

        Args:
            finished: see `finished`.
            agreement: see `agreement`.
        """
        held, remote = self.held(), self.pages()

        def is_over(page_id: str) -> bool:
            if any(status in ("open", "draft") for status in held.get(page_id, {}).values()):
                return False
            if page_id not in remote:
                return True
            wanted = self.wanted(remote[page_id].page_key, site_of(remote[page_id]), agreement)
            return len(finished.get(page_id, ())) >= min(wanted, 2)

        return is_over

    def pages(self) -> dict[str, RemoteTask]:
        """Every page of the readers' projects, by page id."""
        return {page_id: t.remote for seat in self.seats for page_id, t in seat.tasks.items()}

    def agreement(self, annotations: Iterable[Annotation]) -> dict[str, float]:
        """Agreement by site, where the number of readers hangs on it."""
        if self.config.overlap_rule != "low_agreement":
            return {}
        sites = {r.page_key: site_of(r) or "" for r in self.pages().values()}
        return site_agreement(annotations, self.label_set, sites)


def site_of(remote: RemoteTask) -> str | None:
    """The site of a page, as it was sent."""
    return str(remote.data.get("site") or "") or None


def read_note(state: Path, name: str, what: str) -> dict[str, Any]:
    """A note of this workspace on a dataset's people (`people`, `gold`); empty if there is none.

    Args:
        state: the workspace's state folder.
    """
    try:
        value = read_json(state / "review" / f"{name}.{what}.json")
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
