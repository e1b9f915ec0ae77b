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
        count: dict[str, int] = {}
        for index in at:
            href = hrefs[index]
            count[href] = count.get(href, 0) + 1
        own_host, own_path = _host(page.url or ""), _path(page.url or "")
        known: dict[str, tuple[float, ...]] = {}
        rows: list[tuple[float, ...]] = []
        text = page.text
        starts, ends = page.starts, page.ends
        for index in at:
            href = hrefs[index]
            told = known.get(href)
            if told is None:
                told = known[href] = _tell(href, own_host, own_path)
            spells = np.nan
            if told[3] >= 1:
                found = _WORD.findall(
                    text[starts[index] : min(ends[index], starts[index] + 200)].lower()
                )
                slug = href.lower()
                spells = sum(word in slug for word in found) / (len(found) + 1.0)
            rows.append((*told[:6], spells, count[href], told[6]))
        low = int(batch.first[number])
        where = np.array(at) + low
        out[where, 0] = 1.0
        out[where, 1:] = rows
    out[:, 8] = np.log(out[:, 8])
    return out


def _tell(href: str, own_host: str, own_path: str) -> tuple[float, ...]:
    """Here, outside, depth, hyphens, digits, query, to self."""
    if href[0] == "#":
        return (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    scheme = href[:11].lower()
    if scheme.startswith(("mailto:", "javascript:", "tel:")):
        return (2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    host, path = _host(href), _path(href)
    clean, _, query = path.partition("?")
    last = clean.rsplit("/", 1)[-1]
    outside = float(
        bool(host)
        and bool(own_host)
        and not host.endswith(own_host)
        and not own_host.endswith(host)
    )
    return (
        0.0,
        outside,
        float(clean.count("/")),
        float(last.count("-") + last.count("_")),
        float(len(_DIGITS.findall(clean))),
        float(bool(query)),
        float(bool(own_path) and path == own_path and not outside),
    )
