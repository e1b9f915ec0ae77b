"""Where a segment's link leads, told from its address alone.

A link whose address spells the words of its own text names another story; that
holds in every language that puts words into addresses.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Batch

__all__ = ["LINK_NAMES", "link_columns"]

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

_WORD = re.compile(r"[^\W_]{3,}")
_DIGITS = re.compile(r"\d{3,}")


def _host(url: str) -> str:
    rest = url.split("//", 1)
    return rest[1].split("/", 1)[0].lower().removeprefix("www.") if len(rest) == 2 else ""


def _path(url: str) -> str:
    rest = url.split("//", 1)
    tail = rest[-1]
    path = (
        tail[tail.find("/") :]
        if len(rest) == 2 and "/" in tail
        else ("" if len(rest) == 2 else tail)
    )
    return path.split("#", 1)[0].rstrip("/")


def link_columns(batch: Batch) -> npt.NDArray[np.float32]:
    """Columns of `LINK_NAMES` for the segments of HTML pages; NaN without a link."""
    out = np.full((len(batch), len(LINK_NAMES)), np.nan, np.float32)
    out[:, 0] = 0.0
    for number, page in enumerate(batch.pages):
        layout = page.layout
        assert layout is not None
        hrefs = layout.segment_href
        at = [index for index, href in enumerate(hrefs) if href]
        if not at:
            continue
        own_host, own_path = _host(page.url or ""), _path(page.url or "")
        known: dict[str, list[float]] = {}
        counts: dict[str, int] = {}
        rows: list[list[float]] = []
        spells: list[float] = []
        text = page.text
        starts, ends = page.starts.tolist(), page.ends.tolist()
        for index in at:
            href = hrefs[index]
            told = known.get(href)
            if told is None:
                told = known[href] = _tell(href, own_host, own_path)
                counts[href] = 0
            counts[href] += 1
            rows.append(told)
            spelt = np.nan
            if told[3]:
                start = starts[index]
                said = text[start : min(ends[index], start + 200)].lower()
                slug = href.lower()
                found = _WORD.findall(said)
                spelt = sum([word in slug for word in found]) / (len(found) + 1.0)
            spells.append(spelt)
        where = np.array(at) + int(batch.first[number])
        values = np.array(rows)
        out[where, 0] = 1.0
        out[where, 1:7] = values[:, :6]
        out[where, 7] = spells
        out[where, 8] = np.log([counts[hrefs[index]] for index in at])
        out[where, 9] = values[:, 6]
    return out


_NO_PAGE = ("mailto:", "javascript:", "tel:")


def _tell(href: str, own_host: str, own_path: str) -> list[float]:
    """Here, outside, depth, hyphens, digits, query, to self."""
    if href[0] == "#":
        return [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    outside = False
    if href[0] == "/" and href[1:2] != "/" and "//" not in href:
        path = href
    else:
        if href[:11].lower().startswith(_NO_PAGE):
            return [2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
        host, path = _host(href), _path(href)
        if host and own_host and host != own_host:
            outside = not host.endswith(own_host) and not own_host.endswith(host)
    path = path.split("#", 1)[0].rstrip("/")
    clean, _, query = path.partition("?")
    last = clean.rsplit("/", 1)[-1]
    return [
        0.0,
        outside,
        clean.count("/"),
        last.count("-") + last.count("_"),
        len(_DIGITS.findall(clean)),
        query != "",
        path == own_path and path != "" and not outside,
    ]
