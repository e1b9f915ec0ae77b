"""The rules labeler on pages of each kind, and on the shared development data."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from curate.labelers.base import LABEL_NAMES, Labeler
from curate.labelers.patterns import MACHINERY
from curate.labelers.rules import RulesLabeler, shipped_weights
from curate.labelers.rules_cards import OPINIONS, VERDICTS
from curate.labelers.rules_lines import read_lines
from curate.labelers.statements import StatementTable, bin_statements, window_sums
from curate.labelers.tokens import TokenTable
from curate.schema import PagePrediction, SegmentedPage
from curate.segments.blocks import BlockSegmenter

SEGMENTER = BlockSegmenter()
LABELER = RulesLabeler()


def read(page: SegmentedPage) -> list[tuple[str, str]]:
    prediction = LABELER.label([page])[0]
    return [(label, page.segment_text(at)) for at, label in enumerate(prediction.labels)]


def labels_of(page: SegmentedPage) -> dict[str, set[str]]:
    """For each text the labels it got."""
    found: dict[str, set[str]] = {}
    for label, text in read(page):
        found.setdefault(text, set()).add(label)
    return found


STORIES = [
    "Valley Dam Repairs to Close River Road Until October",
    "Why Are Orchard Owners Betting on Almonds Again?",
    "Night Market Returns to Mill Street With Forty Stalls",
    "County Sues Builder Over Cracked School Foundations",
    "Rare Heron Colony Found Beside Sewage Plant",
    "Council Votes Down Plan for Second Stadium",
]
BODY = (
    (Path(__file__).parent.parent / "data/labelers/strike.txt")
    .read_text(encoding="utf-8")
    .strip()
    .split("\n\n")
)
HEADLINE = "Interview: Fishermen of the Northern Bay Will Stay in Harbour Over Diesel Levy"
CAPTION = (
    "Fishing boats lie in the harbour of Port Elim on the first day of a strike, Tuesday, March 4, "
    "2025. (Ilse Marran/Northern Picture Service)"
)


def news_page() -> str:
    """Bare text of a news page: lists of stories before and after, repeated headings."""
    lines = ["Please enable JavaScript in your browser to use this website's accessibility tools"]
    for hours, story in enumerate(STORIES, 3):
        lines += [story, f"{hours} hours ago"]
    lines += [HEADLINE, "elim_newsroom", "By Northern Press", "Published 2 years ago on"]
    lines += ["March 4, 2025", "Share", *BODY[:3]]
    lines += ["Nobody Knows How Long the Money Will Last", *BODY[3:]]
    for story in STORIES:
        lines += ["EDITOR'S PICKS", story]
    for story in STORIES[1:]:
        lines += ["READ NEXT", story]
    for hours, story in enumerate(STORIES[:4], 2):
        lines += [story, f"{hours} hours ago"]
    lines += [CAPTION, "5 hours ago", "Fishing Strike Spreads to the Southern Bay"]
    lines += ["Search", "Your gift keeps local reporting alive.", "Send this to a friend"]
    return "\n\n".join(lines) + "\n"


def test_news_page_of_bare_text() -> None:
    found = labels_of(SEGMENTER.segment_text(news_page()))
    for text in (HEADLINE, *BODY, "Nobody Knows How Long the Money Will Last"):
        assert found[text] == {"article"}, text
    for text in (
        *STORIES,
        "Fishing Strike Spreads to the Southern Bay",
        "3 hours ago",
        "5 hours ago",
    ):
        assert found[text] == {"teaser"}, text
    assert found[CAPTION] == {"caption"}
    for text in (
        "EDITOR'S PICKS", "READ NEXT", "Share", "Search", "elim_newsroom", "By Northern Press",
        "Published 2 years ago on", "March 4, 2025", "Send this to a friend",
        "Your gift keeps local reporting alive.",
        "Please enable JavaScript in your browser to use this website's accessibility tools",
    ):  # fmt: skip
        assert found[text] == {"boilerplate"}, text


def test_reasons_are_words() -> None:
    page = SEGMENTER.segment_text(news_page())
    prediction = LABELER.label([page])[0]
    at = [page.segment_text(i) for i in range(len(page))].index("EDITOR'S PICKS")
    assert prediction.reasons[at][0] == "heading of a module, repeated over different headlines"
    assert all(len(reasons) <= 3 for reasons in prediction.reasons)
    assert list(RulesLabeler(max_reasons=0).label([page])[0].reasons) == [()] * len(page)


CHROME = """<header><nav class=menu><ul><li><a href=/news>News</a><li><a href=/sport>Sport</a>
<li><a href=/culture>Culture</a></ul></nav></header>"""
FOOTER = """<footer class=site-footer><p>© 2025 Bay Courier. All rights reserved.</p><ul>
<li><a href=/privacy>Privacy policy</a><li><a href=/terms>Terms of use</a></ul></footer>"""


def article_html() -> str:
    cards = "".join(
        f"<div class=card><a href=/s/{at}-{s.lower().replace(' ', '-')}><h3>{s}</h3></a></div>"
        for at, s in enumerate(STORIES)
    )
    body = "".join(f"<p>{text}</p>" for text in BODY)
    return (
        f"<html><title>{HEADLINE} - Bay Courier</title><body>{CHROME}<main><article>"
        f"<h1>{HEADLINE}</h1><div class=byline>By Northern Press</div>"
        f"<figure><img src=a><figcaption>{CAPTION}</figcaption></figure>"
        f"<div class=article-body>{body}</div></article></main>"
        f"<aside class=related><h2>Read next</h2>{cards}</aside>{FOOTER}"
    )


def test_html_article() -> None:
    found = labels_of(SEGMENTER.segment_html(article_html(), url="https://bay.example/a"))
    for text in (HEADLINE, *BODY):
        assert found[text] == {"article"}, text
    for text in STORIES:
        assert found[text] == {"teaser"}, text
    assert found[CAPTION] == {"caption"}
    for text in ("News", "Read next", "Privacy policy", "By Northern Press"):
        assert found[text] == {"boilerplate"}, text


def test_html_listing_is_told_and_its_cards_are_main() -> None:
    cards = "".join(
        f"<article class=teaser><h2><a href=/s/{at}-long-slug-of-a-story>{story}</a></h2>"
        f"<p class=summary>{BODY[at][:120]} …</p><time>{at + 2} hours ago</time></article>"
        for at, story in enumerate(STORIES)
    )
    page = SEGMENTER.segment_html(f"{CHROME}<main><h1>Latest news</h1>{cards}</main>{FOOTER}")
    prediction = LABELER.label([page])[0]
    assert prediction.page_type == "listing"
    main = [page.segment_text(at) for at in np.flatnonzero(prediction.main)]
    assert set(STORIES) <= set(main)
    assert "Privacy policy" not in main


def test_html_forum_and_documentation() -> None:
    posts = "".join(
        f"<div class=post><div class=author>user{at}</div>"
        f"<div class=date>March {at + 1}, 2025</div>"
        f"<div class=content><p>{text}</p></div><a href=#reply>Reply</a></div>"
        for at, text in enumerate(BODY)
    )
    page = SEGMENTER.segment_html(
        f"{CHROME}<h1>Which diesel filter?</h1>{posts}{FOOTER}", url="https://a.example/forum/t/1"
    )
    found = labels_of(page)
    assert all(found[text] == {"article"} for text in BODY)
    assert LABELER.label([page])[0].page_type == "forum"
    code = "<pre>install --all\nrun</pre>" * 3
    page = SEGMENTER.segment_html(
        f"<main class=docs><h1>Install</h1><p>{BODY[2]}</p>{code}<p>{BODY[3]}</p></main>",
        url="https://docs.a.example/x",
    )
    assert labels_of(page)["install --all\nrun"] == {"article"}
    assert LABELER.label([page])[0].page_type == "documentation"


@pytest.mark.parametrize(
    ("language", "times", "byline"),
    [
        ("de", "vor 3 Stunden", "Von Anna Brenner"),
        ("fr", "il y a 3 heures", "Par Anna Brenner"),
        ("es", "hace 3 horas", "Por Anna Brenner"),
        ("it", "3 ore fa", "Di Anna Brenner"),
        ("pt", "há 3 horas", "Por Anna Brenner"),
        ("nl", "3 uur geleden", "Door Anna Brenner"),
        ("sv", "3 timmar sedan", "Av Anna Brenner"),
        ("pl", "3 godziny temu", "Przez Anna Brenner"),
        ("ru", "3 часа назад", "Автор Анна Бреннер"),
    ],
)
def test_times_of_cards_in_other_languages(language: str, times: str, byline: str) -> None:
    lines = [byline]
    for story in STORIES:
        lines += [story, times]
    found = labels_of(SEGMENTER.segment_text("\n\n".join(lines)))
    assert found[times] == {"teaser"}, language
    assert all(found[story] == {"teaser"} for story in STORIES)


@pytest.mark.parametrize(
    ("times", "stories"),
    [
        (
            "3小时前",
            ["市议会批准跨江大桥维修计划明年春天开工", "夜市重返磨坊街四十个摊位同时开张",
             "果农为何再次押注杏仁种植", "县政府起诉学校地基开裂的建筑商"],
        ),
        (
            "3時間前",
            ["市議会、第二球技場の計画を否決　賛成少数", "粉屋通りに夜市が戻る　四十の屋台が並ぶ",
             "果樹農家はなぜ再びアーモンドに賭けるのか", "学校の基礎にひび、郡が建設会社を提訴"],
        ),
        (
            "منذ 3 ساعات",
            ["المجلس يرفض خطة بناء ملعب ثان في المدينة", "السوق الليلي يعود إلى شارع الطاحونة",
             "لماذا يراهن المزارعون على اللوز من جديد", "المقاطعة تقاضي شركة البناء بسبب التشققات"],
        ),
    ],
    ids=["zh", "ja", "ar"],
)  # fmt: skip
def test_cards_in_other_scripts(times: str, stories: list[str]) -> None:
    lines = [line for story in stories for line in (story, times)]
    found = labels_of(SEGMENTER.segment_text("\n\n".join(lines)))
    assert {text: {"teaser"} for text in lines} == found


def test_language_is_told_from_text_and_not_from_scraps() -> None:
    german = "Die Fischer der nördlichen Bucht bleiben im Hafen, weil der Diesel zu teuer ist."
    page = SEGMENTER.segment_text(german)
    assert LABELER.label([page])[0].language == "de"
    assert LABELER.label([SEGMENTER.segment_text("12 : 30")])[0].language is None
    page = SEGMENTER.segment_html("<html lang=pt-BR><p>OK</p>")
    assert LABELER.label([page])[0].language == "pt"


def test_contract_of_a_labeler() -> None:
    assert isinstance(LABELER, Labeler)
    assert (LABELER.name, LABELER.label_names) == ("rules", LABEL_NAMES)
    assert LABELER.version == RulesLabeler().version != RulesLabeler(max_reasons=1).version
    assert pickle.loads(pickle.dumps(LABELER)) == LABELER


def check(page: SegmentedPage, prediction: PagePrediction) -> None:
    n = len(page)
    assert len(prediction.labels) == len(prediction.reasons) == len(prediction.main) == n
    assert prediction.scores.shape == (n, 4)
    assert prediction.scores.dtype == np.float32
    assert np.allclose(prediction.scores.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("text", ["", "x", "\u200b", "1", "…", "a\nb", "x" * 9000, "漢" * 500])
def test_odd_pages(text: str) -> None:
    for page in (SEGMENTER.segment_text(text), SEGMENTER.segment_html(f"<p>{text}")):
        check(page, LABELER.label([page])[0])


def test_pages_do_not_depend_on_their_neighbours() -> None:
    pages = [SEGMENTER.segment_text(news_page()), SEGMENTER.segment_html(article_html())]
    together = LABELER.label(pages)
    alone = [LABELER.label([page])[0] for page in pages]
    for one, other in zip(together, alone, strict=True):
        assert list(one.labels) == list(other.labels)
        assert np.array_equal(one.scores, other.scores)


def test_weights_fit_the_verdicts() -> None:
    for weights in shipped_weights()[0].values():
        assert weights.verdicts.shape == (len(VERDICTS), 4)
        assert weights.verdicts.argmax(axis=1).tolist() == list(OPINIONS)


@pytest.mark.shared
def test_the_real_news_page(shared: Path) -> None:
    """Each line of the page by what the page itself shows of its parts."""
    text = (shared / "data/pages/gvwire-iraqi-militia-leader.txt").read_text(encoding="utf-8")
    rows = read(SEGMENTER.segment_text(text))
    texts = [line for _, line in rows]
    head = next(at for at, line in enumerate(texts) if line.startswith("AP Interview"))
    first = next(at for at, line in enumerate(texts) if line.startswith("BAGHDAD"))
    last = next(at for at, line in enumerate(texts) if line == "DON'T MISS") - 1
    wrong = []
    for at, (label, line) in enumerate(rows):
        if at == head or first <= at <= last:
            wanted = "article"
        elif (
            head < at < first
            or line in ("DON'T MISS", "UP NEXT")
            or at == 0
            or line.startswith(("Search", "Help continue", "Send this"))
        ):
            wanted = "boilerplate"
        elif "(Reuters" in line or "(Kenny" in line or "via REUTERS" in line:
            wanted = "caption"
        else:
            wanted = "teaser"
        if label != wanted:
            wrong.append((wanted, label, line))
    assert wrong == []
    assert len(rows) == 140


@pytest.mark.shared
def test_quality_on_gold_text(shared: Path) -> None:
    """Character-weighted macro-F1; the weights were measured on these pages."""
    folder = shared / "data/gold-dev"
    pages = [json.loads(line) for line in _lines(folder / "pages.jsonl")]
    gold = {row["id"]: row["labels"] for row in map(json.loads, _lines(folder / "labels.jsonl"))}
    confusion = np.zeros((4, 4))
    for record in pages:
        page = SEGMENTER.segment_text("\n\n".join(record["lines"]), url=record["url"])
        predicted = np.full(len(page.text), -1, np.int8)
        for at, label in enumerate(LABELER.label([page])[0].labels):
            predicted[page.starts[at] : page.ends[at]] = LABEL_NAMES.index(label)
        place = 0
        for line, letter in zip(record["lines"], gold[record["id"]], strict=True):
            inside = predicted[place : place + len(line)]
            confusion["ABTC".index(letter)] += np.bincount(inside[inside >= 0], minlength=4)
            place += len(line) + 2
    hit = np.diag(confusion)
    f1 = 2 * hit / (confusion.sum(axis=0) + confusion.sum(axis=1))
    assert f1.mean() >= 0.68
    assert f1[0] >= 0.92


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").rstrip("\n").split("\n")


def test_statement_table_compares_and_joins() -> None:
    table = StatementTable(
        [
            ("short", "size <= 3"),
            ("middle, marked", "size > 3 & size < 8 & marked"),
            ("plain", "not marked"),
            *bin_statements("size:", "size", (3, 8), "marked"),
        ],
        ("other", "size"),
        ("marked",),
    )
    size = np.array([[0, 0, 0, 0], [3, 4, 7, 8]], np.float32)
    found = table.read(size, [np.array([True, False, True, True])])
    assert table.names == (
        *("short", "middle, marked", "plain"),
        *("size: below 3", "size: 3 to 8", "size: 8 or more"),
    )
    assert found.astype(int).tolist() == [
        *([1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0]),
        *([0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]),
    ]


def test_window_sums_end_with_the_page() -> None:
    told = window_sums(np.array([[1, 2, 3, 4]], np.float32), (1, 5))
    assert told.tolist() == [[[3, 6, 9, 7]], [[10, 10, 10, 10]]]


def test_words_about_machinery_are_found_in_whole_and_in_rewritten_text() -> None:
    text = "Please enable Cookies now\nenable it\n浏览器 启用 cookie"
    page = SEGMENTER.segment_text(text)
    # With a script that writes no blanks the text itself is searched.
    assert read_lines(page, TokenTable(watched=MACHINERY)).machinery.tolist() == [1, 0, 1]
    assert read_lines(page, TokenTable()).machinery.tolist() == [1, 0, 1]
    plain = SEGMENTER.segment_text("Please enable Cookies now\nenable it\nJavaScript-browser")
    assert read_lines(plain, TokenTable(watched=MACHINERY)).machinery.tolist() == [1, 0, 1]
