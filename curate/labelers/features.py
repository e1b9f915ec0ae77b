"""What the trees see of each segment: flat columns, the same design for HTML and text.

Own marks, the first score, and profiles (means of marks and scores) of the
stretches that the segment lies in: windows and the page for both kinds of
input, containers, items and sections for HTML, runs and gaps for bare text.
"""

from __future__ import annotations

from curate.labelers.features_html import KINDS, html_features, html_names
from curate.labelers.features_text import text_features, text_names
from curate.labelers.marks import SegmentMarks, segment_marks

__all__ = [
    "KINDS",
    "PAGE_LEVEL",
    "SegmentMarks",
    "feature_names",
    "html_features",
    "segment_marks",
    "text_features",
]

PAGE_LEVEL = frozenset(
    ("page_words", "index", "from_end", "place_words", "telling_words", "n_h1", "since_h1")
)
"""Columns by which trees learn pages by heart; the label head does without them.
With 224 gold pages that gains 1.6 points of macro-F1 on bare text (by site)."""


def feature_names(html: bool) -> list[str]:
    """Names of the columns, in order."""
    return html_names() if html else text_names()
