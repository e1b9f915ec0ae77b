"""Review by several people: a project for each, so that nobody sees another's reading.

A free Label Studio has no assignments and no rights: everybody who can log in
can open every project. So blindness is a matter of who opens what; a reading
in somebody else's project is taken as what it is, and told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

from curate.io import write_json
from curate.review.accounts import Account, accounts_of
from curate.review.config import ReviewConfig
from curate.review.connection import Connection
from curate.review.project import MAX_TITLE_CHARS, ReviewProject
from curate.review.pull import PullResult
from curate.review.seats import Seat
from curate.review.sync import PushResult
from curate.review.tasks import ReviewTask
from curate.review.team_plan import TasksOf, TeamPlan, plan_team
from curate.review.team_state import TeamState, read_note
from curate.review.votes import ADJUDICATION
from curate.schema import Annotation, LabelSet

__all__ = ["BLIND_NOTE", "ReviewTeam"]

Tell = Callable[[str], None]

BLIND_NOTE = (
    "each annotator has a project of their own; a free Label Studio can't keep anybody from "
    "opening another's, so blindness rests on people's word (`curate review status` tells where "
    "it was not kept)"
)


@dataclass(slots=True)
class ReviewTeam(TeamState):
    """What a run does with a dataset's projects."""

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
        name = self.adjudication_name
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
            reader = self.pseudonyms.of(account.email)
            who = account.short if shorts.count(account.short) == 1 else account.email
            about = (
                f"For {who}: pages of the dataset “{self.name}”. Readings are compared with "
                "those of others, so please open your own project only. These pages are"
            )
            project = self._open_one(
                self.seat_name(reader), self._title(who), about, create=create, progress=progress
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
            found = self._open(self.seat_name(reader), self.config, create=False)
            if found is not None:
                seats.append(Seat(reader, None, found, former=True))
        return seats

    def _title(self, who: str) -> str:
        """Title of one person's project, within what the server takes."""
        room = MAX_TITLE_CHARS - len(who) - 3
        return f"{(self.config.project or f'curate: {self.name}')[: max(0, room)]} · {who}"[
            -MAX_TITLE_CHARS:
        ]

    def _note(self, what: str) -> Path:
        return self.state / "review" / f"{self.name}.{what}.json"

    def _write_note(self, what: str, value: Mapping[str, Any]) -> None:
        path = self._note(what)
        if read_note(self.state, self.name, what) != dict(value):
            write_json(path, dict(value))
        if path.exists():
            path.chmod(0o600)

    # -------------------------------------------------------- plan, push, pull

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
        """What a push of these pages would do in every project; see `team_plan.plan_team`."""
        return plan_team(
            self,
            tasks,
            current=current,
            annotations=annotations,
            gold=gold,
            tasks_of=tasks_of,
            refresh=refresh,
        )

    def push(self, steps: TeamPlan, *, progress: Tell = lambda _: None) -> PushResult:
        """Do what a plan says, project by project; it can be cut anywhere and planned again."""
        if any(steps.gold.values()):
            # Before the pages are there: gold that is not noted would count as ordinary.
            self._write_note("gold", {k: list(v) for k, v in sorted(steps.gold.items()) if v})
        result = PushResult()
        known = {self.seat_name(seat.reader): seat.project for seat in self.seats}
        for name, part in steps.parts:
            if part.is_empty and not part.refused:
                continue
            if name == self.adjudication_name:
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
        self,
        folder: Path,
        *,
        full: bool = False,
        key_of: Callable[[Mapping[str, Any]], str] | None = None,
        progress: Tell = lambda _: None,
    ) -> PullResult:
        """Take everybody's work into `folder`."""
        result = PullResult()
        for project in self.projects:
            _add(result, project.pull(folder, full=full, key_of=key_of, progress=progress))
        return result


def _add(total: Any, more: Any) -> None:
    """Sum up two results of the same kind, field by field."""
    for entry in fields(total):
        setattr(total, entry.name, getattr(total, entry.name) + getattr(more, entry.name))
