"""Tokens of many segments at once, each distinct token looked at only once.

A token is what stands between white space. Its marks (`lexicon`), its hash and
whatever weights a model holds for it are looked up when it is first met and
kept in one array; a page is then a gather and a few sums over that array.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from curate.labelers.fingerprints import RowIndex, token_spans
from curate.labelers.lexicon import (
    FIRST_BIT,
    MARKS,
    OUTER,
    PLAIN_ENDS,
    mark_bits,
    plain_bits,
    word_bits,
)

__all__ = ["HASH_BITS", "TokenTable", "Tokens", "hash_text", "spaced"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bounds = Sequence[int] | npt.NDArray[np.integer]

HASH_BITS = 16
"""Buckets for words, 2^16: words met on fewer than four sites are dropped before
training, which leaves about 30,000, so collisions stay rare."""

MAX_ROWS = 1 << 18
"""Distinct tokens remembered; past that the table starts anew. About 60 MB."""

FIRST_ROWS = 1 << 16
"""Rows there is room for from the start: memory that isn't touched costs nothing."""

HEAD_CHARS, TAIL_CHARS = 6000, 2000
"""Of a longer segment only its head and tail are read: what it is for is told by
then, and a line of five million characters must not cost more than a page."""

_UNSPACED = re.compile("([\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]{2})")
_MAY_BE_UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_INNER = re.compile(r"\w+(?:[-'’.]\w+)*")
_DIGITS = re.compile(r"\d")


_SHIFTS = np.arange(len(MARKS) - FIRST_BIT)


def spaced(text: str) -> str:
    """The text with scripts that write no blanks cut in pairs of characters."""
    if text.isascii() or not _MAY_BE_UNSPACED.search(text):
        return text
    return _UNSPACED.sub(r"\1 ", text)


def hash_text(text: str) -> int:
    """32-bit hash that is the same in every process and on every machine."""
    if text.isascii():
        return zlib.crc32(text.encode())
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def _key(token: str) -> str:
    """What two spellings of a word share: lower case, no outer marks, digits as 0."""
    if token.isascii() and token.isalpha():
        return token.lower()
    found = _INNER.search(token[:60])
    return _DIGITS.sub("0", found[0].lower()) if found else token[:4]


def _tell(token: str) -> tuple[int, int, int]:
    """Number of words of a token, its marks as bits, the hash of its key."""
    if len(token) < MAX_PLAIN_CHARS:
        # A word, perhaps with a stop or a comma: nine tokens of ten.
        word, end = (token, "") if token.isalpha() else (token[:-1], token[-1])
        if word.isalpha() and end in PLAIN_ENDS:
            lower = word.lower()
            return 1, plain_bits(word, lower, end), zlib.crc32(lower.encode())
        # In quotes or brackets, with a hyphen or an apostrophe.
        core = token.strip(OUTER)
        words = core.replace("'", "-").replace("’", "-").replace(".", "-").split("-")
        if all(map(str.isalpha, words)) and "www." not in token:
            bits = word_bits(token, words)
            return len(words), bits, zlib.crc32(core.lower().encode())
    n_words, bits = mark_bits(token[:200])
    return n_words, bits, hash_text(_key(token))


MAX_PLAIN_CHARS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """The tokens of n_segments segments, flat.

    Attributes:
        rows: int64 [n_tokens], rows of the table.
        offsets: int64 [n_segments + 1], where each segment's tokens begin.
        scale: float32 [n_segments], by which sums over a shortened segment are
            multiplied to stand for the whole; 1 nearly always.
    """

    rows: Ints
    offsets: Ints
    scale: Floats

    @property
    def segment_of(self) -> Ints:
        """The segment of each token."""
        return np.repeat(np.arange(len(self.scale)), np.diff(self.offsets))


class TokenTable:
    """Rows of all tokens met so far; missing ones are added when a text is read.

    Attributes:
        facts: float32 [n_rows, len(MARKS) + n_weights], the marks, then the weights
            gathered from `bucket_weights`: what is summed up over a segment.
        hashes: uint32 [n_rows], of the token's key.
    """

    def __init__(self, bucket_weights: Floats | None = None, max_rows: int = MAX_ROWS) -> None:
        self.max_rows = max_rows
        self.bucket_weights = (
            np.zeros((1 << HASH_BITS, 0), np.float32) if bucket_weights is None else bucket_weights
        )
        self._reset()

    def _reset(self) -> None:
        self._index = RowIndex()
        self._telling: dict[str, int] = {}
        width = len(MARKS) + self.bucket_weights.shape[1]
        self.facts: Floats = np.zeros((FIRST_ROWS, width), np.float32)
        self.hashes: npt.NDArray[np.uint32] = np.zeros(FIRST_ROWS, np.uint32)

    def __len__(self) -> int:
        return len(self._index)

    @property
    def marks(self) -> Floats:
        """Marks of each row, float32 [n_rows, len(MARKS)]."""
        return self.facts[:, : len(MARKS)]

    def _learn(self, tokens: Sequence[str]) -> None:
        """Fill the rows of tokens, none of them known, after the last one."""
        row, to = len(self), len(self) + len(tokens)
        while to > len(self.hashes):
            self.facts = np.concatenate([self.facts, np.zeros_like(self.facts)])
            self.hashes = np.concatenate([self.hashes, np.zeros_like(self.hashes)])
        told = np.fromiter(chain.from_iterable(map(_tell, tokens)), np.int64, 3 * len(tokens))
        told = told.reshape(-1, 3)
        facts = self.facts[row:to]
        facts[:, 0] = list(map(len, tokens))
        facts[:, 0] += 1
        facts[:, 1] = told[:, 0]
        facts[:, FIRST_BIT : len(MARKS)] = told[:, 1, None] >> _SHIFTS & 1
        hashes = told[:, 2].astype(np.uint32)
        self.hashes[row:to] = hashes
        if self.bucket_weights.shape[1]:
            facts[:, len(MARKS) :] = self.bucket_weights[hashes >> np.uint32(32 - HASH_BITS)]

    def __reduce__(self) -> tuple[type[TokenTable], tuple[Floats, int]]:
        return type(self), (self.bucket_weights, self.max_rows)

    def telling(self, words: Iterable[str]) -> list[int]:
        """Hashes of those words that tell something: no function words, none of three letters."""
        known = self._telling
        if len(known) > self.max_rows:
            known.clear()
        out = []
        for word in words:
            key = known.get(word)
            if key is None:
                _, bits, key = _tell(word)
                if bits >> _FUNCTION & 1 or len(word) < MIN_TELLING_CHARS:
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
            return Tokens(np.zeros(0, np.int64), np.zeros(1, np.int64), scale)
        size = end - begin
        unspaced = not text.isascii() and _MAY_BE_UNSPACED.search(text) is not None
        if unspaced or int(size.max()) > HEAD_CHARS + TAIL_CHARS:
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
        return Tokens(rows[0] if len(rows) == 1 else np.concatenate(rows), offsets, scale)

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

_FUNCTION = MARKS.index("function") - FIRST_BIT


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
