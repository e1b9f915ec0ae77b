"""What a push would do in all of a dataset's projects together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from curate.review.adjudication import adjudication_task, disputed_share, is_disputed
from curate.review.assign import gold_pages
from curate.review.client import LabelStudio
from curate.review.consensus import Consensus
from curate.review.plan import SyncPlan, plan
from curate.review.seats import Seat, SeatProgress
from curate.review.tasks import ReviewTask
from curate.review.votes import PageVotes

__all__ = ["TasksOf", "TeamPlan", "adjudications", "gold_for", "seat_plan", "together"]

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
        progress: how far each reader is, in the order of `parts`.
    """

    parts: tuple[tuple[str, SyncPlan], ...] = ()
    gold: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    short: Mapping[str, int] = field(default_factory=dict)
    disputed: int = 0
    progress: tuple[SeatProgress, ...] = ()


def together(
    parts: Sequence[tuple[str, SyncPlan]],
    gold: Mapping[str, Sequence[str]],
    short: Mapping[str, int],
    disputed: int,
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
        refused=tuple(entry for part in plans for entry in part.refused),
        parts=tuple(parts),
        gold={reader: tuple(found) for reader, found in gold.items()},
        short=dict(short),
        disputed=disputed,
        progress=tuple(progress),
    )


def seat_plan(
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


def gold_for(
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


def adjudications(
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
    disputed = [p for p, page in votes.items() if is_disputed(page, above) and finished(p)]
    disputed.sort(key=lambda p: (-disputed_share(votes[p]), p))
    bases = tasks_of(disputed) if disputed else {}
    return [
        adjudication_task(votes[page_id], bases[page_id], consensus, rank=rank)
        for rank, page_id in enumerate(disputed)
        if page_id in bases
    ]
