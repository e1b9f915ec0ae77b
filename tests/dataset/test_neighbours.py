import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curate.dataset.neighbours import export_neighbours
from curate.errors import DatasetError
from curate.review.regions import spans_of
from curate.review.tasks import restored_text

from .conftest import LABELS, Bench, Seg, make_doc, make_docs

pytestmark = pytest.mark.usefixtures("fast")

ALL = ("label_studio", "spacy", "text")


def test_forms_are_written_beside_the_versions_and_only_once(bench: Bench) -> None:
    told = bench.publish(make_docs(), neighbours=ALL)
    folder = bench.home / "neighbours" / "v0001"
    assert sorted(path.name for path in folder.iterdir()) == list(ALL)
    path = folder / "spacy" / "train.jsonl"
    before = path.stat().st_mtime_ns
    assert bench.publish(make_docs(), neighbours=ALL).changed is False
    assert path.stat().st_mtime_ns == before
    assert "neighbours" not in (told.path / "manifest.json").read_text()
    names = sorted(path.name for path in bench.home.iterdir())
    assert names == [".publish.lock", "latest.json", "neighbours", "v0001"]


def test_label_studio_tasks_come_back_as_the_review_reads_them(bench: Bench) -> None:
    docs = make_docs()
    odd = Seg("bell \x07 next\x85line 👩‍👩‍👧", "article", "human", "drawn", annotators=("a",))
    docs[0] = replace(docs[0], segments=(odd, *docs[0].segments[1:]))
    told = bench.publish(docs, neighbours=("label_studio",))
    tasks = {
        task["data"]["page_key"]: task
        for path in (bench.home / "neighbours" / "v0001" / "label_studio").iterdir()
        for task in json.loads(path.read_text(encoding="utf-8"))
    }
    assert len(tasks) == told.counts["pages"]
    for doc in docs:
        task = tasks[doc.key]
        text = restored_text(task["data"])
        assert text == doc.text
        assert "\x07" not in task["data"]["text"]
        kind = "annotations" if doc.reviewed else "predictions"
        (reading,) = task[kind]
        spans, verdict = spans_of(reading["result"], text, doc.page_id, LABELS)
        assert verdict is None
        assert [(span.start, span.end, span.label, span.exact) for span in spans] == [
            (start, end, segment.label, segment.text)
            for segment, (start, end) in zip(doc.segments, doc.spans, strict=True)
        ]
        if doc.reviewed:
            assert [span.action for span in spans] == [segment.action for segment in doc.segments]
        assert task["predictions" if doc.reviewed else "annotations"] == []


def test_spacy_spans_and_texts(bench: Bench) -> None:
    docs = make_docs()
    told = bench.publish(docs, neighbours=("spacy", "text"))
    folder = bench.home / "neighbours" / "v0001"
    by_key = {doc.key: doc for doc in docs}
    seen = 0
    for split in told.splits:
        path = told.path / "pages" / f"{split}-00000-of-00001.parquet"
        mains = {row["page_key"]: row["main_text"] for row in pq.read_table(path).to_pylist()}
        lines = (folder / "spacy" / f"{split}.jsonl").read_text(encoding="utf-8").split("\n")
        for line in lines[:-1]:
            row = json.loads(line)
            doc = by_key[row["meta"]["page_key"]]
            assert row["text"] == doc.text
            assert [(row["text"][s["start"] : s["end"]], s["label"]) for s in row["spans"]] == [
                (segment.text, segment.label) for segment in doc.segments
            ]
            path = folder / "text" / split / f"{doc.key}.txt"
            assert path.read_text(encoding="utf-8") == mains[doc.key] + "\n"
            seen += 1
    assert seen == 36


def test_a_form_that_fails_is_not_there(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    told = bench.publish([make_doc("a", "a.example"), make_doc("b", "b.example")])
    path = told.path / "segments" / "train-00000-of-00001.parquet"
    table = pq.read_table(path)
    pq.write_table(table.take(list(range(8, 16)) + list(range(8))), path)
    with pytest.raises(DatasetError, match="its pages are not those of segments/train"):
        export_neighbours(told.path, ["spacy"])
    assert not (bench.home / "neighbours").exists()
    assert not list(Path(bench.home).glob(".tmp-*"))
