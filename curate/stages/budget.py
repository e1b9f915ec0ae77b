"""What further reviewed pages will bring, from those that are reviewed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from curate.labelers.base import LABEL_NAMES
from curate.runs.store import Store
from curate.sample.base import Candidate, SampleConfig
from curate.sample.choose import Seen, choose
from curate.sample.curve import Estimate, forecast
from curate.stages.context import Context, Display, Outcome
from curate.stages.learning import learnable, measure_curve
from curate.stages.pipeline import predicted_pages
from curate.stages.reviewed import ReviewedPage, people_said, reviewed_pages
from curate.stages.reviewing import Reviewing
from curate.stages.sampling import candidates
from curate.stages.settings import Settings

__all__ = ["Budget", "LabelBudget", "Step", "plan_budget"]

MIN_PAGES, MIN_SITES = 12, 4
"""Reviewed pages and sites below which a learning curve is noise: with three pages
to score on in each of four parts, one odd page moves F1 by a tenth."""

MIN_LABEL_PAGES = 5
"""Pages with a label below which its own figures are not told."""

CHOSEN_WORTH = 1.0
"""Random pages that a chosen page is worth, as far as learning goes."""

SEEN_SHARE = 0.5
"""Pages that turn out to hold a rare label where one segment of it is expected."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a number of further pages brings to one label.

    Attributes:
        pages: further pages.
        f1: what to expect of the labeler retrained with them.
        known_to: half width of the 95 % interval that F1 will then be known to.
    """

    pages: int
    f1: Estimate
    known_to: float


@dataclass(frozen=True, slots=True)
class LabelBudget:
    """One label: what is known, and what pages chosen so, or drawn at random, bring.

    Attributes:
        label: name, or `mean of all`.
        segments, pages: reviewed segments that carry it, pages that hold it.
        now: F1 of the labeler retrained on all reviewed pages; None where too
            few pages hold the label.
    """

    label: str
    segments: int
    pages: int
    now: Estimate | None
    chosen: tuple[Step, ...] = ()
    random: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Budget:
    """The plan.

    Attributes:
        too_few: why there is no plan yet; empty where there is one.
        strategy: the strategy that chosen pages come from.
        further: numbers of further pages.
        minutes: reading time of the chosen pages, for each number.
        left: pages that nobody has reviewed.
    """

    name: str
    pages: int
    sites: int
    left: int
    strategy: str
    too_few: str
    further: tuple[int, ...] = ()
    minutes: tuple[float, ...] = ()
    labels: tuple[LabelBudget, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def plan_budget(
    settings: Settings,
    display: Display,
    last_recipes: Mapping[str, Any],
    further: Sequence[int],
) -> Budget:
    """What further reviewed pages will bring.

    Args:
        further: numbers of further pages.

    Raises:
        CurateError: input, configuration or store can't be used.
    """
    context = Context(
        settings, Store.of(settings.paths.store, settings.paths.state), display, last_recipes
    )
    segments, predictions = predicted_pages(context)
    with closing(Reviewing(context)) as reviewing:
        annotations = reviewing.annotations()
    return budget_of(settings, segments, predictions, annotations, further)


def budget_of(
    settings: Settings,
    segments: Outcome,
    predictions: Outcome,
    annotations: Mapping[str, Sequence[Any]],
    further: Sequence[int],
) -> Budget:
    """The plan from stored shards and people's work."""
    label_set = settings.label_set
    pairs = list(zip(segments.shards, predictions.shards, strict=True))
    read = list(reviewed_pages(pairs, annotations, settings))
    sites = len({page.site for page in read})
    done = {page.page_id for page in read}
    everything = list(candidates(pairs, label_set))
    free = [page for page in everything if page.page_id not in done]
    budget = Budget(
        settings.name, len(read), sites, len(free), settings.sample.strategy, _too_few(read, sites)
    )
    if not budget.too_few and set(label_set.names) != set(LABEL_NAMES):
        why = (
            f"the plan knows the labels {', '.join(LABEL_NAMES)} only, not schema={label_set.name}"
        )
        budget = replace(budget, too_few=why)
    if budget.too_few:
        return budget
    further = tuple(sorted({min(n, len(free)) for n in further if n > 0} - {0}))
    fits = [fit for page in read if (fit := learnable(page, label_set)) is not None]
    measured = measure_curve(fits, settings.sample.seed)
    said = people_said(pairs, annotations, settings)
    seen = Seen(done, by_label=said.by_label, audited=said.audited)
    order = _chosen(everything, settings.sample, label_set.names, seen, further)
    at_random, _ = forecast(measured, len(fits), further)
    as_chosen, _ = forecast(measured, len(fits), [n * CHOSEN_WORTH for n in further])
    _, mean_random = forecast(measured, len(fits), further)
    _, mean_chosen = forecast(measured, len(fits), [n * CHOSEN_WORTH for n in further])
    rows = []
    for at, label in enumerate(label_set.names):
        index = LABEL_NAMES.index(label)
        counts = [sum(said == label for said in page.labels) for page in read]
        have = sum(count > 0 for count in counts)
        enough = have >= MIN_LABEL_PAGES
        share = float(np.mean([_holds(page, at) for page in free])) if free else 0.0
        now = at_random[index].now if enough else None
        rows.append(
            LabelBudget(
                label,
                sum(counts),
                have,
                now,
                _steps(
                    further,
                    as_chosen[index].then,
                    at_random[index].now,
                    have,
                    [sum(_holds(page, at) for page in order[:n]) for n in further],
                )
                if enough
                else (),
                _steps(
                    further,
                    at_random[index].then,
                    at_random[index].now,
                    have,
                    [share * n for n in further],
                )
                if enough
                else (),
            )
        )
    rows.append(
        LabelBudget(
            "mean of all",
            sum(row.segments for row in rows),
            len(read),
            mean_random.now,
            _steps(further, mean_chosen.then, mean_random.now, len(read), list(further)),
            _steps(further, mean_random.then, mean_random.now, len(read), list(further)),
        )
    )
    minutes = tuple(sum(page.minutes for page in order[:n]) for n in further)
    return replace(budget, further=further, minutes=minutes, labels=tuple(rows))


def _too_few(read: Sequence[ReviewedPage], sites: int) -> str:
    if len(read) >= MIN_PAGES and sites >= MIN_SITES:
        return ""
    return (
        f"{len(read)} pages of {sites} sites are reviewed; a learning curve needs {MIN_PAGES} "
        f"pages of {MIN_SITES} sites, and is worth something from about 30 pages on"
    )


def _chosen(
    pages: Sequence[Candidate],
    config: SampleConfig,
    labels: Sequence[str],
    seen: Seen,
    further: Sequence[int],
) -> list[Candidate]:
    """The pages that the sample would take next, in its order."""
    config = replace(config, pages=max(further, default=0), suspects=0)
    by_id = {page.page_id: page for page in pages}
    return [by_id[choice.page_id] for choice in choose(pages, config, labels, seen)]


def _holds(page: Candidate, label: int) -> float:
    """Chance that the page holds the label."""
    return min(1.0, SEEN_SHARE * page.expected[label])


def _steps(
    further: Sequence[int],
    then: Sequence[Estimate],
    now: Estimate,
    have: float,
    added: Sequence[float],
) -> tuple[Step, ...]:
    """The interval narrows with the root of the pages that hold the label."""
    return tuple(
        Step(n, estimate, now.half * (have / (have + max(more, 0.0))) ** 0.5)
        for n, estimate, more in zip(further, then, added, strict=True)
    )
