"""One person's decision on a recurring line, for that line on the site's other pages.

A decision is taken over where text, link and surroundings agree, and only as
long as pages that people read later don't show that it is wrong too often.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated

from annotated_types import Interval

from curate.sample.lines import PageLines, page_lines
from curate.schema import FinalLabels, SegmentedPage
from curate.text import digest

__all__ = [
    "Audit",
    "Decision",
    "PropagationConfig",
    "ReadPage",
    "SiteDecisions",
    "decide",
    "propagated",
    "take_over",
]

PRIOR_LINES = 50.0
PRIOR_ERROR = 0.01
"""What is thought of a site's propagated lines before any was tested, with the
weight of so many tested ones: the error that was measured on the bundled sites and
16 sites of the development pages, rounded up (tests/sample/test_propagation_sites.py)."""

AUDIT_PAGES = 30
"""Reviewed pages of a site that are held out in turn, at most: 30 pages test
thousands of lines, and the work grows with pages x pages held out."""


MACHINE = ("model", "rule")
"""Origins that a propagated label may replace; people's work never."""


@dataclass(frozen=True, slots=True)
class PropagationConfig:
    """Options of the `propagation` group.

    Attributes:
        enabled: whether people's decisions are taken over to other pages.
        min_pages: pages on which people must have decided, for `quick_labels`.
        quick_labels: labels of the template, which mean the same wherever the
            line stands.
        slow_pages: the same for all other labels: a line that is content on one
            page is often a link to it on the next.
        min_agreement: share of those pages that must give the label.
        max_error: share of wrong lines, as measured on reviewed pages, above
            which a label is no longer propagated on a site.
    """

    enabled: bool = True
    min_pages: Annotated[int, Interval(ge=1)] = 1
    quick_labels: tuple[str, ...] = ("boilerplate", "teaser")
    slow_pages: Annotated[int, Interval(ge=1)] = 3
    min_agreement: Annotated[float, Interval(gt=0.5, le=1)] = 0.9
    max_error: Annotated[float, Interval(ge=0, le=1)] = 0.03


@dataclass(frozen=True, slots=True)
class ReadPage:
    """A reviewed page: its lines and people's word on each (None: none, or several)."""

    page_key: str
    lines: PageLines
    labels: Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Decision:
    """What people said of one line of a site, and where it stood.

    Attributes:
        label: the label that is taken over.
        before, after: keys of the lines beside it on reviewed pages.
        places: elements that held it, if each reviewed page has it once; else empty.
    """

    label: str
    before: frozenset[str]
    after: frozenset[str]
    places: frozenset[str]


@dataclass(frozen=True, slots=True)
class Audit:
    """How propagation did on pages that people read themselves: lines tested and wrong."""

    tested: int = 0
    wrong: int = 0

    @property
    def error(self) -> float:
        """Estimated share of wrong lines."""
        return (self.wrong + PRIOR_ERROR * PRIOR_LINES) / (self.tested + PRIOR_LINES)


