"""What kind each character of a text is: what array operations start from."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["DECIMAL", "DIGIT", "SPACE", "UPPER", "character_kinds"]

SPACE, DECIMAL, DIGIT, UPPER = 1, 2, 4, 8
"""Bits of a kind: `str.isspace`, `str.isdecimal` (`\\d`), `str.isdigit`, `str.isupper`."""

_TABLE_CODES = 1 << 16
"""Characters looked up in a table; the few beyond are asked one by one."""

Codes = npt.NDArray[np.int64]
Kinds = npt.NDArray[np.uint8]


def character_kinds(codes: Codes) -> Kinds:
    """The kind of each code point, as bits."""
    table = _table()
    try:
        return table.take(codes)
    except IndexError:  # half the time of looking for the largest code first
        out = table.take(codes, mode="clip")
        beyond = np.flatnonzero(codes >= _TABLE_CODES)
        out[beyond] = _told(codes[beyond])
        return out


@lru_cache(maxsize=1)
def _table() -> Kinds:
    return _told(np.arange(_TABLE_CODES))


def _told(codes: Codes) -> Kinds:
    characters = codes.astype(np.uint32).view("U1")
    out = np.zeros(len(codes), np.uint8)
    for bit, told in (
        (SPACE, np.strings.isspace),
        (DECIMAL, np.strings.isdecimal),
        (DIGIT, np.strings.isdigit),
        (UPPER, np.strings.isupper),
    ):
        out |= told(characters).astype(np.uint8) * np.uint8(bit)
    return out
