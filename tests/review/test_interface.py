"""The labeling config, the head of the screen, the guidelines."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from curate.review.interface import (
    Doubt,
    ParsedConfig,
    differences,
    guideline_html,
    head_html,
    labeling_config,
    parse_config,
)
from curate.schema import LabelDef, LabelSet


class Tags(HTMLParser):
    """Tags and text, as a browser would read them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data):
        self.text += data


def read(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    return tags


def test_the_shipped_labels_with_their_colours_and_keys(label_set):
    root = ET.fromstring(labeling_config(label_set))
    assert [(e.get("value"), e.get("background"), e.get("hotkey")) for e in root.iter("Label")] == [
        ("article", "#2e7d32", "1"),
        ("boilerplate", "#c62828", "2"),
        ("teaser", "#1565c0", "3"),
        ("caption", "#f9a825", "4"),
    ]
    assert [(e.get("value"), e.get("hotkey")) for e in root.iter("Choice")] == [
        ("ok", "7"),
        ("bad extraction", "8"),
        ("unsure", "9"),
    ]


def test_a_config_is_read_back(label_set):
    parsed = parse_config(labeling_config(label_set))
    assert parsed == ParsedConfig(
        ("article", "boilerplate", "teaser", "caption"),
        "$text",
        ("ok", "bad extraction", "unsure"),
        "word",
    )
    assert differences(labeling_config(label_set), label_set) == []


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1))
def test_any_label_name_survives_the_xml(name):
    odd = LabelSet("odd", (LabelDef(name, "#000000", '"', "<b>&"),), "")
    assert parse_config(labeling_config(odd)).labels == (name,)


def test_a_label_that_takes_a_choices_key_keeps_it(label_set):
    greedy = replace(label_set.labels[0], hotkey="7")
    root = ET.fromstring(labeling_config(replace(label_set, labels=(greedy,))))
    assert root.find(".//Choice[@value='ok']").get("hotkey") is None


def test_differences_name_what_is_wrong(label_set):
    config = labeling_config(label_set)
    assert differences("<View", label_set) == ["its labeling config is not readable XML"]
    assert differences('<!DOCTYPE x [<!ENTITY a "b">]><View/>', label_set) == [
        "its labeling config is not readable XML"
    ]
    assert differences("<View/>", label_set) == [
        'it has no <Text name="text">',
        'it has no <Labels name="label"> with labels',
    ]
    renamed = config.replace('"teaser"', '"ad"').replace("$text", "$body")
    assert differences(renamed, label_set) == [
        "its <Text> shows $body, not $text",
        "labels missing there: teaser",
        "labels unknown to schema web4: ad",
    ]
    mapped = replace(label_set, from_labels={"ad": "teaser"})
    assert differences(config.replace('"teaser"', '"ad"'), mapped) == [
        "labels missing there: teaser"
    ]


def head(**changes: object) -> str:
    facts: dict[str, object] = {
        "title": "T",
        "site": "s.org",
        "url": "https://s.org/?a=1&b=2",
        "why": "random",
        "labeler": "rules@1",
        "n_segments": 3,
        "doubts": [],
    }
    return head_html(**{**facts, **changes})


def test_the_head_shows_title_site_link_and_reason():
    told = read(head())
    assert told.text == "T · s.org · original · 3 segments, none in doubt · random · rules@1"
    assert told.links == ["https://s.org/?a=1&b=2"]


def test_nothing_of_the_page_gets_into_the_markup():
    evil = '</style><script>alert(1)</script>"><img src=x onerror=y>'
    told = read(head(title=evil, site=evil, why=evil, url="javascript:alert(1)"))
    assert set(told.tags) <= {"div", "b", "span", "a"}
    assert told.links == []


def test_doubtful_segments_are_marked_where_they_stand():
    html = head(doubts=[Doubt(5, 9, "article", 0.414, "teaser"), Doubt(20, 30, "teaser", 0.5)])
    assert "2 of 3 segments to look at first" in html
    assert '[data-start="5"][data-end="9"]::before{content:"41% teaser?"}' in html
    assert '[data-start="20"][data-end="30"]::before{content:"50%"}' in html


@given(st.text())
def test_no_label_name_breaks_out_of_the_style_sheet(name):
    html = head(doubts=[Doubt(0, 1, name, 0.1, name)])
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)[1]
    assert style.count("{") == style.count("}")
    assert style.count('"') % 2 == 0
    assert "<" not in style
    assert "\\" not in style


def test_guidelines_become_html(label_set):
    text = "# Head\n\nOne **article** and *two* < three\nlines.\n\n- a\n  b\n- c\n\n1. x\n2. y"
    assert guideline_html(replace(label_set, guideline=text)) == (
        "<h2>Head</h2>\n"
        "<p>One <strong>article</strong> and <em>two</em> &lt; three lines.</p>\n"
        "<ul><li>a b</li><li>c</li></ul>\n<ol><li>x</li><li>y</li></ol>"
    )


def test_the_shipped_guidelines_leave_no_markdown_behind(label_set):
    told = read(guideline_html(label_set)).text
    assert "**" not in told
    assert "\n#" not in told
    for label in label_set.names:
        assert label in told
