"""Tokens of many segments at once, each distinct token looked at only once.

A token is what stands between white space. Its marks (`lexicon`), its hash and
whatever weights a model holds for it are looked up when it is first met and
kept in one array; a page is then a gather and a few sums over that array.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.labelers.fingerprints import RowIndex, token_spans
from curate.labelers.lexicon import FIRST_BIT, MARKS
from curate.labelers.telling import hash_text, tell

__all__ = [
    "EXTRAS",
    "FACTS",
    "HASH_BITS",
    "STAMP",
    "TELLING",
    "TELLING_WORD",
    "TokenTable",
    "Tokens",
    "hash_text",
    "spaced",
]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bounds = Sequence[int] | npt.NDArray[np.integer]

HASH_BITS = 16
"""Buckets for words, 2^16: words met on fewer than four sites are dropped before
training, which leaves about 30,000, so collisions stay rare."""

MAX_ROWS = 1 << 18
"""Distinct tokens remembered; past that the table starts anew. About 60 MB."""

PLACE_BITS = 17
"""Bits of a hash by which tokens are compared at first: three in a thousand on a page
begin alike by chance."""

FIRST_ROWS = 1 << 16
"""Rows there is room for from the start: memory that isn't touched costs nothing."""

HEAD_CHARS, TAIL_CHARS = 6000, 2000
"""Of a longer segment only its head and tail are read: what it is for is told by
then, and a line of five million characters must not cost more than a page."""

_UNSPACED = re.compile("([\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]{2})")
_MAY_BE_UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


EXTRAS = ("stamp", "telling", "telling_word")
"""Marks made of others, so that sums over segments are there for all of them: part of
a time or date; no function word and at least four letters long; the same with a word
in it."""

STAMP, TELLING, TELLING_WORD = range(len(MARKS), len(MARKS) + len(EXTRAS))


FACTS = len(MARKS) + len(EXTRAS)
"""Columns of marks, and of marks made of others; weights follow."""

_SHIFTS = np.arange(FACTS - FIRST_BIT)


def _bits(*marks: str) -> int:
    return sum(1 << MARKS.index(mark) - FIRST_BIT for mark in marks)


_STAMPS = _bits("time", "month", "number", "clock", "year")
_FUNCTION_BIT = _bits("function")


def spaced(text: str) -> str:
    """The text with scripts that write no blanks cut in pairs of characters."""
    if text.isascii() or not _MAY_BE_UNSPACED.search(text):
        return text
    return _UNSPACED.sub(r"\1 ", text)


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """The tokens of n_segments segments, flat.

    Attributes:
        rows: int64 [n_tokens], rows of the table.
        offsets: int64 [n_segments + 1], where each segment's tokens begin.
        scale: float32 [n_segments], by which sums over a shortened segment are
            multiplied to stand for the whole; 1 nearly always.
        alike: int64 [n_tokens], equal for tokens of one page with the same key; below
            n_tokens.
        whole: bool [n_segments], whether the tokens are the text as it stands, neither
            shortened nor cut in pairs of characters.
    """

    rows: Ints
    offsets: Ints
    scale: Floats
    alike: Ints
    whole: npt.NDArray[np.bool_]

    @property
    def segment_of(self) -> Ints:
        """The segment of each token."""
        return np.repeat(np.arange(len(self.scale)), np.diff(self.offsets))


