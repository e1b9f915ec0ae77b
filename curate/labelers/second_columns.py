"""What a second look at a page reads: the labeler's probabilities, and plain facts.

Nothing here knows how the labeler came to its probabilities, so a second look
fits any labeler, and an old one survives a new labeler's features.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.codes import codes_of
from curate.labelers.batch import Floats
from curate.labelers.characters import DIGIT, UPPER, character_kinds
from curate.labelers.pagetype import PAGE_TYPES
from curate.labelers.recurrence import SiteEvidence
from curate.schema import Layout, PagePrediction, SegmentedPage

__all__ = [
    "EVIDENCE_COLUMNS",
    "PAGE_COLUMNS",
    "SITE_COLUMNS",
    "Look",
    "columns_of",
    "log_scores",
    "token_columns",
    "tokens_of",
    "without_evidence",
]

LEAST = 1e-4
"""Smallest probability that is believed: below, a second look could move nothing."""

WINDOW = 3
"""Segments before and after that count as the surroundings."""

HEAD_CHARS = 400
"""Of a longer segment digits and capitals of its head are counted."""

TOKEN_WORDS = 12
"""Words at a segment's start that are tokens: templates begin alike, prose doesn't."""

_WORD = re.compile(r"[^\W\d_]+")
_CLOSING, _SENTENCE_ENDS = " \"'»”)", ".!?…。！？"
_HEADING = {f"h{level}": level for level in range(1, 7)}
_KINDS = ("p", "li", "td", "th", "figcaption", "blockquote", "pre", "line", "dt", "dd")
_FLAGS = (
    Layout.ALL_BOLD, Layout.ALL_ITALIC, Layout.HAS_TIME, Layout.HAS_CONTROL, Layout.HAS_BREAK
)  # fmt: skip

PAGE_COLUMNS = (
    "is_html",
    *(f"log_{n}" for n in range(4)),
    "margin",
    "main",
    *(f"before_{n}" for n in range(4)),
    *(f"after_{n}" for n in range(4)),
    *(f"page_{n}" for n in range(4)),
    "place",
    "from_start",
    "from_end",
    "log_segments",
    "log_chars",
    "log_words",
    "digits",
    "capitals",
    "ends_sentence",
    "repeats",
    "link_share",
    "links",
    "media",
    "elements",
    *(f"flag_{n}" for n in range(len(_FLAGS))),
    "heading",
    *(f"kind_{name}" for name in _KINDS),
    *(f"type_{name}" for name in PAGE_TYPES),
)

EVIDENCE_COLUMNS = (
    "site_pages",
    "seen_pages",
    "seen_share",
    "spread",
    "seen_around",
    "seen_on_page",
    "seen_prose",
)


SITE_COLUMNS = (
    "is_html",
    *(f"log_{n}" for n in range(4)),
    "margin",
    "main",
    "log_chars",
    "digits",
    "ends_sentence",
    "link_share",
    "heading",
    "kind_li",
    *EVIDENCE_COLUMNS,
)
"""What a look at a site's other pages reads: facts of the line alone. Facts that all
lines of a page share name the page, and there are few sites to learn from."""


@dataclass(frozen=True, slots=True)
class Look:
    """One page as a second look gets it."""

    page: SegmentedPage
    prediction: PagePrediction
    evidence: SiteEvidence | None = None


def log_scores(prediction: PagePrediction) -> Floats:
    """Log-probabilities, bounded below; float32 [n_segments, n_labels]."""
    scores = np.asarray(prediction.scores, np.float32)
    out: Floats = np.log(np.clip(scores, LEAST, 1.0))
    return out


def columns_of(look: Look, *, with_evidence: bool) -> Floats:
    """The columns of a page's segments: `PAGE_COLUMNS`, or `SITE_COLUMNS` with evidence."""
    if with_evidence:
        return _site_columns(look)
    parts = [*_said(look), *_text(look.page), *_layout(look.page), *_kinds(look)]
    return np.column_stack(parts).astype(np.float32)


