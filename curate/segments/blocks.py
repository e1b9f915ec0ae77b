"""The splitter: HTML to blocks, bare text to lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from curate.errors import SegmentError
from curate.schema import Layout, MediaType, SegmentedPage
from curate.segments.block import Block
from curate.segments.html import render
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

    max_chars: Annotated[int, Field(ge=0)] = 10_000

    def __post_init__(self) -> None:
        if 0 < self.max_chars < 2:
            raise SegmentError(
                f"segments.max_chars={self.max_chars}: at least 2, or 0 to never cut"
            )

    def segment(
        self,
        content: str,
        *,
        media_type: MediaType,
        url: str | None = None,
        site: str | None = None,
    ) -> SegmentedPage:
        """Split a decoded page by its media type.

        Raises:
            SegmentError: HTML that can't be parsed in bounded time.
        """
        if media_type == "text/html":
            return self.segment_html(content, url=url, site=site)
        return self.segment_text(content, url=url, site=site)

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
        found = render(content if isinstance(content, bytes) else _utf8(content))
        blocks = found.blocks
        if self.max_chars and blocks:
            limit = self.max_chars
            if max([len(block[0]) for block in blocks]) > limit:
                blocks = [piece for block in blocks for piece in _cut(block, limit)]
        gaps = _gaps(blocks)
        columns = list(zip(*blocks, strict=True)) if blocks else [()] * len(Block._fields)
        texts = columns[0]
        parts: list[str] = [""] * (2 * len(texts))
        parts[::2] = gaps
        parts[1::2] = texts
        bounds = np.cumsum(np.fromiter(map(len, parts), np.int32, len(parts)), dtype=np.int32)
        ints = [np.array(column, dtype=np.int32) for column in columns[4:7]]
        more = [np.array(column, dtype=np.int32) for column in columns[8:11]]
        return SegmentedPage(
            text="".join(parts),
            starts=bounds[::2].copy(),
            ends=bounds[1::2].copy(),
            kinds=list(columns[2]),
            media_type="text/html",
            layout=Layout(
                node_parent=np.array(found.node_parent, dtype=np.int32),
                node_tag=found.node_tag,
                node_attrs=found.node_attrs,
                segment_node=ints[0],
                link_chars=ints[1],
                n_links=ints[2],
                segment_href=list(columns[7]),
                media_before=more[0],
                elements_before=more[1],
                flags=more[2],
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


def _gaps(blocks: list[Block]) -> list[str]:
    """White space before each block: a blank line, or less within lists and tables."""
    gaps: list[str] = []
    before, before_row, before_short = None, 0, False
    for text, indent, kind, row, *_ in blocks:
        build = _TIGHT.get(kind)
        if build is None:
            gap = "\n\n"
        else:
            short = len(text) <= _CELL_CHARS
            if build != before:
                gap = "\n\n"
            elif build == "table" and row == before_row and short and before_short:
                gap = "\t"
            else:
                gap = "\n"
            before_row, before_short = row, short
        gaps.append(gap + indent if indent else gap)
        before = build
    if gaps:
        gaps[0] = blocks[0].indent
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
