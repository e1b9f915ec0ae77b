"""Gold against predictions, on pages small enough to count by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from curate.errors import EvaluateError
from curate.evaluate.run import EvaluateConfig, Labeling, aligned, evaluate
from curate.evaluate.scoring import (
    compare_main,
    score_html_labels,
    score_main,
    score_text_labels,
)
from curate.gold import GoldPage, ReferencePage, read_gold_folder
from curate.schema import PagePrediction, SegmentedPage

LABELS = ("article", "boilerplate", "teaser", "caption")


def labeled(lines: list[str], labels: list[str], joiner: str = "\n\n"):
    starts, ends, at = [], [], 0
    for line in lines:
        starts.append(at)
        ends.append(at + len(line))
        at += len(line) + len(joiner)
    page = SegmentedPage(
        joiner.join(lines),
        np.array(starts, np.int32),
        np.array(ends, np.int32),
        ["line"] * len(lines),
        "text/plain",
    )
    scores = np.full((len(lines), 4), 0.1, np.float32)
    for row, name in enumerate(labels):
        scores[row, LABELS.index(name)] = 0.7
    main = np.array([name == "article" for name in labels], bool)
    return page, PagePrediction(labels, scores, main, [()] * len(lines))


GOLD = GoldPage("p-1", None, "article", ["Home", "A long body"], ["boilerplate", "article"])


def test_text_is_weighted_by_characters_and_lines() -> None:
    found = labeled(["Home", "A long body"], ["article", "article"])
    report = score_text_labels([(GOLD, found)], LABELS)
    assert report.confusion[0][0].tolist() == [11, 0, 0, 0, 0]
    assert report.confusion[0][1].tolist() == [4, 0, 0, 0, 0]
    assert report.lines[0][:2, 0].tolist() == [1, 1]
    assert report.right == [False, True]
    assert report.top == pytest.approx([0.7, 0.7])
    assert report.worst(1) == [("p-1", 11 / 15)]


def test_changed_text_is_refused() -> None:
    found = labeled(["Home", "A long body"], ["article", "article"], joiner="\n")
    with pytest.raises(EvaluateError, match="page p-1: the labelled text is not its gold lines"):
        score_text_labels([(GOLD, found)], LABELS)


def test_html_is_aligned_by_words_and_missing_ones_count() -> None:
    found = labeled(["Menu Home", "A long"], ["boilerplate", "article"])
    report = score_html_labels([(GOLD, found)], LABELS, aligned)
    assert report.confusion[0][0].tolist() == [2, 0, 0, 0, 1]
    assert report.confusion[0][1].tolist() == [0, 1, 0, 0, 0]
    assert report.right == [True, True]


def test_main_content_and_paired_difference() -> None:
    pages = [
        ReferencePage("1", None, "article", b"", "a b"),
        ReferencePage("2", None, "forum", b"", ""),
    ]
    good = score_main(zip(pages, ["a b", ""], strict=True))
    poor = score_main(zip(pages, ["a x", "y"], strict=True))
    assert (good.f1, poor.f1) == ([1.0, 1.0], [0.5, 0.0])
    assert good.by_type() == {"article": (1, 1.0), "forum": (1, 1.0)}
    assert compare_main(good, poor).value == pytest.approx(0.75)


def test_gold_folder_is_checked(tmp_path: Path) -> None:
    with pytest.raises(EvaluateError, match=r"labels\.jsonl: not found"):
        read_gold_folder(tmp_path)
    page = {"id": "x-1", "url": None, "page_type": "article", "lines": ["a", "b"]}
    (tmp_path / "pages.jsonl").write_text(json.dumps(page) + "\n")
    (tmp_path / "labels.jsonl").write_text('{"id": "x-1", "labels": "AX"}\n')
    with pytest.raises(EvaluateError, match=r"among them \['X'\]"):
        read_gold_folder(tmp_path)
    (tmp_path / "labels.jsonl").write_text('{"id": "x-1", "labels": "AC"}\n')
    assert read_gold_folder(tmp_path)[0].labels == ["article", "caption"]


def test_evaluate_end_to_end(tmp_path: Path) -> None:
    page = {"id": "x-1", "url": None, "page_type": "article", "lines": GOLD.lines}
    (tmp_path / "pages.jsonl").write_text(json.dumps(page) + "\n")
    (tmp_path / "labels.jsonl").write_text('{"id": "x-1", "labels": "BA"}\n')
    right = Labeling(
        "right",
        LABELS,
        text=lambda page_id, text, url: labeled(text.split("\n\n"), ["boilerplate", "article"]),
    )
    wrong = Labeling(
        "wrong",
        LABELS,
        text=lambda page_id, text, url: labeled(text.split("\n\n"), ["article", "boilerplate"]),
    )
    found = evaluate(EvaluateConfig(gold=str(tmp_path), tasks=("text",)), right, [wrong])
    told = found.to_json()
    assert told["text"]["labels"]["article"]["f1"] == 1.0
    assert told["differences"]["wrong: labels from text"]["value"] == pytest.approx(0.5)
    assert json.loads(json.dumps(told)) == told
    titles = [title for title, _, _ in found.tables()]
    assert titles[0] == "Labels of right from text, by characters"
    assert titles[-1] == "Paired differences"


def test_nothing_to_score_on_is_said() -> None:
    with pytest.raises(EvaluateError, match="nothing to score on"):
        EvaluateConfig()
