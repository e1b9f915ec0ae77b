"""Odd HTML, and all that the splitter says of it.

`tests/data/segments/odd_html.jsonl` was written by a splitter that held the walk's
state in stacks beside the open elements and read each element when it was entered:
a faster one must say the same, to the last node. Lone surrogates in it stand for
bytes that are not UTF-8.
"""

from __future__ import annotations

import gc
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from curate.errors import SegmentError
from curate.schema import Layout
from curate.segments.blocks import BlockSegmenter

FILE = Path(__file__).parents[1] / "data" / "segments" / "odd_html.jsonl"
PAGES = [json.loads(line) for line in FILE.read_text(encoding="ascii").splitlines()]
LAYOUT = {field.name for field in fields(Layout)}


@pytest.mark.parametrize("expected", PAGES, ids=lambda page: page["name"])
def test_odd_html(expected: dict[str, Any]) -> None:
    page = BlockSegmenter().segment_html(expected["html"].encode("utf-8", "surrogateescape"))
    for name, value in expected.items():
        if name not in ("name", "html"):
            found = getattr(page.layout if name in LAYOUT else page, name)
            assert (found if isinstance(value, str | None) else list(found)) == value, name


def test_all_of_a_page_is_told() -> None:
    told = {"text", "starts", "ends", "kinds", "title", "lang", *LAYOUT}
    assert all(told == set(page) - {"name", "html"} for page in PAGES)


@pytest.mark.parametrize("collecting", [True, False])
def test_garbage_is_collected_as_before(collecting: bool) -> None:
    was = gc.isenabled()
    try:
        (gc.enable if collecting else gc.disable)()
        BlockSegmenter().segment_html("<p>a")
        assert gc.isenabled() is collecting
        with pytest.raises(SegmentError):
            BlockSegmenter().segment_html("<div>" * 200_000)
        assert gc.isenabled() is collecting
    finally:
        (gc.enable if was else gc.disable)()