def _site_columns(look: Look) -> Floats:
    page, n = look.page, len(look.page)
    logs = log_scores(look.prediction)
    chars = page.ends - page.starts
    out = np.zeros((n, len(SITE_COLUMNS)), np.float32)
    out[:, 0] = page.layout is not None
    out[:, 1:5] = logs
    out[:, 5] = _margin(logs)
    out[:, 6] = look.prediction.main
    out[:, 7] = np.log1p(chars.astype(np.float32))
    out[:, 8] = _Heads(page).share(DIGIT)
    out[:, 9] = _ends_sentence(page)
    if page.layout is not None:
        out[:, 10] = page.layout.link_chars / np.maximum(chars, 1)
    out[:, 11] = _headings(page)
    out[:, 12] = [kind == "li" for kind in page.kinds]
    if look.evidence is not None:
        first = len(SITE_COLUMNS) - len(EVIDENCE_COLUMNS)
        for column, values in enumerate(_evidence(look, look.evidence), first):
            out[:, column] = values
    return out


def without_evidence(columns: Floats) -> Floats:
    """The same `SITE_COLUMNS` on a site of one page."""
    out = columns.copy()
    out[:, len(SITE_COLUMNS) - len(EVIDENCE_COLUMNS) :] = 0.0
    return out


def _said(look: Look) -> list[Floats]:
    n = len(look.page)
    logs = log_scores(look.prediction)
    html = np.full(n, float(look.page.layout is not None), np.float32)
    sums = np.concatenate([np.zeros((1, 4), np.float64), np.cumsum(np.exp(logs), axis=0)])
    at = np.arange(n)
    low, high = np.maximum(at - WINDOW, 0), np.minimum(at + WINDOW + 1, n)
    before = (sums[at] - sums[low]) / np.maximum(at - low, 1)[:, None]
    after = (sums[high] - sums[at + 1]) / np.maximum(high - at - 1, 1)[:, None]
    whole = np.broadcast_to(sums[-1] / max(n, 1), (n, 4))
    return [
        html,
        logs,
        _margin(logs),
        np.asarray(look.prediction.main, np.float32),
        before.astype(np.float32),
        after.astype(np.float32),
        whole.astype(np.float32),
    ]


def _margin(logs: Floats) -> Floats:
    ordered = np.sort(logs, axis=1)
    out: Floats = ordered[:, -1] - ordered[:, -2]
    return out


class _Heads:
    """The first `HEAD_CHARS` characters of each segment, by what they are."""

    def __init__(self, page: SegmentedPage) -> None:
        self._kinds = character_kinds(codes_of(page.text))
        self._starts = page.starts
        self._stops = np.minimum(page.ends, page.starts + HEAD_CHARS)

    def share(self, kind: int) -> npt.NDArray[np.float64]:
        """The share of the characters that are of a kind."""
        sums = np.zeros(len(self._kinds) + 1, np.int32)
        np.cumsum(self._kinds & kind != 0, out=sums[1:])
        n = sums.take(self._stops) - sums.take(self._starts)
        out: npt.NDArray[np.float64] = n / np.maximum(self._stops - self._starts, 1)
        return out


def _ends_sentence(page: SegmentedPage) -> list[bool]:
    """Whether each segment ends as a sentence does; closing marks are looked through."""
    text = page.text
    told = []
    for start, end in zip(page.starts.tolist(), page.ends.tolist(), strict=True):
        last = text[end - 1]
        if last in _CLOSING:
            last = text[start:end].rstrip(_CLOSING)[-1:]
        told.append(last in _SENTENCE_ENDS)
    return told


def _headings(page: SegmentedPage) -> list[int]:
    return [_HEADING.get(kind, 0) for kind in page.kinds]


