"""A page as lines that can be met again on another page of its site."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from curate.schema import SegmentedPage

__all__ = ["PageLines", "carried", "first_page", "page_lines"]

Floats = npt.NDArray[np.float64]

HEAD_CHARS = 400
"""A long line is told by its head: two lines don't begin alike for that long."""

LINKED_SHARE = 0.5
"""Share of a line's characters inside links from which it counts as a link: the same
headline is a link in a list of stories and plain text above its own story."""

_BLANKS = re.compile(r"\s+")
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, eq=False)
class PageLines:
    """The lines of one page, in order, one a segment.

    Attributes:
        keys: digests, equal for equal text (blanks, case and width of characters
            aside) that is a link or isn't one in both places.
        places: the element that holds the line: its tag and attributes, numbers
            aside; empty for plain text.
        is_title: the line is the page's own headline (`h1`).
        n_chars: length of each line.
    """

    keys: Sequence[str]
    places: Sequence[str]
    is_title: Sequence[bool]
    n_chars: Sequence[int]

    def __len__(self) -> int:
        return len(self.keys)


def page_lines(page: SegmentedPage) -> PageLines:
    """The lines of a page."""
    layout = page.layout
    starts, ends = page.starts.tolist(), page.ends.tolist()
    keys, places = [], []
    for at, (start, end) in enumerate(zip(starts, ends, strict=True)):
        linked = layout is not None and int(layout.link_chars[at]) > LINKED_SHARE * (end - start)
        keys.append(_key(page.text[start : min(end, start + HEAD_CHARS)], linked))
        if layout is None:
            places.append("")
        else:
            node = int(layout.segment_node[at])
            attrs = _DIGITS.sub("0", layout.node_attrs[node])
            places.append(_short(f"{layout.node_tag[node]} {attrs}"))
    sizes = [end - start for start, end in zip(starts, ends, strict=True)]
    return PageLines(keys, places, [kind == "h1" for kind in page.kinds], sizes)


def _key(text: str, linked: bool) -> str:
    plain = _BLANKS.sub(" ", unicodedata.normalize("NFKC", text)).strip().casefold()
    return _short(("link " if linked else "text ") + plain)


def _short(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def first_page(pages: Sequence[PageLines]) -> int:
    """The page of a site whose lines stand on most of the others', in characters.

    Reviewed first, it decides most; on a tie the first one given, -1 of none.
    """
    return int(carried(pages)[0].argmax()) if len(pages) else -1


def carried(pages: Sequence[PageLines]) -> tuple[Floats, Floats]:
    """What each page's lines make up of the other pages of the site.

    Returns:
        `(chars, recurring)`: for each page the characters of its lines on the
        others, and of all lines there that stand on two pages or more.
    """
    holders: dict[str, set[int]] = {}
    for number, page in enumerate(pages):
        for key in page.keys:
            holders.setdefault(key, set()).add(number)
    chars: dict[str, Floats] = {}
    for number, page in enumerate(pages):
        for key, n in zip(page.keys, page.n_chars, strict=True):
            if len(holders[key]) > 1:
                chars.setdefault(key, np.zeros(len(pages)))[number] += n
    gain = np.zeros(len(pages))
    recurring = np.zeros(len(pages))
    for key, by_page in chars.items():
        here = sorted(holders[key])
        others = by_page.sum() - by_page
        gain[here] += others[here]
        recurring += others
    return gain, recurring
