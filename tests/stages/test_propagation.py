"""A person's decision on one page labels that line on the site's other pages."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from curate.cli.compose import compose
from curate.review.anchor import quoted
from curate.review.annotations import append
from curate.schema import Annotation, Span
from curate.stages import sampling
from curate.stages.context import Context, Outcome
from curate.stages.pipeline import run_pipeline
from curate.stages.settings import Settings, build
from curate.text import text_hash

MENU = ["Home", "Gear tests", "Trail notes", "Subscribe to our letter", "About us"]
LABEL_SET = build("schema", compose([]))
FOOT = ["Terms of use", "Privacy", "© Ridge & Burrow 2025"]


class Silent:
    """A display that shows nothing."""

    def stage_started(self, name: str, total: int) -> None: ...
    def advance(self, name: str, pages: int, quarantined: int) -> None: ...
    def stage_done(self, outcome: Outcome) -> None: ...
    def tell(self, text: str) -> None: ...


def html(number: int) -> str:
    items = "".join(f"<li><a href=/x>{line}</a></li>" for line in MENU)
    foot = "".join(f"<p class=foot>{line}</p>" for line in FOOT)
    story = "".join(
        f"<p>Story {number} goes on at length about what happened in valley {number}, part {n}, "
        "and about the people who were there to see it that day.</p>"
        for n in range(3)
    )
    return (
        f"<html><body><nav><ul>{items}</ul></nav><main><h1>Story {number} of the valley</h1>"
        f"{story}</main><footer>{foot}</footer></body></html>"
    )


def run(folder: Path, *overrides: str) -> Context:
    config = compose(
        [
            "name=t", f"pages.path={folder}/pages", "pages.url_from=path", "engine=serial",
            "review=none", f"paths.exports={folder}/exports", f"paths.store={folder}/store",
            f"paths.runs={folder}/runs", f"paths.state={folder}/state", *overrides,
        ],
        complete=True,
    )  # fmt: skip
    return run_pipeline(Settings.from_config(config), Silent(), {}, {})


def published(folder: Path, shape: str) -> list[dict[str, Any]]:
    version = json.loads((folder / "exports/t/latest.json").read_text())["version"]
    files = sorted((folder / "exports/t" / version / shape).glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def review(folder: Path, page: dict[str, Any], rows: list[dict[str, Any]], menu: str) -> None:
    """A person reads a page: the menu and footer are `menu`, the rest article."""
    text = page["text"]
    spans = []
    for row in rows:
        label = menu if row["text"] in (*MENU, *FOOT) else "article"
        exact, prefix, suffix = quoted(text, row["start"], row["end"])
        action = "accepted" if label == row["label_name"] else "relabelled"
        spans.append(
            Span(row["start"], row["end"], label, action, row["segment_id"], exact, prefix, suffix)
        )
    append(
        folder / "exports/t/annotations",
        [
            Annotation(
                f"a-{page['page_key']}",
                page["page_key"],
                text_hash(text),
                text,
                "annotator-1",
                "submitted",
                tuple(spans),
                datetime(2025, 6, 1, tzinfo=UTC),
            )
        ],
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for site, n in (("ridge.example", 4), ("other.example", 2)):
        for number in range(n):
            file = tmp_path / "pages" / site / f"{number}.html"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(html(number), encoding="utf-8")
    return tmp_path


def read(folder: Path, url: str, menu: str = "teaser") -> None:
    (page,) = [p for p in published(folder, "pages") if p["url"].endswith(url)]
    rows = [r for r in published(folder, "segments") if r["page_key"] == page["page_key"]]
    review(folder, page, rows, menu)


def test_one_reviewed_page_labels_the_lines_of_its_site(folder: Path) -> None:
    run(folder)
    read(folder, "ridge.example/0.html")
    context = run(folder)
    rows = published(folder, "segments")
    ridge = [r for r in rows if r["site"] == "ridge.example"]
    lines = {*MENU, *FOOT}
    menu = [r for r in ridge if r["text"] in lines]
    assert Counter(r["origin"] for r in menu) == {"human": 8, "propagated": 24}
    assert {r["label_name"] for r in menu} == {"teaser"}
    taken = [r for r in rows if r["origin"] == "propagated"]
    assert {r["site"] for r in taken} == {"ridge.example"}
    assert {r["text"] for r in taken} == lines
    # Nothing was tested yet: 99 %, what was measured elsewhere.
    assert {round(r["score"], 6) for r in taken} == {0.99}
    assert {(r["n_annotators"], r["action"]) for r in taken} == {(0, None)}
    assert context.facts["origins"]["propagated"] == 24
    assert "24 propagated" in context.outcomes["labels"].note
    states = {name: outcome.state for name, outcome in run(folder).outcomes.items()}
    assert states["labels"] == "unchanged"


def test_people_win_over_propagation_and_stop_it_where_it_errs(folder: Path) -> None:
    run(folder)
    read(folder, "ridge.example/0.html", "teaser")
    read(folder, "ridge.example/1.html", "boilerplate")
    context = run(folder)
    rows = [r for r in published(folder, "segments") if r["site"] == "ridge.example"]
    # Two readers differ on every line of the menu: nothing is taken over.
    assert Counter(r["origin"] for r in rows)["propagated"] == 0
    first = [r for r in rows if r["url"].endswith("0.html") and r["text"] in MENU]
    assert {(r["label_name"], r["origin"]) for r in first} == {("teaser", "human")}
    told = "ridge.example: teaser is no longer propagated; 8 of 8 lines were wrong"
    assert any(note.startswith(told) for note in context.notes)


def test_switched_off_nothing_is_taken_over(folder: Path) -> None:
    run(folder)
    read(folder, "ridge.example/0.html")
    run(folder, "propagation=none")
    assert all(r["origin"] != "propagated" for r in published(folder, "segments"))


def test_the_page_to_begin_with_on_a_site(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = run(folder, "stages=[pages,segments,predictions]")
    stages = [context.outcomes[name].shards for name in ("segments", "predictions")]
    pairs = list(zip(*stages, strict=True))
    # Four pages are no large site.
    assert sampling.first_pages(pairs, set()) == {}
    monkeypatch.setattr(sampling, "MIN_SITE_PAGES", 3)
    ((page_id, carries),) = sampling.first_pages(pairs, set()).items()
    chars = sum(map(len, [*MENU, *FOOT]))
    assert carries == (3 * chars, 1.0)
    ids = {row.page_id: row for row in sampling.candidates(pairs, LABEL_SET)}
    assert ids[page_id].site == "ridge.example"
    assert ids[page_id].carries == (0, 0.0)
    # A site that someone has read from needs no first page.
    assert sampling.first_pages(pairs, {page_id}) == {}
