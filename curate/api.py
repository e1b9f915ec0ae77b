r"""Label pages from Python: no config, no server, no network.

>>> import curate
>>> page = curate.label_text("Storm closes the harbour\n\n2 hours ago")
>>> [(segment.label, segment.text) for segment in page.segments]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, overload

from curate.errors import CurateError, PageError
from curate.labelers.default import default_labeler
from curate.schema import PagePrediction, SegmentedPage
from curate.segments.blocks import BlockSegmenter
from curate.text import replace_surrogates

if TYPE_CHECKING:
    from curate.labelers.base import Labeler

__all__ = ["LabeledPage", "LabeledSegment", "label_html", "label_many", "label_text"]

BATCH_PAGES = 32
"""Pages labelled at a time by `label_many`: the labeler works in bulk."""

BATCH_CHARS = 2_000_000
"""Input characters of a batch at most, so that memory stays bounded."""

REPEAT_CHARS = 40
"""A main block at least this long is printed once (headlines and quotes are
printed again for small screens, in share boxes, as pull quotes)."""

_SEGMENTER = BlockSegmenter()


@dataclass(frozen=True, slots=True)
class LabeledSegment:
    """One segment with its label.

    Attributes:
        start, end: half-open, code points into the page's text.
        text: the segment's text.
        label: label name.
        score: probability of the label.
        scores: probability of each label; they sum to 1.
        reasons: what weighed most, in words, heaviest first.
        kind: p, h1, li, td, figcaption, line, ...
        path: DOM path, None for plain text.
    """

    start: int
    end: int
    text: str
    label: str
    score: float
    scores: Mapping[str, float]
    reasons: tuple[str, ...]
    kind: str
    path: str | None


class _Segments(Sequence[LabeledSegment]):
    """Segments made when asked for."""

    def __init__(self, page: LabeledPage) -> None:
        self._page = page

    def __len__(self) -> int:
        return len(self._page.segmented)

    @overload
    def __getitem__(self, index: int) -> LabeledSegment: ...
    @overload
    def __getitem__(self, index: slice) -> list[LabeledSegment]: ...
    def __getitem__(self, index: int | slice) -> LabeledSegment | list[LabeledSegment]:
        at = range(len(self))[index]
        if isinstance(at, range):
            return [self._page.segment(one) for one in at]
        return self._page.segment(at)

    def __repr__(self) -> str:
        return f"<{len(self)} segments>"


class LabeledPage:
    """A page with a label on every segment.

    Attributes:
        text: the page's text, which all spans count in: the input itself for
            bare text, the rendered blocks for HTML.
        segments: the labelled segments in order, a sequence.
        main_text: the main content.
        page_type: article, forum, product, collection, listing, documentation,
            service, or None.
        language: ISO 639-1 code, or None.
        title: the document's title, or None.
        segmented, prediction: what the above is made of, as arrays.
    """

    def __init__(
        self,
        segmented: SegmentedPage,
        prediction: PagePrediction,
        label_names: Sequence[str],
        text: str | None = None,
    ) -> None:
        self.segmented = segmented
        self.prediction = prediction
        self.text = segmented.text if text is None else text
        self._names = tuple(label_names)

    @property
    def segments(self) -> Sequence[LabeledSegment]:
        """The labelled segments, in order."""
        return _Segments(self)

    @property
    def page_type(self) -> str | None:
        """What kind of page it is."""
        return self.prediction.page_type

    @property
    def language(self) -> str | None:
        """ISO 639-1 code of its language."""
        return self.prediction.language

    @property
    def title(self) -> str | None:
        """Title of the document."""
        return self.segmented.title

    def segment(self, index: int) -> LabeledSegment:
        """One labelled segment, 0 <= index < len(segments)."""
        start, end = int(self.segmented.starts[index]), int(self.segmented.ends[index])
        scores = dict(zip(self._names, self.prediction.scores[index].tolist(), strict=True))
        label = self.prediction.labels[index]
        return LabeledSegment(
            start=start,
            end=end,
            text=self.text[start:end],
            label=label,
            score=scores[label],
            scores=scores,
            reasons=tuple(self.prediction.reasons[index]),
            kind=self.segmented.kinds[index],
            path=self.segmented.path(index),
        )

    @cached_property
    def main_text(self) -> str:
        """The main segments' text, one after another; long repeated ones once."""
        text, seen, blocks = self.text, set[str](), list[str]()
        starts, ends = self.segmented.starts.tolist(), self.segmented.ends.tolist()
        for index in self.prediction.main.nonzero()[0].tolist():
            block = text[starts[index] : ends[index]]
            if len(block) >= REPEAT_CHARS:
                if block in seen:
                    continue
                seen.add(block)
            blocks.append(block)
        return "\n".join(blocks)

    def to_json(self) -> dict[str, Any]:
        """What `curate label --json` prints."""
        return {
            "text": self.text,
            "main_text": self.main_text,
            "page_type": self.page_type,
            "language": self.language,
            "segments": [
                {
                    "start": segment.start,
                    "end": segment.end,
                    "label": segment.label,
                    "score": segment.score,
                    "scores": dict(segment.scores),
                    "reasons": list(segment.reasons),
                    "kind": segment.kind,
                    "path": segment.path,
                }
                for segment in self.segments
            ],
        }

    def __repr__(self) -> str:
        return (
            f"<LabeledPage {self.page_type or 'of unknown type'}, {len(self.text):,} characters, "
            f"{len(self.segmented)} segments>"
        )


