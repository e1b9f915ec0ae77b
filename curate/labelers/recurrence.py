"""Lines that recur over a site's pages: how they are named, counted and looked up.

A menu is on every page of its site, a story on one. What is counted is pages,
not occurrences, and only where a site has two pages or more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.labelers.fingerprints import line_fingerprints
from curate.schema import IntArray, SegmentedPage

__all__ = [
    "LineCounts",
    "SiteEvidence",
    "counts_of",
    "evidence_of",
    "evidence_of_site",
    "first_places",
    "line_keys",
    "site_counts",
]

HEAD_CHARS = 400
"""A long line is told by its head: two stories don't begin alike for that long."""

Keys = npt.NDArray[np.uint64]
Places = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LineCounts:
    """Lines that stand on at least two pages of one site.

    Attributes:
        n_pages: pages of the site, each text counted once.
        keys: uint64, ascending.
        seen: int32, pages that have the line.
        spread: float32, standard deviation over pages of the line's place, 0 to 1.
    """

    n_pages: int
    keys: Keys
    seen: npt.NDArray[np.int32]
    spread: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class SiteEvidence:
    """What the site's other pages say of one page's segments.

    Attributes:
        n_pages: pages of the site, this one among them.
        seen: int32 [n_segments], pages with the same line, this one among them.
        spread: float32 [n_segments], see `LineCounts`; 0 for lines of this page only.
    """

    n_pages: int
    seen: npt.NDArray[np.int32]
    spread: npt.NDArray[np.float32]


def line_keys(page: SegmentedPage) -> Keys:
    """uint64 [n_segments]: equal for equal lines, whatever their case, blanks and numbers.

    "12 comments" and "8 comments" are one line of the template.
    """
    return _keys(page.text, page.starts, page.ends)


def _keys(text: str, starts: IntArray, ends: IntArray) -> Keys:
    stops = np.minimum(ends, starts + HEAD_CHARS).tolist()
    return line_fingerprints(
        [text[start:stop] for start, stop in zip(starts.tolist(), stops, strict=True)]
    )


def first_places(text: str, starts: IntArray, ends: IntArray) -> tuple[Keys, Places]:
    """A page's different lines, ascending by key, and where each first stands, 0 to 1."""
    keys, first = np.unique(_keys(text, starts, ends), return_index=True)
    return keys, starts[first] / max(len(text), 1)


def site_counts(pages: Sequence[SegmentedPage]) -> LineCounts:
    """Counts over the pages of one site; pages of equal text count once."""
    different = list({page.text: page for page in pages}.values())
    found = [first_places(page.text, page.starts, page.ends) for page in different]
    keys = np.concatenate([np.zeros(0, np.uint64), *(part for part, _ in found)])
    place = np.concatenate([np.zeros(0), *(part for _, part in found)])
    names, row = np.unique(keys, return_inverse=True)
    seen = np.bincount(row, minlength=len(names))
    return counts_of(
        len(different), names, seen, _sums(row, place, names), _sums(row, place * place, names)
    )


def _sums(row: npt.NDArray[Any], values: Places, names: Keys) -> Places:
    out: Places = np.bincount(row, values, len(names)).astype(np.float64)
    return out


def counts_of(
    n_pages: int,
    keys: Keys,
    seen: npt.NDArray[np.integer],
    total: Places,
    squares: Places,
) -> LineCounts:
    """Counts from the sums of places and of their squares; lines of one page are left out."""
    kept = seen >= 2
    n = np.maximum(seen[kept], 1)
    mean = total[kept] / n
    variance = np.maximum(squares[kept] / n - mean * mean, 0.0)
    return LineCounts(
        n_pages, keys[kept], seen[kept].astype(np.int32), np.sqrt(variance).astype(np.float32)
    )


def evidence_of(page: SegmentedPage, counts: LineCounts | None) -> SiteEvidence:
    """What the counts of its site say of a page."""
    if counts is None or not len(counts.keys):
        n_pages = counts.n_pages if counts is not None else 1
        return SiteEvidence(n_pages, np.ones(len(page), np.int32), np.zeros(len(page), np.float32))
    keys = line_keys(page)
    at = np.minimum(np.searchsorted(counts.keys, keys), len(counts.keys) - 1)
    known = counts.keys[at] == keys
    return SiteEvidence(
        counts.n_pages,
        np.where(known, counts.seen[at], 1).astype(np.int32),
        np.where(known, counts.spread[at], 0.0).astype(np.float32),
    )


def evidence_of_site(pages: Iterable[SegmentedPage]) -> list[SiteEvidence]:
    """Evidence of all pages of one site, in memory: for training and small sites."""
    held = list(pages)
    counts = site_counts(held)
    return [evidence_of(page, counts) for page in held]
