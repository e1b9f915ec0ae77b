"""What the rooms exchange: pages, segments, predictions, annotations, final labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from curate.text import text_hash

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "ACTIONS",
    "ORIGINS",
    "SPLITS",
    "Action",
    "Annotation",
    "Dropped",
    "FinalLabels",
    "FloatArray",
    "IntArray",
    "Layout",
    "MediaType",
    "Origin",
    "Page",
    "PagePrediction",
    "Quarantined",
    "SegmentedPage",
    "Span",
    "page_id_from",
    "page_id_of",
    "segment_id_of",
]

IntArray = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.float32]

MediaType = Literal["text/html", "text/plain"]
Origin = Literal["human", "propagated", "model", "rule"]
Action = Literal["accepted", "relabelled", "drawn"]

ORIGINS: tuple[Origin, ...] = ("human", "propagated", "model", "rule")
ACTIONS: tuple[Action, ...] = ("accepted", "relabelled", "drawn")
SPLITS = ("train", "validation", "test")


def page_id_of(page_key: str, text: str) -> str:
    """Name of one state of a page: its key and the digest of its text.

    Only hex digits and hyphens, so that it can stand in file names, element
    ids and queries unescaped.
    """
    return page_id_from(page_key, text_hash(text))


def page_id_from(page_key: str, text_hash: str) -> str:
    """`page_id_of` where the whole digest of the text is at hand."""
    return f"{page_key}-{text_hash[:16]}"


def segment_id_of(page_id: str, start: int, end: int) -> str:
    """Name of a span of one state of a page; also its region id in Label Studio."""
    return f"{page_id}-{start}-{end}"


# ----------------------------------------------------------------------- pages


@dataclass(frozen=True, slots=True)
class Page:
    """A page as a reader delivers it, decoded, not yet split.

    Attributes:
        page_key: identity over time: digest of the canonical URL, else of the
            path relative to the input root and the record number.
        url: as met, or None.
        site: registrable domain, or what `pages.site` says.
        source: file and record it was read from, e.g. `crawl.warc.gz#1203`.
        media_type: `text/html` or `text/plain`.
        content: decoded HTML or text; no lone surrogates.
        fetched_at: when it was fetched (aware, UTC), if known.
        title: the title that came with the record, if any (HTML titles are
            read by the segmenter).
        charset: encoding it was decoded with, and how that was told.
        utf8: `content` encoded, where it is at hand, to be spared doing it again.
    """

    page_key: str
    url: str | None
    site: str
    source: str
    media_type: MediaType
    content: str
    fetched_at: datetime | None = None
    title: str | None = None
    charset: str | None = None
    utf8: bytes | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A record that is no page, left out by rule; only counted, by reason."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Something that should have been processed and could not be.

    Attributes:
        source: file and record.
        stage: name of the stage that gave up.
        reason: short, from a fixed list of the stage, to count by.
        detail: what was met, for a person.
        page_key: where known.
    """

    source: str
    stage: str
    reason: str
    detail: str
    page_key: str | None = None


