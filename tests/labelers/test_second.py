"""A second look: identity without trees, learns what people say, same bytes every time."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from curate.errors import LabelerError
from curate.labelers.base import LABEL_NAMES
from curate.labelers.fingerprints import line_fingerprints
from curate.labelers.recurrence import SiteEvidence, evidence_of_site, line_keys, site_counts
from curate.labelers.second import SecondLook, SecondModel, read_look, write_look
from curate.labelers.second_columns import (
    EVIDENCE_COLUMNS,
    PAGE_COLUMNS,
    SITE_COLUMNS,
    Look,
    columns_of,
    tokens_of,
    without_evidence,
)
from curate.labelers.training.corpus import text_page
from curate.labelers.training.second import LookOptions, LookPage, cross_fitted, fit_look
from curate.schema import PagePrediction, SegmentedPage
from curate.segments.blocks import BlockSegmenter

SMALL = LookOptions(trees=16, min_rows=2, vocabulary=16, folds=3)
BODY = "The harbour board met on Monday and heard what {} residents wanted for the old crane."


def said(labels: list[str], sure: float = 0.85) -> PagePrediction:
    scores = np.full((len(labels), 4), (1 - sure) / 3, np.float32)
    for row, label in enumerate(labels):
        scores[row, LABEL_NAMES.index(label)] = sure
    main = np.array([label == "article" for label in labels])
    return PagePrediction(labels, scores, main, [("long prose",)] * len(labels), "article", 0.9)


def story(number: int) -> tuple[list[str], list[str]]:
    lines = ["Home", "News", f"Crane number {number} stays", f"By Ada Vance {number}",
             BODY.format(number), BODY.format(number + 1), "Imprint", "Privacy"]  # fmt: skip
    labels = ["boilerplate"] * 2 + ["article", "boilerplate", "article", "article"]
    return lines, labels + ["boilerplate"] * 2


def reviewed(number: int, *, bylines: str) -> LookPage:
    """A page whose people say `bylines` of the line that begins with "By"."""
    lines, labels = story(number)
    truth = [
        bylines if line.startswith("By ") else label
        for line, label in zip(lines, labels, strict=True)
    ]
    rows = np.zeros((len(lines), 4), np.float32)
    rows[np.arange(len(lines)), [LABEL_NAMES.index(name) for name in truth]] = 1.0
    return LookPage(Look(text_page(lines), said(labels)), rows, f"site{number % 5}")


def test_without_trees_nothing_changes() -> None:
    look = reviewed(1, bylines="article").look
    assert SecondLook(SecondModel(LABEL_NAMES, False, "")).apply([look]) == [look.prediction]


def test_pages_that_agree_with_the_labeler_give_few_trees_and_the_same_labels() -> None:
    pages = [reviewed(number, bylines="boilerplate") for number in range(10)]
    look = SecondLook(fit_look(pages, SMALL))
    for page, after in zip(pages, look.apply([p.look for p in pages]), strict=True):
        assert list(after.labels) == list(page.look.prediction.labels)


def test_what_people_say_otherwise_is_learnt_for_sites_not_seen() -> None:
    pages = [reviewed(number, bylines="article") for number in range(10)]
    after = cross_fitted(pages, SMALL)
    assert [p.labels[3] for p in after] == ["article"] * 10
    assert [list(p.labels[:3]) for p in after] == [["boilerplate", "boilerplate", "article"]] * 10
    assert all(p.main[3] for p in after)
    assert after[0].reasons[3] == ("reviewers of this project call such lines article",)
    assert np.allclose(after[0].scores.sum(axis=1), 1, atol=1e-6)


def test_the_same_pages_give_the_same_bytes(tmp_path: Path) -> None:
    pages = [reviewed(number, bylines="article") for number in range(6)]
    for name in ("a", "b"):
        write_look(tmp_path / name, fit_look(pages, SMALL, decision={"text": [1, 1, 1, 2]}))
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["second-trees.txt.xz", "second.json"]
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    look = read_look(str(tmp_path / "a"))
    assert look is not None
    assert look.model.decision == {"text": [1, 1, 1, 2]}
    assert "first:by" in look.model.vocabulary
    (found,) = look.apply([pages[0].look])
    assert found.labels[3] == "article"


def test_one_page_is_too_few() -> None:
    with pytest.raises(LabelerError, match="1 labelled page"):
        fit_look([reviewed(1, bylines="article")], SMALL)


def test_a_damaged_look_is_told(tmp_path: Path) -> None:
    assert read_look(str(tmp_path)) is None
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "second.json").write_text("{}")
    with pytest.raises(LabelerError, match="damaged"):
        read_look(str(tmp_path / "a"))


def test_evidence_that_is_not_there_moves_nothing() -> None:
    page, prediction = text_page(["Home", "Story"]), said(["boilerplate", "article"])
    model = SecondModel(LABEL_NAMES, True, _trees())
    look = SecondLook(model)
    alone = SiteEvidence(1, np.ones(2, np.int32), np.zeros(2, np.float32))
    for evidence in (None, alone):
        assert look.apply([Look(page, prediction, evidence)]) == [prediction]


def alike(site: int) -> list[SegmentedPage]:
    """Pages of one site whose lines look alike: the first and the last recur, two don't."""
    words = [f"{chr(97 + site)}{chr(97 + page)}" for page in range(6)]
    return [text_page(["Menu abc", f"Word {w}a", f"Word {w}b", "Foot abc"]) for w in words]


