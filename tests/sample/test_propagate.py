"""What is taken over from one page of a site to another, and what is not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.sample.lines import PageLines, first_page, page_lines
from curate.sample.propagate import (
    Audit,
    PropagationConfig,
    ReadPage,
    decide,
    propagated,
    take_over,
)
from curate.schema import FinalLabels, SegmentedPage
from curate.segments.blocks import BlockSegmenter

ONE = PropagationConfig()


def lines(words: str, *, places: str = "", title: int | None = None) -> PageLines:
    """One line a letter; upper case is another line than lower case."""
    return PageLines(
        list(words),
        [f"p{place}" for place in places] or ["li"] * len(words),
        [at == title for at in range(len(words))],
        [10] * len(words),
    )


def read(key: str, words: str, labels: str, **kwargs: object) -> ReadPage:
    names = {"b": "boilerplate", "t": "teaser", "a": "article", ".": None}
    return ReadPage(key, lines(words, **kwargs), [names[c] for c in labels])  # type: ignore[arg-type]


def told(found: Sequence[str | None]) -> str:
    return "".join(label[0] if label else "." for label in found)


def test_a_line_is_taken_over_beside_the_same_line() -> None:
    site = decide([read("1", "abcxyz", "bbbaaa")], ONE)
    assert told(propagated(lines("abcqrs", places="111111"), site)) == "bbb..."
    # Other elements, other neighbours: only the words are the same.
    assert told(propagated(lines("qbr", places="999"), site)) == "..."


def test_a_line_that_stands_once_is_taken_over_in_a_like_element() -> None:
    site = decide([read("1", "axbxc", "babab", places="12345")], ONE)
    assert told(propagated(lines("qbr", places="939"), site)) == ".b."
    # There it stands once, here twice: it may be about something else.
    assert told(propagated(lines("qbrb", places="9393"), site)) == "...."
    twice = decide([read("1", "qbrbs", "ababa", places="12345")], ONE)
    assert told(propagated(lines("zby", places="929"), twice)) == "..."


def test_a_line_between_two_of_the_same_decision_is_taken_over() -> None:
    site = decide([read("1", "axbycz", "babaca".replace("c", "b"), places="123456")], ONE)
    here = lines("abc", places="777")
    assert told(propagated(here, site)) == "bbb"
    # One side is known and the other is not: nothing, but for the page's ends.
    assert told(propagated(lines("qbcr", places="7777"), site)) == "...."
    assert told(propagated(lines("qbc", places="777"), site)) == "..b"
    assert told(propagated(lines("b", places="7"), site)) == "."


def test_one_page_is_not_enough_for_what_may_be_content() -> None:
    pages = [read(str(n), "ab" + "cdefgh"[n], "aa.") for n in range(3)]
    assert decide(pages[:2], ONE).decisions == {}
    assert told(propagated(lines("abz"), decide(pages, ONE))) == "aa."


def test_two_labels_on_one_page_are_no_decision() -> None:
    assert set(decide([read("1", "abab", "btbb")], ONE).decisions) == {"a"}


def test_pages_must_agree() -> None:
    pages = [read("1", "ab", "bb"), read("2", "ab", "tb")]
    assert set(decide(pages, ONE).decisions) == {"b"}
    # One of eleven errs: 91 % agree.
    pages = [read(f"{n:02d}", "ab", "bb") for n in range(10)] + [read("10", "ab", "tb")]
    assert decide(pages, ONE).decisions["a"].label == "boilerplate"


def test_the_pages_own_headline_takes_nothing_over() -> None:
    site = decide([read("1", "abc", "btb")], ONE)
    assert told(propagated(lines("abc", title=1), site)) == "b.b"


def test_pages_read_later_measure_the_error_and_stop_it() -> None:
    first, second = read("1", "abcdefghij", "b" * 10), read("2", "abcdefghij", "b" * 9 + "t")
    site = decide([first, second], ONE)
    # Each is tested by the other: ten lines each, one of them differs.
    assert site.audits == {"boilerplate": Audit(19, 1), "teaser": Audit(1, 1)}
    assert site.audits["boilerplate"].error == pytest.approx(1.5 / 69)
    assert site.scores == {"boilerplate": pytest.approx(1 - 1.5 / 69)}
    strict = decide([first, second], PropagationConfig(max_error=0.02))
    assert strict.decisions == {}
    assert strict.stopped == ("boilerplate", "teaser")


def test_nothing_tested_is_believed_as_measured_elsewhere() -> None:
    assert decide([read("1", "ab", "bb")], ONE).scores == {"boilerplate": 0.99}
    assert Audit(0, 0).error == 0.01
    assert Audit(50, 0).error == 0.005


def test_links_and_text_are_different_lines() -> None:
    splitter = BlockSegmenter()
    listing = splitter.segment_html("<ul><li><a href=/1>Eels are back</a></li><li>Tides</li></ul>")
    story = splitter.segment_html("<h2>Eels  are BACK</h2><p>Tides</p>")
    assert page_lines(listing).keys[0] != page_lines(story).keys[0]
    assert page_lines(listing).keys[1] == page_lines(story).keys[1]
    again = splitter.segment_html("<p><a href=/1>eels are\n back</a></p>")
    assert page_lines(again).keys[0] == page_lines(listing).keys[0]


def test_elements_that_differ_in_numbers_are_alike() -> None:
    splitter = BlockSegmenter()
    one = page_lines(splitter.segment_html("<div class='ad slot-12'>Advertisement</div>"))
    two = page_lines(splitter.segment_html("<div class='ad slot-7'>Advertisement</div>"))
    other = page_lines(splitter.segment_html("<div class='note'>Advertisement</div>"))
    assert one.places == two.places
    assert one.places != other.places


def test_the_first_page_is_the_one_that_decides_most() -> None:
    pages = [lines("abx"), lines("abcdy"), lines("cdz"), lines("q")]
    assert first_page(pages) == 1
    assert first_page([]) == -1


def test_people_are_never_overridden() -> None:
    page = BlockSegmenter().segment_text("Menu\n\nLogin\n\nStory here\n\nFooter")
    n = len(page)
    final = FinalLabels(
        page.starts,
        page.ends,
        page.kinds,
        ["article", "article", None, "article"],
        ["human", "model", "human", "rule"],
        ["accepted", None, None, None],
        [0.9] * n,
        [1, 0, 0, 0],
        [None] * n,
        [False] * n,
        [()] * n,
        [True, True, False, True],
    )
    keys = page_lines(page)
    site = decide([ReadPage("1", keys, ["boilerplate"] * n)], ONE)
    out = take_over(page, final, site)
    assert list(out.labels) == ["article", "boilerplate", None, "boilerplate"]
    assert list(out.origins) == ["human", "propagated", "human", "propagated"]
    assert list(out.scores) == [0.9, 0.99, 0.9, 0.99]
    assert list(out.main) == [True, False, False, False]
    assert list(final.origins) == ["human", "model", "human", "rule"]


letters = st.text("abcdef", max_size=12)


@settings(deadline=None)
@given(st.lists(st.tuples(letters, st.integers(0, 3**12)), max_size=5), letters)
def test_only_labels_that_a_reviewed_page_gave_that_line(
    pages: list[tuple[str, int]], target: str
) -> None:
    reviewed = [
        read(str(n), words, "".join("bt."[code // 3**at % 3] for at in range(len(words))))
        for n, (words, code) in enumerate(pages)
    ]
    given_labels = propagated(lines(target), decide(reviewed, ONE))
    assert len(given_labels) == len(target)
    for key, label in zip(target, given_labels, strict=True):
        if label is not None:
            assert any(
                label in [said for k, said in zip(p.lines.keys, p.labels, strict=True) if k == key]
                for p in reviewed
            )
    assert decide(reviewed, ONE) == decide(list(reversed(reviewed)), ONE)


def test_an_empty_page() -> None:
    empty = SegmentedPage("", np.zeros(0, np.int32), np.zeros(0, np.int32), [], "text/plain")
    assert len(page_lines(empty)) == 0
    assert propagated(page_lines(empty), decide([], ONE)) == []
