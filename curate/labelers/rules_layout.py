"""What the rules see of an HTML page's tree."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from curate.labelers.patterns import ROLE_WORDS, role_bits
from curate.labelers.rules_lines import Bools, Floats, Lines
from curate.labelers.statements import StatementList, Statements
from curate.schema import Layout, SegmentedPage

__all__ = ["describe_layout"]

_KINDS = {
    "h1": "h1",
    "h2": "h2 or h3",
    "h3": "h2 or h3",
    "h4": "a smaller heading",
    "h5": "a smaller heading",
    "h6": "a smaller heading",
    "p": "a paragraph",
    "li": "a list item",
    "td": "a table cell",
    "th": "a table cell",
    "figcaption": "a figure's caption",
    "caption": "a figure's caption",
    "pre": "preformatted text",
    "button": "a button",
    "dt": "a term or its definition",
    "dd": "a term or its definition",
    "blockquote": "a block quote",
    "div": "a plain block",
}
_KIND_NAMES = tuple(dict.fromkeys(_KINDS.values()))
_ANCESTORS = (
    "nav",
    "header",
    "footer",
    "aside",
    "main",
    "article",
    "form",
    "figure",
    "noscript",
    "ul",
    "table",
    "section",
    "a",
    "dialog",
    "blockquote",
    "button",
    "details",
)
_TAG_BIT = {name: 1 << at for at, name in enumerate(_ANCESTORS)}
_INSIDE = tuple(f"inside {name}" for name in _ANCESTORS)
_NAMED = tuple(
    text for name in ROLE_WORDS for text in (f"named {name}", f"within something named {name}")
)
_NEAR = 4  # Levels of ancestors that are "near".


def describe_layout(page: SegmentedPage, lines: Lines) -> Statements:
    """All statements about the tree, in a fixed order; page.layout is not None."""
    layout = page.layout
    assert layout is not None
    n = len(page)
    found = StatementList(n)
    kinds = np.array([_KIND_AT.get(kind, -1) for kind in page.kinds], np.int64)
    found.add_all(_KIND_NAMES, kinds == np.arange(len(_KIND_NAMES))[:, None])
    near, every, tags = _roles(layout)
    node = layout.segment_node
    found.add_all(_INSIDE, _bits(tags[node], len(_ANCESTORS)))
    close = _bits(near[node], len(ROLE_WORDS))
    within = _bits(every[node], len(ROLE_WORDS)) & ~close
    both = np.stack([close, within], axis=1).reshape(2 * len(ROLE_WORDS), n)
    found.add_all(_NAMED, both)
    _links(found, page, layout)
    flags = layout.flags
    found.add("all bold", flags & Layout.ALL_BOLD > 0)
    found.add("all italic", flags & Layout.ALL_ITALIC > 0)
    found.add("holds a time element", flags & Layout.HAS_TIME > 0)
    found.add("holds code", flags & Layout.HAS_CODE > 0)
    found.add("beside a form field", flags & Layout.HAS_CONTROL > 0)
    found.add("a picture right before", layout.media_before > 0)
    found.add(
        "a short text after a picture",
        (layout.media_before > 0) & (lines.words <= 40) & (lines.words > 3),
    )
    _structure(found, page, layout, lines)
    return found.done()


_KIND_AT = {kind: _KIND_NAMES.index(name) for kind, name in _KINDS.items()}


def _roles(
    layout: Layout,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """For each node: role bits near it, role bits above it, bits of its ancestors' tags."""
    tags = layout.node_tag
    # Names of html and body ("page-template-article") say nothing of a part.
    own = [
        role_bits(attrs) if attrs and tag != "body" else 0
        for attrs, tag in zip(layout.node_attrs, tags, strict=True)
    ]
    own[0] = 0
    inside = [_TAG_BIT.get(tag, 0) for tag in tags]
    every = own.copy()
    parents = layout.node_parent.tolist()
    for at in range(1, len(parents)):
        parent = parents[at]
        every[at] |= every[parent]
        inside[at] |= inside[parent]
    bits = np.array(own, np.int64)
    up = np.maximum(layout.node_parent, 0)
    near, above = bits.copy(), up
    for _ in range(_NEAR - 1):
        near |= bits[above]
        above = up[above]
    return near, np.array(every, np.int64), np.array(inside, np.int64)