@dataclass(frozen=True, slots=True)
class SiteDecisions:
    """All that is taken over on one site.

    Attributes:
        decisions: line to decision; those of stopped labels are left out.
        scores: label to the estimated probability that a propagated label is right.
        audits: label to what reviewed pages showed.
        stopped: labels whose measured error is too high here.
    """

    decisions: Mapping[str, Decision]
    scores: Mapping[str, float]
    audits: Mapping[str, Audit] = field(default_factory=dict)
    stopped: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Digest of what is applied."""
        rows = [
            "\n".join(
                [key, d.label, *sorted(d.before), "", *sorted(d.after), "", *sorted(d.places)]
            )
            for key, d in sorted(self.decisions.items())
        ]
        return digest(*rows, *(f"{k} {v:.6f}" for k, v in sorted(self.scores.items())))


def decide(pages: Iterable[ReadPage], config: PropagationConfig) -> SiteDecisions:
    """What one site's reviewed pages decide, and how well that does on each other.

    Every reviewed page tests the others: it is held out, the rest is propagated
    to it, and compared with what people said there.
    """
    read = sorted(pages, key=lambda page: page.page_key)
    tested: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    order = sorted(range(len(read)), key=lambda at: digest(read[at].page_key))
    for at in order[:AUDIT_PAGES] if len(read) > 1 else ():
        others = _decisions([page for n, page in enumerate(read) if n != at], config)
        given = propagated(read[at].lines, others)
        for label, truth in zip(given, read[at].labels, strict=True):
            if label is not None and truth is not None:
                tested[label] += 1
                wrong[label] += label != truth
    audits = {label: Audit(tested[label], wrong[label]) for label in sorted(tested)}
    found = _decisions(read, config)
    labels = sorted({decision.label for decision in found.values()})
    error = {label: audits.get(label, Audit()).error for label in labels}
    # A label that was tested and is decided no more stays told, if it was wrong.
    stopped = tuple(
        label
        for label in sorted({*labels, *audits})
        if audits.get(label, Audit()).error > config.max_error
    )
    return SiteDecisions(
        {key: decision for key, decision in found.items() if decision.label not in stopped},
        {label: 1.0 - error[label] for label in labels if label not in stopped},
        audits,
        stopped,
    )


def _decisions(pages: Sequence[ReadPage], config: PropagationConfig) -> dict[str, Decision]:
    votes: dict[str, Counter[str | None]] = {}
    before: dict[str, set[str]] = {}
    after: dict[str, set[str]] = {}
    places: dict[str, set[str]] = {}
    several: set[str] = set()
    for page in pages:
        said: dict[str, set[str | None]] = {}
        keys = page.lines.keys
        for at, key in enumerate(keys):
            if key in said:
                several.add(key)
            said.setdefault(key, set()).add(page.labels[at])
            if at:
                before.setdefault(key, set()).add(keys[at - 1])
            if at + 1 < len(keys):
                after.setdefault(key, set()).add(keys[at + 1])
            places.setdefault(key, set()).add(page.lines.places[at])
        for key, labels in said.items():
            # A line with two labels on one page has none to pass on.
            label = next(iter(labels)) if len(labels) == 1 else None
            votes.setdefault(key, Counter())[label] += 1
    out = {}
    for key, count in votes.items():
        label, n = min(count.items(), key=lambda row: (-row[1], row[0] or ""))
        if label is None or n < config.min_agreement * count.total():
            continue
        needed = config.min_pages if label in config.quick_labels else config.slow_pages
        if n >= needed:
            out[key] = Decision(
                label,
                frozenset(before.get(key, ())),
                frozenset(after.get(key, ())),
                frozenset() if key in several else frozenset(places[key]),
            )
    return out


def propagated(
    lines: PageLines, decisions: Mapping[str, Decision] | SiteDecisions
) -> list[str | None]:
    """The label that each line of an unread page takes over, None where it takes none.

    A decision is taken over where the surroundings agree as well: a line beside it
    stood beside it before, or those on both sides have the same decision; or the
    line stood once on each reviewed page and stands once here, in an element like
    those. The page's own headline takes nothing over: where it was a line in a
    list, it was about this page.
    """
    known = decisions.decisions if isinstance(decisions, SiteDecisions) else decisions
    keys = lines.keys
    out: list[str | None] = [None] * len(keys)
    if not known:
        return out
    times = Counter(keys)
    for at, key in enumerate(keys):
        decision = known.get(key)
        if decision is None or lines.is_title[at]:
            continue
        left = keys[at - 1] if at else ""
        right = keys[at + 1] if at + 1 < len(keys) else ""
        fits = left in decision.before or right in decision.after
        fits = fits or (times[key] == 1 and lines.places[at] in decision.places)
        # Where only one side is known, 15 % of the characters were wrong.
        beside = [known.get(side) for side in (left, right) if side]
        same = [side is not None and side.label == decision.label for side in beside]
        if fits or (same and all(same)):
            out[at] = decision.label
    return out


def take_over(
    page: SegmentedPage, final: FinalLabels, site: SiteDecisions, *, main_label: str = "article"
) -> FinalLabels:
    """The labels with the site's decisions in place of the labeler's word.

    Text that a person has labelled, or taken the label from, stays as it is.
    """
    free = [
        origin in MACHINE and label is not None
        for origin, label in zip(final.origins, final.labels, strict=True)
    ]
    if not any(free) or not site.decisions:
        return final
    given = propagated(page_lines(page), site)
    by_start = {
        (int(start), int(end)): label
        for start, end, label in zip(page.starts, page.ends, given, strict=True)
        if label is not None
    }
    labels, origins = list(final.labels), list(final.origins)
    scores, main = list(final.scores), list(final.main)
    for at, is_free in enumerate(free):
        label = by_start.get((int(final.starts[at]), int(final.ends[at])))
        if not is_free or label is None:
            continue
        if label != labels[at]:
            main[at] = label == main_label
        labels[at], origins[at], scores[at] = label, "propagated", site.scores[label]
    return replace(final, labels=labels, origins=origins, scores=scores, main=main)
