"""Sums of the base columns over stretches of segments, and their means as features."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Batch, Floats, Ints
from curate.labelers.marks import BASE, W_MAIN

__all__ = ["Profile", "Sums", "profile_names", "profile_of"]

Doubles = npt.NDArray[np.float64]
Where = Ints | slice

_PROFILE = ("segments", "length", *BASE[2:])
SHARES = ("share", "body_share")
_PER_WORD, _PER_ONE = range(2, 7), range(7, W_MAIN)
_BODY = len(_PROFILE) + SHARES.index("body_share")

REACH = 31
"""Segments that a window may reach to either side."""


def profile_names(name: str, shares: bool = False) -> list[str]:
    """Names of the features of a `Profile`, with shares of the page where told."""
    return [f"{name}_{column}" for column in (*_PROFILE, *(SHARES if shares else ()))]


class Sums:
    """Sums of the base columns over any stretch of consecutive segments, by one subtraction.

    Attributes:
        before: float64 [n_base, n_segments + 1], sums over what stands before.
        pages: float64 [n_base, n_pages], over whole pages.
    """

    def __init__(self, base: Floats, batch: Batch) -> None:
        self.before: Doubles = np.zeros((len(base), len(batch) + 1), np.float64)
        np.cumsum(base, axis=1, out=self.before[:, 1:])
        self.pages: Doubles = self.before[:, batch.stop] - self.before[:, batch.first]
        self._batch = batch
        self._padded: Doubles | None = None

    def over(self, start: Where, stop: Where, rows: Ints) -> Doubles:
        """float64 [n_rows, n]: sums over `[start, stop)` of some base columns."""
        before = self.before[rows]
        return before[:, stop] - before[:, start]

    def windows(self, bounds: Sequence[tuple[int, int]], rows: Ints) -> Doubles:
        """Sums over the segments from `begin` to before `end`, counted from each segment.

        What lies beyond the page counts nothing.

        Args:
            bounds: begin and end of each window.
            rows: base columns.

        Returns:
            float64 [n_rows, n_windows, n_segments].
        """
        if self._padded is None:
            self._padded = self.before.take(self._edges(), axis=1)
        padded, n = self._padded[rows], len(self._batch)
        out = np.empty((len(rows), len(bounds), n))
        if len(self._batch.pages) == 1:
            for at, (begin, end) in enumerate(bounds):
                low, high = REACH + begin, REACH + end
                np.subtract(padded[:, high : high + n], padded[:, low : low + n], out=out[:, at])
            return out
        here = np.arange(n) + (2 * REACH + 1) * self._batch.page_of + REACH
        for at, (begin, end) in enumerate(bounds):
            np.subtract(padded[:, here + end], padded[:, here + begin], out=out[:, at])
        return out

    def _edges(self) -> Ints:
        """Places in `before` page by page, each with its first and last repeated around it."""
        bounds = zip(self._batch.first.tolist(), self._batch.stop.tolist(), strict=True)
        return np.concatenate(
            [np.arange(low - REACH, high + REACH + 1).clip(low, high) for low, high in bounds]
        )


class Profile:
    """Some features of a stretch: means of the base columns, NaN where it is empty.

    Attributes:
        rows: base columns that are summed up for it: the first two, then what is wanted.
    """

    def __init__(self, wanted: Ints) -> None:
        """Prepare for the wanted features, ascending numbers into `profile_names`."""
        told = wanted.tolist()
        self._told = told
        per_word = [at for at in told if at in _PER_WORD]
        per_one = [at for at in told if at in _PER_ONE]
        heavy = [at for at in told if W_MAIN <= at < len(_PROFILE)]
        self._cuts = np.cumsum([len(per_word), len(per_one), len(heavy)]).tolist()
        rows = [0, 1, *per_word, *per_one, *heavy]
        # The likely body is summed up for its share even where its mean is not wanted.
        self._body = rows.index(W_MAIN) if W_MAIN in rows else len(rows)
        if _BODY in told and W_MAIN not in rows:
            rows.append(W_MAIN)
        self.rows: Ints = np.array(rows, np.int64)

    def of(
        self, sums: Doubles, words: Doubles | None = None, body: Doubles | None = None
    ) -> Floats:
        """Features from sums, float32 [n_wanted, n] (or [n_wanted, n_windows, n]).

        Args:
            sums: float64 [len(rows), n] (or [len(rows), n_windows, n]).
            words, body: float64 [n], words and likely body of the page, for the shares.
        """
        told = self._told
        out: Floats = np.empty((len(told), *sums.shape[1:]), np.float32)
        one, n_words = sums[0], sums[1]
        at = 0
        with np.errstate(divide="ignore", invalid="ignore"):
            per_one, per_word = 1.0 / one, 1.0 / n_words
            if 0 in told:
                np.log1p(one, out=out[at], casting="same_kind")
                at += 1
            if 1 in told:
                np.log1p(n_words * per_one, out=out[at], casting="same_kind")
                at += 1
            begin = 0
            for end, per in zip(self._cuts, (per_word, per_one, per_word), strict=True):
                values = sums[2 + begin : 2 + end]
                np.multiply(values, per, out=out[at + begin : at + end], casting="same_kind")
                begin = end
            at += begin
            if words is not None and body is not None:
                if _BODY - 1 in told:
                    np.divide(n_words, words, out=out[at], casting="same_kind")
                    at += 1
                if _BODY in told:
                    np.divide(sums[self._body], body, out=out[at], casting="same_kind")
        return out


@lru_cache(maxsize=256)
def profile_of(wanted: bytes) -> Profile:
    """The profile of these features, int64 numbers as bytes; a model asks for the same ones."""
    return Profile(np.frombuffer(wanted, np.int64))
