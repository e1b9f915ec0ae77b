"""Where a segment's link leads, told from its address alone.

A link whose address spells the words of its own text names another story; that
holds in every language that puts words into addresses.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain

import numpy as np

from curate.labelers.batch import Batch, Floats
from curate.labelers.sheet import Sheet
from curate.schema import SegmentedPage

__all__ = ["LINK_NAMES", "put_links"]

LINK_NAMES = (
    "has_link",
    "link_here",
    "link_outside",
    "link_depth",
    "link_hyphens",
    "link_digits",
    "link_query",
    "link_spells_text",
    "link_repeats",
    "link_to_self",
)

SPELLING_CHARS = 200
"""Characters of a segment whose words are looked for in its link's address."""

_WORD = re.compile(r"[^\W_]{3,}")
_BLANKED = bytes(ord(chr(c).lower()) if chr(c).isalnum() else 32 * (c > 0) for c in range(128))
_BLANKED += bytes(128)
_DIGITS = re.compile(r"\d{3,}")


def _parts(url: str) -> tuple[str, str]:
    """Host, without `www.`, and what follows it up to a fragment, without a closing slash."""
    host, path = "", url
    begin = url.find("//")
    if begin >= 0:
        slash = url.find("/", begin + 2)
        end = slash if slash >= 0 else len(url)
        host, path = url[begin + 2 : end].lower().removeprefix("www."), url[end:]
    if "#" in path:
        path = path[: path.index("#")]
    return host, path.rstrip("/")


def put_links(out: Sheet, batch: Batch) -> Floats:
    """Features of `LINK_NAMES` for the segments of HTML pages; NaN without a link.

    Returns:
        `link_hyphens`, float32 [n_segments].
    """
    told: Floats = np.full((len(LINK_NAMES), len(batch)), np.nan, np.float32)
    told[0] = 0.0
    for number, page in enumerate(batch.pages):
        layout = page.layout
        assert layout is not None
        hrefs = layout.segment_href
        at = [index for index, href in enumerate(hrefs) if href]
        if not at:
            continue
        own_host, own_path = _parts(page.url or "")
        targets = [hrefs[index] for index in at]
        counts = Counter(targets)
        known = {href: _tell(href, own_host, own_path) for href in counts}
        where = np.array(at) + int(batch.first[number])
        row_of = {href: row for row, href in enumerate(known)}
        each = np.fromiter(chain.from_iterable(known.values()), np.float64, 7 * len(known))
        values = each.reshape(-1, 7)[[row_of[href] for href in targets]]
        told[0, where] = 1.0
        told[1:7, where] = values[:, :6].T
        told[8, where] = np.log([counts[href] for href in targets])
        told[9, where] = values[:, 6]
        worded = np.flatnonzero(values[:, 3]).tolist()
        told[7, where[worded]] = _spelt(page, [at[n] for n in worded], [targets[n] for n in worded])
    out.put("links", told)
    hyphens: Floats = told[4]
    return hyphens


def _spelt(page: SegmentedPage, segments: Sequence[int], hrefs: Sequence[str]) -> list[float]:
    """Share of a segment's words that its link's address holds."""
    text = page.text
    starts, ends = page.starts.tolist(), page.ends.tolist()
    said = [text[starts[at] : min(ends[at], starts[at] + SPELLING_CHARS)] for at in segments]
    return [
        sum(map(href.lower().__contains__, words)) / (len(words) + 1.0)
        for words, href in zip(_words(said), hrefs, strict=True)
    ]


def _words(texts: Sequence[str]) -> list[list[str]]:
    """Words of three letters or more in each text, lower case."""
    whole = "\0".join(texts)
    if not whole.isascii() or whole.count("\0") >= len(texts):
        return [_WORD.findall(text.lower()) for text in texts]
    blanked = whole.encode().translate(_BLANKED).decode()
    return [[word for word in part.split() if len(word) > 2] for part in blanked.split("\0")]


_NO_PAGE = ("mailto:", "javascript:", "tel:")
_NO_PAGE_FIRST = frozenset("mjtMJT")
_HERE = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
_NOWHERE = (2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def _tell(href: str, own_host: str, own_path: str) -> tuple[float, ...]:
    """Here, outside, depth, hyphens, digits, query, to self."""
    first = href[0]
    if first == "#":
        return _HERE
    if first in _NO_PAGE_FIRST and href[:11].lower().startswith(_NO_PAGE):
        return _NOWHERE
    outside = False
    host, path = _parts(href)
    if host and own_host and host != own_host:
        outside = not host.endswith(own_host) and not own_host.endswith(host)
    clean, _, query = path.partition("?") if "?" in path else (path, "", "")
    last = clean[clean.rfind("/") + 1 :]
    return (
        0.0,
        outside,
        clean.count("/"),
        last.count("-") + last.count("_"),
        len(_DIGITS.findall(clean)),
        query != "",
        path == own_path and path != "" and not outside,
    )
