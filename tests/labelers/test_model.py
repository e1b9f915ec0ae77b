"""The shipped model: invariants, odd input, reasons, size."""

import json
import pickle
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.labelers import model as model_module
from curate.labelers.base import LABEL_NAMES, Labeler
from curate.labelers.batch import make_batch
from curate.labelers.features import segment_marks
from curate.labelers.folder import read_kind
from curate.labelers.model import SHIPPED, ModelLabeler
from curate.schema import PagePrediction, SegmentedPage
from curate.segments.blocks import BlockSegmenter

SEGMENTER = BlockSegmenter()
LABELER = ModelLabeler()

NEWS = """<title>Old bridge to stay open - Town Paper</title>
<nav class=menu><ul><li><a href=/>Home</a><li><a href=/sport>Sport</a></ul></nav>
<main><article><h1>Old bridge to stay open</h1><p class=byline>By Ada Example</p>
<p>The council voted on Tuesday to keep the old bridge open for another year, after a long
debate about what its repair would cost the town.</p>
<figure><img src=b.jpg>
<figcaption>The bridge at dawn. (Ben Example/Town Paper)</figcaption></figure>
<p>Engineers had warned that the work could not wait, and that every winter makes it dearer.
They will report again in spring, when the river is low.</p></article></main>
<aside class=related><h2>Most read</h2><div class=card><a href=/n/harbour-feast-draws-crowds>
<h3>Harbour feast draws crowds in spite of rain</h3></a><span>2 hours ago</span></div>
<div class=card><a href=/n/library-gets-new-roof><h3>Library gets its new roof at last</h3></a>
<span>3 hours ago</span></div><div class=card><a href=/n/market-moves-to-square>
<h3>Weekly market moves back to the square</h3></a><span>5 hours ago</span></div></aside>
<footer><p>© 2026 Town Paper. All rights reserved.</p>
<a href=/privacy>Privacy policy</a></footer>"""

PARTS = ["<p>", "<div class=a>", "</div>", "<a href=/x-y-z>", "</a>", "w ", "<li>", "<h2>"]
PARTS += ["1 day ago ", "©", "日本語 ", "<table><td>"]


def html(source: str, url: str | None = None) -> SegmentedPage:
    return SEGMENTER.segment_html(source, url=url)


def text(source: str) -> SegmentedPage:
    return SEGMENTER.segment_text(source)


def only(page: SegmentedPage) -> PagePrediction:
    (found,) = LABELER.label([page])
    return found


def same(first: PagePrediction, second: PagePrediction) -> bool:
    return (
        list(first.labels) == list(second.labels)
        and np.array_equal(first.scores, second.scores)
        and np.array_equal(first.main, second.main)
        and list(first.reasons) == list(second.reasons)
        and first.page_type_score == second.page_type_score
    )


def test_a_news_page() -> None:
    page = html(NEWS, "https://town.example/n/old-bridge-to-stay-open")
    found = only(page)
    said = {page.segment_text(at)[:18]: label for at, label in enumerate(found.labels)}
    assert said["Old bridge to stay"] == "article"
    assert said["The council voted "] == "article"
    assert said["The bridge at dawn"] == "caption"
    assert said["Harbour feast draw"] == "teaser"
    assert said["© 2026 Town Paper."] == "boilerplate"
    assert said["Sport"] == "boilerplate"
    main = [page.segment_text(at)[:18] for at in np.flatnonzero(found.main)]
    # Whether the byline of so short a text belongs to it is a close call.
    assert main[-2:] == ["The council voted ", "Engineers had warn"]
    assert set(main[:-2]) <= {"By Ada Example"}
    assert found.page_type == "article"
    assert found.language == "en"


def test_it_is_a_labeler_and_tells_its_version() -> None:
    assert isinstance(LABELER, Labeler)
    assert (LABELER.name, LABELER.label_names) == ("model", LABEL_NAMES)
    assert len(LABELER.version) == 16
    assert ModelLabeler(max_reasons=1).version == LABELER.version


