"""Segmented pages to Parquet rows and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.io import write_rows
from curate.schema import SEGMENTED_SCHEMA, SegmentedPage
from curate.segments.blocks import BlockSegmenter
from curate.segments.rows import from_batch, from_row, to_batch, to_columns

SEGMENTER = BlockSegmenter()
HTML = "<title>t</title><div class=c><a href=/x><h1>A</h1></a><p>b <b>c</b></p><img><pre> d\n"


def same(one: SegmentedPage, other: SegmentedPage) -> bool:
    def plain(page: SegmentedPage) -> list[object]:
        values: list[object] = []
        for item in (page, page.layout):
            if item is None:
                values.append(None)
                continue
            for name in item.__slots__:
                value = getattr(item, name)
                if isinstance(value, np.ndarray):
                    assert value.dtype == np.int32
                    value = value.tolist()
                elif name in ("kinds", "node_tag", "node_attrs", "segment_href"):
                    value = list(value)
                if name != "layout":
                    values.append((name, value))
        return values

    return plain(one) == plain(other)


def head(number: int) -> dict[str, object]:
    return {
        "page_key": f"k{number}",
        "page_id": f"k{number}-0",
        "site": "a.example",
        "source": "s",
        "fetched_at": None,
        "text_hash": "h",
    }


def test_exact_through_a_file(tmp_path: Path) -> None:
    pages = [
        SEGMENTER.segment_html(HTML, url="u", site="a.example"),
        SEGMENTER.segment_text("a\n\nb 😀", site="a.example"),
        SEGMENTER.segment_html("", site="a.example"),
    ]
    batch = to_batch([(head(at), page) for at, page in enumerate(pages)])
    assert batch.schema == SEGMENTED_SCHEMA
    path = tmp_path / "x.parquet"
    write_rows(path, SEGMENTED_SCHEMA, [batch])
    rows = pq.read_table(path).to_pylist()
    assert [row["page_key"] for row in rows] == ["k0", "k1", "k2"]
    assert all(same(from_row(row), page) for row, page in zip(rows, pages, strict=True))
    read = [one for part in pq.ParquetFile(path).iter_batches() for one in from_batch(part)]
    assert all(same(one, page) for one, page in zip(read, pages, strict=True))
    sliced = from_batch(batch.slice(1, 2))
    assert all(same(one, page) for one, page in zip(sliced, pages[1:], strict=True))


def test_the_head_wins_over_the_page() -> None:
    page = SEGMENTER.segment_html("<title>own</title>x", site="b.example")
    row = to_batch([({**head(0), "title": "given"}, page)]).to_pylist()[0]
    assert (row["title"], row["site"], row["media_type"]) == ("given", "a.example", "text/html")


def test_columns_without_a_layout_are_null() -> None:
    columns = to_columns([SEGMENTER.segment_text("a")])
    assert columns["node_parent"] == [None]
    assert columns["kinds"] == [["line"]]


_MARKUP = st.lists(
    st.sampled_from(["<p>", "<div id=a>", "</div>", "<a href=y>", "</a>", "x", "é ", "<br>"]),
    max_size=15,
).map("".join)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), _MARKUP), min_size=1, max_size=4))
def test_any_pages_come_back(contents: list[tuple[bool, str]]) -> None:
    pages = [
        SEGMENTER.segment_html(text, site="s") if html else SEGMENTER.segment_text(text, site="s")
        for html, text in contents
    ]
    batch = to_batch([({**head(0), "site": "s"}, page) for page in pages])
    assert all(
        same(from_row(row), page) for row, page in zip(batch.to_pylist(), pages, strict=True)
    )
    assert all(same(one, page) for one, page in zip(from_batch(batch), pages, strict=True))