# -------------------------------------------------------------------- segments


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where the segments of an HTML page stood in its tree, as flat arrays.

    Only elements that hold a segment, and their ancestors, are kept.

    Attributes:
        node_parent: int32 [n_nodes], index of the parent node, -1 at the root;
            parents stand before their children.
        node_tag: n_nodes lower-case tag names.
        node_attrs: n_nodes strings of the tokens that tell what an element is
            for, blank-separated, as met: `#id`, classes, `role=`, `itemprop=`,
            and `@hidden` where an attribute or inline style hides it.
        segment_node: int32 [n_segments], the innermost element that holds the
            whole segment: inside `<p><b>x</b></p>` the `b`; the block's own
            name is the segment's kind.
        link_chars: int32 [n_segments], code points of the segment inside links.
        n_links: int32 [n_segments], links (`a href`) that share the segment.
        segment_href: n_segments strings, target of the segment's first link as
            met, cut at 300 characters; empty without a link.
        media_before: int32 [n_segments], images, videos and other media elements
            since the end of the segment before (those inside this one too).
        elements_before: int32 [n_segments], elements begun since the end of the
            segment before: the distance in the tree.
        flags: int32 [n_segments], bits `ALL_BOLD`, `ALL_ITALIC`, `HAS_TIME`,
            `HAS_CODE`, `HAS_CONTROL`, `HAS_BREAK`.
    """

    ALL_BOLD: ClassVar[int] = 1  # every character in b, strong, th
    ALL_ITALIC: ClassVar[int] = 2  # every character in i, em, cite
    HAS_TIME: ClassVar[int] = 4  # a time element
    HAS_CODE: ClassVar[int] = 8  # code, kbd, samp, var
    HAS_CONTROL: ClassVar[int] = 16  # label, or beside input, select, textarea
    HAS_BREAK: ClassVar[int] = 32  # line breaks (br) within

    node_parent: IntArray
    node_tag: Sequence[str]
    node_attrs: Sequence[str]
    segment_node: IntArray
    link_chars: IntArray
    n_links: IntArray
    segment_href: Sequence[str]
    media_before: IntArray
    elements_before: IntArray
    flags: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class SegmentedPage:
    """A page's text and its segments, as flat arrays of length n_segments.

    Invariants: segments are ordered and disjoint, none is blank, and every
    character that is not white space lies in exactly one of them.

    Attributes:
        text: coordinate system of everything after. For plain text it is the
            input, character for character; for HTML the rendering of the blocks.
        starts, ends: int32 [n_segments], half-open, code points into `text`.
        kinds: p, h1, li, td, figcaption, line, ...
        layout: the tree for HTML, None for plain text.
        title: of the document, if any.
        lang: the language the document declares of itself, if any.
    """

    text: str
    starts: IntArray
    ends: IntArray
    kinds: Sequence[str]
    media_type: MediaType
    layout: Layout | None = None
    title: str | None = None
    lang: str | None = None
    url: str | None = None
    site: str | None = None

    def __len__(self) -> int:
        return len(self.kinds)

    def segment_text(self, index: int) -> str:
        """Text of one segment."""
        return self.text[self.starts[index] : self.ends[index]]

    def path(self, index: int) -> str | None:
        """DOM path of one segment (`html>body>main#content>p`), None for text."""
        if self.layout is None:
            return None
        parts: list[str] = []
        node = int(self.layout.segment_node[index])
        while node >= 0:
            parts.append(self.layout.node_tag[node])
            node = int(self.layout.node_parent[node])
        return ">".join(reversed(parts))


@dataclass(frozen=True, slots=True, eq=False)
class PagePrediction:
    """What a labeler says of one page, segment by segment.

    Attributes:
        labels: n_segments label names.
        scores: float32 [n_segments, n_labels], calibrated probabilities in the
            labeler's label order; rows sum to 1.
        main: bool [n_segments], part of the page's main content.
        reasons: for each segment the features or rules that weighed most, in
            words a reviewer understands, heaviest first.
        page_type: article, forum, product, collection, listing, documentation,
            service; None where the labeler does not tell.
        page_type_score: its probability.
        language: ISO 639-1 code, None where it can't be told.
    """

    labels: Sequence[str]
    scores: FloatArray
    main: npt.NDArray[np.bool_]
    reasons: Sequence[Sequence[str]]
    page_type: str | None = None
    page_type_score: float | None = None
    language: str | None = None


# ----------------------------------------------------------------- annotations


@dataclass(frozen=True, slots=True)
class Span:
    """One labelled region of a person's reading.

    Attributes:
        start, end: half-open, code points into the reviewed text.
        label: label name.
        action: `accepted` untouched, `relabelled`, or `drawn` by hand.
        region_id: the region's id on the server; a segment id where it was ours.
        exact, prefix, suffix: the quoted text and up to 32 code points around
            it (W3C Web Annotation TextQuoteSelector), to find it on changed text.
    """

    start: int
    end: int
    label: str
    action: Action
    region_id: str
    exact: str
    prefix: str = ""
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Annotation:
    """One person's reading of one page, or the word that it was deleted.

    Attributes:
        annotation_id: stable identity; the row with the latest `updated_at` of
            one id wins.
        status: `submitted`, `skipped`, or `deleted` (a tombstone).
        annotator: pseudonym.
        text: the reviewed text itself, so that annotations stand alone.
        verdict: page-level choice (`ok`, `bad extraction`, `unsure`) or None.
        schema: name of the label set.
        guideline: digest of the guidelines in force when it was pulled.
        origin: where it came from, e.g. `label_studio` or `import:<file>`.
        server, project_id, task_id, server_annotation_id: Label Studio's ids.
    """

    annotation_id: str
    page_key: str
    text_hash: str
    text: str
    annotator: str
    status: Literal["submitted", "skipped", "deleted"]
    spans: tuple[Span, ...]
    updated_at: datetime
    lead_time_s: float | None = None
    verdict: str | None = None
    schema: str = "web4"
    guideline: str = ""
    origin: str = "label_studio"
    server: str | None = None
    project_id: int | None = None
    task_id: int | None = None
    server_annotation_id: int | None = None

    @property
    def page_id(self) -> str:
        """Of the state of the page that was read."""
        return page_id_from(self.page_key, self.text_hash)


@dataclass(frozen=True, slots=True, eq=False)
class FinalLabels:
    """The final word on each segment of a page.

    Segments that a reviewer's span cuts are split, so the arrays may be longer
    than the segmenter's; the invariants of `SegmentedPage` hold for them too.

    Attributes (all of length n_segments):
        labels: label name, or None where the text has no label (a reviewer
            deleted the region: it goes back to review and is not published).
        origins, actions: where the label comes from; action only for human ones.
        scores: probability of the label by the labeler (for human labels too:
            what the labeler gave that label), None if unknown.
        n_annotators: people who labelled it.
        agreement: share of them that gave the final label; None below two.
        adjudicated: an adjudicator ended a disagreement.
        annotators: pseudonyms, sorted.
        main: part of the main content.
    """

    starts: IntArray
    ends: IntArray
    kinds: Sequence[str]
    labels: Sequence[str | None]
    origins: Sequence[str]
    actions: Sequence[str | None]
    scores: Sequence[float | None]
    n_annotators: Sequence[int]
    agreement: Sequence[float | None]
    adjudicated: Sequence[bool]
    annotators: Sequence[Sequence[str]]
    main: Sequence[bool]
    reviewed: bool = False
    verdict: str | None = None

    def __len__(self) -> int:
        return len(self.kinds)
