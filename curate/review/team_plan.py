"""What a push would do in all of a dataset's projects together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from curate.review.adjudication import adjudication_task, disputed_share, is_disputed
from curate.review.again import again_by_reader
from curate.review.assign import assign, gold_pages
from curate.review.client import LabelStudio
from curate.review.consensus import Consensus, fit_consensus
from curate.review.plan import SyncPlan, list_remote, plan
from curate.review.seats import Seat, SeatProgress
from curate.review.tasks import ReviewTask
from curate.review.team_state import TeamState
from curate.review.votes import NO_VOTE, PageVotes, page_votes
from curate.schema import Annotation, page_id_from

__all__ = ["TasksOf", "TeamPlan", "plan_team"]

TasksOf = Callable[[Collection[str]], Mapping[str, ReviewTask]]
"""Builds the tasks of pages of the input by page id; leaves out what is not there."""


@dataclass(frozen=True, slots=True)
class TeamPlan(SyncPlan):
    """The plans of all projects, and their sums.

    Attributes:
        parts: the plan of each project by its name (`ReviewTeam.plan`).
        gold: page ids of the gold each reader has or gets; for the owner only.
        short: pages that lack readers, and how many: all who could read them
            skipped them.
        disputed: pages that are or should be adjudicated.
        again: pages that are or should be open once more, for text without a label.
        progress: how far each reader is, in the order of `parts`.
    """

    parts: tuple[tuple[str, SyncPlan], ...] = ()
    gold: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    short: Mapping[str, int] = field(default_factory=dict)
    disputed: int = 0
    again: int = 0
    progress: tuple[SeatProgress, ...] = ()


def _together(
    parts: Sequence[tuple[str, SyncPlan]],
    gold: Mapping[str, Sequence[str]],
    short: Mapping[str, int],
    disputed: int,
    again: int,
    progress: Sequence[SeatProgress],
) -> TeamPlan:
    """The sum of all projects' plans."""
    plans = [part for _, part in parts]
    return TeamPlan(
        project=plans[0].project,
        new=tuple(task for part in plans for task in part.new),
        changed=tuple(change for part in plans for change in part.changed),
        unchanged=tuple(remote for part in plans for remote in part.unchanged),
        to_close=tuple(remote for part in plans for remote in part.to_close),
        orphaned=tuple(remote for part in plans for remote in part.orphaned),
        foreign=sum(part.foreign for part in plans),
        # A page that is refused is so at every reader.
        refused=tuple({entry[0]: entry for part in plans for entry in part.refused}.values()),
        parts=tuple(parts),
        gold={reader: tuple(found) for reader, found in gold.items()},
        short=dict(short),
        disputed=disputed,
        again=again,
        progress=tuple(progress),
    )


def _seat_plan(
    client: LabelStudio,
    seat: Seat,
    tasks: Sequence[ReviewTask],
    labels: Sequence[str],
    current: Mapping[str, str] | None,
    refresh: Callable[[str], ReviewTask | None] | None,
) -> SyncPlan:
    """The plan of one reader's project."""
    made = plan(
        client,
        seat.project.number if seat.project else 0,
        tasks,
        labels,
        current=current,
        refresh=None if seat.former else refresh,
        remote=seat.listed,
    )
    if not seat.former:
        return made
    # Whoever left will not read the rest; others get it.
    left = tuple(remote for remote in made.unchanged if remote.untouched)
    kept = tuple(remote for remote in made.unchanged if not remote.untouched)
    return replace(made, unchanged=kept, to_close=(*made.to_close, *left))


