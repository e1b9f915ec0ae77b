"""Labels for pages that nobody has labelled, from what is known of their HTML.

A model of the gold pages (the teacher) reads the other pages; where the
reference tells main content from the rest, or an element says that it is a
caption, the teacher is overruled.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Floats, Ints
from curate.schema import SegmentedPage

__all__ = ["blend_silver", "rule_captions"]

ARTICLE, BOILERPLATE, TEASER, CAPTION = range(4)

_CAPTION = re.compile(
    r"(?:^|[-_ ])(?:wp-?)?(?:fig|img|image|photo|picture|media|thumb)?-?_?captions?(?:[-_ ]|$)"
    r"|(?:photo|image|img|picture|media)[-_]?credits?|caption(?:text|__text)",
    re.IGNORECASE,
)
_NOT_CAPTION = re.compile(
    r"closed|video-js|vjs|slide|carousel|card|tile|promo|teaser", re.IGNORECASE
)

MAX_CAPTION_CHARS = 700

OUTSIDE = 0.12
"""What is left of the teacher's belief in `article` where the reference leaves a
segment out: it also leaves out headlines, captions and whole truncated ends."""

INSIDE_OTHER = 0.15
"""What is left of its belief in the other labels where the reference has it."""


def rule_captions(page: SegmentedPage) -> npt.NDArray[np.bool_]:
    """Segments whose element says that they describe a figure."""
    out = np.zeros(len(page), bool)
    layout = page.layout
    if layout is None:
        return out
    said: dict[int, bool] = {}
    for index, kind in enumerate(page.kinds):
        node = int(layout.segment_node[index])
        caption = kind == "figcaption"
        if not caption and kind not in ("h1", "h2", "caption"):
            told = said.get(node)
            if told is None:
                told = False
                at = node
                for _ in range(3):
                    if at < 0:
                        break
                    attrs = layout.node_attrs[at]
                    if layout.node_tag[at] == "figcaption" or (
                        attrs and _CAPTION.search(attrs) and not _NOT_CAPTION.search(attrs)
                    ):
                        told = True
                        break
                    at = int(layout.node_parent[at])
                said[node] = told
            caption = told
        chars = int(page.ends[index] - page.starts[index])
        linked = layout.link_chars[index] > 0.8 * chars
        out[index] = caption and not linked and 8 <= chars <= MAX_CAPTION_CHARS
    return out


def blend_silver(
    teacher: Floats,
    main: Floats,
    captions: npt.NDArray[np.bool_],
    cards: npt.NDArray[np.bool_],
    heading: npt.NDArray[np.bool_],
) -> tuple[Ints, Floats]:
    """The teacher's probabilities and the reference, as one label and a weight.

    Args:
        teacher: float [n, 4], probabilities of the labels.
        main: float [n], share of the segment that the reference holds.
        captions: bool [n], by rule.
        cards: bool [n], pages whose reference holds the cards (listing, collection).
        heading: bool [n], the page's h1, which references leave out.

    Returns:
        `(labels, weights)`; a weight in 0..1, near 0 where nothing is sure.
    """
    belief = teacher.astype(np.float64).copy()
    outside = (main <= 0) & ~heading
    belief[outside, ARTICLE] *= OUTSIDE
    inside = main > 0
    for label in (BOILERPLATE, CAPTION):
        belief[inside, label] *= INSIDE_OTHER
    belief[inside & ~cards, TEASER] *= INSIDE_OTHER
    belief[captions] = (0.0, 0.02, 0.02, 0.96)
    belief /= np.maximum(belief.sum(axis=1, keepdims=True), 1e-9)
    labels = belief.argmax(axis=1)
    sure = belief.max(axis=1)
    return labels.astype(np.int64), np.clip((sure - 0.4) / 0.5, 0.0, 1.0).astype(np.float32)