def test_an_empty_page_and_pages_of_both_kinds_in_order() -> None:
    pages = [text("One line."), html(""), html(NEWS), text("Two\n\nlines")]
    found = LABELER.label(pages)
    assert [len(prediction.labels) for prediction in found] == [1, 0, len(pages[2]), 2]
    assert found[1].scores.shape == (0, 4)


def test_neighbours_in_the_batch_change_nothing() -> None:
    pages = [html(NEWS), html("<p>Short</p>"), html(NEWS.replace("bridge", "harbour")), text(NEWS)]
    together = LABELER.label(pages)
    for page, beside in zip(pages, together, strict=True):
        assert same(only(page), beside)


def test_slices_keep_every_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_module, "MAX_SEGMENTS", 7)
    page = html(NEWS)
    found = only(page)
    assert len(found.labels) == len(found.reasons) == len(page)
    assert len(list(found.reasons)) == len(page)
    assert found.reasons[-1] == found.reasons[len(page) - 1]
    assert np.allclose(found.scores.sum(axis=1), 1, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400))
def test_any_text_gets_whole_predictions(source: str) -> None:
    page = text(source.encode("utf-8", "replace").decode())
    found = only(page)
    assert len(found.labels) == len(found.main) == len(found.reasons) == len(page)
    assert np.isfinite(found.scores).all()
    assert np.allclose(found.scores.sum(axis=1), 1, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PARTS)))
def test_any_tree_gets_whole_predictions(parts: list[str]) -> None:
    page = html("".join(parts))
    found = only(page)
    assert len(found.labels) == len(page)
    assert np.isfinite(found.scores).all()


def test_reasons_are_words_and_pickle_as_lists() -> None:
    found = only(html(NEWS))
    assert all(1 <= len(row) <= 3 for row in found.reasons)
    assert all("_" not in phrase for row in found.reasons for phrase in row)
    again = pickle.loads(pickle.dumps(found))
    assert list(again.reasons) == list(found.reasons)
    (none,) = ModelLabeler(max_reasons=0).label([html(NEWS)])
    assert all(len(row) == 0 for row in none.reasons)


@pytest.mark.parametrize(
    "source",
    [
        "x" * 2_000_000,
        "word " * 400_000,
        "<p>a</p>" * 20_000,
        "<div>" * 20_000 + "deep" + "</div>" * 20_000,
    ],
    ids=["one token", "one line", "many segments", "deep"],
)
def test_odd_sizes_take_bounded_time(source: str) -> None:
    begin = time.process_time()
    page = html(source) if source.startswith("<") else text(source)
    found = only(page)
    assert len(found.labels) == len(page)
    assert time.process_time() - begin < 60


def test_the_folder_is_small_and_holds_no_pickle() -> None:
    folder = Path(model_module.__file__).parent / SHIPPED
    files = sorted(folder.iterdir())
    assert sum(path.stat().st_size for path in files) < 2_000_000
    assert {path.suffix for path in files} == {".xz", ".json", ".md"}
    meta = json.loads((folder / "model.json").read_text())
    assert meta["labels"] == list(LABEL_NAMES)


def test_on_bare_text_rules_rule_where_they_are_sure() -> None:
    lines = ["UP NEXT", "Harbour feast draws crowds in spite of rain", "2 hours ago"] * 4
    page = text("\n\n".join(["Old bridge to stay open", *lines, "The council voted to keep it."]))
    kind = read_kind(Path(model_module.__file__).parent / SHIPPED, html=False)
    assert kind.sure_shares != kind.shares
    found, calm, sure = (
        model_module._Predictor(each, False).predict([page], 0)[0].scores
        for each in (
            kind,
            replace(kind, sure_shares=kind.shares),
            replace(kind, shares=kind.sure_shares),
        )
    )
    predictor = model_module._Predictor(kind, False)
    batch = make_batch([page], predictor.table)
    rules = predictor.rule_scores(batch, segment_marks(batch, predictor.table))
    told = rules.max(axis=1) >= kind.rules_sure
    assert 0 < told.sum() < len(page), "the page has lines of both sorts"
    assert np.array_equal(found, np.where(told[:, None], sure, calm))
    assert not np.array_equal(calm, sure)