def _trees() -> str:
    """A look that has met recurring lines taken for articles."""
    pages = []
    for site in range(12):
        held = alike(site)
        for page, found in zip(held, evidence_of_site(held), strict=True):
            truth = np.zeros((4, 4), np.float32)
            truth[[0, 1, 2, 3], [1, 0, 0, 1]] = 1.0
            pages.append(LookPage(Look(page, said(["article"] * 4, 0.6), found), truth, f"s{site}"))
    options = LookOptions(trees=32, min_rows=2, vocabulary=0, folds=3, l2=1.0)
    return fit_look(pages, options, evidence=True).trees


def test_a_line_on_most_pages_is_told_as_a_reason() -> None:
    pages = alike(20)
    looks = [
        Look(page, said(["article"] * 4, 0.6), found)
        for page, found in zip(pages, evidence_of_site(pages), strict=True)
    ]
    (first, *_) = SecondLook(SecondModel(LABEL_NAMES, True, _trees())).apply(looks)
    assert first.labels == ["boilerplate", "article", "article", "boilerplate"]
    assert list(first.main) == [False, True, True, False]
    assert first.reasons[0] == ("same line on 6 of 6 pages of this site",)
    assert first.reasons[1] == ("long prose",)


def test_bare_text_of_a_small_site_is_left_alone() -> None:
    pages = alike(20)[:4]
    looks = [
        Look(page, said(["article"] * 4, 0.6), found)
        for page, found in zip(pages, evidence_of_site(pages), strict=True)
    ]
    after = SecondLook(SecondModel(LABEL_NAMES, True, _trees())).apply(looks)
    assert after == [look.prediction for look in looks]


def test_columns_have_their_names() -> None:
    html = BlockSegmenter().segment_html(
        "<div class='Byline x'><p>By Ada</p></div><p>Photo: <a href=/>Town</a></p>"
    )
    look = Look(html, said(["boilerplate", "caption"]))
    rows = columns_of(look, with_evidence=False)
    assert rows.shape == (2, len(PAGE_COLUMNS))
    assert rows[0, PAGE_COLUMNS.index("is_html")] == 1
    assert rows[1, PAGE_COLUMNS.index("link_share")] == pytest.approx(4 / 11)
    site = columns_of(look, with_evidence=True)
    assert site.shape == (2, len(SITE_COLUMNS))
    assert not site[:, -len(EVIDENCE_COLUMNS) :].any()
    assert np.array_equal(without_evidence(site), site)
    tokens = list(tokens_of(html))
    assert {"kind:p", "parent:byline", "word:ada", "first:by"} <= tokens[0]


def test_lines_are_equal_whatever_their_case_blanks_and_numbers() -> None:
    keys = line_keys(text_page(["12 Comments", "8  comments", "Comments"]))
    assert keys[0] == keys[1] != keys[2]


def test_pages_are_counted_once_for_each_text() -> None:
    one, two = text_page(["Home", "Home", "A story"]), text_page(["Home", "Another one"])
    counts = site_counts([one, two, one])
    assert counts.n_pages == 2
    assert counts.seen.tolist() == [2]
    assert counts.spread.tolist() == [0.0]
    evidence = evidence_of_site([one, two])[0]
    assert evidence.seen.tolist() == [2, 2, 1]


def test_lines_are_named_as_they_would_be_one_by_one() -> None:
    lines = [
        "12 Comments", "8\tcomments ", "Comments", "7comments", "7 7 comments", "77 comments",
        "ΟΔΟΣ", "οδος", "Οδος ΣΑ", "İstanbul", "i̇stanbul", "٣ comments", "😀 3", "😁 3", "a\0b",
        "x" * 400, "x" * 399 + " ", "x" * 399, "\u00a0Comments", "ab",
    ]  # fmt: skip
    plain = [re.sub(r"\d+", "0", " ".join(line.lower().split())) for line in lines]
    keys = line_fingerprints(lines).tolist()
    for left in range(len(lines)):
        for right in range(len(lines)):
            told = keys[left] == keys[right]
            assert told == (plain[left] == plain[right]), (lines[left], lines[right])
    many = line_fingerprints([f"line {'x' * n}" for n in range(3000)])
    assert len(set(many.tolist())) == 3000
    assert len(line_fingerprints([])) == 0


def test_what_a_site_look_reads_is_part_of_what_any_look_reads() -> None:
    page = BlockSegmenter().segment_html(
        "<h2>Title (new) 12</h2><ul><li><a href=x>Link</a> 3<li>“Quoted.”</ul><p>Ünï … 😀 ٣.</p>"
    )
    prediction = said(["article", "boilerplate", "teaser", "article"][: len(page)])
    look = Look(page, prediction, evidence_of_site([page, page])[0])
    every = columns_of(look, with_evidence=False)
    site = columns_of(look, with_evidence=True)
    for column, name in enumerate(SITE_COLUMNS):
        if name in PAGE_COLUMNS:
            assert site[:, column].tolist() == every[:, PAGE_COLUMNS.index(name)].tolist(), name
