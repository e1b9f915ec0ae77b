"""What a page says as a set of numbers: one for each five words in a row.

A word's number is a polynomial over its characters, read off sums over the texts of many
pages at once; five of them are mixed into a shingle's number. That takes a seventh of the
time of finding the words as strings, and depends on the page alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import xxhash

from curate.codes import codes_of, mixed, powers

__all__ = ["MIN_MAIN_WORDS", "SHINGLE_WORDS", "shingles"]

SHINGLE_WORDS = 5
"""Words in a shingle; five is what the large web corpora use, and keeps apart pages
that share only vocabulary."""

MIN_MAIN_WORDS = 50
"""Main content shorter than this says too little; the whole text is compared."""

CHARS_AT_ONCE = (1 << 16) - 1
"""Characters of a group of texts: half a megabyte an array, which stays in the cache.
A longer text is a group by itself."""

_UNSPACED = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x2E80, 0x30FF),
    (0x3400, 0x9FFF),
    (0xAC00, 0xD7AF),
    (0xF900, 0xFAFF),
)
"""Scripts written without blanks between words give one word a character."""

_FOLDED = str.maketrans({"\u0130": "i", "\u03a3": "\u03c3", "\u03c2": "\u03c3"})
"""The one character whose lower case is two, and sigma, whose lower case depends on where
it stands: a character has one number."""

_TABLE_CODES = 1 << 16
"""Characters looked up in a table; the few beyond are worked out."""

_WORD_MIX = np.uint64(0xD6E8FEB86659FD93)
_RUN_BASE = np.uint64(0x9FB21C651E98DF25)
_RUN_MIX = np.uint64(0xBF58476D1CE4E5B9)

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]


def shingles(texts: Sequence[str], main_texts: Sequence[str]) -> list[Keys]:
    r"""Runs of five words of each page's main content, or of its text where that is short.

    A word is a run of `\w` in lower case, or a character of a script written without blanks.

    Returns:
        uint64 [n_runs] for each page: one for a text of five words and less.
    """
    words = _words_of(main_texts)
    short = [at for at, keys in enumerate(words) if len(keys) < MIN_MAIN_WORDS]
    for at, keys in zip(short, _words_of([texts[at] for at in short]), strict=True):
        words[at] = keys if len(keys) else _no_word(texts[at])
    for at in short:
        missing = SHINGLE_WORDS - len(words[at])
        if missing > 0:
            words[at] = np.pad(words[at], (0, missing))  # no word's number is 0
    return _runs(words)


def _no_word(text: str) -> Keys:
    print_ = xxhash.xxh3_64_intdigest(text.strip().encode("utf-8", "surrogatepass"))
    return np.array([print_], np.uint64)


def _runs(words: Sequence[Keys]) -> list[Keys]:
    """Numbers of the runs of each page, which has as many words as a run at least."""
    if not words:
        return []
    flat = np.concatenate(words)
    n_runs = len(flat) - SHINGLE_WORDS + 1
    runs = flat[:n_runs].copy()
    for word in range(1, SHINGLE_WORDS):
        runs *= _RUN_BASE
        runs += flat[word : word + n_runs]
    runs ^= runs >> np.uint64(29)
    runs *= _RUN_MIX
    runs ^= runs >> np.uint64(32)
    ends = np.cumsum([len(keys) for keys in words])
    firsts = ends - [len(keys) for keys in words]
    pages = zip(firsts.tolist(), (ends - SHINGLE_WORDS + 1).tolist(), strict=True)
    return [runs[first:end] for first, end in pages]


# ----------------------------------------------------------------------- words


def _words_of(texts: Sequence[str]) -> list[Keys]:
    """Numbers of the words of each text, none of them 0."""
    return [keys for group in _groups(texts) for keys in _words_of_group(group)]


def _groups(texts: Sequence[str]) -> Iterator[list[str]]:
    group: list[str] = []
    n_chars = 0
    for text in texts:
        if group and n_chars + len(text) >= CHARS_AT_ONCE:
            yield group
            group, n_chars = [], 0
        group.append(text)
        n_chars += len(text) + 1
    if group:
        yield group


def _words_of_group(texts: Sequence[str]) -> list[Keys]:
    codes = codes_of("\n".join(texts))
    values = _values(codes)
    starts = _starts(values, codes)
    n = len(codes)
    power, inverse = powers(1 << max(16, n.bit_length()))
    values *= power[:n]
    sums = np.zeros(n + 1, np.uint64)
    np.cumsum(values, out=sums[1:])
    # What is no word is worth nothing, so that a word's sum goes on to the next one.
    at = sums.take(starts)
    keys = np.empty_like(at)
    np.subtract(at[1:], at[:-1], out=keys[:-1])
    keys[-1:] = sums[-1] - at[-1:]
    keys *= inverse.take(starts)
    keys ^= keys >> np.uint64(32)
    keys *= _WORD_MIX
    np.maximum(keys, np.uint64(1), out=keys)
    firsts = np.cumsum([0] + [len(text) + 1 for text in texts])
    edges = np.searchsorted(starts, firsts).tolist()
    return [keys[first:end] for first, end in pairwise(edges)]


def _starts(values: Keys, codes: Ints) -> Ints:
    """Where a word begins."""
    word = values != 0
    begins = word.copy()
    begins[1:] &= ~word[:-1]
    if len(codes) and codes.max() >= _UNSPACED[0][0]:
        single = _singles().take(codes, mode="clip")
        begins |= single
        begins[1:] |= word[1:] & single[:-1]
    starts: Ints = begins.nonzero()[0]
    return starts


def _values(codes: Ints) -> Keys:
    """The number that stands for each character; 0 for those of no word."""
    table = _table()
    try:
        return table.take(codes)
    except IndexError:
        values = table.take(codes, mode="clip")
        beyond = np.flatnonzero(codes >= _TABLE_CODES)
        values[beyond] = _told(codes[beyond])
        return values


@lru_cache(maxsize=1)
def _table() -> Keys:
    return _told(np.arange(_TABLE_CODES))


@lru_cache(maxsize=1)
def _singles() -> Bools:
    """Which characters are words by themselves, by code; the last one isn't."""
    codes = np.arange(_TABLE_CODES)
    single = np.zeros(_TABLE_CODES, np.bool_)
    for first, last in _UNSPACED:
        single |= (codes >= first) & (codes <= last)
    return single


def _told(codes: Ints) -> Keys:
    text = codes.astype(np.uint32).tobytes().decode("utf-32-le", "surrogatepass")
    lower = codes_of(text.translate(_FOLDED).lower()).astype(np.uint32)
    word = np.strings.isalnum(lower.view("U1")) | (lower == ord("_"))
    word |= _singles().take(codes, mode="clip")
    return np.where(word, mixed(lower), np.uint64(0))
