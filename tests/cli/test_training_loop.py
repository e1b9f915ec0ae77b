"""The loop by commands: people's work, a better model, new labels where nobody has reviewed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq

from curate.labelers.model import ModelLabeler
from curate.review.annotations import append
from curate.schema import Annotation, Span
from curate.text import text_hash
from tests.cli.conftest import ARTICLE, Command

BASE = ("name=t", "pages.path=pages", "pages.url_from=path", "engine=serial", "review=none",
        "dataset.near_duplicates=keep", "labeler=model")  # fmt: skip
LOOP = (*BASE, "train.on_review=true", "train.look.min_rows=3")
TOWNS = ("Anholt", "Breda", "Cadaques", "Dunwich", "Esbjerg", "Fowey", "Gdynia", "Honfleur",
         "Imola", "Jastarnia", "Kotor", "Lerwick")  # fmt: skip


def write_towns(folder: Path) -> None:
    """Three pages of each of four sites; no headline is like another."""
    for number, town in enumerate(TOWNS):
        file = folder / f"pages/s{number % 4}.example/p{number // 4}.html"
        body = f"In {town} nobody has seen a crane like it."
        file.write_text(ARTICLE.format(title=f"{town} keeps its crane", body=body))


def published(folder: Path, shape: str) -> list[dict[str, object]]:
    version = json.loads((folder / "exports/t/latest.json").read_text())["version"]
    files = sorted((folder / "exports/t" / version / shape).glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def review(folder: Path) -> None:
    """Two pages of each site are read by somebody who calls headlines boilerplate."""
    segments: dict[object, list[dict[str, object]]] = {}
    for row in published(folder, "segments"):
        segments.setdefault(row["page_key"], []).append(row)
    work = []
    for page in published(folder, "pages"):
        if str(page["url"]).endswith("p2.html"):
            continue
        spans = []
        for row in sorted(segments[page["page_key"]], key=lambda row: row["start"]):
            text = str(row["text"])
            label = "article" if row["kind"] == "p" else "boilerplate"
            action = "accepted" if label == row["label_name"] else "relabelled"
            spans.append(
                Span(row["start"], row["end"], label, action, str(row["segment_id"]), text)
            )
        key = str(page["page_key"])
        work.append(
            Annotation(
                f"a-{key}",
                key,
                text_hash(str(page["text"])),
                str(page["text"]),
                "a-1",
                "submitted",
                tuple(spans),
                datetime(2025, 5, 1, tzinfo=UTC),
            )
        )
    assert len(work) == 8
    append(folder / "exports/t/annotations", work)


def headlines(folder: Path, name: str) -> list[tuple[object, object]]:
    return [
        (row["label_name"], row["origin"])
        for row in published(folder, "segments")
        if row["kind"] == "h1" and str(row["url"]).endswith(name)
    ]


def test_reviewed_pages_teach_the_labeler(workspace: Path, curate: Command) -> None:
    write_towns(workspace)
    curate("run", *BASE)
    assert headlines(workspace, "p2.html") == [("article", "model")] * 4
    review(workspace)
    done = curate("run", *LOOP)
    assert "new model taken: +" in done.stdout
    assert "macro-F1 on 8 held-out pages" in done.stdout
    assert headlines(workspace, "p2.html") == [("boilerplate", "model")] * 4
    assert headlines(workspace, "p1.html") == [("boilerplate", "human")] * 4
    labelers = {
        str(r["labeler"]) for r in published(workspace, "segments") if r["origin"] == "model"
    }
    assert all("+project@" in name for name in labelers)
    (passport, *_) = sorted((workspace / ".curate/runs").glob("*/passport.json"), reverse=True)
    train = json.loads(passport.read_text())["train"]
    assert (train["taken"], train["pages"]) == (True, 8)
    again = curate("run", *LOOP)
    assert [line.split()[1] for line in again.stdout.splitlines() if line.startswith("train")] == [
        "unchanged"
    ]

    done = curate("train", "train.annotations=[exports/t]", "train.look.min_rows=3", "train.out=m")
    assert "8 reviewed pages of 4 sites" in done.stderr
    assert {"card.md", "model.json", "second.json"} <= {p.name for p in (workspace / "m").iterdir()}
    assert ModelLabeler(folder=str(workspace / "m")).version != ModelLabeler().version
    assert "8 reviewed pages of 4 sites" in (workspace / "m/card.md").read_text()
    version = json.loads((workspace / "exports/t/latest.json").read_text())["version"]
    gold = f"evaluate.gold=exports/t/{version}"
    scored = curate("evaluate", "labeler=model", "labeler.folder=m", gold, "--json")
    told = json.loads(scored.stdout)
    assert told["reviewed"]["pages"] == 8
    assert told["reviewed"]["labels"]["boilerplate"]["f1"] == 1.0
