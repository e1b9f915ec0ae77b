"""Text that reviewers left without a label is named."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta

from rich.console import Console

from curate.cli.review_left import print_left_over
from curate.review.left_over import left_over, pages_left_over
from curate.review.votes import ADJUDICATION, AGAIN
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
    (page,) = pages_left_over([one])
    assert (page.page_key, page.spans, page.settled) == ("k", ((17, 29), (30, 36)), ())
    assert (page.project_id, page.task_id, page.reading) == (3, 7, one)
    (page,) = pages_left_over([one, two])
    assert (page.spans, page.project_id) == (((30, 36),), 3)
    assert pages_left_over([replace(one, status="skipped")]) == []


def test_what_is_left_out_twice_is_settled_and_what_is_new_is_not():
    first = reading("a", (0, 13), (30, 36), project_id=3, task_id=7)
    later = T0 + timedelta(hours=1)
    same = reading("b", (0, 13), (30, 36), origin=AGAIN, updated_at=later, project_id=3, task_id=8)
    (page,) = pages_left_over([first, same])
    assert (page.spans, page.settled) == ((), ((17, 29),))
    # The second time the headline got a label, and the last line lost its own.
    other = replace(same, spans=reading("b", (0, 13), (17, 29)).spans)
    (page,) = pages_left_over([first, other])
    assert (page.spans, page.settled, page.task_id) == (((30, 36),), (), 8)
    # Half of a line that was left out before, and half that was not.
    half = replace(same, spans=reading("b", (0, 13), (17, 19)).spans)
    (page,) = pages_left_over([reading("a", (0, 13), (17, 27), project_id=3), half])
    assert (page.spans, page.settled) == (((19, 27),), ((30, 36),))
    assert pages_left_over([first, replace(same, spans=reading("b", (0, 36)).spans)]) == []


def test_what_an_adjudicator_leaves_out_is_settled():
    first = reading("a", (0, 13), (30, 36))
    last = reading("b", (0, 13), (30, 36), origin=ADJUDICATION, annotator="annotator-2")
    (page,) = pages_left_over([first, last])
    assert (page.spans, page.settled) == ((), ((17, 29),))


def test_a_round_is_named_by_what_it_is_for():
    one, other = reading("a", (0, 13)), reading("a", (0, 13), updated_at=T0 + timedelta(hours=1))
    names = [pages_left_over([r])[0].round for r in (one, other, reading("a", (17, 36)))]
    assert names[0] == names[1] != names[2]


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
    console = Console(file=io.StringIO(), width=200)
    again = reading("b", (0, 13), origin=AGAIN, updated_at=T0 + timedelta(hours=1))
    print_left_over([reading("a", (0, 13)), again], "http://ls", console)
    assert console.file.getvalue().startswith("left out for good: 2 lines, whose regions")
    quiet = Console(file=io.StringIO())
    print_left_over([reading("a", (0, 40))], "http://ls", quiet)
    assert quiet.file.getvalue() == ""
