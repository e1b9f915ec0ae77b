"""Tokens of a text found and told apart by array operations, without a Python object each.

A token's key is a polynomial over its characters, modulo 2^64, read off sums
over the whole text; a table with open addressing leads from keys to rows. Two
tokens of one process share a key by chance once in 10^8 pages. Lines are named
in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curate.codes import codes_of, mixed, powers
from curate.labelers.characters import DECIMAL, SPACE, character_kinds

__all__ = ["RowIndex", "TokenSpans", "line_fingerprints", "token_spans"]

Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]

_MIX = np.uint64(0xBF58476D1CE4E5B9)
_TO_63 = (1 << 64) - 1
_LAST_SPACE = 0x3000
"""The highest white-space character."""

_SOLID = np.array([not chr(code).isspace() for code in range(_LAST_SPACE + 2)])


_VALUES = mixed(np.arange(1 << 16, dtype=np.uint32))
"""Looked up in a quarter of the time of working them out; few of them are ever touched."""


def _values(codes: Ints) -> Keys:
    """The number that stands for each character."""
    try:
        return _VALUES.take(codes)
    except IndexError:
        value = _VALUES.take(codes, mode="clip")
        beyond = np.flatnonzero(codes >= len(_VALUES))
        value[beyond] = mixed(codes[beyond].astype(np.uint32))
        return value


class TokenSpans(NamedTuple):
    """Tokens of a stretch of text.

    Attributes:
        starts, stops: int64 [n_tokens], half-open.
        segment: int64 [n_tokens], the segment each lies in.
        keys: uint64 [n_tokens], none of them 0.
    """

    starts: Ints
    stops: Ints
    segment: Ints
    keys: Keys


def token_spans(text: str, begin: Ints, end: Ints) -> TokenSpans:
    """What stands between white space in the segments `text[begin:end]`.

    Args:
        text: the segments' text.
        begin, end: int64 [n_segments], ascending, disjoint.
    """
    codes = codes_of(text)
    solid, value = _SOLID.take(codes, mode="clip"), _values(codes)
    n = len(solid)
    # A token ends where its segment does, blank or not.
    cut = np.zeros(n + 1, bool)
    cut[begin] = True
    cut[end] = True
    edge = np.empty(n + 1, bool)
    edge[0] = edge[n] = True
    np.not_equal(solid[1:], solid[:-1], out=edge[1:n])
    edge |= cut
    starts = (solid & edge[:-1]).nonzero()[0]
    stops = (solid & edge[1:]).nonzero()[0]
    stops += 1
    segment = np.searchsorted(begin, starts, side="right")
    segment -= 1
    inside = stops <= end.take(segment, mode="wrap")
    inside &= segment >= 0
    if not inside.all():
        starts, stops, segment = starts[inside], stops[inside], segment[inside]
    size = 1 << max(16, n.bit_length())
    power, inverse = powers(size)
    sums = np.zeros(n + 1, np.uint64)
    np.cumsum(value * power[:n], out=sums[1:])
    keys = sums.take(stops)
    keys -= sums.take(starts)
    keys *= inverse.take(starts)
    keys ^= keys >> np.uint64(32)
    keys *= _MIX
    np.maximum(keys, np.uint64(1), out=keys)
    return TokenSpans(starts, stops, segment, keys)


LINES_AT_ONCE = 1024
"""Lines named at a time: a page's, nearly always."""

_BEGINS_WORD = np.uint64(0xD6E8FEB86659FD93)
_BREAK = "\0"


def line_fingerprints(lines: Sequence[str]) -> Keys:
    """uint64 [n_lines]: equal for lines that say the same but for case, blanks and numbers.

    Half the time of making each line plain and hashing it. What is summed up is the
    characters other than blanks, of a number only its first as 0, each with whether a
    word begins there.
    """
    parts = [
        _line_fingerprints(lines[begin : begin + LINES_AT_ONCE])
        for begin in range(0, len(lines), LINES_AT_ONCE)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate([np.zeros(0, np.uint64), *parts])


def _line_fingerprints(lines: Sequence[str]) -> Keys:
    text = _BREAK.join(lines)
    if text.count(_BREAK) >= len(lines):  # bare text may hold some
        text = _BREAK.join([line.replace(_BREAK, "\1") for line in lines])
    codes = codes_of(text.lower())
    kinds = character_kinds(codes)
    breaks = (codes == 0).nonzero()[0]
    kinds[breaks] = SPACE
    solid, digit = kinds & SPACE == 0, kinds & DECIMAL != 0
    begins, more = solid.copy(), digit.copy()
    begins[1:] &= ~solid[:-1]
    more[1:] &= digit[:-1]
    more[:1] = False
    at = (solid & ~more).nonzero()[0]
    codes[digit] = ord("0")
    values = _values(codes.take(at))
    values += begins.take(at) * _BEGINS_WORD
    power, inverse = powers(1 << max(16, len(at).bit_length()))
    values *= power[: len(at)]
    sums = np.zeros(len(at) + 1, np.uint64)
    np.cumsum(values, out=sums[1:])
    bounds = np.searchsorted(at, breaks)
    first = np.concatenate([[0], bounds])
    keys: Keys = sums.take(np.concatenate([bounds, [len(at)]])) - sums.take(first)
    keys *= inverse.take(first)
    keys ^= keys >> np.uint64(32)
    keys *= _MIX
    keys ^= keys >> np.uint64(29)
    return keys


class RowIndex:
    """From keys to row numbers, in the order they were added."""

    def __init__(self) -> None:
        self._n = 0
        self._allocate(12)

    def _allocate(self, bits: int) -> None:
        self._shift = np.uint64(64 - bits)
        self._mask = (1 << bits) - 1
        self._keys: Keys = np.zeros(1 << bits, np.uint64)
        self._rows: Ints = np.full(1 << bits, -1, np.int64)

    def __len__(self) -> int:
        return self._n

    def find(self, keys: Keys) -> Ints:
        """Row of each key, -1 where it is not known."""
        slot = (keys >> self._shift).astype(np.int64)
        met = self._keys.take(slot)
        rows = self._rows.take(slot)
        other = ((met != keys) & (met != 0)).nonzero()[0]
        while len(other):
            step = (slot[other] + 1) & self._mask
            slot[other] = step
            met = self._keys[step]
            rows[other] = self._rows[step]
            other = other[(met != keys[other]) & (met != 0)]
        return rows

    def add(self, keys: Keys) -> Ints:
        """Rows for distinct keys, none of them known."""
        numbers = np.arange(self._n, self._n + len(keys))
        self._n += len(keys)
        if 3 * self._n > self._mask:
            held = np.flatnonzero(self._rows >= 0)
            old_keys, old_rows = self._keys[held], self._rows[held]
            self._allocate(max(12, (4 * self._n).bit_length() + 1))
            self._place(old_keys, old_rows)
        self._place(keys, numbers)
        return numbers

    def _place(self, keys: Keys, rows: Ints) -> None:
        slot = (keys >> self._shift).astype(np.int64)
        while len(keys):
            free = np.flatnonzero(self._rows[slot] < 0)
            # Of several keys that want one place the last one written has it.
            self._rows[slot[free]] = rows[free]
            self._keys[slot[free]] = keys[free]
            left = np.flatnonzero(self._keys[slot] != keys)
            slot = (slot[left] + 1) & self._mask
            keys, rows = keys[left], rows[left]
