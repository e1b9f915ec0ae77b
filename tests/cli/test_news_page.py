"""The bare-text news page whose article is buried between lists of other stories."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import curate
from curate.labelers.base import Labeler
from curate.labelers.default import default_labeler
from curate.labelers.rules import RulesLabeler
from curate.segments.blocks import BlockSegmenter

pytestmark = pytest.mark.shared

TIME = re.compile(r"\d+ (?:minutes?|hours?|days?) ago")
BYLINE = ("gvw_ap_news", "By Associated Press", "Published 7 years ago on", "January 28, 2019")
FURNITURE = ("DON'T MISS", "UP NEXT", "Share", "Search", "Send this to a friend")
SUBHEADINGS = (
    "Speaking out Against the Continued Presence of U.S. Forces",
    "Increasingly Frequent Israeli Airstrikes Targeting Syria",
)
HEADLINE = "AP Interview: Iraqi Militia Leader Wants US Troops to Leave"


def expected(text: str) -> list[tuple[str, str]]:
    """(line, label) by where a line stands: before, in and after the story."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    begin = lines.index(HEADLINE)
    end = lines.index("DON'T MISS")
    told = []
    for number, line in enumerate(lines):
        if (
            line in BYLINE
            or line in FURNITURE
            or line.startswith(("Please ensure", "Help continue"))
        ):
            label = "boilerplate"
        elif begin <= number < end:
            label = "article"
        elif re.search(r"\((?:Kenny Holston/|Reuters)|via REUTERS$", line):
            label = "caption"
        else:
            label = "teaser"
        told.append((line, label))
    return told


@pytest.mark.parametrize("make", [RulesLabeler, default_labeler])
def test_every_line_is_labelled_right(shared: Path, make: Callable[[], Labeler]) -> None:
    text = (shared / "data/pages/gvwire-iraqi-militia-leader.txt").read_text(encoding="utf-8")
    page = BlockSegmenter().segment_text(text)
    (prediction,) = make().label([page])
    found = [(page.segment_text(i), prediction.labels[i]) for i in range(len(page))]
    wanted = expected(text)
    assert [line for line, _ in found] == [line for line, _ in wanted]
    assert sum(label == "caption" for _, label in wanted) == 6
    assert all(
        ("article", line) in [(label, line) for line, label in wanted] for line in SUBHEADINGS
    )
    wrong = [
        (line[:60], label, right)
        for (line, label), (_, right) in zip(found, wanted, strict=True)
        if label != right
    ]
    assert wrong == []


@pytest.mark.parametrize("make", [RulesLabeler, default_labeler])
def test_the_main_text_is_the_story(shared: Path, make: Callable[[], Labeler]) -> None:
    text = (shared / "data/pages/gvwire-iraqi-militia-leader.txt").read_text(encoding="utf-8")
    main = curate.label_text(text).main_text
    assert "BAGHDAD" in main
    assert "personally, I will be the first to participate" in main
    assert "DON'T MISS" not in main
    (prediction,) = make().label([page := BlockSegmenter().segment_text(text)])
    story = [page.segment_text(i) for i in range(len(page)) if prediction.main[i]]
    lines = [line for line, label in expected(text) if label == "article"]
    assert set(story) <= set(lines)
    assert len(story) >= len(lines) - 1  # the model may take the headline for no text