def _gold_for(
    seat: Seat,
    mine: Sequence[ReviewTask],
    gold: Mapping[str, ReviewTask],
    share: float,
    given: Sequence[str],
    seen: Collection[str],
) -> list[ReviewTask]:
    """Gold pages for a reader, each in the place and under the reason of an ordinary page.

    Args:
        mine: ordinary pages the reader has or gets.
        given: gold the reader has been given.
        seen: pages the reader has read or adjudicated.
    """
    has = {*seat.tasks, *(task.page_id for task in mine)}
    free = [p for p in sorted(gold) if p not in has and p not in given and p not in seen]
    new = [task for task in mine if task.page_id not in seat.tasks] or list(mine)
    if not new:
        return []
    chosen = gold_pages(seat.reader, len(has - set(given)), len(given), share, free)
    step = max(1, len(new) // (len(chosen) + 1))
    places = [new[min((i + 1) * step, len(new) - 1)] for i in range(len(chosen))]
    return [
        replace(gold[page_id], rank=place.rank, why=place.why)
        for page_id, place in zip(chosen, places, strict=True)
    ]


def _adjudications(
    votes: Mapping[str, PageVotes],
    finished: Callable[[str], bool],
    above: float | None,
    consensus: Consensus,
    tasks_of: TasksOf,
) -> list[ReviewTask]:
    """Tasks of the pages whose readers are done and differ too much, the most disputed first.

    Args:
        votes: of the pages as they are today, by page id.
        finished: whether nobody is to read the page any more.
        above: see `review.adjudicate_above`.
    """
    disputed = [
        p
        for p, page in votes.items()
        if is_disputed(page, above) and finished(p) and not (page.final != NO_VOTE).any()
    ]
    disputed.sort(key=lambda p: (-disputed_share(votes[p]), p))
    bases = tasks_of(disputed) if disputed else {}
    return [
        adjudication_task(votes[page_id], bases[page_id], consensus, rank=rank)
        for rank, page_id in enumerate(disputed)
        if page_id in bases
    ]


def plan_team(
    team: TeamState,
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
    team.read()
    pages = {task.page_id: task for task in tasks}
    order = sorted(pages, key=lambda page_id: (pages[page_id].rank, page_id))
    agreement = team.agreement(annotations)
    finished = team.finished()
    shares: Mapping[str, Sequence[str]] = {"": order}
    short: Mapping[str, int] = {}
    if team.is_team:
        wanted = {p: team.wanted(pages[p].page_key, pages[p].site, agreement) for p in order}
        readers = [seat.reader for seat in team.seats if not seat.former]
        dealt = assign(order, wanted, team.held(), finished, readers)
        shares, short = dealt.new, dealt.short
    votes = {_page_id(page): page for page in page_votes(annotations, team.label_set)}
    mixed = dict(gold or {}) if team.config.gold_share else {}
    if team.config.gold_share:
        truths = [p for p, page in votes.items() if (page.final >= 0).any()]
        mixed = {**tasks_of(truths), **mixed} if truths else mixed
    states = dict(current) if current is not None else None
    if states is not None:
        states = {task.page_key: task.page_id for task in mixed.values()} | states
    is_over = team.is_over(finished, agreement)
    disputed = _disputed(team, votes, is_over, current, annotations, tasks_of)
    settled = {task.page_id for task in disputed}
    settled |= {p for p, page in votes.items() if (page.final != NO_VOTE).any()}
    again = again_by_reader(
        team.seats,
        team.connection.server,
        annotations,
        team.label_set,
        tasks_of,
        lambda page_id: page_id not in settled and is_over(page_id),
    )
    seen = _seen(annotations)
    given = team.gold_given
    parts: list[tuple[str, SyncPlan]] = []
    for seat in team.seats:
        mine: list[ReviewTask] = []
        if not seat.former:
            had = [page_id for page_id in seat.tasks if page_id in pages]
            mine = [pages[p] for p in dict.fromkeys([*shares.get(seat.reader, ()), *had])]
        if mixed and not seat.former:
            own = given.setdefault(seat.reader, [])
            more = _gold_for(
                seat, mine, mixed, team.config.gold_share, own, seen.get(seat.reader, ())
            )
            own.extend(task.page_id for task in more)
            mine += more
        mine += again.get(seat.reader, [])
        made = _seat_plan(team.connection.client, seat, mine, team.label_set.names, states, refresh)
        parts.append((team.seat_name(seat.reader), made))
    parts.append((team.adjudication_name, _adjudication_plan(team, disputed, states)))
    n_again = sum(map(len, again.values()))
    return _together(parts, given, short, len(disputed), n_again, team.progress())


def _disputed(
    team: TeamState,
    votes: Mapping[str, PageVotes],
    is_over: Callable[[str], bool],
    current: Mapping[str, str] | None,
    annotations: Sequence[Annotation],
    tasks_of: TasksOf,
) -> list[ReviewTask]:
    today = {
        page_id: page
        for page_id, page in votes.items()
        if current is None or current.get(page.page_key) == page_id
    }
    consensus = fit_consensus(annotations, team.label_set, team.config.consensus)
    return _adjudications(today, is_over, team.config.adjudicate_above, consensus, tasks_of)


def _adjudication_plan(
    team: TeamState, disputed: Sequence[ReviewTask], current: Mapping[str, str] | None
) -> SyncPlan:
    project = team.adjudication
    if project is None and not disputed:
        return SyncPlan(0)
    client = team.connection.client
    wanted = {task.page_id: task for task in disputed}
    listed = list(list_remote(client, project.number)) if project else []
    # A task shows the readings of the day it was sent: where they changed it is sent anew.
    outdated = tuple(
        remote
        for remote in listed
        if remote is not None
        and remote.untouched
        and remote.page_id in wanted
        and remote.data.get("labeler") != wanted[remote.page_id].model_version
    )
    rest = [remote for remote in listed if remote not in outdated]
    there = {remote.page_id for remote in rest if remote is not None}
    made = plan(
        client,
        project.number if project else 0,
        [task for task in disputed if task.page_id not in there],
        team.label_set.names,
        current=current,
        remote=rest,
    )
    # Readers who changed their mind have ended it themselves.
    over = tuple(r for r in made.unchanged if r.untouched and r.page_id not in wanted)
    kept = tuple(r for r in made.unchanged if r not in over)
    return replace(made, unchanged=kept, to_close=(*made.to_close, *outdated, *over))


def _page_id(page: PageVotes) -> str:
    return page_id_from(page.page_key, page.text_hash)


def _seen(annotations: Iterable[Annotation]) -> dict[str, set[str]]:
    """Pages that each person has read or adjudicated."""
    found: dict[str, set[str]] = defaultdict(set)
    for annotation in annotations:
        found[annotation.annotator].add(annotation.page_id)
    return found