def label_text(text: str, *, url: str | None = None) -> LabeledPage:
    """Label a page of bare text, line by line.

    Args:
        text: any text; the result's `text` is this very string.
        url: the page's address; it tells the labeler more.
    """
    return _label([_split_text(text, url)], [text])[0]


def label_html(html: str | bytes, *, url: str | None = None) -> LabeledPage:
    """Label an HTML page, block by block.

    Args:
        html: a document; bytes are decoded as a browser does (byte order mark,
            declaration, else detection).
        url: the page's address; it tells the labeler more.

    Raises:
        SegmentError: nested too deep to be parsed in bounded time.
    """
    return _label([_split_html(html, url)], [None])[0]


def label_many(
    pages: Iterable[str | bytes], *, kind: Literal["html", "text"]
) -> Iterator[LabeledPage]:
    """Label a stream of pages, in order and in bulk.

    Args:
        pages: documents or texts; bytes are decoded.
        kind: what they are, all of them.

    Raises:
        PageError: another kind.
        CurateError: a page that can't be labelled; the message names its number,
            counted from 0. Those before it have been handed out.
    """
    if kind not in ("html", "text"):
        raise PageError(f"kind={kind!r} is not one of html, text; say what the pages are")
    return _label_many(pages, kind)


def _label_many(pages: Iterable[str | bytes], kind: str) -> Iterator[LabeledPage]:
    held: list[SegmentedPage] = []
    originals: list[str | None] = []
    chars = 0
    for number, content in enumerate(pages):
        try:
            if kind == "html":
                held.append(_split_html(content, None))
                originals.append(None)
            else:
                text = content if isinstance(content, str) else _decode_text(content)
                held.append(_split_text(text, None))
                originals.append(text)
        except CurateError as error:
            yield from _label(held, originals)
            raise type(error)(f"page {number}: {error}") from error
        chars += len(content)
        if len(held) >= BATCH_PAGES or chars >= BATCH_CHARS:
            yield from _label(held, originals)
            held, originals, chars = [], [], 0
    yield from _label(held, originals)


def _label(
    pages: Sequence[SegmentedPage],
    originals: Sequence[str | None],
    labeler: Labeler | None = None,
) -> list[LabeledPage]:
    if not pages:
        return []
    labeler = labeler or default_labeler()
    predictions = labeler.label(pages)
    return [
        LabeledPage(page, prediction, labeler.label_names, text)
        for page, prediction, text in zip(pages, predictions, originals, strict=True)
    ]


def _split_text(text: str, url: str | None) -> SegmentedPage:
    # Lone surrogates can't be encoded, which labelers need; lengths don't change.
    return _SEGMENTER.segment_text(replace_surrogates(text), url=url)


def _split_html(html: str | bytes, url: str | None) -> SegmentedPage:
    if isinstance(html, str):
        return _SEGMENTER.segment_html(html, url=url)
    from curate.pages.decode import decode_html

    decoded = decode_html(html)
    if decoded.encoding == "utf-8" and not decoded.n_replaced:
        # The parser takes UTF-8: spare it the way back from characters to bytes.
        return _SEGMENTER.segment_html(html.removeprefix(b"\xef\xbb\xbf"), url=url)
    return _SEGMENTER.segment_html(decoded.text, url=url)


def _decode_text(data: bytes) -> str:
    from curate.pages.decode import decode_text

    return decode_text(data).text
