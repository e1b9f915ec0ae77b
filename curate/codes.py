"""Characters as numbers, and the numbers that polynomial keys over them are made of."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["codes_of", "mixed", "powers"]

_BASE = 0x9E3779B97F4A7C15  # odd, so that powers have inverses
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)

Codes = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]


def codes_of(text: str) -> Codes:
    """The code points of a text."""
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), np.uint8).astype(np.int64)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)


def mixed(codes: npt.NDArray[np.unsignedinteger]) -> Keys:
    """A number of 64 bits for each code point, odd and even ones alike."""
    out = (codes.astype(np.uint64) + np.uint64(1)) * _MIX
    out ^= out >> np.uint64(31)
    out *= _MIX2
    return out


@lru_cache(maxsize=2)
def powers(size: int) -> tuple[Keys, Keys]:
    """Powers of the base and of its inverse modulo 2^64, uint64 [size].

    Characters' numbers times the powers, summed up from a text's beginning: what two
    sums differ by, times the inverse where the first ends, is the key of what stands
    between them, wherever that is.
    """
    out = []
    for factor in (_BASE, pow(_BASE, -1, 1 << 64)):
        numbers = np.full(size, factor, np.uint64)
        numbers[0] = 1
        out.append(np.multiply.accumulate(numbers))
    return out[0], out[1]
