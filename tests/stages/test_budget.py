"""What further pages bring, and labels that deserve a second look, on the bundled pages."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rich.console import Console

import curate
from curate.cli.compose import compose
from curate.cli.review_budget import show
from curate.labelers.training.align import align_labels
from curate.review.anchor import quoted
from curate.review.annotations import append
from curate.schema import Annotation, Span
from curate.stages.budget import Budget, plan_budget
from curate.stages.context import Outcome
from curate.stages.learning import second_looks
from curate.stages.pipeline import run_pipeline
from curate.stages.reviewed import ReviewedPage, reviewed_pages
from curate.stages.settings import Settings
from curate.text import text_hash

GOLD = Path(__file__).parents[1] / "data/samples-gold"
LABELS = ("article", "boilerplate", "teaser", "caption")


class Silent:
    """A display that shows nothing."""

    def stage_started(self, name: str, total: int) -> None: ...
    def advance(self, name: str, pages: int, quarantined: int) -> None: ...
    def stage_done(self, outcome: Outcome) -> None: ...
    def tell(self, text: str) -> None: ...


def settings_of(folder: Path) -> Settings:
    samples = Path(curate.__file__).parent / "samples"
    return Settings.from_config(
        compose(
            [
                "name=t", f"pages.path={samples}", "pages.url_from=path", "engine=serial",
                "review=none", f"paths.exports={folder}/exports", f"paths.store={folder}/store",
                f"paths.runs={folder}/runs", f"paths.state={folder}/state",
                "stages=[pages,segments,predictions,labels]",
            ],
            complete=True,
        )
    )  # fmt: skip


def gold() -> dict[str, tuple[list[str], str]]:
    pages = map(json.loads, (GOLD / "pages.jsonl").read_text("utf-8").splitlines())
    labels = map(json.loads, (GOLD / "labels.jsonl").read_text("utf-8").splitlines())
    letters = {row["id"]: row["labels"] for row in labels}
    return {page["source"]: (page["lines"], letters[page["id"]]) for page in pages}


def reading(row: dict[str, Any], swapped: Sequence[int] = ()) -> Annotation:
    """A person's reading of a page as the gold has it, but for some segments."""
    lines, letters = gold()[row["source"]]
    text = row["text"]
    bounds = list(zip(row["starts"], row["ends"], strict=True))
    words = align_labels(
        [text[a:b] for a, b in bounds], lines, ["ABTC".index(c) for c in letters], len(LABELS)
    )
    spans = []
    for at, ((start, end), share) in enumerate(zip(bounds, words, strict=True)):
        if not share.sum():
            continue
        label = LABELS[int(share.argmax())]
        if at in swapped:
            label = "boilerplate" if label == "article" else "article"
        exact, prefix, suffix = quoted(text, start, end)
        spans.append(Span(start, end, label, "accepted", f"{at}", exact, prefix, suffix))
    return Annotation(
        f"a-{row['page_key']}", row["page_key"], text_hash(text), text, "annotator-1",
        "submitted", tuple(spans), datetime(2025, 6, 1, tzinfo=UTC),
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose pages are labelled by the rules."""
    folder = tmp_path_factory.mktemp("budget")
    run_pipeline(settings_of(folder), Silent(), {}, {})
    return folder


def pages_of(folder: Path) -> list[dict[str, Any]]:
    found = [
        row
        for path in sorted((folder / "store/segments").glob("*/*.parquet"))
        if "quarantine" not in path.name
        for row in pq.read_table(path).to_pylist()
    ]
    return sorted(found, key=lambda row: row["source"])


def told(budget: Budget) -> str:
    console = Console(width=140, record=True, file=None, quiet=False, highlight=False)
    with console.capture() as capture:
        show(budget, console)
    return capture.get()


def test_too_few_pages_are_told_so(folder: Path) -> None:
    budget = plan_budget(settings_of(folder), Silent(), {}, [10])
    assert (budget.pages, budget.left, budget.labels) == (0, 38, ())
    assert told(budget).startswith(
        "no plan yet: 0 pages of 0 sites are reviewed; a learning curve needs 12 pages of 4 sites"
    )


def test_the_plan_of_reviewed_pages(folder: Path) -> None:
    rows = pages_of(folder)
    append(folder / "exports/t/annotations", [reading(row) for row in rows if row["starts"]][:30])
    budget = plan_budget(settings_of(folder), Silent(), {}, [2, 4, 400])
    # Eight pages are left: 400 further ones can't be read.
    assert (budget.pages, budget.left, budget.further) == (30, 8, (2, 4, 8))
    by_label = {row.label: row for row in budget.labels}
    assert list(by_label) == ["article", "boilerplate", "teaser", "caption", "mean of all"]
    for row in budget.labels:
        assert row.now is not None
        assert 0.3 < row.now.low <= row.now.value <= row.now.high <= 1
        known = [step.known_to for step in row.chosen]
        assert known == sorted(known, reverse=True)
        assert known[0] < row.now.half
        curve = [row.now.value, *(step.f1.value for step in row.random)]
        assert curve == sorted(curve)
    assert by_label["caption"].now.value < by_label["article"].now.value  # type: ignore[union-attr]
    assert list(budget.minutes) == sorted(budget.minutes)
    text = told(budget)
    assert "30 pages of" in text
    assert max(map(len, text.splitlines()[1:-2])) <= 140
    assert "chosen" in text
    assert " F1 is 0." in text.splitlines()[-1]
    assert json.loads(json.dumps(budget.to_json()))["labels"][3]["label"] == "caption"


def test_changed_labels_are_proposed_for_a_second_look(folder: Path) -> None:
    settings = settings_of(folder)
    rows = [row for row in pages_of(folder) if row["starts"]]
    context = run_pipeline(settings, Silent(), {}, {})
    shards = [context.outcomes[name].shards for name in ("segments", "predictions")]

    def read(changed: str, swapped: Sequence[int]) -> list[ReviewedPage]:
        work = {
            row["page_key"]: [reading(row, swapped if row["page_id"] == changed else ())]
            for row in rows
        }
        return list(reviewed_pages(list(zip(*shards, strict=True)), work, settings))

    before = read("", ())
    assert len(before) == len(rows)
    # What people and the labeler are both sure is article, on the page with most of it.
    sure = {
        page.page_id: [
            at
            for at, label in enumerate(page.labels)
            if label == "article" and page.prediction.scores[at, 0] > 0.9
        ]
        for page in before
    }
    page_id = max(sure, key=lambda name: len(sure[name]))
    swapped = sure[page_id][:6]
    assert len(swapped) == 6
    found = second_looks(read(page_id, swapped), settings.label_set)
    assert all(why.startswith("second look: line ") for why in found.values())
    assert "boilerplate, likely article (" in found[page_id]
    known = second_looks(before, settings.label_set).get(page_id, "")
    # The rules err too, so some of what people said is doubted without reason.
    assert _told_lines(found[page_id]) >= _told_lines(known) + 4


def _told_lines(why: str) -> int:
    """Segments that a reason names or counts."""
    more = re.search(r" and (\d+) more$", why)
    return len(re.findall(r"line \d+ “", why)) + (int(more[1]) if more else 0)
