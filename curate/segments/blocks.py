"""The splitter: HTML to blocks, bare text to lines."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from annotated_types import Interval

from curate.errors import SegmentError
from curate.schema import Layout, MediaType, SegmentedPage
from curate.segments.block import Block
from curate.segments.html import Rendering, render
from curate.segments.pause import CollectorPause
from curate.segments.plain import cut_points, line_spans
from curate.text import replace_surrogates

__all__ = ["BlockSegmenter"]

_TIGHT = {"td": "table", "th": "table", "li": "list", "dt": "list", "dd": "list"}
"""Kinds that follow one another without a blank line, and what they build."""

_CELL_CHARS = 80
"""A table row stays on one line while its cells are shorter than a line of print."""


@dataclass(frozen=True)
class BlockSegmenter:
    """Cuts a page into block-level segments.

    Attributes:
        max_chars: a longer segment is cut at sentence ends; 0 never cuts.
    """

    max_chars: Annotated[int, Interval(ge=0)] = 10_000

    def __post_init__(self) -> None:
        if 0 < self.max_chars < 2:
            raise SegmentError(
                f"segments.max_chars={self.max_chars}: at least 2, or 0 to never cut"
            )

    def segment(
        self,
        content: str | bytes,
        *,
        media_type: MediaType,
        url: str | None = None,
        site: str | None = None,
    ) -> SegmentedPage:
        """Split a decoded page by its media type; bytes are UTF-8.

        Raises:
            SegmentError: HTML that can't be parsed in bounded time.
        """
        if media_type == "text/html":
            return self.segment_html(content, url=url, site=site)
        text = content.decode() if isinstance(content, bytes) else content
        return self.segment_text(text, url=url, site=site)

    def segment_text(
        self, content: str, *, url: str | None = None, site: str | None = None
    ) -> SegmentedPage:
        """Split bare text into its non-blank lines; the text is kept as it is."""
        spans = line_spans(content, self.max_chars)
        bounds = np.array(spans, dtype=np.int32).reshape(-1, 2)
        return SegmentedPage(
            text=content,
            starts=bounds[:, 0].copy(),
            ends=bounds[:, 1].copy(),
            kinds=["line"] * len(spans),
            media_type="text/plain",
            url=url,
            site=site,
        )

    def segment_html(
        self, content: str | bytes, *, url: str | None = None, site: str | None = None
    ) -> SegmentedPage:
        """Split HTML into blocks; bytes are read as UTF-8.

        Raises:
            SegmentError: nested too deep to be parsed in bounded time.
        """
        with CollectorPause():
            found = render(content if isinstance(content, bytes) else _utf8(content))
            return self._page(found, url, site)

    def _page(self, found: Rendering, url: str | None, site: str | None) -> SegmentedPage:
        blocks = found.blocks
        if self.max_chars and blocks:
            limit = self.max_chars
            if max([len(block[0]) for block in blocks]) > limit:
                blocks = [piece for block in blocks for piece in _cut(block, limit)]
        columns = list(zip(*blocks, strict=True)) if blocks else [()] * len(Block._fields)
        texts, indents, kinds, rows = columns[:4]
        parts: list[str] = [""] * (2 * len(texts))
        parts[::2] = _gaps(texts, indents, kinds, rows)
        parts[1::2] = texts
        bounds = np.cumsum(_int32(list(map(len, parts))), dtype=np.int32)
        return SegmentedPage(
            text="".join(parts),
            starts=bounds[::2].copy(),
            ends=bounds[1::2].copy(),
            kinds=list(kinds),
            media_type="text/html",
            layout=Layout(
                node_parent=_int32(found.node_parent),
                node_tag=found.node_tag,
                node_attrs=found.node_attrs,
                segment_node=_int32(columns[4]),
                link_chars=_int32(columns[5]),
                n_links=_int32(columns[6]),
                segment_href=list(columns[7]),
                media_before=_int32(columns[8]),
                elements_before=_int32(columns[9]),
                flags=_int32(columns[10]),
            ),
            title=found.title,
            lang=found.lang,
            url=url,
            site=site,
        )


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return replace_surrogates(text).encode()


def _int32(values: Sequence[int]) -> npt.NDArray[np.int32]:
    """The array of Python numbers, in half the time of `np.array`."""
    return np.frombuffer(bytearray(struct.pack(f"{len(values)}i", *values)), np.int32)


def _gaps(
    texts: Sequence[str], indents: Sequence[str], kinds: Sequence[str], rows: Sequence[int]
) -> list[str]:
    """White space before each block: a blank line, or less within lists and tables."""
    gaps = ["\n\n"] * len(texts)
    builds = list(map(_TIGHT.get, kinds))
    before_row, before_short = 0, False
    for at, build in enumerate(builds):
        if build is None:
            continue
        row, short = rows[at], len(texts[at]) <= _CELL_CHARS
        if at and build == builds[at - 1]:
            beside = build == "table" and row == before_row and short and before_short
            gaps[at] = "\t" if beside else "\n"
        before_row, before_short = row, short
    if any(indents):
        gaps = [gap + indent for gap, indent in zip(gaps, indents, strict=True)]
    if gaps:
        gaps[0] = indents[0]
    return gaps


def _cut(block: Block, max_chars: int) -> list[Block]:
    """A block as pieces of at most max_chars; links are shared out by length."""
    spans = cut_points(block.text, 0, len(block.text), max_chars)
    if len(spans) == 1:
        return [block]
    share = block.link_chars / len(block.text)
    return [
        block._replace(
            text=block.text[start:end],
            indent=block.indent if number == 0 else "",
            link_chars=int(share * (end - start)),
            media=block.media if number == 0 else 0,
            elements=block.elements if number == 0 else 0,
        )
        for number, (start, end) in enumerate(spans)
    ]
