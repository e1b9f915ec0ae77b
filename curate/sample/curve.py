"""The learning curve of reviewed pages, and what more of them will bring.

Error falls with a power of the pages learnt from: 1 - F1 = floor + scale *
(1 + n / 10) ** -power. The constant inside keeps it finite at no pages, where a
labeler that learnt elsewhere already stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Curve", "Estimate", "LabelForecast", "Measured", "fit_curve", "forecast"]

RESAMPLES = 200
"""Bootstrap samples of pages: bounds then vary by a fifth of their width, which is
enough for a plan; each costs a fit for every label."""

UNIT_PAGES = 10.0
POWERS = (0.25, 0.5, 0.75, 1.0, 1.5)
"""Powers that are tried; published learning curves of classifiers lie between."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """Error as a function of pages learnt from."""

    floor: float
    scale: float
    power: float

    def f1(self, n_pages: float) -> float:
        """F1 to expect."""
        error = self.floor + self.scale * (1 + n_pages / UNIT_PAGES) ** -self.power
        return float(np.clip(1.0 - error, 0.0, 1.0))


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Half the interval's width: the number after ±."""
        return (self.high - self.low) / 2


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Scores of models that learnt from part of the reviewed pages, on pages of other sites.

    Attributes:
        sizes: pages learnt from, ascending; the first may be 0, the labeler itself.
        confusion: float64 [n_sizes, n_pages, n_labels, n_labels], each page
            scored by models that did not learn from its site; truth by row.
    """

    sizes: Sequence[float]
    confusion: Floats


@dataclass(frozen=True, slots=True)
class LabelForecast:
    """What is known of one label (or the mean of all) and what more pages bring.

    Attributes:
        now: F1 with all reviewed pages, as the curve tells it at their number.
        then: for each number of further pages, F1 with them.
    """

    now: Estimate
    then: tuple[Estimate, ...]


def f1_of(confusion: Floats) -> Floats:
    """F1 of each label; [..., n_labels] from [..., n_labels, n_labels]."""
    hit = np.diagonal(confusion, axis1=-2, axis2=-1)
    both = confusion.sum(axis=-1) + confusion.sum(axis=-2)
    out: Floats = 2 * hit / np.maximum(both, 1e-9)
    return out


def fit_curve(sizes: Sequence[float], f1: Sequence[float]) -> Curve:
    """The curve with the least squared error; floor and scale are never negative.

    Larger sizes count more: they are closer to what is asked, and steadier.
    """
    n = np.asarray(sizes, np.float64)
    error = 1.0 - np.asarray(f1, np.float64)
    weight = np.sqrt(1.0 + n)
    best: tuple[float, Curve] | None = None
    for power in POWERS:
        falls = (1 + n / UNIT_PAGES) ** -power
        for floor, scale in _nonnegative(falls, error, weight):
            loss = float((weight * (floor + scale * falls - error) ** 2).sum())
            if best is None or loss < best[0] - 1e-12:
                best = (loss, Curve(floor, scale, power))
    assert best is not None
    return best[1]


def _nonnegative(falls: Floats, error: Floats, weight: Floats) -> list[tuple[float, float]]:
    """Candidates of a least-squares line with both coefficients at least 0."""
    total = weight.sum()
    mean_x, mean_y = (weight * falls).sum() / total, (weight * error).sum() / total
    spread = (weight * (falls - mean_x) ** 2).sum()
    out = [(float(max(mean_y, 0.0)), 0.0)]
    if spread > 1e-12:
        slope = float((weight * (falls - mean_x) * (error - mean_y)).sum() / spread)
        floor = float(mean_y - slope * mean_x)
        if slope >= 0 and floor >= 0:
            out.append((floor, slope))
    through = float((weight * falls * error).sum() / (weight * falls**2).sum())
    out.append((0.0, max(through, 0.0)))
    return out


def forecast(
    measured: Measured, n_pages: int, further: Sequence[float], *, seed: int = 0
) -> tuple[list[LabelForecast], LabelForecast]:
    """Each label's F1 now and with further pages, and the mean over labels.

    Intervals: percentile bootstrap over the pages scored on, the curve fitted
    anew each time. That covers which pages were scored, not the curve's form.

    Args:
        n_pages: pages reviewed.
        further: numbers of further pages.
    """
    n_scored, n_labels = measured.confusion.shape[1:3]
    draws = np.random.default_rng(seed).integers(0, n_scored, (RESAMPLES, n_scored))
    at = [float(n_pages), *(n_pages + more for more in further)]
    point = _at(measured.sizes, measured.confusion.sum(axis=1), at)
    spread = np.array(
        [_at(measured.sizes, measured.confusion[:, rows].sum(axis=1), at) for rows in draws]
    )
    labels = [_estimates(point[:, label], spread[:, :, label]) for label in range(n_labels)]
    return labels, _estimates(point.mean(axis=1), spread.mean(axis=2))


def _at(sizes: Sequence[float], confusion: Floats, at: Sequence[float]) -> Floats:
    """F1 at each number of pages by the fitted curves, [n_at, n_labels]."""
    f1 = f1_of(confusion)
    curves = [fit_curve(sizes, f1[:, label].tolist()) for label in range(f1.shape[1])]
    return np.array([[curve.f1(n) for curve in curves] for n in at])


def _estimates(point: Floats, spread: Floats) -> LabelForecast:
    low, high = np.percentile(spread, [2.5, 97.5], axis=0)
    found = [
        Estimate(float(value), float(min(a, value)), float(max(b, value)))
        for value, a, b in zip(point, low, high, strict=True)
    ]
    return LabelForecast(found[0], tuple(found[1:]))