def _bits(values: npt.NDArray[np.int64], count: int) -> Bools:
    """The lowest bits of each value, bool [count, n]."""
    return (values >> np.arange(count)[:, None]) & 1 > 0


def _links(found: StatementList, page: SegmentedPage, layout: Layout) -> None:
    lengths = np.maximum(page.ends - page.starts, 1)
    share = (layout.link_chars / lengths).astype(np.float32)
    found.bins("share of links:", share, (0.01, 0.3, 0.9))
    found.add("three links or more", layout.n_links >= 3)
    hrefs = layout.segment_href
    counts: dict[str, int] = {}
    for href in hrefs:
        counts[href] = counts.get(href, 0) + 1
    linked = np.array([bool(href) for href in hrefs], bool)
    found.add("links to a place on this page", np.array([href[:1] == "#" for href in hrefs], bool))
    found.add(
        "links where another line links too",
        linked & np.array([counts[h] > 1 for h in hrefs], bool),
    )
    slug = np.array([href.count("-") for href in hrefs], np.int64)
    whole = share >= 0.9
    found.add("all link, to an address like a headline", whole & (slug >= 4))
    found.add("all link, to a short address", whole & (slug < 2))
    found.add("all link, of 5 words or more", whole & (lengths >= 28))
    here = (page.url or "").split("//")[-1].split("/")[0].removeprefix("www.")
    away = ["//" in href[:8] and bool(here) and here not in href[:80] for href in hrefs]
    found.add("links to another site", np.array(away, bool))


def _structure(found: StatementList, page: SegmentedPage, layout: Layout, lines: Lines) -> None:
    parents = layout.node_parent.tolist()
    n_nodes = len(parents)
    signature = [0] * n_nodes
    paths: dict[tuple[int, str], int] = {}
    for at, parent in enumerate(parents):
        above = signature[parent] if parent >= 0 else -1
        signature[at] = paths.setdefault((above, layout.node_tag[at]), len(paths))
    seen: dict[int, int] = {}
    nodes = layout.segment_node.tolist()
    for node in nodes:
        seen[signature[node]] = seen.get(signature[node], 0) + 1
    alike = np.array([seen[signature[node]] for node in nodes], np.float32)
    found.bins("lines at the same place in the tree:", alike, (2, 5, 15))
    # Each element covers one stretch of segments: sums over it are differences.
    count = [0] * n_nodes
    first = [len(nodes)] * n_nodes
    for at in range(len(nodes) - 1, -1, -1):
        node = nodes[at]
        count[node] += 1
        first[node] = at
    for at in range(n_nodes - 1, 0, -1):
        parent = parents[at]
        count[parent] += count[at]
        first[parent] = min(first[parent], first[at])
    # The nearest element around it with three segments or more.
    box = list(range(n_nodes))
    for at in range(1, n_nodes):
        if count[at] < 3:
            box[at] = box[parents[at]]
    begin, size = np.array(first), np.array(count)
    boxes = np.array(box)[layout.segment_node]
    outer = np.array(box)[np.maximum(layout.node_parent[boxes], 0)]
    words = _totals(lines.words)
    prose = _totals(np.where(lines.prose, lines.words, 0))
    links = _totals(layout.link_chars * 2 > page.ends - page.starts)
    for name, around in (("its container", boxes), ("the container around", outer)):
        low, high = begin[around], begin[around] + size[around]
        share = (prose[high] - prose[low]) / np.maximum(words[high] - words[low], 1)
        found.bins(f"share of prose in {name}:", share, (0.05, 0.35, 0.65, 0.9))
        share = (links[high] - links[low]) / np.maximum(size[around], 1)
        found.bins(f"share of linked lines in {name}:", share, (0.1, 0.4, 0.8))
    low, high = begin[boxes], begin[boxes] + size[boxes]
    weight = (words[high] - words[low]) / max(float(words[-1]), 1.0)
    found.bins("share of the page in its container:", weight, (0.02, 0.1, 0.3, 0.6))


def _totals(values: npt.NDArray[Any]) -> Floats:
    """Sums over the segments before each one, and over all."""
    total = np.zeros(len(values) + 1, np.float32)
    np.cumsum(values, out=total[1:])
    return total
