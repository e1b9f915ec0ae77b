"""The pages that are weighed against each other: all, or a bounded part of a large input."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np

from curate.sample.base import Candidate
from curate.text import digest

__all__ = ["Pool", "keep", "order_key"]

TOP_PART = 4
"""Of a bounded pool every way of being needed keeps a quarter as many pages as
the random part: rounds are hundreds of pages at most, so that is plenty."""

MIN_SHARE = 0.01
"""Of the expected segments, that a label is weighed as having at least: a label that
is expected hardly anywhere must not outweigh all others."""


def order_key(seed: int, page_key: str) -> str:
    """Place of a page in the seed's random order."""
    return digest(str(seed), page_key)


class Pool:
    """Takes any number of candidates, keeps at most a few times `size`.

    Kept are the first `size` in the seed's random order, those with most
    expected errors a minute, and for each label those with most errors in it
    and most of it a minute. Up to `size` candidates all are kept, so that the
    choice is exact there. What is kept does not depend on the order of arrival.
    """

    def __init__(self, size: int, seed: int) -> None:
        self._size = size
        self._seed = seed
        self._random: list[tuple[float, str, Candidate]] = []
        self._tops: dict[str, list[tuple[float, str, Candidate]]] = {}
        self.seen = 0
        self.expected: list[float] = []

    def add(self, candidate: Candidate) -> None:
        """Weigh one more page."""
        self.seen += 1
        if len(self.expected) < len(candidate.expected):
            self.expected += [0.0] * (len(candidate.expected) - len(self.expected))
        for at, value in enumerate(candidate.expected):
            self.expected[at] += value
        key = order_key(self._seed, candidate.page_key)
        keep(self._random, (-int(key[:12], 16), key, candidate), self._size)
        minutes = candidate.minutes
        scores: dict[str, float] = {"errors": candidate.expected_errors / minutes}
        for at, value in enumerate(candidate.misses):
            scores[f"misses {at}"] = value / minutes
        for at, value in enumerate(candidate.expected):
            scores[f"expected {at}"] = value / minutes
        if candidate.propagated:
            scores["propagated"] = candidate.propagated
        if candidate.carries[0]:
            scores["carries"] = candidate.carries[0] / minutes
        for name, score in scores.items():
            heap = self._tops.setdefault(name, [])
            keep(heap, (score, key, candidate), max(1, self._size // TOP_PART))

    def candidates(self) -> list[Candidate]:
        """What was kept, in the seed's random order."""
        heaps = [self._random, *self._tops.values()]
        kept = {key: candidate for heap in heaps for _, key, candidate in heap}
        return [kept[key] for key in sorted(kept)]

    def scarcity(self, balance: float) -> Sequence[float]:
        """What an error in each label counts; the mean over expected segments is 1."""
        expected = np.array(self.expected)
        if not expected.sum():
            return [1.0] * len(expected)
        share = np.maximum(expected / expected.sum(), MIN_SHARE)
        weight = share**-balance
        out: list[float] = (weight / (weight * share).sum()).tolist()
        return out


def keep(
    heap: list[tuple[float, str, Candidate]], row: tuple[float, str, Candidate], size: int
) -> None:
    """Hold the `size` greatest rows (score, key, candidate) in a heap."""
    if len(heap) < size:
        heapq.heappush(heap, row)
    elif row[:2] > heap[0][:2]:
        heapq.heapreplace(heap, row)
