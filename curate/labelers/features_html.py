"""Columns of HTML segments, in a fixed order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Batch, Floats, Ints, Stretch
from curate.labelers.first import OUTPUTS, FirstScores
from curate.labelers.links import LINK_NAMES, link_columns
from curate.labelers.marks import (
    MEDIA,
    OWN_NAMES,
    SCORE_NAMES,
    SHORT_WORDS,
    W_MAIN,
    SegmentMarks,
    base_columns,
    own_columns,
    score_columns,
)
from curate.labelers.nodes import N_TAG_FLAGS, TAG_FLAGS, NodeTable
from curate.labelers.surroundings import (
    PLACE_NAMES,
    container_columns,
    container_names,
    place_columns,
    window_columns,
    window_names,
)
from curate.labelers.tokens import TokenTable
from curate.labelers.tree import Forest, above_sums
from curate.labelers.wording import (
    CREDIT_NAMES,
    OVERLAP_NAMES,
    REPEAT_NAMES,
    credit_columns,
    overlap_columns,
    repeat_columns,
    title_keys,
)

__all__ = ["KINDS", "html_features", "html_names"]

_KIND_NAMES = """other p li td th h1 h2 h3 h4 h5 h6 dt dd figcaption caption blockquote pre div
    span a button label option summary article section title line"""

KINDS = {name: code for code, name in enumerate(_KIND_NAMES.split())}

_FLAGS = (1, 2, 4, 8, 16, 32)  # bits of `Layout.flags`
_FLAG_NAMES = ("bold", "italic", "has_time", "has_code", "has_control", "has_break")


def html_features(
    batch: Batch,
    table: TokenTable,
    marks: SegmentMarks,
    first: FirstScores,
    forest: Forest,
    nodes: NodeTable,
    heading: Ints,
) -> Floats:
    """Columns of HTML segments, float32 [n_segments, len(feature_names(True))]."""
    n = len(batch)
    scores, chance = score_columns(first)
    links = np.concatenate(
        [page.layout.link_chars for page in batch.pages if page.layout is not None]
    )
    link_ratio = (links / np.maximum(batch.ends - batch.starts, 1)).astype(np.float32)
    base = base_columns(marks, link_ratio, chance)
    layouts = [page.layout for page in batch.pages if page.layout is not None]
    media = np.concatenate([layout.media_before for layout in layouts])
    flags = np.concatenate([layout.flags for layout in layouts])
    base[:, MEDIA] = media > 0
    link = link_columns(batch)
    base[:, MEDIA + 1] = (link[:, 4] >= 3) & (marks.words >= SHORT_WORDS)
    stretch = Stretch(base)
    whole = stretch.sums(batch.low, batch.high)
    own = own_columns(batch, marks)
    kinds = np.concatenate(
        [
            np.fromiter((KINDS.get(k, 0) for k in page.kinds), np.float32, len(page))
            for page in batch.pages
        ]
    )
    up1 = forest.parent[forest.node]
    item = forest.item[forest.node]
    outer = forest.item[forest.parent[item]]
    section = forest.big[0][forest.node]
    parts: list[npt.NDArray[np.floating]] = []
    parts.extend(own)
    parts.extend(scores)
    parts.append(first.nodes)
    parts.extend([link_ratio[:, None], kinds[:, None], link])
    parts.append(
        np.column_stack(
            [
                np.log1p(media),
                np.log1p(np.concatenate([layout.elements_before for layout in layouts])),
                np.concatenate([layout.n_links for layout in layouts]),
                *((flags & bit > 0) for bit in _FLAGS),
            ]
        )
    )
    parts.append(credit_columns(batch, marks))
    parts.append(repeat_columns(batch))
    parts.append(overlap_columns(batch, table, marks, chance, title_keys(batch, table, True)))
    parts.append(place_columns(batch, base, stretch))
    parts.extend(window_columns(batch, stretch))
    best = np.maximum.reduceat(base[:, W_MAIN], batch.first)[batch.page_of]
    parts.append(container_columns(batch, forest, stretch, base, whole))
    here = np.arange(n)
    parts.append(
        np.column_stack(
            [
                base[:, W_MAIN] / np.maximum(best, 1e-3),
                forest.depth[forest.node],
                np.log(forest.repeats[item]),
                np.log(forest.repeats[outer]),
                np.log(forest.repeats[forest.node]),
                here - forest.first[item],
                forest.stop[item] - here,
                np.log1p(here - forest.first[section]),
                np.log1p(forest.stop[section] - here),
                np.where(heading >= 0, np.log1p(here - heading), np.nan),
                np.where(heading >= 0, kinds[heading], np.nan),
            ]
        )
    )
    parts.append(
        np.where(
            (heading >= 0)[:, None],
            np.column_stack([first.own[heading], np.log1p(marks.words[heading])]),
            np.nan,
        )
    )
    h1 = kinds == KINDS["h1"]
    first_h1 = np.full(len(batch.pages), -1)
    at = np.flatnonzero(h1)[::-1]
    first_h1[batch.page_of[at]] = at
    h1_at = first_h1[batch.page_of]
    since = here - h1_at
    parts.append(
        np.column_stack(
            [
                np.where(h1_at >= 0, np.sign(since) * np.log1p(np.abs(since)), np.nan),
                np.bincount(batch.page_of, h1)[batch.page_of],
            ]
        )
    )
    flags_here = nodes.flags[forest.rows]
    parts.append(np.minimum(above_sums(forest, flags_here, n), 4.0))
    # The nearest elements speak loudest: the segment's own and the one around it.
    near = flags_here[forest.node] + 0.5 * flags_here[up1]
    parts.append(near[:, N_TAG_FLAGS:])
    out: Floats = np.concatenate(parts, axis=1, dtype=np.float32, casting="unsafe")
    return out


def html_names() -> list[str]:
    """Names of `html_features`, in order."""
    names = [*OWN_NAMES, *SCORE_NAMES, *(f"elements_{o}" for o in OUTPUTS), "links", "kind",
             *LINK_NAMES, "media", "elements", "n_links", *_FLAG_NAMES,
             *CREDIT_NAMES, *REPEAT_NAMES, *OVERLAP_NAMES, *PLACE_NAMES]  # fmt: skip
    names += [*window_names(), *container_names()]
    names += ["body_of_best", "depth", "item_repeats", "list_repeats", "self_repeats", "item_index",
              "item_rest", "section_index", "section_rest", "heading_distance",
              "heading_level"]  # fmt: skip
    names += [*(f"heading_{o}" for o in OUTPUTS), "heading_words"]
    names += ["since_h1", "n_h1"]
    names += [f"in_{tag}" for tag in TAG_FLAGS]
    return names + [f"near_{tag}" for tag in TAG_FLAGS[N_TAG_FLAGS:]]
