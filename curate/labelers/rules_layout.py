"""What the rules see of an HTML page's tree."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curate.labelers.patterns import ROLE_WORDS, role_bits
from curate.labelers.rules_text import Lines, StatementList, Statements
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
_NEAR = 4  # Levels of ancestors that are "near".


def describe_layout(page: SegmentedPage, lines: Lines) -> Statements:
    """All statements about the tree, in a fixed order; page.layout is not None."""
    layout = page.layout
    assert layout is not None
    n = len(page)
    found = StatementList(n)
    kinds = np.array([_KIND_AT.get(kind, -1) for kind in page.kinds], np.int64)
    for at, name in enumerate(_KIND_NAMES):
        found.add(name, kinds == at)
    near, every, tags = _roles(layout)
    node = layout.segment_node
    for at, name in enumerate(_ANCESTORS):
        found.add(f"inside {name}", (tags[node] >> at) & 1 > 0)
    for at, name in enumerate(ROLE_WORDS):
        close = (near[node] >> at) & 1 > 0
        found.add(f"named {name}", close)
        found.add(f"within something named {name}", ((every[node] >> at) & 1 > 0) & ~close)
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
    tag_bit = {name: 1 << at for at, name in enumerate(_ANCESTORS)}
    own = [role_bits(attrs) if attrs else 0 for attrs in layout.node_attrs]
    near: list[int] = []
    every: list[int] = []
    tags: list[int] = []
    parents = layout.node_parent.tolist()
    for at, parent in enumerate(parents):
        if parent < 0:
            near.append(0)
            every.append(0)
            tags.append(0)
            continue
        # Names of html and body ("page-template-article") say nothing of a part.
        depth_own = own[at] if layout.node_tag[at] != "body" else 0
        close, up = depth_own, parent
        for _ in range(_NEAR - 1):
            if up <= 1:
                break
            close |= own[up]
            up = parents[up]
        near.append(close)
        every.append(every[parent] | depth_own)
        tags.append(tags[parent] | tag_bit.get(layout.node_tag[at], 0))
    return np.array(near, np.int64), np.array(every, np.int64), np.array(tags, np.int64)


def _links(found: StatementList, page: SegmentedPage, layout: Layout) -> None:
    lengths = np.maximum(page.ends - page.starts, 1)
    share = (layout.link_chars / lengths).astype(np.float32)
    found.bins("share of links:", share, [0.01, 0.3, 0.9])
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
    found.bins("lines at the same place in the tree:", alike, [2, 5, 15])
    # The nearest element around it with three segments or more.
    count = [0] * n_nodes
    words = [0.0] * n_nodes
    prose = [0.0] * n_nodes
    links = [0] * n_nodes
    size = lines.words.tolist()
    is_prose = lines.prose.tolist()
    linked = (layout.link_chars * 2 > page.ends - page.starts).tolist()
    for at, node in enumerate(nodes):
        count[node] += 1
        words[node] += size[at]
        prose[node] += size[at] if is_prose[at] else 0.0
        links[node] += linked[at]
    for at in range(n_nodes - 1, 0, -1):
        parent = parents[at]
        if parent >= 0:
            count[parent] += count[at]
            words[parent] += words[at]
            prose[parent] += prose[at]
            links[parent] += links[at]
    box = list(range(n_nodes))
    for at, parent in enumerate(parents):
        if parent >= 0 and count[at] < 3:
            box[at] = box[parent]
    boxes = [box[node] for node in nodes]
    outer = [box[max(parents[b], 0)] for b in boxes]
    for name, around in (("its container", boxes), ("the container around", outer)):
        share = np.array([prose[b] / max(words[b], 1) for b in around], np.float32)
        found.bins(f"share of prose in {name}:", share, [0.05, 0.35, 0.65, 0.9])
        share = np.array([links[b] / max(count[b], 1) for b in around], np.float32)
        found.bins(f"share of linked lines in {name}:", share, [0.1, 0.4, 0.8])
    total = max(sum(size), 1.0)
    weight = np.array([words[b] / total for b in boxes], np.float32)
    found.bins("share of the page in its container:", weight, [0.02, 0.1, 0.3, 0.6])
