"""Labels that people gave and that look wrong: reviewed pages for a second look.

A segment is suspect where a model that did not learn from it is as sure of
another label as it is, on average, of segments that people gave that label
(confident learning: Northcutt, Jiang and Chuang 2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Checked", "Suspect", "suspect_segments", "why_again"]

MIN_MARGIN = 0.4
"""By how much the other label must be more probable. On made-up pages with 3 % of
labels changed at random, 9 of 10 of the most suspect half are changed ones
(tests/sample/test_suspects.py)."""

TOLD = 3
"""Segments named for one page; who reads it sees the others beside them."""

TOLD_CHARS = 40


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """A reviewed page beside what a model says that did not learn from it.

    Attributes:
        labels: people's label of each segment as an index, -1 where none.
        scores: float [n_segments, n_labels].
        settled: two or more people agree on the segment, or an adjudicator spoke.
        texts: the segments, for the reason.
    """

    page_id: str
    labels: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    settled: npt.NDArray[np.bool_]
    texts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Suspect:
    """One segment whose label looks wrong."""

    index: int
    given: int
    likely: int
    probability: float
    margin: float


def suspect_segments(pages: Sequence[Checked]) -> dict[str, list[Suspect]]:
    """Suspect segments of each page that has some, gravest first; pages by gravity.

    A page's gravity is the sum of its margins: one slip is a slip, five are a
    misunderstanding.
    """
    known = [page for page in pages if (page.labels >= 0).any()]
    if not known:
        return {}
    labels = np.concatenate([page.labels for page in known])
    scores = np.concatenate([page.scores for page in known])
    n_labels = scores.shape[1]
    # Sureness to expect; a label that nobody gave can't be suspected.
    sure = np.array(
        [
            scores[labels == label, label].mean() if (labels == label).any() else np.inf
            for label in range(n_labels)
        ]
    )
    found: dict[str, list[Suspect]] = {}
    for page in known:
        rows = np.flatnonzero((page.labels >= 0) & ~page.settled)
        if not len(rows):
            continue
        own = page.scores[rows, page.labels[rows]]
        other = np.where(page.scores[rows] >= sure, page.scores[rows], -1.0)
        other[np.arange(len(rows)), page.labels[rows]] = -1.0
        likely = other.argmax(axis=1)
        margin = other.max(axis=1) - own
        here = [
            Suspect(int(row), int(page.labels[row]), int(to), float(page.scores[row, to]), float(m))
            for row, to, m in zip(rows, likely, margin, strict=True)
            if m >= MIN_MARGIN
        ]
        if here:
            found[page.page_id] = sorted(here, key=lambda s: (-s.margin, s.index))
    order = sorted(found, key=lambda name: (-sum(s.margin for s in found[name]), name))
    return {name: found[name] for name in order}


def why_again(page: Checked, suspects: Sequence[Suspect], names: Sequence[str]) -> str:
    """The reason for a second look, with the segments named."""
    told = [
        f"line {s.index + 1} “{_short(page.texts[s.index])}” "
        f"{names[s.given]}, likely {names[s.likely]} ({s.probability:.0%})"
        for s in suspects[:TOLD]
    ]
    more = f" and {len(suspects) - TOLD} more" if len(suspects) > TOLD else ""
    return "second look: " + "; ".join(told) + more


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= TOLD_CHARS else text[: TOLD_CHARS - 1].rstrip() + "…"
