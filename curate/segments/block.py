"""One block of an HTML page, made of the texts that the walk met in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from curate.schema import Layout
from curate.segments.tags import LINKED

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

__all__ = ["INVISIBLE", "LINE", "Block", "Repeats", "make_block", "two_words"]

INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff \t\r\n\u00a0"
"""Characters that show nothing when they stand alone: a block of only them is blank."""

MIN_REPEAT = 20
"""Characters from which a block of a `noscript` is told to repeat another."""

LINE = "\0"
"""A line break inside a block; the parser lets no NUL through."""

HAS_BREAK, HAS_CONTROL = Layout.HAS_BREAK, Layout.HAS_CONTROL
ALL_FLAGS = Layout.ALL_BOLD | Layout.ALL_ITALIC
ANY_FLAGS = Layout.HAS_TIME | Layout.HAS_CODE | HAS_CONTROL | HAS_BREAK
_ENDS, _BEGINS = '.!?:;,)]%"”’»…', '([$€£¥#@+"“‘«•|'
_INDICES = frozenset({"sub", "sup"})
_new_tuple = tuple.__new__


class Block(NamedTuple):
    """One segment, before it has a place in the page's text.

    Attributes:
        text: as rendered, no white space around it.
        indent: white space that stood before it on its line (in `pre`).
        kind: tag name of the block.
        row: number of the table row it stands in, counted over the page.
        node, link_chars, n_links, href, media, elements, flags: `Layout`'s.
    """

    text: str
    indent: str
    kind: str
    row: int
    node: int
    link_chars: int
    n_links: int
    href: str
    media: int
    elements: int
    flags: int


def two_words(before: str, text: str, styles: int, element: LexborNode) -> bool:
    """Whether the texts of two elements side by side are two words.

    Style sheets set such elements apart more often than authors split a word
    in two: single letters, code and indices are the exceptions.
    """
    left, right = before[-1], text[0]
    if left.isspace() or right.isspace() or styles & Layout.HAS_CODE:
        return False
    if not (left.isalnum() or left in _ENDS) or not (right.isalnum() or right in _BEGINS):
        return False
    if len(before) == 1 and len(text) == 1:
        return False
    return element.tag not in _INDICES


def make_block(
    parts: list[str],
    linked: list[str],
    inside: tuple[str, bool, bool],
    every: int,
    some: int,
    row: int,
    node: int,
    n_links: int,
    href: str,
    media: int,
    elements: int,
) -> Block | None:
    """The block that the parts make, None where they show nothing.

    Args:
        parts: its texts and what stands between them.
        linked: those of the texts that are linked.
        inside: what its element says (`TagTable.inside`).
        every, some: styles of all texts, and of any of them.
        row, node, n_links, href, media, elements: of the block.
    """
    raw = parts[0] if len(parts) == 1 else "".join(parts)
    kind, _, pre = inside
    indent, flags = "", 0
    if some:
        flags = (some & ANY_FLAGS) | (every & ALL_FLAGS)
    if pre:
        text = raw.strip()
        lead = raw[: len(raw) - len(raw.lstrip())]
        indent = lead[lead.rfind("\n") + 1 :]
    elif some & HAS_BREAK:
        lines = [" ".join(line.split()) for line in raw.split(LINE)]
        text = "\n".join(line for line in lines if line)
        if "\n" not in text:
            flags &= ~HAS_BREAK
    else:
        text = " ".join(raw.split())
    if not (text and text[0].isalnum()) and not text.strip(INVISIBLE):
        return None
    if every & LINKED:
        link_chars = len(text)
    elif linked:
        link_chars = min(len(text), sum([len(" ".join(part.split())) for part in linked]))
    else:
        link_chars = 0
    values = (text, indent, kind, row, node, link_chars, n_links, href, media, elements, flags)
    return _new_tuple(Block, values)  # Block(*values), without its check of names


class Repeats:
    """Drops blocks of a `noscript` that the page has said before it.

    Lazy-loading pages print a fallback of what the script shows, forums the
    only copy there is: only the text tells which.
    """

    def __init__(self, blocks: list[Block]) -> None:
        self._blocks = blocks
        self._seen: set[str] = set()
        self._n_seen = 0

    def drop_from(self, first: int) -> None:
        """Drop those of `blocks[first:]` that repeat one of `blocks[:first]`."""
        blocks = self._blocks
        if first >= len(blocks):
            return
        self._seen.update(block.text for block in blocks[self._n_seen : first])
        self._n_seen = max(self._n_seen, first)
        blocks[first:] = [
            block
            for block in blocks[first:]
            if len(block.text) < MIN_REPEAT or block.text not in self._seen
        ]
