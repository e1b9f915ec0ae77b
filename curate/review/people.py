"""Review by several people: a project for each, so that nobody sees another's reading.

A free Label Studio has no assignments and no rights: everybody who can log in
can open every project. So blindness is a matter of who opens what; a reading
in somebody else's project is taken as what it is, and told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from curate.io import read_json, write_json
from curate.review.accounts import Account, accounts_of
from curate.review.agreement import site_agreement
from curate.review.assign import Status, assign, readers_wanted
from curate.review.config import ReviewConfig
from curate.review.consensus import fit_consensus
from curate.review.plan import RemoteTask, SyncPlan, plan
from curate.review.project import MAX_TITLE_CHARS, Connection, ReviewProject
from curate.review.pseudonyms import Pseudonyms
from curate.review.pull import PullResult
from curate.review.seats import Seat, SeatProgress, read_seat
from curate.review.sync import PushResult
from curate.review.tasks import ReviewTask
from curate.review.team_plan import TasksOf, TeamPlan, adjudications, gold_for, seat_plan, together
from curate.review.votes import ADJUDICATION, PageVotes, page_votes
from curate.schema import Annotation, LabelSet

__all__ = ["BLIND_NOTE", "ReviewTeam", "read_note"]

Tell = Callable[[str], None]

BLIND_NOTE = (
    "each annotator has a project of their own; a free Label Studio can't keep anybody from "
    "opening another's, so blindness rests on people's word (`curate review status` tells where "
    "it was not kept)"
)


@dataclass(slots=True)
class ReviewTeam:
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

    # ------------------------------------------------------------------ opening

    @classmethod
    def open(
        cls,
        connection: Connection,
        name: str,
        label_set: LabelSet,
        config: ReviewConfig,
        state: Path,
        *,
        create: bool = True,
        progress: Tell = lambda _: None,
    ) -> Self | None:
        """Find the dataset's projects, or make them, with the accounts they need.

        Args:
            create: False: nothing is made; None where there is no project and
                nobody named to make one for.

        Raises:
            ReviewError: an account can't be found or made, or a project doesn't
                fit the label set.
        """
        team = cls(connection, config, label_set, state, name)
        if config.annotators:
            team.seats += team._readers(create=create, progress=progress)
        else:
            common = team._open(name, config, create=create, progress=progress)
            team.seats.append(Seat("", None, common))
        team.seats += team._former()
        team.adjudication = team._open_adjudication(create=False)
        if not create and not team.projects and not team.is_team:
            return None
        return team

    def _open(
        self,
        name: str,
        config: ReviewConfig,
        *,
        create: bool,
        about: str = "",
        progress: Tell = lambda _: None,
    ) -> ReviewProject | None:
        return ReviewProject.open(
            self.connection,
            name,
            self.label_set,
            config,
            self.state,
            create=create,
            about=about,
            progress=progress,
        )

    def _open_one(
        self,
        name: str,
        title: str,
        about: str,
        *,
        create: bool,
        progress: Tell = lambda _: None,
    ) -> ReviewProject | None:
        """A project that one person reads each page in."""
        config = replace(
            self.config,
            project=title,
            annotators=(),
            annotators_per_page=1,
            overlap=1.0,
            overlap_rule="share",
            gold_share=0.0,
        )
        return self._open(name, config, create=create, about=about, progress=progress)

    def _open_adjudication(
        self, *, create: bool, progress: Tell = lambda _: None
    ) -> ReviewProject | None:
        who = ""
        if create and self.config.adjudicator:
            (account,) = self._accounts([self.config.adjudicator], create=True, progress=progress)
            who = f" ({account.short})"
        title = self._title(f"adjudication{who}")
        about = (
            f"Pages of the dataset “{self.name}” whose readers differ. Marked passages show what "
            "each reader said; what is submitted here is final. These pages are"
        )
        name = self._adjudication_name
        made = self._open_one(name, title, about, create=create, progress=progress)
        return replace(made, origin=ADJUDICATION) if made else None

    def _accounts(self, names: Sequence[str], *, create: bool, progress: Tell) -> list[Account]:
        connection = self.connection
        return accounts_of(connection.client, names, connection.local, create=create, tell=progress)

    def _readers(self, *, create: bool, progress: Tell) -> list[Seat]:
        accounts = self._accounts(self.config.annotators, create=create, progress=progress)
        shorts = [account.short for account in accounts]
        noted = read_note(self.state, self.name, "people")
        seats = []
        for account in accounts:
            reader = self._pseudonyms.of(account.email)
            who = account.short if shorts.count(account.short) == 1 else account.email
            about = (
                f"For {who}: pages of the dataset “{self.name}”. Readings are compared with "
                "those of others, so please open your own project only. These pages are"
            )
            project = self._open_one(
                self._seat_name(reader), self._title(who), about, create=create, progress=progress
            )
            seats.append(Seat(reader, account, project))
            noted[reader] = account.email
        if create:
            self._write_note("people", noted)
        return seats

    def _former(self) -> list[Seat]:
        """Projects of people who are no longer asked, and the one for all where people are named.

        Their work counts; what they have not begun goes to others.
        """
        noted = set(read_note(self.state, self.name, "people"))
        present = {seat.reader for seat in self.seats}
        seats = []
        for reader in sorted((noted | {""}) - present):
            found = self._open(self._seat_name(reader), self.config, create=False)
            if found is not None:
                seats.append(Seat(reader, None, found, former=True))
        return seats

    def _title(self, who: str) -> str:
        """Title of one person's project, within what the server takes."""
        room = MAX_TITLE_CHARS - len(who) - 3
        return f"{(self.config.project or f'curate: {self.name}')[: max(0, room)]} · {who}"[
            -MAX_TITLE_CHARS:
        ]

    def _seat_name(self, reader: str) -> str:
        return f"{self.name}.{reader}" if reader else self.name

    @property
    def _adjudication_name(self) -> str:
        return f"{self.name}.{ADJUDICATION}"

    def _note(self, what: str) -> Path:
        return self.state / "review" / f"{self.name}.{what}.json"

    def _write_note(self, what: str, value: Mapping[str, Any]) -> None:
        path = self._note(what)
        if _object(path) != dict(value):
            write_json(path, dict(value))
        if path.exists():
            path.chmod(0o600)

    @property
    def _pseudonyms(self) -> Pseudonyms:
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

    def _finished(self) -> dict[str, frozenset[str]]:
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
        return self._pseudonyms.of(name)

    def _held(self) -> dict[str, dict[str, Status]]:
        """Each present reader's status of each page."""
        found: dict[str, dict[str, Status]] = defaultdict(dict)
        for seat in self.seats:
            if not seat.former:
                for page_id, task in seat.tasks.items():
                    found[page_id][seat.reader] = task.status
        return found

    def _wanted(self, page_key: str, site: str | None, agreement: Mapping[str, float]) -> int:
        if not self.is_team:
            return self.config.annotators_per_page
        return readers_wanted(page_key, site, self.config, agreement)

    def waiting(self, annotations: Iterable[Annotation] = ()) -> tuple[set[str], set[str]]:
        """Pages that wait for readers, and pages that all who could read them skipped.

        Args:
            annotations: people's work so far, for `review.overlap_rule`.
        """
        self.read()
        agreement = self._agreement(annotations)
        finished, held = self._finished(), self._held()
        readers = {seat.reader for seat in self.seats if not seat.former}
        waiting: set[str] = set()
        given_up: set[str] = set()
        for page_id, remote in self._pages().items():
            had = finished.get(page_id, frozenset())
            statuses = held.get(page_id, {})
            reading = any(status in ("open", "draft") for status in statuses.values())
            wanted = self._wanted(remote.page_key, _site(remote), agreement)
            if len(had) >= wanted:
                continue
            if self.is_team and not reading and not readers - had - set(statuses):
                given_up.add(page_id)
            else:
                waiting.add(page_id)
        return waiting, given_up

    def _pages(self) -> dict[str, RemoteTask]:
        return {page_id: t.remote for seat in self.seats for page_id, t in seat.tasks.items()}

    def _agreement(self, annotations: Iterable[Annotation]) -> dict[str, float]:
        if self.config.overlap_rule != "low_agreement":
            return {}
        sites = {r.page_key: _site(r) or "" for r in self._pages().values()}
        return site_agreement(annotations, self.label_set, sites)

    # --------------------------------------------------------------------- plan

    def plan(
        self,
        tasks: Iterable[ReviewTask],
        *,
        current: Mapping[str, str] | None = None,
        annotations: Sequence[Annotation] = (),
        gold: Mapping[str, ReviewTask] | None = None,
        tasks_of: TasksOf = lambda _: {},
        refresh: Callable[[str], ReviewTask | None] | None = None,
    ) -> TeamPlan:
        """What a push of these pages would do in every project.

        Args:
            tasks: pages that should be read, each with its rank.
            current: `page_id` of every page of the input by `page_key`.
            annotations: people's work so far: what is disputed is adjudicated,
                what was adjudicated is gold.
            gold: more pages with a known truth, by page id.
            tasks_of: builds tasks of other pages of the input.
            refresh: see `plan.plan`.
        """
        self.read()
        pages = {task.page_id: task for task in tasks}
        order = sorted(pages, key=lambda page_id: (pages[page_id].rank, page_id))
        agreement = self._agreement(annotations)
        finished = self._finished()
        shares: Mapping[str, Sequence[str]] = {"": order}
        short: Mapping[str, int] = {}
        if self.is_team:
            wanted = {p: self._wanted(pages[p].page_key, pages[p].site, agreement) for p in order}
            readers = [seat.reader for seat in self.seats if not seat.former]
            dealt = assign(order, wanted, self._held(), finished, readers)
            shares, short = dealt.new, dealt.short
        votes = {_page_id(page): page for page in page_votes(annotations, self.label_set)}
        mixed = dict(gold or {}) if self.config.gold_share else {}
        if self.config.gold_share:
            truths = [p for p, page in votes.items() if (page.final >= 0).any()]
            mixed = {**tasks_of(truths), **mixed} if truths else mixed
        states = dict(current) if current is not None else None
        if states is not None:
            states = {task.page_key: task.page_id for task in mixed.values()} | states
        seen = _seen(annotations)
        given = self.gold_given
        parts: list[tuple[str, SyncPlan]] = []
        for seat in self.seats:
            mine: list[ReviewTask] = []
            if not seat.former:
                had = [page_id for page_id in seat.tasks if page_id in pages]
                mine = [pages[p] for p in dict.fromkeys([*shares.get(seat.reader, ()), *had])]
            if mixed and not seat.former:
                own = given.setdefault(seat.reader, [])
                more = gold_for(
                    seat, mine, mixed, self.config.gold_share, own, seen.get(seat.reader, ())
                )
                own.extend(task.page_id for task in more)
                mine += more
            made = seat_plan(
                self.connection.client, seat, mine, self.label_set.names, states, refresh
            )
            parts.append((self._seat_name(seat.reader), made))
        disputed = self._disputed(votes, finished, agreement, current, annotations, tasks_of)
        parts.append((self._adjudication_name, self._adjudication_plan(disputed, states)))
        return together(parts, given, short, len(disputed), self.progress())

    def _disputed(
        self,
        votes: Mapping[str, PageVotes],
        finished: Mapping[str, frozenset[str]],
        agreement: Mapping[str, float],
        current: Mapping[str, str] | None,
        annotations: Sequence[Annotation],
        tasks_of: TasksOf,
    ) -> list[ReviewTask]:
        held, remote = self._held(), self._pages()

        def is_over(page_id: str) -> bool:
            if any(status in ("open", "draft") for status in held.get(page_id, {}).values()):
                return False
            if page_id not in remote:
                return True
            site = _site(remote[page_id])
            wanted = self._wanted(remote[page_id].page_key, site, agreement)
            return len(finished.get(page_id, ())) >= min(wanted, 2)

        today = {
            page_id: page
            for page_id, page in votes.items()
            if current is None or current.get(page.page_key) == page_id
        }
        consensus = fit_consensus(annotations, self.label_set, self.config.consensus)
        return adjudications(today, is_over, self.config.adjudicate_above, consensus, tasks_of)

    def _adjudication_plan(
        self, disputed: Sequence[ReviewTask], current: Mapping[str, str] | None
    ) -> SyncPlan:
        project = self.adjudication
        if project is None and not disputed:
            return SyncPlan(0)
        made = plan(
            self.connection.client,
            project.number if project else 0,
            disputed,
            self.label_set.names,
            current=current,
            remote=None if project else (),
        )
        # Readers who changed their mind have ended it themselves.
        still = {task.page_id for task in disputed}
        over = tuple(r for r in made.unchanged if r.untouched and r.page_id not in still)
        kept = tuple(r for r in made.unchanged if r not in over)
        return replace(made, unchanged=kept, to_close=(*made.to_close, *over))

    # --------------------------------------------------------------- push, pull

    def push(self, steps: TeamPlan, *, progress: Tell = lambda _: None) -> PushResult:
        """Do what a plan says, project by project; it can be cut anywhere and planned again."""
        if any(steps.gold.values()):
            # Before the pages are there: gold that is not noted would count as ordinary.
            self._write_note("gold", {k: list(v) for k, v in sorted(steps.gold.items()) if v})
        result = PushResult()
        known = {self._seat_name(seat.reader): seat.project for seat in self.seats}
        for name, part in steps.parts:
            if part.is_empty and not part.refused:
                continue
            if name == self._adjudication_name:
                if self.adjudication is None:
                    self.adjudication = self._open_adjudication(create=True, progress=progress)
                project = self.adjudication
            else:
                project = known[name]
            assert project is not None, "a push needs projects that were opened to be made"
            _add(result, project.push(replace(part, project=project.number), progress=progress))
        self._is_read = False
        return result

    def pull(
        self, folder: Path, *, full: bool = False, progress: Tell = lambda _: None
    ) -> PullResult:
        """Take everybody's work into `folder`."""
        result = PullResult()
        for project in self.projects:
            _add(result, project.pull(folder, full=full, progress=progress))
        return result


def _add(total: Any, more: Any) -> None:
    """Sum up two results of the same kind, field by field."""
    for entry in fields(total):
        setattr(total, entry.name, getattr(total, entry.name) + getattr(more, entry.name))


def _site(remote: RemoteTask) -> str | None:
    return str(remote.data.get("site") or "") or None


def _page_id(page: PageVotes) -> str:
    return f"{page.page_key}-{page.text_hash[:16]}"


def _seen(annotations: Iterable[Annotation]) -> dict[str, set[str]]:
    """Pages that each person has read or adjudicated."""
    found: dict[str, set[str]] = defaultdict(set)
    for annotation in annotations:
        found[annotation.annotator].add(f"{annotation.page_key}-{annotation.text_hash[:16]}")
    return found


def read_note(state: Path, name: str, what: str) -> dict[str, Any]:
    """A note of this workspace on a dataset's people (`people`, `gold`); empty if there is none.

    Args:
        state: the workspace's state folder.
    """
    return _object(state / "review" / f"{name}.{what}.json")


def _object(path: Path) -> dict[str, Any]:
    try:
        value = read_json(path)
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