class TokenTable:
    """Rows of all tokens met so far; missing ones are added when a text is read.

    Attributes:
        facts: float32 [n_rows, FACTS + n_weights], the marks, those made of others, and
            the weights gathered from `bucket_weights`: what is summed up over a segment.
        hashes: uint32 [n_rows], of the token's key.
        parts: uint32 [n_rows], which of the watched parts of words a token holds, as bits.
    """

    def __init__(
        self,
        bucket_weights: Floats | None = None,
        max_rows: int = MAX_ROWS,
        watched: Sequence[str] = (),
    ) -> None:
        """An empty table.

        Args:
            bucket_weights: float32 [1 << HASH_BITS, n_weights], None for none.
            max_rows: tokens remembered.
            watched: parts of words, at most 32, case-folded, that `parts` tells of.
        """
        self.max_rows = max_rows
        self.watched = tuple(watched)
        self.bucket_weights = (
            np.zeros((1 << HASH_BITS, 0), np.float32) if bucket_weights is None else bucket_weights
        )
        self._reset()

    def _reset(self) -> None:
        self._index = RowIndex()
        self._telling: dict[str, int] = {}
        width = FACTS + self.bucket_weights.shape[1]
        self.facts: Floats = np.zeros((FIRST_ROWS, width), np.float32)
        self.hashes: npt.NDArray[np.uint32] = np.zeros(FIRST_ROWS, np.uint32)
        self.parts: npt.NDArray[np.uint32] = np.zeros(FIRST_ROWS, np.uint32)
        # Room to note a place for each hash, by its first bits.
        self._place: Ints = np.zeros(1 << PLACE_BITS, np.int64)

    def __len__(self) -> int:
        return len(self._index)

    @property
    def marks(self) -> Floats:
        """Marks of each row, float32 [n_rows, len(MARKS)]."""
        return self.facts[:, : len(MARKS)]

    def column(self, number: int, rows: Ints) -> Floats:
        """One of the facts of some rows."""
        return self.facts.reshape(-1).take(rows * self.facts.shape[1] + number)

    def _learn(self, tokens: Sequence[str]) -> None:
        """Fill the rows of tokens, none of them known, after the last one."""
        row, to = len(self), len(self) + len(tokens)
        while to > len(self.hashes):
            self.facts = _doubled(self.facts)
            self.hashes, self.parts = _doubled(self.hashes), _doubled(self.parts)
        told = np.fromiter(chain.from_iterable(map(tell, tokens)), np.int64, 3 * len(tokens))
        told = told.reshape(-1, 3)
        facts = self.facts[row:to]
        facts[:, 0] = list(map(len, tokens))
        facts[:, 0] += 1
        facts[:, 1] = told[:, 0]
        bits = told[:, 1]
        telling = (bits & _FUNCTION_BIT == 0) & (facts[:, 0] > MIN_TELLING_CHARS)
        for column, extra in (
            (STAMP, bits & _STAMPS > 0),
            (TELLING, telling),
            (TELLING_WORD, telling & (told[:, 0] > 0)),
        ):
            bits |= extra.astype(np.int64) << column - FIRST_BIT
        facts[:, FIRST_BIT:FACTS] = bits[:, None] >> _SHIFTS & 1
        hashes = told[:, 2].astype(np.uint32)
        self.hashes[row:to] = hashes
        if self.bucket_weights.shape[1]:
            facts[:, FACTS:] = self.bucket_weights[hashes >> np.uint32(32 - HASH_BITS)]
        if self.watched:
            self._watch(tokens, row)

    def _watch(self, tokens: Sequence[str], row: int) -> None:
        """Note which tokens hold a watched part; they stand in the rows from `row` on."""
        whole = "\n".join(tokens).casefold()
        for number, part in enumerate(self.watched):
            at = whole.find(part)
            while at >= 0:
                self.parts[row + whole.count("\n", 0, at)] |= np.uint32(1 << number)
                at = whole.find(part, at + 1)

    def __reduce__(self) -> tuple[type[TokenTable], tuple[Floats, int, tuple[str, ...]]]:
        return type(self), (self.bucket_weights, self.max_rows, self.watched)

    def alike(self, rows: Ints) -> Ints:
        """For each token of a page the place of one with the same key, the same for all of them.

        A fifth of what sorting them takes.
        """
        hashes = self.hashes.take(rows)
        slots = hashes >> np.uint32(32 - PLACE_BITS)
        # What other pages have left there is overwritten before it is read.
        self._place[slots] = np.arange(len(rows))
        places = self._place.take(slots)
        # Of several keys that begin with the same bits one has got the slot.
        others = np.flatnonzero(hashes.take(places) != hashes)
        if len(others):
            _, first, back = np.unique(hashes[others], return_index=True, return_inverse=True)
            places[others] = others[first][back]
        return places

    def among(self, rows: Ints, hashes: Collection[int]) -> npt.NDArray[np.bool_]:
        """Which tokens have one of these hashes; there are few of those."""
        wanted = np.fromiter(hashes, np.uint32, len(hashes))[:, None]
        found: npt.NDArray[np.bool_] = (self.hashes.take(rows) == wanted).any(axis=0)
        return found

    def telling(self, words: Iterable[str]) -> list[int]:
        """Hashes of those words that tell something: no function words, none of three letters."""
        known = self._telling
        if len(known) > self.max_rows:
            known.clear()
        out = []
        for word in words:
            key = known.get(word)
            if key is None:
                _, bits, key = tell(word)
                if bits & _FUNCTION_BIT or len(word) < MIN_TELLING_CHARS:
                    key = -1
                known[word] = key
            if key >= 0:
                out.append(key)
        return out

    def read(self, text: str, starts: Bounds, ends: Bounds) -> Tokens:
        """Tokens of the segments `text[start:end]`, in order, none of them blank."""
        if len(self) > self.max_rows:
            self._reset()
        begin, end = np.asarray(starts, np.int64), np.asarray(ends, np.int64)
        scale = np.ones(len(begin), np.float32)
        if not len(begin):
            none = np.zeros(0, np.int64)
            return Tokens(none, np.zeros(1, np.int64), scale, none, np.ones(0, bool))
        size = end - begin
        unspaced = not text.isascii() and _MAY_BE_UNSPACED.search(text) is not None
        rewritten = unspaced or int(size.max()) > HEAD_CHARS + TAIL_CHARS
        if rewritten:
            long = size > HEAD_CHARS + TAIL_CHARS
            scale[long] = size[long] / (HEAD_CHARS + TAIL_CHARS)
            text, begin, end = _rewritten(text, begin, end, long, unspaced)
        rows: list[Ints] = []
        counts: list[Ints] = []
        at = 0
        while at < len(begin):
            # A stretch at a time: arrays stay in the cache, and memory is bounded.
            to = max(at + 1, int(np.searchsorted(end, begin[at] + STRETCH_CHARS)))
            found = self._read_stretch(text, begin[at:to], end[at:to])
            rows.append(found[0])
            counts.append(found[1])
            at = to
        offsets = np.zeros(len(begin) + 1, np.int64)
        np.cumsum(counts[0] if len(counts) == 1 else np.concatenate(counts), out=offsets[1:])
        flat = rows[0] if len(rows) == 1 else np.concatenate(rows)
        return Tokens(flat, offsets, scale, self.alike(flat), np.full(len(begin), not rewritten))

    def _read_stretch(self, text: str, begin: Ints, end: Ints) -> tuple[Ints, Ints]:
        """Rows of the tokens, and the number of tokens of each segment."""
        low = int(begin[0])
        spans = token_spans(text[low : int(end[-1])], begin - low, end - low)
        rows = self._index.find(spans.keys)
        missing = np.flatnonzero(rows < 0)
        if len(missing):
            fresh, where, back = np.unique(
                spans.keys[missing], return_index=True, return_inverse=True
            )
            # One page with more distinct words than a library: the rest is alike.
            room = max(0, 2 * self.max_rows - len(self))
            at = missing[where[:room]]
            if len(at):
                first, stop = (spans.starts[at] + low).tolist(), (spans.stops[at] + low).tolist()
                self._learn([text[a:b] for a, b in zip(first, stop, strict=True)])
            numbers = np.append(self._index.add(fresh[:room]), 0)
            rows[missing] = numbers[np.minimum(back, room)]
        return rows, np.bincount(spans.segment, minlength=len(begin))


MIN_TELLING_CHARS = 4
STRETCH_CHARS = 1 << 16
"""Characters read at once: half a megabyte of arrays."""


def _doubled(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.concatenate([array, np.zeros_like(array)])


def _rewritten(
    text: str, begin: Ints, end: Ints, long: npt.NDArray[np.bool_], unspaced: bool
) -> tuple[str, Ints, Ints]:
    """The segments as a text of their own, long ones cut short, unspaced scripts in pairs."""
    parts = [text[a:b] for a, b in zip(begin.tolist(), end.tolist(), strict=True)]
    for index in np.flatnonzero(long).tolist():
        parts[index] = parts[index][:HEAD_CHARS] + " " + parts[index][-TAIL_CHARS:]
    if unspaced:
        parts = [spaced(part) for part in parts]
    stop = np.cumsum(np.fromiter((len(part) + 1 for part in parts), np.int64, len(parts)))
    size = np.diff(stop, prepend=0)
    return " ".join(parts), stop - size, stop - 1
