"""Each reader against all others: agreement, drift over time, speed from lead times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np
import numpy.typing as npt

from curate.review.statistics import Estimate, bootstrap, pair_table
from curate.review.votes import AGAIN, PageVotes

__all__ = ["Reader", "Window", "readers_of"]

Floats = npt.NDArray[np.float64]

WINDOWS = 5
"""Parts that a reader's pages are cut into, in order of time, to see drift."""

WINDOW_PAGES = 5
"""Pages in each part at least; with fewer a part says nothing."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a reader's work in order of time.

    Attributes:
        agreement: share of segments on which the reader and another agree.
        chars_per_minute: median over its pages; None without lead times.
    """

    n_pages: int
    agreement: float | None
    chars_per_minute: float | None


@dataclass(frozen=True, slots=True)
class Reader:
    """One reader against all others.

    Attributes:
        n_pages: read; n_shared: of them read by another too.
        share: of segments on which the reader and another agree.
        drift: agreement of the last window less that of the first.
        minutes: median time for a page, from its lead time; None if never told.
        alone: segments on which all others agree and this reader differs.
        table: segments by [the reader's label, another's], over all others.
    """

    annotator: str
    n_pages: int
    n_shared: int
    share: Estimate
    alone: int
    minutes: float | None
    chars_per_minute: float | None
    drift: Estimate
    windows: tuple[Window, ...]
    table: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class _PageOf:
    """A page as one reader's work.

    Attributes:
        same, compared: over all other readers, segments with the same label, and all.
        alone: segments on which two or more others agree and this reader differs.
    """

    when: float
    same: int
    compared: int
    alone: int
    minutes: float | None
    chars: int
    table: Floats


def readers_of(pages: Sequence[PageVotes], n: int) -> tuple[Reader, ...]:
    """Every reader of these pages, by name."""
    work: dict[str, list[_PageOf]] = defaultdict(list)
    for page in pages:
        for column, name in enumerate(page.annotators):
            work[name].append(_page_of(page, column, n))
    return tuple(_reader(name, sorted(work[name], key=lambda p: p.when)) for name in sorted(work))


def _page_of(page: PageVotes, column: int, n: int) -> _PageOf:
    mine = page.votes[:, column]
    others = np.delete(page.votes, column, axis=1)
    compared = (others >= 0) & (mine >= 0)[:, None]
    counts = (others[:, :, None] == np.arange(n)).sum(axis=1)
    unanimous = (counts.max(axis=1, initial=0) == counts.sum(axis=1)) & (counts.sum(axis=1) > 1)
    alone = unanimous & (mine >= 0) & (counts[np.arange(len(mine)), np.maximum(mine, 0)] == 0)
    reading = page.readings[column]
    # The time of a page read again is that of its second opening only.
    lead = reading.lead_time_s if reading.origin != AGAIN else None
    return _PageOf(
        when=reading.updated_at.timestamp(),
        same=int(((others == mine[:, None]) & compared).sum()),
        compared=int(compared.sum()),
        alone=int(alone.sum()),
        minutes=lead / 60 if lead else None,
        chars=len(reading.text),
        table=sum((pair_table(mine, other, n) for other in others.T), np.zeros((n, n))),
    )


def _reader(name: str, pages: Sequence[_PageOf]) -> Reader:
    shared = [page for page in pages if page.compared]
    parts = _parts(shared)
    return Reader(
        annotator=name,
        n_pages=len(pages),
        n_shared=len(shared),
        share=bootstrap(_same(shared), _share),
        alone=sum(page.alone for page in pages),
        minutes=_median([p.minutes for p in pages]),
        chars_per_minute=_speed(pages),
        drift=_drift(parts),
        windows=tuple(
            Window(len(part), bootstrap(_same(part), _share).value, _speed(part)) for part in parts
        ),
        table=tuple(
            tuple(int(x) for x in row) for row in np.stack([p.table for p in pages]).sum(axis=0)
        ),
    )


def _parts(pages: Sequence[_PageOf]) -> list[Sequence[_PageOf]]:
    """The pages in order of time, cut into windows of nearly equal size; none for few pages."""
    n = min(WINDOWS, len(pages) // WINDOW_PAGES)
    if n < 2:
        return []
    edges = [round(i * len(pages) / n) for i in range(n + 1)]
    return [pages[a:b] for a, b in pairwise(edges)]


def _same(pages: Sequence[_PageOf]) -> Floats:
    rows = [[page.same, page.compared] for page in pages]
    return np.array(rows, np.float64).reshape(-1, 2)


def _share(rows: Floats) -> Floats:
    found: Floats = np.full(len(rows), np.nan)
    return np.divide(rows[:, 0], rows[:, 1], out=found, where=rows[:, 1] > 0)


def _drift(parts: Sequence[Sequence[_PageOf]]) -> Estimate:
    """Last window less the first, both drawn anew in each bootstrap sample."""
    if len(parts) < 2:
        return Estimate(None)
    first, last = _same(parts[0]), _same(parts[-1])
    rng = np.random.default_rng(len(first) * 1000 + len(last))

    def drawn(rows: Floats) -> Floats:
        weights = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=1000)
        return _share(weights @ rows)

    values = drawn(last) - drawn(first)
    low, high = np.percentile(values[~np.isnan(values)], [2.5, 97.5])
    value = float(_share(last.sum(axis=0)[None])[0] - _share(first.sum(axis=0)[None])[0])
    return Estimate(value, float(low), float(high))


def _speed(pages: Sequence[_PageOf]) -> float | None:
    return _median([p.chars / p.minutes if p.minutes else None for p in pages])


def _median(values: Sequence[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return median(told) if told else None
