"""Pages made to break the labelers: bounded time and memory, a label on every segment."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
import pytest

import curate
from curate.labelers import rules
from curate.labelers.rules import RulesLabeler
from curate.labelers.slices import slices
from curate.schema import SegmentedPage
from curate.segments.blocks import BlockSegmenter

SEGMENTER = BlockSegmenter()
BLOCK = "<div class=a><p>Some words of a segment</p></div>"
LINK = "<li><a href=/some-path/of-words>Some words</a></li>"

# What is made, how often in `make test`, how often in `make acceptance`, segments of the latter.
CASES = {
    "text of 20 MB": ("'word ' * 15 + 'end.\\n'", 1_000, 260_000, 260_000),
    "one line": ("'word '", 20_000, 1_000_000, 500),
    "one token": ("'x'", 100_000, 5_000_000, 500),
    "short lines": ("'ab\\n'", 3_000, 690_000, 690_000),
    "html of 20 MB": ("'<p>' + 'word ' * 60", 600, 66_000, 66_000),
    "one paragraph": ("'word ' if n > 1 else '<p>'", 20_000, 1_000_000, 500),
    "many segments": (repr(BLOCK), 21_000, 200_000, 200_000),
    "many links": (repr(LINK), 1_500, 200_000, 200_000),
    "deep": ("'<div>a'", 1_500, 50_000, 50_000),
    "attributes": ("'<p class=\"' + 'abc def ' * 10 + '\">x'", 500, 200_000, 200_000),
}
HTML = ("html", "paragraph", "segments", "links", "deep", "attributes")

SECONDS, MEGABYTES = 60, 1_200
"""Bounds at full size. On a busy core the slowest took 11 s, the largest 620 MB."""

CHILD = """
import json, resource, sys, time
import curate
html, source = sys.argv[1] == "html", eval(sys.argv[2])
label = curate.label_html if html else curate.label_text
label("<p>warm up")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
begin = time.process_time()
page = label(source)
page.main_text
seconds = time.process_time() - begin
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(json.dumps([len(page.prediction.labels), seconds, grown]))
"""


def source_of(name: str, times: int) -> str:
    made = CASES[name][0]
    if name == "one paragraph":
        return "<p>" + "word " * times
    return str(eval(made)) * times


@pytest.mark.parametrize("name", CASES)
def test_odd_pages_get_whole_predictions(name: str) -> None:
    source = source_of(name, CASES[name][1])
    label = curate.label_html if name.endswith(HTML) or "html" in name else curate.label_text
    begin = time.process_time()
    page = label(source)
    assert len(page.prediction.labels) == len(page.segments) > 0
    assert np.allclose(page.prediction.scores.sum(axis=1), 1, atol=1e-5)
    assert time.process_time() - begin < SECONDS


@pytest.mark.acceptance
@pytest.mark.parametrize("name", CASES)
def test_odd_pages_at_full_size(name: str) -> None:
    made, _, times, n_segments = CASES[name]
    html = name.endswith(HTML) or "html" in name
    source = f"'<p>' + 'word ' * {times}" if name == "one paragraph" else f"({made}) * {times}"
    told = subprocess.run(
        [sys.executable, "-c", CHILD, "html" if html else "text", source],
        capture_output=True,
        text=True,
        check=True,
    )
    n, seconds, grown = json.loads(told.stdout)
    assert n == n_segments
    assert seconds < SECONDS
    assert grown < MEGABYTES


@pytest.mark.parametrize("source", ["", " \n\t ", "<!doctype html>", "<p></p>", "\ufeff"])
def test_pages_of_nothing(source: str) -> None:
    for page in (curate.label_html(source), curate.label_text("")):
        assert len(page.segments) == 0
        assert page.main_text == ""


def page_of(n: int, html: bool) -> SegmentedPage:
    if html:
        return SEGMENTER.segment_html("<main>" + BLOCK * n + "</main><nav><b>end</b></nav>")
    return SEGMENTER.segment_text("A line of words\n" * n)


@pytest.mark.parametrize("html", [True, False])
def test_slices_hold_what_their_segments_need(html: bool) -> None:
    page = page_of(50, html)
    parts = list(slices(page, 8))
    assert [len(part) for part in parts[:-1]] == [8] * (len(parts) - 1)
    told = [part.segment_text(at) for part in parts for at in range(len(part))]
    assert told == [page.segment_text(at) for at in range(len(page))]
    if not html:
        return
    paths = [part.path(at) for part in parts for at in range(len(part))]
    assert len(paths) == len(page)
    for part in parts:
        layout = part.layout
        assert layout is not None
        held = set(layout.segment_node.tolist()) | set(layout.node_parent.tolist())
        assert held - {-1} == set(range(len(layout.node_parent)))
        assert (layout.node_parent < np.arange(len(layout.node_parent))).all()


def test_the_rules_label_a_page_beyond_the_limit_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rules, "MAX_SEGMENTS", 7)
    page = page_of(40, html=False)
    (found,) = RulesLabeler().label([page])
    assert len(found.labels) == len(found.main) == len(found.reasons) == 40
    assert len(found.reasons[-1]) > 0
