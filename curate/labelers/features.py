"""What the trees see of each segment: flat features, the same design for HTML and text.

Own marks, the first score, and profiles (means of marks and scores) of the
stretches that the segment lies in: windows and the page for both kinds of
input, containers, items and sections for HTML, runs and gaps for bare text.
"""

from __future__ import annotations

from collections.abc import Sequence

from curate.labelers.features_html import HTML_GROUPS, KINDS, html_features
from curate.labelers.features_text import TEXT_GROUPS, text_features
from curate.labelers.marks import SegmentMarks, segment_marks

__all__ = [
    "KINDS",
    "PAGE_LEVEL",
    "SegmentMarks",
    "feature_groups",
    "feature_names",
    "html_features",
    "segment_marks",
    "text_features",
]

PAGE_LEVEL = frozenset(
    ("page_words", "index", "from_end", "place_words", "telling_words", "n_h1", "since_h1")
)
"""Features by which trees learn pages by heart; the label head does without them.
With 224 gold pages that gains 1.6 points of macro-F1 on bare text (by site)."""


def feature_groups(html: bool) -> Sequence[tuple[str, Sequence[str]]]:
    """Names of the features, group by group."""
    return HTML_GROUPS if html else TEXT_GROUPS


def feature_names(html: bool) -> list[str]:
    """Names of the features, in order."""
    return [name for _, names in feature_groups(html) for name in names]
