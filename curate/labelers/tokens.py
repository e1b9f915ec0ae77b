"""Tokens of many segments at once, each distinct token looked at only once.

A token is what stands between white space. Its marks (`lexicon`), its hash and
whatever weights a model holds for it are looked up when it is first met and
kept in one array; a page is then a gather and a few sums over that array.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from curate.labelers.lexicon import FIRST_BIT, MARKS, mark_bits

__all__ = ["HASH_BITS", "TokenTable", "Tokens", "hash_text", "spaced"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

HASH_BITS = 16
"""Buckets for words, 2^16: words met on fewer than four sites are dropped before
training, which leaves about 30,000, so collisions stay rare."""

MAX_ROWS = 1 << 18
"""Distinct tokens remembered; past that the table starts anew. About 60 MB."""

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
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def _key(token: str) -> str:
    """What two spellings of a word share: lower case, no outer marks, digits as 0."""
    if token.isascii() and token.isalpha():
        return token.lower()
    found = _INNER.search(token[:60])
    return _DIGITS.sub("0", found[0].lower()) if found else token[:4]


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


class TokenTable(dict[str, int]):
    """Rows of all tokens met so far; missing ones are added when asked for.

    Attributes:
        marks: float32 [n_rows, len(MARKS)].
        hashes: uint32 [n_rows], of the token's key.
        weights: float32 [n_rows, n_weights], gathered from `bucket_weights`.
    """

    def __init__(self, bucket_weights: Floats | None = None, max_rows: int = MAX_ROWS) -> None:
        super().__init__()
        self.max_rows = max_rows
        self.bucket_weights = (
            np.zeros((1 << HASH_BITS, 0), np.float32) if bucket_weights is None else bucket_weights
        )
        self._reset(1024)

    def _reset(self, size: int) -> None:
        self.clear()
        self.marks: Floats = np.zeros((size, len(MARKS)), np.float32)
        self.hashes: npt.NDArray[np.uint32] = np.zeros(size, np.uint32)
        self.weights: Floats = np.zeros((size, self.bucket_weights.shape[1]), np.float32)

    def __missing__(self, token: str) -> int:
        self.learn([token])
        return self.get(token, 0)

    def learn(self, tokens: Sequence[str]) -> None:
        """Add rows for tokens, none of them known."""
        row, to = len(self), len(self) + len(tokens)
        if to > 2 * self.max_rows:
            # One page with more distinct words than a library: the rest is alike.
            tokens = tokens[: max(0, 2 * self.max_rows - row)]
            to = row + len(tokens)
        while to > len(self.hashes):
            self.marks = np.concatenate([self.marks, np.zeros_like(self.marks)])
            self.hashes = np.concatenate([self.hashes, np.zeros_like(self.hashes)])
            self.weights = np.concatenate([self.weights, np.zeros_like(self.weights)])
        told = [mark_bits(token[:200]) for token in tokens]
        hashes = np.fromiter((hash_text(_key(token)) for token in tokens), np.uint32, len(tokens))
        self.marks[row:to, 0] = [len(token) + 1 for token in tokens]
        self.marks[row:to, 1] = [n_words for n_words, _ in told]
        bits = np.array([bits for _, bits in told], np.int64)
        self.marks[row:to, FIRST_BIT:] = bits[:, None] >> _SHIFTS & 1
        self.hashes[row:to] = hashes
        if self.bucket_weights.shape[1]:
            self.weights[row:to] = self.bucket_weights[hashes >> np.uint32(32 - HASH_BITS)]
        self.update(zip(tokens, range(row, to), strict=True))

    def __reduce__(self) -> tuple[type[TokenTable], tuple[Floats, int]]:
        return type(self), (self.bucket_weights, self.max_rows)

    def read(self, text: str, starts: Sequence[int], ends: Sequence[int]) -> Tokens:
        """Tokens of the segments `text[start:end]`, none of them blank."""
        if len(self) > self.max_rows:
            self._reset(1024)
        parts = [text[start:end] for start, end in zip(starts, ends, strict=True)]
        scale = np.ones(len(parts), np.float32)
        longest = max(map(len, parts), default=0)
        if longest > HEAD_CHARS + TAIL_CHARS:
            for index, part in enumerate(parts):
                if len(part) > HEAD_CHARS + TAIL_CHARS:
                    parts[index] = part[:HEAD_CHARS] + " " + part[-TAIL_CHARS:]
                    scale[index] = len(part) / (HEAD_CHARS + TAIL_CHARS)
        if not text.isascii() and _MAY_BE_UNSPACED.search(text):
            parts = [spaced(part) for part in parts]
        lists = [part.split() for part in parts]
        offsets = np.zeros(len(lists) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, lists), np.int64, len(lists)), out=offsets[1:])
        flat = list(chain.from_iterable(lists))
        new = [token for token in dict.fromkeys(flat) if token not in self]
        if new:
            self.learn(new)
        rows = np.fromiter(map(self.__getitem__, flat), np.int64, len(flat))
        return Tokens(rows, offsets, scale)
