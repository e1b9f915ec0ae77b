"""What a token tells: number of words, marks, and the hash of what its spellings share."""

from __future__ import annotations

import re
import zlib

from curate.labelers.lexicon import OUTER, PLAIN_ENDS, mark_bits, plain_bits, word_bits

__all__ = ["hash_text", "tell"]

MAX_PLAIN_CHARS = 60

_INNER = re.compile(r"\w+(?:[-'’.]\w+)*")
_DIGITS = re.compile(r"\d")


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


def tell(token: str) -> tuple[int, int, int]:
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