def _text(page: SegmentedPage) -> list[Floats]:
    n = len(page)
    at = np.arange(n)
    heads = _Heads(page)
    texts = [page.segment_text(index) for index in range(n)]
    begins = [text[:HEAD_CHARS] for text in texts]
    rows = np.zeros((n, 5), np.float32)
    rows[:, 0] = page.ends - page.starts
    rows[:, 1] = [
        begin.count(" ") + 1 if len(begin) < HEAD_CHARS else len(text.split())
        for begin, text in zip(begins, texts, strict=True)
    ]
    rows[:, 2] = heads.share(DIGIT)
    rows[:, 3] = heads.share(UPPER)
    rows[:, 4] = _ends_sentence(page)
    seen = Counter(begins)
    again = np.array([seen[begin] for begin in begins], np.float32)
    return [
        page.starts / max(len(page.text), 1),
        np.minimum(at, 60),
        np.minimum(n - 1 - at, 60),
        np.full(n, np.log1p(n)),
        np.log1p(rows[:, :2]),
        rows[:, 2:],
        np.minimum(again, 5),
    ]


def _layout(page: SegmentedPage) -> list[Floats]:
    layout = page.layout
    if layout is None:
        return [np.zeros((len(page), 4 + len(_FLAGS)), np.float32)]
    chars = np.maximum(page.ends - page.starts, 1)
    return [
        layout.link_chars / chars,
        np.minimum(layout.n_links, 10),
        np.minimum(layout.media_before, 5),
        np.log1p(layout.elements_before),
        *((layout.flags & flag) > 0 for flag in _FLAGS),
    ]


def _kinds(look: Look) -> list[Floats]:
    kinds = look.page.kinds
    n = len(kinds)
    heading = np.array(_headings(look.page), np.float32)
    one = [np.array([kind == name for kind in kinds], bool) for name in _KINDS]
    types = [np.full(n, look.prediction.page_type == name) for name in PAGE_TYPES]
    return [heading, *one, *types]


def _evidence(look: Look, evidence: SiteEvidence) -> list[Floats]:
    n = len(look.page)
    pages = max(evidence.n_pages, 1)
    # A line of this page alone has share 0: it recurs nowhere.
    share = (evidence.seen - 1) / max(pages - 1, 1)
    sums = np.concatenate([[0.0], np.cumsum(share)])
    at = np.arange(n)
    low, high = np.maximum(at - WINDOW, 0), np.minimum(at + WINDOW + 1, n)
    around = (sums[high] - sums[low] - share) / np.maximum(high - low - 1, 1)
    chars = (look.page.ends - look.page.starts).astype(np.float64)
    again = evidence.seen > 1
    prose = chars >= 100
    return [
        np.full(n, np.log(pages)),
        np.log(evidence.seen),
        share,
        evidence.spread,
        around,
        np.full(n, (chars * again).sum() / max(chars.sum(), 1.0)),
        # Long lines that recur betray a second copy of the page, not a template.
        np.full(n, (chars * again * prose).sum() / max((chars * prose).sum(), 1.0)),
    ]


def tokens_of(page: SegmentedPage) -> Iterator[set[str]]:
    """For each segment what it is made of: `kind:`, `class:`, `parent:`, `word:`, `first:`."""
    layout = page.layout
    attributes: dict[int, list[str]] = {}
    for index, kind in enumerate(page.kinds):
        found = {f"kind:{kind}"}
        if layout is not None:
            node = int(layout.segment_node[index])
            for name in ("class", "parent", "parent"):
                if node < 0:
                    break
                if node not in attributes:
                    attributes[node] = layout.node_attrs[node].lower().split()[:8]
                found.update(f"{name}:{token}" for token in attributes[node])
                node = int(layout.node_parent[node])
        start = int(page.starts[index])
        words = _WORD.findall(page.text[start : min(int(page.ends[index]), start + 120)].lower())
        found.update(f"word:{word}" for word in words[:TOKEN_WORDS])
        if words:
            found.add(f"first:{words[0]}")
        yield found


def token_columns(page: SegmentedPage, vocabulary: Sequence[str]) -> Floats:
    """Whether each segment has each token of the vocabulary, 0 or 1."""
    where = {token: column for column, token in enumerate(vocabulary)}
    out = np.zeros((len(page), len(vocabulary)), np.float32)
    if vocabulary:
        for row, tokens in enumerate(tokens_of(page)):
            for token in tokens & where.keys():
                out[row, where[token]] = 1.0
    return out
