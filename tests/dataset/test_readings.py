from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.errors import DatasetError
from curate.schema import ANNOTATION_SCHEMA
from curate.text import text_hash

from .conftest import Bench, Doc, make_docs


def reading(doc: Doc, annotator: str, minute: int = 0, **changes: Any) -> dict[str, Any]:
    """One row as the review writes it."""
    text = doc.text
    spans = [
        {
            "start": start,
            "end": end,
            "label": segment.label,
            "action": "accepted",
            "region_id": f"{doc.page_id}-{start}-{end}",
            "exact": text[start:end],
            "prefix": "",
            "suffix": "",
        }
        for segment, (start, end) in zip(doc.segments, doc.spans, strict=True)
    ]
    return {
        "annotation_id": f"{doc.key[:8]}-{annotator}",
        "page_key": doc.key,
        "text_hash": text_hash(text),
        "annotator": annotator,
        "status": "submitted",
        "updated_at": datetime(2026, 1, 2, 3, minute, tzinfo=UTC),
        "lead_time_s": 12.5,
        "verdict": "ok",
        "schema": "web4",
        "guideline": "g1",
        "origin": "label_studio",
        "spans": spans[::-1],
        "text": text,
    } | changes


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=ANNOTATION_SCHEMA), path)
    return path


def published(path: Path) -> list[dict[str, Any]]:
    return [
        row
        for file in sorted(path.glob("annotations/*.parquet"))
        for row in pq.read_table(file).to_pylist()
    ]


SHAPES = ("segments", "pages", "annotations")


def test_readings_of_published_pages_with_the_real_readers(bench: Bench) -> None:
    docs = make_docs()
    rows = [reading(doc, who) for doc in docs[:4] for who in ("ann-1f", "ann-2c")]
    write(bench.home / "annotations" / "2026" / "a.parquet", rows)  # found where pull writes them
    told = bench.publish(docs, shapes=SHAPES)
    found = published(told.path)
    assert [(row["page_key"], row["annotator"]) for row in found] == sorted(
        (doc.key, who) for doc in docs[:4] for who in ("ann-1f", "ann-2c")
    )
    doc = docs[0]
    row = next(row for row in found if row["page_key"] == doc.key)
    assert {key: row[key] for key in row if key != "spans"} == {
        "annotation_id": f"{doc.key[:8]}-ann-1f",
        "page_key": doc.key,
        "page_id": doc.page_id,
        "url": doc.url,
        "site": doc.site,
        "annotator": "ann-1f",
        "verdict": "ok",
        "lead_time_s": 12.5,
        "guideline": "g1",
        "n_spans": 8,
    }
    names = ("article", "teaser", "caption", "boilerplate")
    assert [(span["text"], names[span["label"]]) for span in row["spans"]] == [
        (segment.text, segment.label) for segment in doc.segments
    ]
    assert "config_name: annotations" in (told.path / "README.md").read_text()


@pytest.mark.usefixtures("fast")
def test_which_readings_are_published(bench: Bench) -> None:
    docs = make_docs()
    other = replace(docs[0], segments=docs[1].segments)
    bad = replace(docs[5], verdict="bad extraction")
    docs[5] = bad
    sources = [
        write(
            bench.folder / "a.parquet",
            [
                reading(docs[0], "first"),
                reading(docs[1], "deleted"),
                reading(docs[2], "skipped", status="skipped"),
                reading(other, "another-text"),
                reading(bad, "page-left-out"),
                reading(docs[3], "twice", 1, annotation_id="x", verdict="ok"),
                reading(docs[3], "twice", 2, annotation_id="w", verdict="unsure"),
                reading(docs[4], "tie", verdict="ok"),
            ],
        ),
        write(
            bench.folder / "b.parquet",
            [
                reading(docs[0], "first", 5, verdict="unsure"),
                reading(docs[1], "deleted", 6, status="deleted", spans=[]),
                reading(docs[4], "tie", verdict="unsure"),
            ],
        ),
    ]
    told = bench.publish(docs, shapes=SHAPES, annotations=sources)
    assert sorted((row["annotator"], row["verdict"]) for row in published(told.path)) == [
        ("first", "unsure"),
        ("tie", "unsure"),
        ("twice", "unsure"),
    ]


@pytest.mark.usefixtures("fast")
def test_renamed_labels_follow_the_map_and_unknown_ones_are_told(bench: Bench) -> None:
    docs = make_docs()
    row = reading(docs[0], "a")
    row["spans"][0]["label"] = "ad"
    source = write(bench.folder / "a.parquet", [row])
    told = bench.publish(docs, shapes=SHAPES, annotations=[source])
    assert published(told.path)[0]["spans"][-1]["label"] == 3
    row["spans"][0]["label"] = "advert"
    write(source, [row])
    with pytest.raises(DatasetError, match="label 'advert' is not one of article, teaser"):
        bench.publish(docs, shapes=SHAPES, annotations=[source])


@pytest.mark.usefixtures("fast")
def test_without_readings_the_shape_is_absent(bench: Bench) -> None:
    told = bench.publish(make_docs(), shapes=SHAPES)
    assert not (told.path / "annotations").exists()
    assert "config_name: annotations" not in (told.path / "README.md").read_text()
