"""What sampling needs to know of a page, from its segments and their predictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.sample.base import Candidate
from curate.schema import IntArray, SegmentedPage

__all__ = ["VECTOR_NAMES", "Shape", "candidate_of"]

KINDS = (
    ("h1", "h2", "h3", "h4", "h5", "h6"),
    ("p",),
    ("li",),
    ("td", "th"),
    ("dd", "dt"),
    ("pre", "blockquote"),
    ("figcaption",),
    ("line",),
)
"""Kinds of segments that tell templates apart."""

SHORT_CHARS, LONG_CHARS = 25, 120
"""Below, a segment is a menu entry or button; above, it is prose."""

VECTOR_NAMES = (
    *(kinds[0] for kinds in KINDS),
    "short",
    "long",
    "linked",
    "media",
    "segments",
    "chars",
    "doubt",
)
"""What the vector holds before the shares of the labels."""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A page's segments without their text: what a glance at the page tells.

    Attributes:
        starts, ends, kinds: as in `SegmentedPage`.
        link_chars, media_before: as in `Layout`; None for plain text.
    """

    starts: IntArray
    ends: IntArray
    kinds: Sequence[str]
    link_chars: IntArray | None = None
    media_before: IntArray | None = None

    @classmethod
    def of(cls, page: SegmentedPage) -> Shape:
        """The shape of a whole page."""
        layout = page.layout
        if layout is None:
            return cls(page.starts, page.ends, page.kinds)
        return cls(page.starts, page.ends, page.kinds, layout.link_chars, layout.media_before)


def candidate_of(
    page_key: str,
    page_id: str,
    site: str,
    shape: Shape,
    scores: npt.ArrayLike,
    *,
    page_type: str | None = None,
    language: str | None = None,
    propagated: int = 0,
    carries: tuple[int, float] = (0, 0.0),
) -> Candidate:
    """The facts of one page.

    Args:
        scores: [n_segments, n_labels], in the label set's order.
        page_type, language: as the labeler tells them.
        propagated: segments that carry another page's decision.
        carries: see `Candidate`.
    """
    chance = np.asarray(scores, np.float64)
    n_labels = chance.shape[1]
    if not len(chance):
        empty = (0.0,) * n_labels
        vector = np.zeros(len(VECTOR_NAMES) + n_labels, np.float32)
        return Candidate(
            page_key, page_id, site, 0.0, 0, page_type, language, empty, empty, propagated, vector
        )
    top = np.eye(n_labels)[chance.argmax(axis=1)]
    misses = (chance * (1 - top) + (1 - chance) * top).sum(axis=0)
    return Candidate(
        page_key,
        page_id,
        site,
        float((1.0 - chance.max(axis=1)).sum()),
        int(shape.ends[-1]),
        page_type,
        language,
        tuple(chance.sum(axis=0).tolist()),
        tuple(misses.tolist()),
        propagated,
        _vector(shape, chance),
        carries,
    )


def _vector(shape: Shape, scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    chars = (shape.ends - shape.starts).astype(np.float64)
    total = chars.sum()
    counts = Counter(shape.kinds)
    n = len(shape.kinds)
    linked = 0.0 if shape.link_chars is None else float(shape.link_chars.sum()) / total
    media = 0.0 if shape.media_before is None else float(shape.media_before.sum()) / n
    head = [sum(counts[kind] for kind in group) / n for group in KINDS]
    head += [
        float((chars < SHORT_CHARS).mean()),
        float((chars > LONG_CHARS).mean()),
        linked,
        min(media, 1.0),
        # Sizes on a scale where a step is a factor of ten.
        float(np.log10(n)) / 3,
        float(np.log10(total)) / 5,
        float((1 - scores.max(axis=1)).mean()),
    ]
    by_label = (scores * chars[:, None]).sum(axis=0) / total
    out: npt.NDArray[np.float32] = np.concatenate([head, by_label]).astype(np.float32)
    return out
