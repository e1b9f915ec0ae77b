"""Regions to spans: actions, overlaps, gaps."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import ReviewError
from curate.review.regions import spans_of

PAGE = "k-0123"
LABELS = ("article", "boilerplate", "teaser", "caption")


def region(start: int, end: int, label: str, origin: str = "manual", name: str | None = None):
    ours = origin.startswith("prediction")
    return {
        "id": name or (f"{PAGE}-{start}-{end}" if ours else f"r{start}-{end}"),
        "from_name": "label",
        "to_name": "text",
        "type": "labels",
        "origin": origin,
        "value": {"start": start, "end": end, "labels": [label]},
    }


def read(text, result, label_set):
    spans, _ = spans_of(result, text, PAGE, label_set)
    return [(text[s.start : s.end], s.label, s.action) for s in spans]


def drawn(text: str, piece: str, label: str = "caption"):
    start = text.index(piece)
    return region(start, start + len(piece), label)


def test_untouched_relabelled_and_drawn_are_told_apart(label_set):
    text = "one two three four five"
    result = [
        region(14, 18, "caption"),
        region(0, 3, "article", "prediction"),
        region(4, 7, "teaser", "prediction-changed"),
        region(8, 13, "article", "prediction", f"{PAGE}-8-18"),
    ]
    assert read(text, result, label_set) == [
        ("one", "article", "accepted"),
        ("two", "teaser", "relabelled"),
        ("three", "article", "drawn"),
        ("four", "caption", "drawn"),
    ]


def test_quote_and_neighbourhood(label_set):
    text = "x" * 40 + " Hello. " + "y" * 40
    (span,), _ = spans_of([drawn(text, "Hello")], text, PAGE, label_set)
    assert (span.exact, span.prefix, span.suffix) == (
        "Hello.",
        "x" * 31 + " ",
        " " + "y" * 31,
    )
    assert span.region_id == "r41-46"


def test_the_page_level_choice(label_set):
    choice = {"from_name": "page", "type": "choices", "value": {"choices": ["unsure"]}}
    assert spans_of([choice], "text", PAGE, label_set) == ((), "unsure")
    assert spans_of([], "text", PAGE, label_set) == ((), None)


@pytest.mark.parametrize(
    ("item", "told"),
    [
        (region(0, 99, "article"), "0-99 does not lie within the text's 9 characters"),
        (region(3, 3, "article"), "3-3 does not"),
        (region(-1, 3, "article"), "-1-3 does not"),
        (region(5, 2, "article"), "5-2 does not"),
        (region("0", 3, "article"), "are no numbers"),
        (region(0, 3, "ad"), "label 'ad', which is not one of article, boilerplate"),
        ({**region(0, 3, "x"), "value": {"start": 0, "end": 3, "labels": []}}, "has 0 labels"),
    ],
)
def test_what_can_not_be_is_named(item, told, label_set):
    with pytest.raises(ReviewError, match=told):
        spans_of([item], "some text", PAGE, label_set)


def test_a_label_of_an_older_set_gets_its_name_of_today(label_set):
    mapped = replace(label_set, from_labels={"ad": "teaser"})
    assert read("some text", [region(0, 4, "ad")], mapped) == [("some", "teaser", "drawn")]


def test_a_full_stop_lost_by_dragging_words_comes_back(label_set):
    text = "First one. Second one (really)!"
    result = [drawn(text, "First one"), drawn(text, "Second one (really", "article")]
    assert read(text, result, label_set) == [
        ("First one.", "caption", "drawn"),
        ("Second one (really)!", "article", "drawn"),
    ]


def test_an_opening_bracket_goes_to_what_follows(label_set):
    text = "Photo (Reuters) “Quoted” – end"
    result = [
        drawn(text, "Photo"),
        drawn(text, "Reuters", "teaser"),
        drawn(text, "Quoted", "article"),
        drawn(text, "end", "boilerplate"),
    ]
    assert read(text, result, label_set) == [
        ("Photo", "caption", "drawn"),
        ("(Reuters)", "teaser", "drawn"),
        ("“Quoted” –", "article", "drawn"),
        ("end", "boilerplate", "drawn"),
    ]


def test_emoji_and_combining_marks_are_drawn_in(label_set):
    text = "Party 🎉 time\u0301 \U0001f468\u200d\U0001f469"
    assert read(text, [drawn(text, "Party"), drawn(text, "time", "article")], label_set) == [
        ("Party 🎉", "caption", "drawn"),
        ("time\u0301 \U0001f468\u200d\U0001f469", "article", "drawn"),
    ]


def test_no_word_and_no_other_line_is_drawn_in(label_set):
    text = "one two three\n***\r\nfour."
    assert read(text, [drawn(text, "two")], label_set) == [("two", "caption", "drawn")]
    assert read(text, [drawn(text, "three"), drawn(text, "four")], label_set) == [
        ("three", "caption", "drawn"),
        ("four.", "caption", "drawn"),
    ]


def test_what_a_reviewer_deleted_beside_untouched_regions_stays_without_a_label(label_set):
    text = "one | two"
    result = [region(0, 3, "article", "prediction"), region(6, 9, "teaser", "prediction")]
    assert read(text, result, label_set) == [
        ("one", "article", "accepted"),
        ("two", "teaser", "accepted"),
    ]


def test_a_region_drawn_over_another_wins_and_the_rest_stays(label_set):
    text = "The story begins here. Photo: Agency. And goes on."
    result = [
        region(0, len(text), "article", "prediction"),
        drawn(text, "Photo: Agency"),
    ]
    assert read(text, result, label_set) == [
        ("The story begins here.", "article", "accepted"),
        ("Photo: Agency.", "caption", "drawn"),
        ("And goes on.", "article", "accepted"),
    ]


def test_a_lost_full_stop_of_the_region_below_goes_to_the_drawn_one(label_set):
    text = "Photo: Agency."
    result = [region(0, 14, "article", "prediction"), drawn(text, "Photo: Agency")]
    assert read(text, result, label_set) == [("Photo: Agency.", "caption", "drawn")]


def test_of_two_on_one_span_the_more_deliberate_then_the_later_wins(label_set):
    text = "one two"
    twice = [region(0, 3, "teaser"), region(0, 3, "caption", name="b")]
    assert read(text, twice, label_set) == [("one", "caption", "drawn")]
    both = [
        region(0, 7, "teaser", "prediction-changed"),
        region(0, 7, "article", "prediction"),
    ]
    assert read(text, both, label_set) == [("one two", "teaser", "relabelled")]


def test_blanks_at_the_ends_are_cut_and_blank_regions_dropped(label_set):
    text = "  one  \n  "
    assert read(text, [region(0, 7, "article"), region(7, 10, "teaser")], label_set) == [
        ("one", "article", "drawn")
    ]


@st.composite
def readings(draw):
    text = draw(st.text("ab .,(\n\r\u00a0é🎉\u0301", max_size=40))
    result = []
    for n in range(draw(st.integers(0, 5)) if text else 0):
        start = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(start + 1, len(text)))
        origin = draw(st.sampled_from(["manual", "prediction", "prediction-changed"]))
        label = draw(st.sampled_from(LABELS))
        result.append(region(start, end, label, origin, f"{n}" if origin == "manual" else None))
    return text, result


@given(readings())
def test_any_regions_give_ordered_disjoint_spans_that_lose_no_labelled_character(drawing):
    from curate.schema import LabelDef, LabelSet

    label_set = LabelSet("s", tuple(LabelDef(n, "#000000", n[0], "") for n in LABELS), "")
    text, result = drawing
    spans, _ = spans_of(result, text, PAGE, label_set)
    last = 0
    covered = set()
    for span in spans:
        assert last <= span.start < span.end <= len(text)
        assert span.exact == text[span.start : span.end] == span.exact.strip()
        last = span.end
        covered |= set(range(span.start, span.end))
    for item in result:
        for i in range(item["value"]["start"], item["value"]["end"]):
            assert i in covered or text[i].isspace()
    for i in covered:  # nothing with a word was drawn in
        assert not text[i].isalnum() or any(
            r["value"]["start"] <= i < r["value"]["end"] for r in result
        )
