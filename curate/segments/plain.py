"""Bare text to lines.

The text stays the input, character for character. A line ends where
`str.splitlines` ends it: LF, CR, CRLF, vertical tab, form feed, the separators
U+001C to U+001E, NEL (U+0085), U+2028 and U+2029. White space (`str.isspace`,
the no-break space too) around a line belongs to no segment. A line of nothing
but zero-width characters is a segment of its own: they are no white space.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["cut_points", "line_spans"]

_LINE = re.compile(r"\S(?:[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]*\S)?")

# The end of a sentence, its closing quotes, and the white space that must follow
# in scripts that use it; Chinese and Japanese marks stand alone.
_SENTENCE_END = re.compile(r"""(?:[.!?…؟۔।]["'”’»›)\]]*(?=\s)|[。！？｡]["'”’」』）】]*)""")


def line_spans(text: str, max_chars: int = 0) -> list[tuple[int, int]]:
    """Half-open spans of the non-blank lines, without white space around them.

    Args:
        text: any text.
        max_chars: cut longer lines, see `cut_points`; 0 never cuts.
    """
    spans = [match.span() for match in _LINE.finditer(text)]
    if not max_chars or all(end - start <= max_chars for start, end in spans):
        return spans
    return [piece for start, end in spans for piece in cut_points(text, start, end, max_chars)]


def cut_points(text: str, start: int, end: int, max_chars: int) -> list[tuple[int, int]]:
    """Cut a span into pieces of at most max_chars, none beginning or ending in white space.

    Cuts at the last sentence end that fits, in the second half of a piece, else
    at the last white space there, else before a character that combines with
    nothing before it.

    Args:
        text: the text the span lies in.
        start, end: half-open; the characters at both ends are not white space.
        max_chars: code points, at least 2.
    """
    pieces: list[tuple[int, int]] = []
    while end - start > max_chars:
        limit, middle = start + max_chars, start + max_chars // 2
        cut = 0
        for match in _SENTENCE_END.finditer(text, middle, limit):
            cut = match.end()
        if not cut:
            cut = next((at for at in range(limit, middle, -1) if text[at].isspace()), 0)
        if not cut:
            cut = limit
            while cut > middle and (unicodedata.combining(text[cut]) or text[cut] == "\u200d"):
                cut -= 1
        stop = cut
        while text[stop - 1].isspace():
            stop -= 1
        pieces.append((start, stop))
        start = cut
        while text[start].isspace():
            start += 1
    pieces.append((start, end))
    return pieces
