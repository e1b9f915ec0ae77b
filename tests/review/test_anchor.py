"""Spans on changed text."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from curate.review.anchor import APPLIED, quoted, reanchor
from curate.schema import Span


def span(text: str, piece: str, nth: int = 0) -> Span:
    at = -1
    for _ in range(nth + 1):
        at = text.index(piece, at + 1)
    exact, prefix, suffix = quoted(text, at, at + len(piece))
    return Span(at, at + len(piece), "article", "accepted", "r", exact, prefix, suffix)


def outcome(old: str, new: str, piece: str, nth: int = 0):
    (found,) = reanchor([span(old, piece, nth)], new)
    return found.outcome, [(s.start, s.exact) for s in found.found]


LONG = "A sentence long enough to be told apart."


def test_text_that_stays_in_place_is_kept():
    assert outcome(f"{LONG}\nold end", f"{LONG}\nnew end", LONG) == ("kept", [(0, LONG)])


def test_text_that_moved_is_found():
    assert outcome(f"x\n{LONG}\ny", f"more before\n{LONG}\ny", LONG) == ("moved", [(12, LONG)])


def test_of_repeated_lines_the_neighbourhood_tells():
    old = "Alpha story\n1 day ago\nBeta story\n1 day ago\n"
    new = "Gamma story\n1 day ago\nAlpha story\n1 day ago\nBeta story\n1 day ago\n"
    assert outcome(old, new, "1 day ago", 0) == ("moved", [(34, "1 day ago")])
    assert outcome(old, new, "1 day ago", 1) == ("moved", [(55, "1 day ago")])


def test_a_short_quote_alone_is_not_enough():
    assert outcome("Foo bar\nShare\nBaz", "Other words\nShare\nanything", "Share") == ("orphan", [])


def test_a_short_quote_at_the_same_place_by_chance_is_not_kept():
    assert outcome("AAAA Share BBBB", "CCCC Share DDDD", "Share") == ("orphan", [])


def test_places_that_can_not_be_told_apart_are_not_guessed():
    line = "The very same line of text"
    assert outcome(f"a\n{line}\nb", f"c\n{line}\nd\n{line}\ne", line) == ("orphan", [])


def test_changed_text_is_told_and_never_applied():
    new = "The price is 12 euro today, they say."
    assert outcome("The price is 10 euro today, they say.", new,
                   "The price is 10 euro today, they say.") == ("partial", [(0, new)])  # fmt: skip
    assert "partial" not in APPLIED


def test_other_line_breaks_are_the_same_words():
    old = "One sentence of some length. Another one behind it."
    new = "Top\nOne sentence of some length.\n\nAnother one  behind it."
    assert outcome(old, new, old) == ("moved", [(4, new[4:])])


def test_a_sentence_changed_inside_a_paragraph_is_aligned():
    old = "The board met on Monday. It heard forty residents. The crane stays where it is."
    new = "Menu\nThe board met on Monday. It heard many people. The crane stays where it is.\nEnd"
    assert outcome(old, new, old) == ("partial", [(5, new[5:-4])])


def test_a_short_passage_is_found_between_its_neighbours():
    old = "Harbour board keeps the crane\n2 hours ago\nFerry timetable changes in May"
    new = "Sport\n" + old.replace("2 hours", "3 days")
    assert outcome(old, new, "2 hours ago") == ("partial", [(36, "3 days ago")])


def test_another_text_on_the_same_subject_is_no_version_of_it():
    old = "The harbour board met on Monday and heard residents who want to keep the crane."
    new = "On Tuesday the council of the market town decided that no stall may stand there."
    assert outcome(old, new, old) == ("orphan", [])


def test_two_changed_copies_are_not_told_apart():
    old = "The ferry leaves at nine from the old pier every working day of the year."
    copy = "The ferry leaves at ten from the old pier every working day of the year."
    assert outcome(old, f"{copy}\nWords between.\n{copy}", old) == ("orphan", [])


def test_whole_lines_of_a_changed_passage_survive():
    old = f"{LONG}\nThis line will be edited soon.\nAnd this one stays as it was."
    new = f"New top\n{LONG}\nThis line was edited.\nAnd this one stays as it was."
    what, found = outcome(old, new, old)
    assert what == "partial"
    assert [exact for _, exact in found] == [LONG, "And this one stays as it was."]


def test_two_spans_are_never_put_on_one_place():
    old = f"{LONG}\n{LONG}"
    found = reanchor([span(old, LONG, 0), span(old, LONG, 1)], LONG)
    assert sorted(a.outcome for a in found) == ["kept", "orphan"]


def test_a_quote_of_a_whole_page():
    assert outcome("Hi", "Hi", "Hi") == ("kept", [(0, "Hi")])


@given(st.text("ab \n", max_size=60), st.text("ab \n", max_size=60), st.data())
def test_what_is_found_is_what_was_read_and_spans_stay_disjoint(old, new, data):
    edges = data.draw(st.lists(st.integers(0, len(old)), max_size=6).map(sorted))
    spans = []
    for start, end in zip(edges[::2], edges[1::2], strict=False):
        if start < end:
            exact, prefix, suffix = quoted(old, start, end)
            spans.append(Span(start, end, "x", "drawn", "r", exact, prefix, suffix))
    found = [s for a in reanchor(spans, new) for s in a.found]
    for a in reanchor(spans, new):
        for s in a.found:
            assert new[s.start : s.end] == s.exact
            if a.outcome in APPLIED:
                assert "".join(s.exact.split()) == "".join(a.span.exact.split())
        assert bool(a.found) == (a.outcome != "orphan")
    taken = sorted((s.start, s.end) for s in found)
    assert all(e <= s for (_, e), (s, _) in pairwise(taken))


@given(st.text(max_size=40), st.data())
def test_on_the_same_text_long_spans_stay(text, data):
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    if not text[start:end].strip():
        return
    exact, prefix, suffix = quoted(text, start, end)
    if len(exact) < 16:
        return
    (found,) = reanchor([Span(start, end, "x", "drawn", "r", exact, prefix, suffix)], text)
    assert found.outcome == "kept"
