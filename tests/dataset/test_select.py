from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.dataset import DatasetConfig, Published, publish
from curate.errors import DatasetError
from curate.schema import LABELED_SCHEMA

from .conftest import (
    LABELS,
    Bench,
    Doc,
    Seg,
    key_of,
    labeled_row,
    make_doc,
    make_docs,
    write_shards,
)

pytestmark = pytest.mark.usefixtures("fast")


def page(name: str, **changes: Any) -> Doc:
    return replace(make_doc(name, f"{name}.example"), **changes)


def rows_of(told: Published, shape: str) -> list[dict[str, Any]]:
    files = sorted((told.path / shape).glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


@pytest.mark.parametrize(
    ("changes", "options", "reason"),
    [
        ({"verdict": "bad extraction"}, {}, "bad extraction"),
        ({"labeled": False}, {}, "no labels"),
        ({"reviewed": False}, {"require_review": True}, "not reviewed"),
        ({"language": "fr"}, {"languages": ("en", "de")}, "language"),
        ({"language": None}, {"languages": ("en", "de")}, "language"),
        ({"page_type": "shop"}, {"page_types": ("article", "forum")}, "page type"),
        ({"segments": (Seg("short", "article"),)}, {"min_chars": 6}, "shorter than min_chars"),
        (
            {"segments": (Seg("x" * 5000, "article"),)},
            {"max_chars": 4999},
            "longer than max_chars",
        ),
        ({"segments": (Seg("gone", None),)}, {}, "no published segment"),
    ],
)
def test_pages_left_out_are_counted_by_reason(
    bench: Bench, changes: dict[str, Any], options: dict[str, Any], reason: str
) -> None:
    kept = {"reviewed": True, "page_type": "article", "language": "en"}
    docs = [page(f"p{n}", **kept) for n in range(3)] + [page("odd", **(kept | changes))]
    told = bench.publish(docs, **options)
    assert told.left_out.pages == {reason: 1}
    assert {row["page_key"] for row in rows_of(told, "pages")} == {doc.key for doc in docs[:3]}


@pytest.mark.parametrize(
    ("segment", "options", "reason"),
    [
        (Seg("a", "article", score=0.49), {"min_score": 0.5}, "score below min_score"),
        (Seg("a", "article", score=None), {"min_score": 0.5}, "score below min_score"),
        (Seg("a", "article", score=0.5), {"min_score": 0.5}, None),
        (Seg("a", "article", "human", "accepted", 0.1), {"min_score": 0.5}, None),
        (
            Seg("a", "article", "human", "accepted", annotators=("x", "y", "z"), agreement=0.66),
            {"min_agreement": 0.7},
            "agreement below min_agreement",
        ),
        (
            Seg("a", "article", "human", "accepted", agreement=0.66, adjudicated=True),
            {"min_agreement": 0.7},
            None,
        ),
        (Seg("a", "article", agreement=None), {"min_agreement": 1.0}, None),
        (Seg("a", None), {}, "no label"),
    ],
)
def test_segments_left_out_are_counted_by_reason(
    bench: Bench, segment: Seg, options: dict[str, Any], reason: str | None
) -> None:
    doc = page("p", segments=(Seg("keep", "teaser", score=1.0), segment))
    told = bench.publish([doc], **options)
    assert told.left_out.segments == ({} if reason is None else {reason: 1})
    assert [row["text"] for row in rows_of(told, "segments")] == ["keep"] + ["a"] * (not reason)


def test_nothing_left_tells_why(bench: Bench) -> None:
    with pytest.raises(DatasetError) as error:
        bench.publish(
            [page("a", language="fr"), page("b", verdict="bad extraction")], languages=("en",)
        )
    assert str(error.value) == (
        "nothing to publish: of 2 pages none is left (bad extraction 1, language 1); "
        "widen the dataset filters or give more pages"
    )
    with pytest.raises(DatasetError, match=r"of 0 pages none is left \(none were given\)"):
        bench.publish([])


def test_no_review_where_review_is_required(bench: Bench) -> None:
    with pytest.raises(DatasetError) as error:
        bench.publish([page("a"), page("b")], require_review=True)
    assert str(error.value) == (
        "dataset.require_review=true, but none of 2 pages is reviewed; "
        "review some, or set dataset.require_review=false"
    )


def test_exact_copies_leave_one_page_and_a_reviewed_one_first(bench: Bench) -> None:
    segments = page("same").segments
    docs = [page(f"p{n}") for n in range(3)]
    docs += [
        page(f"copy{n}", segments=segments, reviewed=n == 2, site=f"c{n}.example") for n in range(4)
    ]
    told = bench.publish(docs)
    assert told.left_out.pages == {"exact duplicate": 3}
    assert told.left_out.segments == {"page left out": 24}
    assert key_of("copy2") in {row["page_key"] for row in rows_of(told, "pages")}


def near_copies(n: int, sites: list[str]) -> list[Doc]:
    base = make_doc("story", "x.example", n_segments=40)
    docs = []
    for number in range(n):
        first = replace(base.segments[0], text=f"Printed by paper number {number}.")
        docs.append(
            replace(
                base,
                key=key_of(f"copy{number}"),
                site=sites[number % len(sites)],
                segments=(first, *base.segments[1:]),
            )
        )
    return docs


TRAIN, VALIDATION, TEST = ["site0.example"], ["site1.example"], ["site2.example"]


def sites_by_split() -> dict[str, list[str]]:
    from curate.dataset.splits import split_of

    found: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for number in range(100):
        found[split_of(f"site{number}.example", (0.8, 0.1, 0.1))].append(f"site{number}.example")
    return found


@pytest.mark.parametrize(
    ("mode", "kept", "left_out"),
    [
        ("across_splits", {2}, {"near-duplicate in another split": 4}),
        ("everywhere", {2}, {"near-duplicate in another split": 4}),
        ("keep", {0, 1, 2, 3, 4}, {}),
    ],
)
def test_a_cluster_across_splits_stays_in_test(
    bench: Bench, mode: str, kept: set[int], left_out: dict[str, int]
) -> None:
    sites = sites_by_split()
    where = [
        sites["train"][0],
        sites["validation"][0],
        sites["test"][0],
        sites["train"][1],
        sites["train"][2],
    ]
    docs = make_docs() + near_copies(5, where)
    told = bench.publish(docs, near_duplicates=mode)
    assert told.left_out.pages == left_out
    keys = {row["page_key"] for row in rows_of(told, "pages")}
    assert {n for n in range(5) if key_of(f"copy{n}") in keys} == kept


def test_a_cluster_across_splits_stays_where_people_have_read_it(bench: Bench) -> None:
    sites = sites_by_split()
    copies = near_copies(3, [sites["train"][0], sites["train"][1], sites["test"][0]])
    copies[1] = replace(copies[1], reviewed=True)
    told = bench.publish(make_docs() + copies)
    keys = {row["page_key"] for row in rows_of(told, "pages")}
    assert [key_of(f"copy{n}") in keys for n in range(3)] == [True, True, False]


def test_near_duplicates_everywhere_leave_one_page(bench: Bench) -> None:
    sites = sites_by_split()["train"]
    told = bench.publish(make_docs() + near_copies(4, sites), near_duplicates="everywhere")
    assert told.left_out.pages == {"near-duplicate": 3}
    first = min(key_of(f"copy{n}") for n in range(4))
    assert first in {row["page_key"] for row in rows_of(told, "pages")}


def test_near_duplicates_within_a_split_stay(bench: Bench) -> None:
    told = bench.publish(make_docs() + near_copies(4, sites_by_split()["train"]))
    assert told.left_out.pages == {}


def test_the_cluster_of_copies_is_told(bench: Bench) -> None:
    """Three near copies in train, one exact copy of the first, one more in test."""
    sites = sites_by_split()
    docs = near_copies(4, [*sites["train"][:3], sites["test"][0]])
    exact = replace(docs[0], key=key_of("again"), url="https://again.example/")
    told = bench.publish([*make_docs(), *docs, exact], clusters=True, html=False)
    keys = [*(doc.key for doc in docs), exact.key]
    clusters = {row["page_key"]: row["cluster"] for row in rows_of(told, "pages")}
    mine = {key: cluster for key, cluster in clusters.items() if key in keys}
    assert set(mine.values()) == {min(keys)}
    assert sum(told.left_out.pages.values()) == len(keys) - len(mine) > 0
    assert {cluster for key, cluster in clusters.items() if key not in keys} == {None}
    assert "| `cluster` | string |" in (told.path / "README.md").read_text()


def test_texts_of_an_evaluation_set_are_left_out(bench: Bench, tmp_path: Path) -> None:
    docs = make_docs()
    (tmp_path / "gold").mkdir()
    (tmp_path / "gold" / "one.txt").write_text(docs[4].text)
    (tmp_path / "gold" / "two.jsonl").write_text('{"text": ' + repr_json(docs[7].text) + "}\n\n")
    pq.write_table(pa.table({"main_text": [docs[9].text, None]}), tmp_path / "three.parquet")
    told = bench.publish(
        docs, decontaminate=(str(tmp_path / "gold"), str(tmp_path / "three.parquet"))
    )
    assert told.left_out.pages == {"in dataset.decontaminate": 3}
    keys = {row["page_key"] for row in rows_of(told, "pages")}
    assert [n for n, doc in enumerate(docs) if doc.key not in keys] == [4, 7, 9]


def repr_json(text: str) -> str:
    import json

    return json.dumps(text)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.txt", None, "no file"),
        ("page.html", "<p>", "is not .txt, .jsonl, .parquet"),
        ("bad.jsonl", '{"text": "a"}\n{"body": "b"}\n', "line 2 of .* is no JSON object with text"),
    ],
)
def test_unusable_decontamination_files_are_told(
    bench: Bench, tmp_path: Path, name: str, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(DatasetError, match=message):
        bench.publish(make_docs(), decontaminate=(str(tmp_path / name),))


Damage = Callable[[list[dict[str, Any]]], None]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda rows: rows.reverse(), "don't stand in the order of"),
        (lambda rows: rows[2].update(page_id="x-1"), "1 of 3 pages are not in"),
        (lambda rows: rows[1]["labels"].pop(), "has 8 segments but 7 labels"),
        (lambda rows: rows[1]["labels"].__setitem__(2, "advert"), "label 'advert' is not one of"),
        (lambda rows: rows[1]["ends"].__setitem__(7, 99_999), "leaves the text of"),
        (lambda rows: rows[1]["starts"].__setitem__(1, 0), "overlaps the one before"),
    ],
)
def test_damaged_shards_are_refused(tmp_path: Path, damage: Damage, message: str) -> None:
    docs = make_docs(n_sites=1)
    pairs = write_shards(tmp_path / "store", docs)
    rows = [labeled_row(doc) for doc in docs]
    damage(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=LABELED_SCHEMA), pairs[0].labeled)
    with pytest.raises(DatasetError, match=message):
        publish(DatasetConfig(), LABELS, pairs, exports=tmp_path, name="d", facts={})


