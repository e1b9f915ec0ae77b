"""Pages made to break a splitter end in bounded time."""

from __future__ import annotations

import time

import pytest

from curate.errors import SegmentError
from curate.segments.blocks import BlockSegmenter

SEGMENTER = BlockSegmenter()


@pytest.mark.parametrize(
    ("html", "n_segments", "seconds"),
    [
        ("<p>one two three four</p>" * 200_000, 200_000, 20),
        ("<p>" + "word " * 1_000_000, 500, 20),
        ("<p>" + "x" * 5_000_000, 500, 20),
        ("<b>" * 50_000 + "x", 1, 10),
        ("<span>x<br><br>" * 20_000, 20_000, 20),
        ("<a href=q>x<p>y</p>" * 5_000, 10_000, 20),
        ("<noscript><p>twenty characters at least</p></noscript>" * 20_000, 1, 20),
        ("<p " + "a=b " * 100_000 + "class='" + "c " * 100_000 + "'>x", 1, 10),
    ],
    ids=["segments", "line", "word", "nested-b", "nested-br", "links", "noscript", "attributes"],
)
def test_bounded(html: str, n_segments: int, seconds: float) -> None:
    begin = time.process_time()
    page = SEGMENTER.segment_html(html)
    assert time.process_time() - begin < seconds
    assert len(page) == n_segments


def test_fifty_thousand_levels() -> None:
    page = SEGMENTER.segment_html("<div>" * 50_000 + "deep" + "</div>" * 50_000)
    assert page.text == "deep"
    assert page.layout is not None
    assert len(page.layout.node_parent) == 50_002


def test_deeper_than_the_parser_can_take() -> None:
    with pytest.raises(SegmentError, match=r"about 200000 elements nested in 1000000 bytes"):
        SEGMENTER.segment_html("<div>" * 200_000)


def test_five_million_characters_on_one_line_of_text() -> None:
    begin = time.process_time()
    page = SEGMENTER.segment_text("A line without an end. " * 220_000)
    assert time.process_time() - begin < 20
    assert max(page.ends - page.starts) <= SEGMENTER.max_chars
