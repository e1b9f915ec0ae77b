"""Features of HTML segments, in a fixed order."""

from __future__ import annotations

from itertools import chain, repeat

import numpy as np

from curate.labelers.batch import Batch, Floats, Ints
from curate.labelers.first import OUTPUTS, FirstScores
from curate.labelers.links import LINK_NAMES, put_links
from curate.labelers.marks import (
    MEDIA,
    OWN_GROUPS,
    SHORT_WORDS,
    W_MAIN,
    SegmentMarks,
    base_columns,
    put_own,
    put_scores,
)
from curate.labelers.nodes import N_TAG_FLAGS, TAG_FLAGS
from curate.labelers.profiles import Sums
from curate.labelers.sheet import Plan, Sheet
from curate.labelers.surroundings import (
    CONTAINER_GROUPS,
    PLACE_NAMES,
    WINDOW_GROUPS,
    put_containers,
    put_place,
    put_windows,
)
from curate.labelers.tokens import TokenTable
from curate.labelers.tree import Forest, Names
from curate.labelers.wording import WORDING_GROUPS, put_credits, put_overlaps, put_repeats
from curate.schema import Layout

__all__ = ["HTML_GROUPS", "KINDS", "html_features"]

_KIND_NAMES = """other p li td th h1 h2 h3 h4 h5 h6 dt dd figcaption caption blockquote pre div
    span a button label option summary article section title line"""

KINDS = {name: code for code, name in enumerate(_KIND_NAMES.split())}

_FLAGS = {
    "bold": Layout.ALL_BOLD,
    "italic": Layout.ALL_ITALIC,
    "has_time": Layout.HAS_TIME,
    "has_code": Layout.HAS_CODE,
    "has_control": Layout.HAS_CONTROL,
    "has_break": Layout.HAS_BREAK,
}

MAX_ABOVE = 4.0
"""Elements of one kind around a segment that are told apart."""

HTML_GROUPS = (
    *OWN_GROUPS,
    ("elements", [f"elements_{output}" for output in OUTPUTS]),
    ("block", ("links", "kind")),
    ("links", LINK_NAMES),
    ("layout", ("media", "elements", "n_links", *_FLAGS)),
    *WORDING_GROUPS,
    ("place", PLACE_NAMES),
    *WINDOW_GROUPS,
    *CONTAINER_GROUPS,
    ("tree", ("body_of_best", "depth", "item_repeats", "list_repeats", "self_repeats",
              "item_index", "item_rest", "section_index", "section_rest")),
    ("heading", ("heading_distance", "heading_level", *(f"heading_{o}" for o in OUTPUTS),
                 "heading_words")),
    ("h1", ("since_h1", "n_h1")),
    ("above", [f"in_{tag}" for tag in TAG_FLAGS]),
    ("near", [f"near_{tag}" for tag in TAG_FLAGS[N_TAG_FLAGS:]]),
)  # fmt: skip


def html_features(
    batch: Batch,
    table: TokenTable,
    marks: SegmentMarks,
    first: FirstScores,
    forest: Forest,
    names: Names,
    heading: Ints,
    plan: Plan,
) -> Sheet:
    """Features of HTML segments, those that are planned of `HTML_GROUPS`."""
    out = Sheet(plan, len(batch))
    chance = put_scores(out, first)
    out.put("elements", first.nodes)
    layouts = [page.layout for page in batch.pages if page.layout is not None]
    media, elements, n_links, flags, link_chars = (
        np.concatenate([getattr(layout, name) for layout in layouts])
        for name in ("media_before", "elements_before", "n_links", "flags", "link_chars")
    )
    links = (link_chars / np.maximum(batch.ends - batch.starts, 1)).astype(np.float32)
    named = chain.from_iterable(page.kinds for page in batch.pages)
    kinds = np.fromiter(map(KINDS.get, named, repeat(0)), np.int64, len(batch))
    out.put_each("block", links, kinds)
    hyphens = put_links(out, batch)
    bits = ((flags & bit) > 0 for bit in _FLAGS.values())
    out.put_each("layout", np.log1p(media), np.log1p(elements), n_links, *bits)
    base = base_columns(marks, links, chance)
    base[MEDIA] = media > 0
    base[MEDIA + 1] = (hyphens >= 3) & (marks.words >= SHORT_WORDS)
    sums = Sums(base, batch)
    put_own(out, batch, marks)
    put_credits(out, batch, table, marks)
    put_repeats(out, batch)
    put_overlaps(out, batch, table, marks, chance, html=True)
    put_place(out, batch, base, sums)
    put_windows(out, sums)
    put_containers(out, batch, forest, sums, base)
    best = np.maximum.reduceat(base[W_MAIN], batch.first)[batch.page_of]
    _put_tree(out, forest, base[W_MAIN] / np.maximum(best, 1e-3))
    _put_headings(out, batch, marks, first, kinds, heading)
    np.minimum(names.above[plan.of("above")], MAX_ABOVE, out=out.rows("above"))
    # The nearest elements speak loudest: the segment's own and the one around it.
    wanted = plan.of("near") + N_TAG_FLAGS
    each = names.each[:, wanted]
    near = each[forest.node] + 0.5 * each[forest.parent[forest.node]]
    out.rows("near")[:] = near.T
    return out


def _put_tree(out: Sheet, forest: Forest, body: Floats) -> None:
    """Where in its list and section a segment stands, and how often their like."""
    here = np.arange(len(forest.node))
    item = forest.item[forest.node]
    outer = forest.item[forest.parent[item]]
    section = forest.big[0][forest.node]
    repeats = np.log(forest.repeats)
    out.put_each(
        "tree",
        body,
        forest.depth[forest.node],
        repeats[item],
        repeats[outer],
        repeats[forest.node],
        here - forest.first[item],
        forest.stop[item] - here,
        np.log1p(here - forest.first[section]),
        np.log1p(forest.stop[section] - here),
    )


def _put_headings(
    out: Sheet, batch: Batch, marks: SegmentMarks, first: FirstScores, kinds: Ints, heading: Ints
) -> None:
    """What the heading before a segment is and says, and where the page's first h1 stands."""
    here = np.arange(len(batch))
    if out.wants("heading"):
        told = np.concatenate([kinds[None], first.own, np.log1p(marks.words)[None]])[:, heading]
        under = np.concatenate([np.log1p(here - heading)[None], told])
        out.put("heading", np.where(heading >= 0, under, np.nan))
    if out.wants("h1"):
        h1 = kinds == KINDS["h1"]
        first_h1 = np.full(len(batch.pages), -1)
        at = np.flatnonzero(h1)[::-1]
        first_h1[batch.page_of[at]] = at
        h1_at = first_h1[batch.page_of]
        since = here - h1_at
        out.put_each(
            "h1",
            np.where(h1_at >= 0, np.sign(since) * np.log1p(np.abs(since)), np.nan),
            np.bincount(batch.page_of, h1)[batch.page_of],
        )
