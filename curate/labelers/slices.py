"""Pages of very many segments, some thousands at a time: memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from curate.labelers.reasons import JoinedReasons
from curate.schema import Layout, PagePrediction, SegmentedPage

__all__ = ["MAX_SEGMENTS", "join_predictions", "slices"]

MAX_SEGMENTS = 20_000
"""Segments of one page worked on at once: 45 MB of features, some 200 MB in all.
No real page that was seen has half of that; a page beyond is labelled in parts."""


def slices(page: SegmentedPage, max_segments: int = MAX_SEGMENTS) -> Iterator[SegmentedPage]:
    """Consecutive segments of a page as pages of their own, with their text and elements."""
    for begin in range(0, len(page), max_segments):
        end = min(begin + max_segments, len(page))
        low, high = int(page.starts[begin]), int(page.ends[end - 1])
        yield replace(
            page,
            text=page.text[low:high],
            starts=page.starts[begin:end] - low,
            ends=page.ends[begin:end] - low,
            kinds=page.kinds[begin:end],
            layout=None if page.layout is None else _part(page.layout, begin, end),
        )


def _part(layout: Layout, begin: int, end: int) -> Layout:
    """The layout of some segments: their elements and all above them."""
    here = slice(begin, end)
    needed = np.zeros(len(layout.node_parent), bool)
    parents = layout.node_parent
    at = np.unique(layout.segment_node[here])
    while len(at):  # each turn one level up; every element is met once
        needed[at] = True
        up = np.unique(parents[at])
        at = up[up >= 0]
        at = at[~needed[at]]
    kept = np.flatnonzero(needed)
    number = np.cumsum(needed) - 1
    ups = parents[kept]
    return replace(
        layout,
        node_parent=np.where(ups >= 0, number[ups], -1).astype(np.int32),
        node_tag=[layout.node_tag[at] for at in kept.tolist()],
        node_attrs=[layout.node_attrs[at] for at in kept.tolist()],
        segment_node=number[layout.segment_node[here]].astype(np.int32),
        link_chars=layout.link_chars[here],
        n_links=layout.n_links[here],
        segment_href=layout.segment_href[here],
        media_before=layout.media_before[here],
        elements_before=layout.elements_before[here],
        flags=layout.flags[here],
    )


def join_predictions(parts: Sequence[PagePrediction]) -> PagePrediction:
    """The prediction of a page from those of its slices; type and language from the first."""
    return PagePrediction(
        labels=[label for part in parts for label in part.labels],
        scores=np.concatenate([part.scores for part in parts]),
        main=np.concatenate([part.main for part in parts]),
        reasons=JoinedReasons([part.reasons for part in parts]),
        page_type=parts[0].page_type,
        page_type_score=parts[0].page_type_score,
        language=parts[0].language,
    )
