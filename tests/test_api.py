"""The Python API: what a user meets first."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import curate
from curate.errors import PageError, SegmentError

HTML = """<html lang=en><title>Ferry to run all winter</title><nav><a href=/>Home</a></nav>
<article><h1>Ferry to run all winter</h1><p>The island ferry will cross twice a day until March,
the harbour office said on Monday, after the council had agreed to pay for the crew.</p>
<p>It is the first winter service since the bridge was closed, and the office expects that
few people will use it on weekdays.</p></article><footer>© 2024 Harbour Office</footer>"""


def test_label_html() -> None:
    page = curate.label_html(HTML, url="https://a.example/ferry")
    assert page.title == "Ferry to run all winter"
    assert page.language == "en"
    assert [segment.label for segment in page.segments][1:4] == ["article"] * 3
    assert "twice a day" in page.main_text
    assert "©" not in page.main_text
    segment = page.segments[2]
    assert (segment.kind, segment.path) == ("p", "html>body>article>p")
    assert page.text[segment.start : segment.end] == segment.text
    assert segment.score == segment.scores[segment.label] == max(segment.scores.values())
    assert sum(segment.scores.values()) == pytest.approx(1, abs=1e-5)
    assert segment.reasons
    assert list(segment.scores) == ["article", "boilerplate", "teaser", "caption"]


def test_bytes_are_decoded() -> None:
    latin = b"<meta charset=iso-8859-1><p>Stra\xdfe und Br\xfccke</p>"
    assert curate.label_html(latin).text == "Straße und Brücke"
    assert curate.label_html("\ufeff<p>é</p>".encode()).text == "é"
    assert curate.label_html("<p>日本</p>".encode("utf-16")).text == "日本"


def test_label_text_keeps_the_input() -> None:
    text = "\ufeff Head\r\n\r\n\tline\u2028two\x0c \ud800 end \n"
    page = curate.label_text(text)
    assert page.text == text
    assert [segment.text for segment in page.segments] == [
        "\ufeff Head",
        "line",
        "two",
        "\ud800 end",
    ]
    assert {segment.path for segment in page.segments} == {None}


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(), max_size=120))
def test_any_text(text: str) -> None:
    page = curate.label_text(text)
    assert page.text == text
    covered = "".join(segment.text for segment in page.segments)
    assert "".join(covered.split()) == "".join(text.split())


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    page = curate.label_html(data)
    json.dumps(page.to_json()).encode()


def test_segments_are_a_sequence() -> None:
    page = curate.label_text("one\ntwo\nthree")
    segments = page.segments
    assert len(segments) == 3
    assert segments[-1].text == "three"
    assert [segment.text for segment in segments[:2]] == ["one", "two"]
    assert [segment.text for segment in reversed(segments)] == ["three", "two", "one"]
    with pytest.raises(IndexError):
        segments[3]
    assert repr(segments) == "<3 segments>"


@pytest.mark.parametrize("label", [curate.label_html, curate.label_text])
def test_empty(label: object) -> None:
    page = label("")  # type: ignore[operator]
    assert (len(page.segments), page.text, page.main_text) == (0, "", "")


def test_json_has_the_keys_of_the_contract() -> None:
    data = curate.label_html(HTML).to_json()
    assert list(data) == ["text", "main_text", "page_type", "language", "segments"]
    assert list(data["segments"][0]) == [
        "start",
        "end",
        "label",
        "score",
        "scores",
        "reasons",
        "kind",
        "path",
    ]
    assert json.loads(json.dumps(data)) == data


def test_main_text_prints_long_repeats_once() -> None:
    quote = "We will go out in any weather that lets us see the far shore, said the captain."
    body = "The ferry crosses at eight and at five, and in winter it waits for the bus. " * 3
    page = curate.label_html(f"<article><p>{body}</p><p>{quote}</p><p>{body}x</p><p>{quote}</p>")
    assert page.main_text.count(quote) == 1


def test_label_many_keeps_order_and_streams() -> None:
    seen: list[int] = []

    def pages() -> Iterator[str]:
        for number in range(100):
            seen.append(number)
            yield f"page number {number}"

    stream = curate.label_many(pages(), kind="text")
    assert next(stream).text == "page number 0"
    assert len(seen) < 100
    assert [page.text for page in stream] == [f"page number {n}" for n in range(1, 100)]


def test_label_many_labels_as_one_by_one() -> None:
    contents = [HTML, "<p>x", HTML.encode(), ""]
    many = [page.to_json() for page in curate.label_many(contents, kind="html")]
    assert many == [curate.label_html(content).to_json() for content in contents]


def test_label_many_says_which_page_failed() -> None:
    stream = curate.label_many(["<p>fine", "<div>" * 200_000], kind="html")
    assert next(stream).text == "fine"
    with pytest.raises(SegmentError, match=r"^page 1: about 200000 elements"):
        next(stream)


def test_label_many_takes_two_kinds() -> None:
    with pytest.raises(PageError, match="kind='pdf' is not one of html, text"):
        curate.label_many([], kind="pdf")  # type: ignore[arg-type]


def test_import_is_light() -> None:
    code = (
        "import sys, curate; assert curate.__version__; dir(curate); "
        "print([m for m in ('numpy', 'pyarrow', 'selectolax', 'curate.api') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_unknown_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'label_pdf'"):
        _ = curate.label_pdf
    assert set(curate.__all__) <= set(dir(curate))
