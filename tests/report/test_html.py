"""The visual report: whole, self-contained, safe and the same every time."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import ReportError
from curate.report.charts import Part, Row, histogram, stacked_rows
from curate.report.colors import WEB4, contrast_ratio
from curate.report.data import (
    SCORE_BINS,
    Agreement,
    Example,
    ExampleSegment,
    Group,
    LabelCount,
    ReportData,
    ReviewState,
    Split,
    StageCount,
    UnsureSegment,
    VersionDiff,
)
from curate.report.html import render_report, write_report

LABELS = [
    LabelCount("article", WEB4["article"], 3, 600, "the text", [0] * 19 + [3]),
    LabelCount("boilerplate", WEB4["boilerplate"], 5, 300, "all else", [1] * SCORE_BINS),
    LabelCount("teaser", WEB4["teaser"], 1, 80),
    LabelCount("caption", WEB4["caption"], 1, 20),
]
BARE = ReportData("gv", "v0001", LABELS)
FULL = ReportData(
    "gv",
    "v0002",
    LABELS,
    stages=[StageCount("pages", 5, 3, {"superseded": 1}, {"bad gzip": 1})],
    splits=[Split("train", 2, 8, 1, 1), Split("test", 1, 2, 1, 0)],
    sites=[Group("a.example", 2, {"article": 60, "teaser": 40})],
    page_types=[Group("article", 2, {"article": 100})],
    languages=[Group("en", 1, {})],
    origins={"human": 2, "model": 8},
    unsure=[UnsureSegment("a.example/x", "5 min", "teaser", 0.41, "caption", 0.4, ["short"])],
    examples=[
        Example(
            "A page",
            [
                ExampleSegment("Head", "article", "h1", 0.9),
                ExampleSegment("Body", "article", "p", None, "human"),
            ],
            "https://a.example/x",
            "article",
            "en",
            left_out=7,
        )
    ],
    review=ReviewState(
        1, 3, 2, {"accepted": 4}, (0.9, 10), [Agreement("article", 8, 10, 0.5, 0.95)], 2
    ),
    diff=VersionDiff("v0001", {"added": 1}, {"changed": 4}, {"teaser → article": 3}),
    labeler="rules 1",
    notes=["Only two sites."],
)


class Checker(HTMLParser):
    """Collects tags and ids, and notes elements that are not closed in order."""

    VOID = frozenset({"meta", "line", "rect", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.anchors: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("id"):
            self.ids.append(str(values["id"]))
        if (target := values.get("href")) and target.startswith("#"):
            self.anchors.append(target[1:])
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if tag in self.VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def parsed(html: str) -> Checker:
    checker = Checker()
    checker.feed(html)
    checker.close()
    return checker


def words(html: str) -> str:
    return re.sub(r"\s+", " ", " ".join(parsed(html).text))


@pytest.mark.parametrize("data", [BARE, FULL])
def test_elements_close_in_order(data: ReportData) -> None:
    checker = parsed(render_report(data))
    assert checker.wrong == []
    assert checker.open == []


def test_every_entry_of_the_menu_leads_to_a_section() -> None:
    checker = parsed(render_report(FULL))
    assert checker.anchors == checker.ids
    assert checker.ids == [
        "labels",
        "changes",
        "stages",
        "splits",
        "groups",
        "confidence",
        "review",
        "examples",
    ]


def test_sections_without_data_are_left_out() -> None:
    assert parsed(render_report(BARE)).ids == ["labels", "confidence"]


def test_a_dataset_without_a_segment_is_a_report_too() -> None:
    labels = [LabelCount(name, color, 0, 0) for name, color in WEB4.items()]
    html = render_report(ReportData("empty", "v0001", labels))
    assert parsed(html).ids == ["labels"]
    assert "nan" not in html.lower().replace("nant", "")


def test_figures_are_told() -> None:
    text = words(render_report(FULL))
    for told in (
        "3 pages",
        "2 sites",
        "1 reviewed pages (33%)",
        "10 labelled segments",
        "600 (60.0%)",
        "1 dropped: superseded",
        "1 quarantined: bad gzip",
        "2 human, 8 model",
        "1 of 3 pages reviewed (33%) by 2 people",
        "Agreement 0.90 over 10 segments",
        "50.0% to 95.0%",
        "Changes since v0001",
        "3 segments: teaser → article",
        "… and 7 more segments",
        "Only two sites.",
        "rules 1",
    ):
        assert told in text, told


def test_nothing_is_fetched_from_anywhere() -> None:
    html = render_report(FULL)
    assert not re.search(r"<(script|link|img|iframe|object|embed|base)\b", html)
    assert not re.search(r"url\(|@import|\bsrc=", html)
    assert "default-src 'none'" in html


def test_equal_data_give_equal_bytes(tmp_path: Path) -> None:
    write_report(tmp_path / "a.html", FULL)
    write_report(tmp_path / "b.html", replace(FULL))
    first = (tmp_path / "a.html").read_bytes()
    assert first == (tmp_path / "b.html").read_bytes()
    assert first.decode("utf-8") == render_report(FULL)
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["a.html", "b.html"]


EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


def test_text_of_others_is_never_markup() -> None:
    data = replace(
        FULL,
        name=EVIL,
        notes=[EVIL],
        labeler=EVIL,
        labels=[*LABELS[:-1], replace(LABELS[-1], name=EVIL, description=EVIL, scores=[1] * 20)],
        stages=[StageCount(EVIL, 1, 0, {EVIL: 1})],
        splits=[Split(EVIL, 1, 1, 1, 1)],
        sites=[Group(EVIL, 1, {"article": 1})],
        origins={EVIL: 1},
        unsure=[UnsureSegment(EVIL, EVIL, EVIL, 0.4, EVIL, 0.3, [EVIL], "https://x/" + EVIL)],
        examples=[Example(EVIL, [ExampleSegment(EVIL, EVIL)], EVIL, EVIL, EVIL)],
        diff=VersionDiff(EVIL, {}, {}, {EVIL: 1}),
    )
    html = render_report(data)
    assert "<script" not in html
    assert "<img" not in html
    assert parsed(html).wrong == []


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "/relative", ""])
def test_only_web_addresses_are_linked(url: str) -> None:
    html = render_report(replace(FULL, unsure=[], examples=[Example("t", [], url)]))
    assert not re.search(r'href="(?!#)', html)


def test_control_characters_and_lone_surrogates_do_no_harm(tmp_path: Path) -> None:
    odd = "a\x00b\x1bc\ud800d"
    write_report(
        tmp_path / "r.html",
        replace(FULL, examples=[Example(odd, [ExampleSegment(odd, "article")])]),
    )
    data = (tmp_path / "r.html").read_bytes()
    assert b"abc?d" in data
    assert not set(data) & (set(range(32)) - {10, 13, 9})


def test_long_texts_are_cut() -> None:
    segment = UnsureSegment("p", "x" * 5000, "article", 0.3)
    example = Example("t", [ExampleSegment("y" * 5000, "article")])
    html = render_report(replace(FULL, unsure=[segment], examples=[example]))
    assert "x" * 240 + " …" in html
    assert "y" * 1200 + " …" in html
    assert "x" * 241 not in html


def test_a_label_name_stands_beside_every_colour() -> None:
    html = render_report(FULL)
    body = html[html.index('<section id="examples"') :]
    names = re.findall(r'<div class="gutter"><b class="k0" title="article">(.*?)</b>', body)
    assert names == ["article", '<span class="sr">article</span>']


@pytest.mark.parametrize("ground", ["#ffffff", "#1c1f25"])
def test_label_names_are_readable_on_their_ground(ground: str) -> None:
    html = render_report(FULL)
    light, dark = re.findall(r":root\{(--f0.*?)\}", html)
    values = light if ground == "#ffffff" else dark
    for ink in re.findall(r"--x\d:(#[0-9a-f]{6});", values):
        assert contrast_ratio(ink, ground) >= 4.5
    for fill in re.findall(r"--f\d:(#[0-9a-f]{6});", values):
        assert contrast_ratio(fill, ground) >= 2.9
    for fill, over in re.findall(r"--f\d:(#\w{6});--o\d:(#\w{6});", values):
        assert contrast_ratio(fill, over) >= 4.3


def test_a_label_of_no_colour_is_told() -> None:
    with pytest.raises(ReportError, match="color 'red' can't be read"):
        render_report(ReportData("x", "v0001", [LabelCount("a", "red", 1, 1)]))


def test_bars_fill_the_room_by_share() -> None:
    svg = stacked_rows([Row("a", "10", [Part(0, 3, "x"), Part(1, 1, "y")])], "told")
    assert [float(w) for w in re.findall(r'<rect[^>]* width="([\d.]+)"', svg)] == [525, 175]
    assert 'aria-label="told"' in svg
    assert ">75%</text>" in svg


def test_bars_compare_by_their_sum() -> None:
    rows = [Row("a", "4", [Part(0, 4, "")]), Row("b", "1", [Part(0, 1, "")])]
    svg = stacked_rows(rows, "told", shares=False)
    assert [float(w) for w in re.findall(r'<rect[^>]* width="([\d.]+)"', svg)] == [700, 175]


def test_a_histogram_leaves_empty_bins_out() -> None:
    svg = histogram([0, 4, 0, 16], 2, "told")
    assert svg.count('<rect class="s2"') == 2
    assert "<title>0.25 to 0.50: 4 segments</title>" in svg
    heights = [float(h) for h in re.findall(r'<rect[^>]* height="([\d.]+)"', svg)]
    assert heights == [41, 82]


@given(st.lists(st.integers(0, sys.maxsize), min_size=1, max_size=40))
def test_any_histogram_stays_in_its_frame(counts: list[int]) -> None:
    svg = histogram(counts, 0, "told")
    for y, height in re.findall(r'y="([-\d.]+)" width="[-\d.]+" height="([-\d.]+)"', svg):
        assert 0 <= float(y) <= 86
        assert float(height) > 0


@given(st.text())
def test_any_title_gives_a_well_formed_report(title: str) -> None:
    html = render_report(replace(FULL, examples=[Example(title, [])]))
    assert parsed(html).wrong == []
