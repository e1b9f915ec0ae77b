"""Chance-corrected agreement from tables of counts, one at a time or thousands at once.

All take arrays of shape [..., n_labels, n_labels], so that a bootstrap over
pages is a sum of the pages' tables and not a new count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = [
    "Estimate",
    "alpha",
    "bootstrap",
    "cohen_kappa",
    "coincidences",
    "observed",
    "one_against_rest",
    "pair_table",
]

Floats = npt.NDArray[np.float64]

REPLICATES = 1000
"""Bootstrap samples: the ends of a 95 % interval then stand on 25 samples each."""

CHUNK = 100
"""Samples drawn at a time: 100 of 5,000 pages are 4 MB."""

SEED = 20_240_601
"""Of the bootstrap: the same readings give the same interval."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval; None where it can't be told.

    Undefined is a kappa or alpha of readers who all used one and the same
    label; the interval of fewer than two pages is not told.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


def pair_table(
    first: npt.NDArray[np.integer],
    second: npt.NDArray[np.integer],
    n_labels: int,
    weights: npt.NDArray[np.integer] | None = None,
) -> Floats:
    """Segments by both readers' labels, [first, second]; those one left out are not counted.

    Args:
        first, second: label indices in one segment order, below 0 for none.
        weights: what each segment counts for; None: one.
    """
    table = np.zeros((n_labels, n_labels))
    both = (first >= 0) & (second >= 0)
    values = np.ones(len(first)) if weights is None else weights.astype(np.float64)
    np.add.at(table, (first[both], second[both]), values[both])
    return table


def coincidences(
    votes: npt.NDArray[np.integer], n_labels: int, weights: npt.NDArray[np.integer] | None = None
) -> Floats:
    """Krippendorff's coincidence matrix of a page.

    Args:
        votes: [n_segments, n_readers] label indices, below 0 for none.
        weights: whole numbers; the matrix is that of each segment repeated so often.
    """
    counts = (votes[:, :, None] == np.arange(n_labels)).sum(axis=1).astype(np.float64)
    readers = counts.sum(axis=1)
    paired = readers > 1
    counts, readers = counts[paired], readers[paired]
    scale = (np.ones(len(votes)) if weights is None else weights.astype(np.float64))[paired]
    scale = scale / (readers - 1)
    matrix: Floats = np.einsum("uc,uk,u->ck", counts, counts, scale)
    matrix[np.diag_indices(n_labels)] -= (counts * scale[:, None]).sum(axis=0)
    return matrix


def observed(tables: Floats) -> Floats:
    """Share on the diagonal; NaN where the table is empty."""
    total = tables.sum(axis=(-2, -1))
    same = np.trace(tables, axis1=-2, axis2=-1)
    return _ratio(same, total)


def cohen_kappa(tables: Floats) -> Floats:
    """Chance-corrected agreement of two readers on the same segments.

    Returns:
        Kappa in [-1, 1]; NaN where undefined: no segments, or both used one
        and the same label throughout.

    Source:
        Cohen (1960), A Coefficient of Agreement for Nominal Scales.
    """
    total = tables.sum(axis=(-2, -1))
    by_chance = _ratio(
        (tables.sum(axis=-1) * tables.sum(axis=-2)).sum(axis=-1), np.asarray(total**2)
    )
    expected = 1 - by_chance
    return _ratio(observed(tables) - by_chance, np.where(np.abs(expected) < 1e-12, 0, expected))


def alpha(matrices: Floats) -> Floats:
    """Krippendorff's alpha for nominal data from coincidence matrices.

    Returns:
        Alpha, at most 1; NaN where undefined: fewer than two paired values, or
        one and the same label throughout.

    Source:
        Krippendorff (2011), Computing Krippendorff's Alpha-Reliability.
    """
    margins = matrices.sum(axis=-1)
    total = margins.sum(axis=-1)
    apart = total - np.trace(matrices, axis1=-2, axis2=-1)
    chance = total**2 - (margins**2).sum(axis=-1)
    chance = np.where(chance < 1e-9 * np.maximum(total, 1) ** 2, 0, chance)
    return 1 - _ratio((total - 1) * apart, chance)


def one_against_rest(tables: Floats, label: int) -> Floats:
    """The tables of one label against all others, [..., 2, 2]."""
    both = tables[..., label, label]
    first, second = tables[..., label, :].sum(axis=-1), tables[..., :, label].sum(axis=-1)
    total = tables.sum(axis=(-2, -1))
    rows = [[both, first - both], [second - both, total - first - second + both]]
    return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


def bootstrap(
    pages: Floats,
    statistic: Callable[[Floats], Floats],
    *,
    replicates: int = REPLICATES,
    seed: int = SEED,
) -> Estimate:
    """A statistic of summed tables, with a 95 % percentile interval over pages.

    Whole pages are drawn, since the segments of one page are not independent.

    Args:
        pages: one table a page, [n_pages, ...].
        statistic: of tables [n, ...], giving n values, NaN where undefined.
    """
    value = _told(statistic(pages.sum(axis=0)[None])[0])
    n = len(pages)
    if n < 2 or value is None:
        return Estimate(value)
    rng = np.random.default_rng(seed)
    flat = pages.reshape(n, -1)
    found: list[Floats] = []
    for first in range(0, replicates, CHUNK):
        size = min(CHUNK, replicates - first)
        drawn = rng.multinomial(n, np.full(n, 1 / n), size=size) @ flat
        found.append(statistic(drawn.reshape(size, *pages.shape[1:])))
    values = np.concatenate(found)
    values = values[~np.isnan(values)]
    if not len(values):
        return Estimate(value)
    low, high = np.percentile(values, [2.5, 97.5])
    return Estimate(value, _told(low), _told(high))


def _ratio(part: Floats, whole: Floats) -> Floats:
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    found: Floats = np.full(np.broadcast(part, whole).shape, np.nan)
    return np.divide(part, whole, out=found, where=whole != 0)


def _told(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
