"""Text that reviewers left without a label is named."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta

from rich.console import Console

from curate.cli.review_left import print_left_over
from curate.review.left_over import LeftOver, left_over, pages_left_over
from curate.schema import Span
from tests.review.test_annotations import T0, annotation

TEXT = "Menu | search\n\n  A headline 🎉\nEnd. – \n***\n"


def reading(name, *spans, **more):
    made = tuple(Span(a, b, "article", "accepted", "", TEXT[a:b]) for a, b in spans)
    return annotation(name, text=TEXT, spans=made, **more)


def test_lines_and_parts_of_lines_outside_the_spans():
    assert left_over(TEXT, []) == [(0, 13), (17, 29), (30, 36)]
    assert left_over(TEXT, [(17, 29)]) == [(0, 13), (30, 36)]
    assert left_over(TEXT, [(7, 13), (17, 29), (30, 34)]) == [(0, 6)]
    assert left_over(TEXT, [(0, 4), (2, 13), (17, 36)]) == []
    assert left_over("", []) == []


def test_what_another_reader_labelled_is_not_left_over():
    one = reading("a", (0, 13), project_id=3, task_id=7)
    two = reading("b", (17, 29), annotator="annotator-2")
    assert pages_left_over([one]) == [LeftOver("k", ((17, 29), (30, 36)), 3, 7)]
    assert pages_left_over([one, two]) == [LeftOver("k", ((30, 36),), 3, 7)]
    assert pages_left_over([replace(one, status="skipped")]) == []


def test_only_the_present_state_of_a_page_counts():
    old = reading("a", (0, 13))
    new = replace(
        annotation("b", text="one two", updated_at=T0 + timedelta(days=1)),
        text_hash="other",
        spans=(Span(0, 7, "article", "accepted", "", "one two"),),
    )
    assert pages_left_over([old, new]) == []


def test_status_says_where_to_open_them():
    console = Console(file=io.StringIO(), width=200)
    print_left_over([reading("a", (0, 13), project_id=3, task_id=7)], "http://ls", console)
    first, second = console.file.getvalue().splitlines()
    assert first.startswith("without a label: 2 lines on 1 pages, where reviewers deleted")
    assert second == "  http://ls/projects/3/data?task=7 (2 lines)"
    quiet = Console(file=io.StringIO())
    print_left_over([reading("a", (0, 40))], "http://ls", quiet)
    assert quiet.file.getvalue() == ""
