"""Characters and words: what every room needs to agree on about text."""

from __future__ import annotations

import hashlib
import re

__all__ = ["REPLACEMENT", "digest", "is_blank", "replace_surrogates", "text_hash", "words"]

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_SURROGATE = re.compile("[\ud800-\udfff]")
_WORD = re.compile(r"\w+")


def replace_surrogates(text: str) -> str:
    """The text with each lone surrogate replaced by U+FFFD, length unchanged.

    Lone surrogates can't be encoded: they would break Parquet, JSON and a
    Label Studio project (its export answers 500 for the whole project).
    """
    if text.isascii():
        return text
    try:
        text.encode()  # a tenth of the time of a search
    except UnicodeEncodeError:
        return _SURROGATE.sub(REPLACEMENT, text)
    return text


def words(text: str) -> list[str]:
    r"""Lower-cased `\w+` tokens: the word of the benchmark's word-F1."""
    return _WORD.findall(text.lower())


def is_blank(text: str) -> bool:
    """True where the text is empty or holds white space only (`str.isspace`)."""
    return not text or text.isspace()


def digest(*parts: str | bytes, chars: int = 32) -> str:
    """First `chars` hex digits of SHA-256 over the length-prefixed parts.

    Length prefixes keep ("ab", "c") and ("a", "bc") apart.
    """
    hasher = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        hasher.update(len(raw).to_bytes(8, "little"))
        hasher.update(raw)
    return hasher.hexdigest()[:chars]


def text_hash(text: str) -> str:
    """Digest of a page's text, 32 hex digits: names one state of the page."""
    return digest(text)
