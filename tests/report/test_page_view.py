"""A page on a terminal: aligned, safe, coloured only where colour is seen."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from curate.errors import ReportError
from curate.report.colors import WEB4, contrast_ratio, label_colors, toned
from curate.report.page_view import render_page, visible


@dataclass
class Segment:
    start: int
    end: int
    text: str
    label: str
    score: float
    kind: str = "p"
    reasons: Sequence[str] = ()
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass
class Page:
    text: str
    segments: list[Segment]
    main_text: str = ""
    page_type: str | None = "article"
    language: str | None = "en"


def page(*rows: tuple[str, str, float], joiner: str = "\n\n") -> Page:
    segments, pos = [], 0
    for text, label, score in rows:
        rest = (1 - score) / 3
        scores = {name: score if name == label else rest for name in WEB4}
        segments.append(
            Segment(pos, pos + len(text), text, label, score, "p", ["a reason"], scores)
        )
        pos += len(text) + len(joiner)
    return Page(joiner.join(text for text, _, _ in rows), segments, rows[0][0] if rows else "")


def printed(shown: Page, *, terminal: bool = False, width: int = 80) -> str:
    file = io.StringIO()
    console = Console(
        file=file,
        force_terminal=terminal,
        width=width,
        color_system="truecolor" if terminal else None,
        legacy_windows=False,
    )
    render_page(shown, console)
    return file.getvalue()


def plain(shown: Page, width: int = 80) -> str:
    """As on a terminal, without its colours."""
    file = io.StringIO()
    console = Console(
        file=file, force_terminal=True, width=width, color_system=None, legacy_windows=False
    )
    render_page(shown, console)
    return file.getvalue()


def test_off_a_terminal_each_segment_is_one_aligned_line() -> None:
    shown = page(("Menu", "boilerplate", 0.98), ("A " * 100 + "end", "article", 0.9))
    lines = printed(shown).splitlines()
    assert lines[0] == "boilerplate 0.98  | Menu"
    assert lines[1] == ""
    assert lines[2] == "article     0.90  | " + "A " * 100 + "end"
    assert "\x1b" not in printed(shown)


def test_summary_counts_segments_and_characters() -> None:
    text = printed(page(("12345678", "article", 0.9), ("12", "teaser", 0.5)))
    assert "article  language en  2 segments  10 characters  main content 8  1 unsure (?)" in text
    assert "article           1 segments         8 characters  80.0%" in text
    assert "caption           0 segments         0 characters   0.0%" in text


def test_low_confidence_is_marked_off_a_terminal_too() -> None:
    lines = printed(page(("odd", "caption", 0.41), ("sure", "caption", 0.6))).splitlines()
    assert lines[0] == "caption     0.41? | odd"
    assert lines[2] == "caption     0.60  | sure"


def test_on_a_terminal_text_wraps_beside_the_gutter() -> None:
    lines = plain(page(("word " * 30, "article", 0.9)), width=60).splitlines()
    assert lines[0].startswith("article     0.90  ▌ word word")
    assert lines[1].startswith("                  ▌ word")
    assert max(map(len, lines)) <= 60


def test_a_run_of_one_label_names_it_once() -> None:
    shown = page(("one", "article", 0.9), ("two", "article", 0.8), ("three", "teaser", 0.9))
    lines = plain(shown).splitlines()
    assert lines[:5] == [
        "article     0.90  ▌ one",
        "                  ▌",
        "            0.80  ▌ two",
        "",
        "teaser      0.90  ▌ three",
    ]


def test_an_unsure_segment_says_what_else_it_may_be() -> None:
    assert "                  ▌ or article 0.20, a reason" in plain(page(("x", "teaser", 0.4)))


def test_label_shrinks_to_a_letter_in_a_narrow_window() -> None:
    assert plain(page(("text", "boilerplate", 0.9)), width=40).startswith("b 0.90  ▌ text")


def test_text_wears_a_tone_of_its_labels_colour() -> None:
    out = printed(page(("text", "article", 0.9)), terminal=True)
    red, green, blue = (int(toned(WEB4["article"])[i : i + 2], 16) for i in (1, 3, 5))
    assert f"38;2;{red};{green};{blue}mtext" in out


def test_headings_are_bold() -> None:
    shown = page(("Head", "article", 0.9))
    shown.segments[0].kind = "h2"
    assert "\x1b[1;38;2;" in printed(shown, terminal=True).splitlines()[0].split("▌")[1]


def test_lines_within_a_segment_stay_lines() -> None:
    lines = printed(page(("one\r\ntwo\u2028three", "article", 0.9))).splitlines()
    assert lines[:3] == [
        "article     0.90  | one",
        "                  | two",
        "                  | three",
    ]


def test_markup_in_a_page_is_text() -> None:
    assert "| [bold red]not markup[/] :smile:" in printed(
        page(("[bold red]not markup[/] :smile:", "article", 0.9))
    )


def test_escape_sequences_do_not_reach_the_terminal() -> None:
    out = plain(page(("a\x1b[2Jb\x07\x9b31m\u202ec", "article", 0.9)))
    assert not set(out) & {"\x1b", "\x07", "\x9b", "\u202e"}
    assert "a\ufffd[2Jb\ufffd\ufffd31m\ufffdc" in out


def test_reasons_are_made_safe_too() -> None:
    shown = page(("x", "teaser", 0.4))
    shown.segments[0].reasons = ["class \x1b[31m"]
    assert "\x1b" not in plain(shown)


def test_wide_characters_keep_the_edge() -> None:
    lines = plain(page(("港町の渡し船が六月末で運航を終える" * 5, "article", 0.9)), 60).splitlines()
    assert max(cell_len(line) for line in lines) <= 60


def test_a_page_without_text() -> None:
    out = printed(Page("", [], "", None, None))
    assert out.splitlines() == [
        "(no text)",
        "",
        "page type not told  language not told  0 segments  0 characters  main content 0",
    ]


def test_labels_of_another_set_get_their_own_colours() -> None:
    shown = page(("x", "article", 0.9))
    shown.segments[0].label, shown.segments[0].scores = "spam", {"spam": 0.9, "ham": 0.1}
    assert printed(shown).startswith("spam 0.90  | x")
    assert label_colors(["spam", "ham", "eggs"], {"ham": "#123456"}) == {
        "spam": "#6a1b9a",
        "ham": "#123456",
        "eggs": "#00838f",
    }


@pytest.mark.parametrize("color", [*WEB4.values(), "#ffffff", "#000000", "#808080", "#00ff00"])
def test_toned_colours_are_readable_on_black_and_on_white(color: str) -> None:
    tone = toned(color)
    assert contrast_ratio(tone, "#000000") >= 4.4
    assert contrast_ratio(tone, "#ffffff") >= 4.4


def test_contrast_of_black_and_white_is_21() -> None:
    assert contrast_ratio("#000000", "#ffffff") == pytest.approx(21)
    assert contrast_ratio("#777777", "#777777") == 1


def test_a_colour_that_is_none_is_told() -> None:
    with pytest.raises(ReportError, match=r"color 'green' can't be read; give #rrggbb"):
        toned("green")


@given(st.text())
def test_any_text_is_made_safe(text: str) -> None:
    shown = visible(text)
    assert not any(ord(c) < 32 and c != "\n" for c in shown)
    assert "\x7f" not in shown


@given(st.text(min_size=1).filter(str.strip), st.integers(10, 200))
def test_any_page_prints_at_any_width(text: str, width: int) -> None:
    assert "1 segments" in plain(page((text, "article", 0.5)), width)