def test_one_page_key_twice_is_refused(bench: Bench) -> None:
    docs = make_docs(n_sites=1)
    with pytest.raises(DatasetError, match="stands 2 times in the store"):
        bench.publish([*docs, replace(docs[0], segments=docs[1].segments)])


def test_optional_columns(bench: Bench) -> None:
    docs = [page("html", html="<html><body><p>é a@b.example</p></body></html>"), page("text")]
    told = bench.publish(docs, html=True, paths=True, scores=True)
    pages = {row["page_key"]: row for row in rows_of(told, "pages")}
    assert pages[docs[0].key]["html"] == "<html><body><p>é a@b.example</p></body></html>"
    assert pages[docs[1].key]["html"] is None
    for row in rows_of(told, "segments"):
        html = row["page_key"] == docs[0].key
        assert row["path"] == ("html>body>p" if html else None)
        assert len(row["scores"]) == 4
        assert row["scores"][row["label"]] == row["score"]
        assert sum(row["scores"]) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("option", ["html", "scores"])
def test_optional_columns_without_their_source_are_told(tmp_path: Path, option: str) -> None:
    pairs = write_shards(tmp_path / "store", make_docs(n_sites=1))
    pairs = [replace(pair, predicted=None, pages=None) for pair in pairs]
    config = replace(DatasetConfig(), **{option: True})
    with pytest.raises(DatasetError, match=f"dataset.{option}=true, but the run keeps no"):
        publish(config, LABELS, pairs, exports=tmp_path, name="d", facts={})
