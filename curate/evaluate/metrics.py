"""Figures from confusion counts and probabilities; nothing here knows what a page is.

Every interval is a percentile bootstrap over pages: the page is what was
sampled, its lines are not independent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.errors import EvaluateError

__all__ = [
    "BINS",
    "RESAMPLES",
    "Bin",
    "Interval",
    "LabelScore",
    "bootstrap",
    "calibration_error",
    "label_scores",
    "macro_f1",
    "paired_bootstrap",
    "reliability",
    "word_f1",
]

BINS = 15
"""Equal-mass bins of the reliability table."""

RESAMPLES = 1000
"""Bootstrap samples: the 95 % bounds then vary by about a tenth of their width."""

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True)
class LabelScore:
    """How well one label is found; `weight` is its share of the gold."""

    precision: float
    recall: float
    f1: float
    weight: float


@dataclass(frozen=True, slots=True)
class Bin:
    """One row of a reliability table.

    Attributes:
        count: segments in the bin.
        said: their mean probability of the winning label.
        right: share of them whose winning label is right.
    """

    count: int
    said: float
    right: float


def word_f1(predicted: Counter[str], reference: Counter[str]) -> float:
    """Bag-of-words F1 of one page; 1 where both are empty, 0 where one is."""
    if not predicted or not reference:
        return float(not predicted and not reference)
    hits = (predicted & reference).total()
    return 2 * hits / (predicted.total() + reference.total())


def label_scores(confusion: Matrix) -> list[LabelScore]:
    """Precision, recall and F1 of each label.

    Args:
        confusion: [n_labels, n_labels or more], gold by predicted; columns past
            the labels hold what was predicted to be nothing (text not found).
    """
    total = max(float(confusion.sum()), 1e-12)
    out = []
    for label in range(len(confusion)):
        hit = float(confusion[label, label])
        gold, said = float(confusion[label].sum()), float(confusion[:, label].sum())
        precision = hit / said if said else 0.0
        recall = hit / gold if gold else 0.0
        both = gold + said
        out.append(LabelScore(precision, recall, 2 * hit / both if both else 0.0, gold / total))
    return out


def macro_f1(confusion: Matrix) -> float:
    """Mean of the labels' F1."""
    return float(np.mean([score.f1 for score in label_scores(confusion)]))


def reliability(top: npt.NDArray[Any], right: npt.NDArray[Any], bins: int = BINS) -> list[Bin]:
    """The reliability table: bins of equal mass by probability of the winning label.

    Args:
        top: [n], probability of the winning label.
        right: [n], whether it is the gold label.
        bins: rows of the table; fewer where there are fewer segments.

    Raises:
        EvaluateError: lengths differ, or there is nothing to bin.
    """
    if len(top) != len(right) or not len(top):
        raise EvaluateError(
            f"{len(top)} probabilities and {len(right)} outcomes; both must be given for the "
            "same segments, and for at least one"
        )
    order = np.argsort(top, kind="stable")
    return [
        Bin(len(part), float(top[part].mean()), float(right[part].mean()))
        for part in np.array_split(order, min(bins, len(top)))
    ]


def calibration_error(table: Sequence[Bin]) -> float:
    """Expected calibration error: mean distance of said and right, weighted by mass."""
    total = sum(row.count for row in table)
    return sum(row.count / total * abs(row.said - row.right) for row in table)


def _resamples(n: int, resamples: int, seed: int) -> npt.NDArray[np.int64]:
    """Draws of pages with replacement, [resamples, n]; the same for the same seed."""
    return np.random.default_rng(seed).integers(0, n, (resamples, n))


def bootstrap(
    pages: npt.NDArray[Any],
    statistic: Callable[[npt.NDArray[Any]], float],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """A statistic of all pages with its interval over pages.

    Args:
        pages: [n_pages, ...], one entry a page.
        statistic: of such an array.
        resamples: bootstrap samples.
        seed: of the draws.
    """
    if not len(pages):
        raise EvaluateError("no page to score; check the gold folder and the filter")
    draws = [statistic(pages[index]) for index in _resamples(len(pages), resamples, seed)]
    low, high = np.percentile(draws, [2.5, 97.5])
    return Interval(statistic(pages), float(low), float(high))


def paired_bootstrap(
    first: npt.NDArray[Any],
    second: npt.NDArray[Any],
    statistic: Callable[[npt.NDArray[Any]], float],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """The difference first - second of a statistic, pages drawn together.

    Raises:
        EvaluateError: the two were not scored on the same pages.
    """
    if len(first) != len(second):
        raise EvaluateError(
            f"{len(first)} pages against {len(second)}; a paired difference needs both labelers "
            "on the same pages"
        )
    draws = [
        statistic(first[index]) - statistic(second[index])
        for index in _resamples(len(first), resamples, seed)
    ]
    low, high = np.percentile(draws, [2.5, 97.5])
    return Interval(statistic(first) - statistic(second), float(low), float(high))
