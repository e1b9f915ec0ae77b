"""Agreement on the terminal: every table, wide and narrow, and where nothing can be told."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter
from rich.console import Console

from curate.cli.agreement_tables import show_agreement
from curate.review.agreement import measure
from curate.review.gold import gold_scores
from curate.schema import LabelSet
from tests.review.readings import reading

ROOT = Path(__file__).resolve().parents[2]
NAMES = {"annotator-1": "ada", "annotator-2": "bo@example.org", "annotator-3": "cy"}


@pytest.fixture(scope="module")
def label_set() -> LabelSet:
    config = yaml.safe_load((ROOT / "configs/schema/web4.yaml").read_text(encoding="utf-8"))
    del config["_target_"]
    return TypeAdapter(LabelSet).validate_python(config)


def shown(label_set: LabelSet, rows, scores=(), width: int = 160) -> str:
    console = Console(width=width, record=True, no_color=True, highlight=False, quiet=False)
    with console.capture() as captured:
        show_agreement(console, measure(rows, label_set), NAMES, scores)
    return captured.get()


def work(label_set: LabelSet, n: int = 40):
    rng = random.Random(2)
    rows, truths, given = [], {}, {"annotator-1": []}
    for i in range(n):
        lines = [f"Line {i} {k}" for k in range(6)]
        truth = [rng.choice(label_set.names) for _ in lines]
        for who in rng.sample(sorted(NAMES), 2):
            labels = [t if rng.random() < 0.9 else "article" for t in truth]
            made = reading(f"p{i:02}", lines, labels, who, minute=i, lead_time_s=90)
            rows.append(made)
            if who == "annotator-1":
                page_id = f"{made.page_key}-{made.text_hash[:16]}"
                given[who].append(page_id)
                truths[page_id] = reading(f"p{i:02}", lines, truth, "t")
    return rows, gold_scores(rows, given, label_set, truths)


def test_all_tables_are_shown_by_the_owners_names(label_set):
    text = shown(label_set, *work(label_set))
    for word in (
        "40 of 40 pages were read by two or more: 240 segments",
        "Krippendorff's alpha",
        "ada · bo@example.org",
        "Where they differ",
        "drift (95 %)",
        "most often",
        "On gold",
        "told here only",
    ):
        assert word in text
    assert "annotator-" not in text


def test_a_narrow_terminal_gets_fewer_columns(label_set):
    text = shown(label_set, *work(label_set), width=110)
    assert "drift (95 %)" in text
    assert "over time" not in text
    (header,) = [line for line in text.splitlines() if line.startswith("Annotator")]
    assert "most often" not in header


def test_one_reader_a_page_is_told_with_what_to_do(label_set):
    text = shown(label_set, [reading("p", ["One"], ["article"], "annotator-1")])
    assert "1 page read, none by two people: agreement can't be told" in text
    assert "review.annotators_per_page=2" in text
