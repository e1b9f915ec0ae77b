"""Bare text to lines: the text is the input."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.segments.blocks import BlockSegmenter
from curate.segments.plain import cut_points, line_spans


def lines(text: str, max_chars: int = 0) -> list[str]:
    return [text[start:end] for start, end in line_spans(text, max_chars)]


@pytest.mark.parametrize(
    "separator",
    ["\n", "\r\n", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\n \n\n"],
)
def test_separators(separator: str) -> None:
    assert lines(f"one{separator}two") == ["one", "two"]


def test_white_space_around_a_line_is_outside() -> None:
    text = "\ufeff\t a\xa0b \u3000\r\n\n \xa0 \nc"
    assert lines(text) == ["\ufeff\t a\xa0b", "c"]
    assert lines("\x1f a \x1f") == ["a"]


def test_zero_width_line_is_a_segment() -> None:
    assert lines("a\n\u200b\nb") == ["a", "\u200b", "b"]


def test_nothing() -> None:
    assert lines("") == []
    assert lines(" \n\t\r\n") == []
    page = BlockSegmenter().segment_text("\n")
    assert (len(page), page.text, page.layout) == (0, "\n", None)


def test_page() -> None:
    page = BlockSegmenter().segment(" a\n\nb ", media_type="text/plain", url="u", site="s")
    assert page.text == " a\n\nb "
    assert page.starts.tolist() == [1, 4]
    assert page.ends.tolist() == [2, 5]
    assert list(page.kinds) == ["line", "line"]
    assert (page.media_type, page.url, page.site) == ("text/plain", "u", "s")


def test_cut_at_the_last_sentence_that_fits() -> None:
    text = "One is here. Two is here! Three is here? Four."
    assert lines(text, 30) == ["One is here. Two is here!", "Three is here? Four."]
    assert lines("甲乙丙。" * 5, 10) == ["甲乙丙。甲乙丙。", "甲乙丙。甲乙丙。", "甲乙丙。"]


def test_cut_at_white_space_then_anywhere() -> None:
    assert lines("aaaa bbbb cccc", 10) == ["aaaa bbbb", "cccc"]
    assert lines("x" * 25, 10) == ["x" * 10, "x" * 10, "x" * 5]
    assert lines("xxxxxxxe\u0301xx", 8) == ["xxxxxxx", "e\u0301xx"]


_TEXT = st.text(st.sampled_from("ab .!?。\n\r\t\xa0\u200b\u2028\x85e\u0301"), max_size=80)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | _TEXT, st.sampled_from([0, 2, 5, 20]))
def test_every_visible_character_is_in_exactly_one(text: str, max_chars: int) -> None:
    spans = line_spans(text, max_chars)
    before = 0
    for start, end in spans:
        assert before <= start < end
        assert not text[before:start].strip()
        assert text[start:end].strip() == text[start:end]
        assert max_chars == 0 or end - start <= max_chars
        before = end
    assert not text[before:].strip()
    if max_chars == 0:
        assert lines(text) == [line.strip() for line in text.splitlines() if line.strip()]


def test_cut_points_of_a_short_span() -> None:
    assert cut_points("  abc  ", 2, 5, 10) == [(2, 5)]
