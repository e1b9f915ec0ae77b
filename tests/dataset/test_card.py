import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from curate.dataset import DatasetConfig, Withdrawn
from curate.dataset.card import NOTES_END, NOTES_START, joined_notes, notes_of
from curate.dataset.card_text import NOTES_HINT
from curate.dataset.quality import quality
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


def card(bench: Bench, docs: list, **options: object) -> str:
    return (bench.publish(docs, **options).path / "README.md").read_text(encoding="utf-8")


def head(text: str) -> dict:
    return yaml.safe_load(text.split("---\n")[1])


def test_title_license_sources_contact_and_citation(bench: Bench) -> None:
    text = card(
        bench,
        make_docs(),
        title="Pages: of “all” kinds",
        license="cc-by-4.0",
        sources="Crawled by *hand*.",
        contact="data@example.org",
        citation="@misc{pages}",
    )
    assert head(text)["pretty_name"] == "Pages: of “all” kinds"
    assert head(text)["license"] == "cc-by-4.0"
    assert "\n# Pages: of “all” kinds\n" in text
    assert "\nCrawled by *hand*.\n" in text
    assert "Contact, also for the removal of a page: data@example.org" in text
    assert "```bibtex\n@misc{pages}\n```" in text


def test_a_license_without_identifier_is_named(bench: Bench) -> None:
    told = head(card(bench, make_docs(), license="House rules, 2nd edition"))
    assert (told["license"], told["license_name"]) == ("other", "House rules, 2nd edition")


def test_without_people_the_card_says_so(bench: Bench) -> None:
    docs = [make_doc(f"p{n}", f"s{n}.example") for n in range(4)]
    text = card(bench, docs)
    assert "No segment carries a person's label yet." in text
    assert "No segment has two or more annotators" in text
    assert "No labeler's suggestion has been reviewed yet." in text


def people_docs() -> list[Doc]:
    people = ("a", "b")
    segments = [
        Seg(f"one {n}", "article", "human", "accepted", 0.9, people, 1.0) for n in range(3)
    ] + [
        Seg("two", "article", "human", "relabelled", 0.2, people, 0.5, True, suggested="teaser"),
        Seg("three", "teaser", "human", "drawn", None, ("a",)),
    ]
    docs = [
        replace(make_doc(f"p{n}", "s.example"), reviewed=True, segments=tuple(segments))
        for n in range(3)
    ]
    return [replace(doc, segments=(Seg(f"{doc.url} x", "teaser"), *segments)) for doc in docs]


def test_agreement_and_kept_suggestions(bench: Bench) -> None:
    text = card(bench, people_docs(), near_duplicates="keep")
    assert (
        "12 segments have two or more annotators; on average 87.5% (87.5% – 87.5%) of them gave "
        "the final label, and on 75.0% of the segments all agree. 3 segments went to an "
        "adjudicator. 2 annotators took part, under pseudonyms."
    ) in text
    assert "| `article` | 12 | 87.5% (87.5% – 87.5%) |" in text
    assert "| `article` | 9 of 12 | 75.0% (75.0% – 75.0%) |" in text
    kept = text.split("How often people left")[1].split("## Splits")[0]
    assert "| `teaser` |" not in kept


def test_the_labeler_against_people(bench: Bench) -> None:
    """4 article segments a page, of which it says one is teaser; 1 teaser, right."""
    told = bench.publish(people_docs(), near_duplicates="keep")
    text = (told.path / "README.md").read_text(encoding="utf-8")
    assert (
        "This version's labeler against people, on 15 segments of 3 reviewed pages: it agrees on "
        "80.0% (80.0% – 80.0%), macro-F1 76.2% (76.2% – 76.2%)."
    ) in text
    assert (
        "| `article` | 12 | 100.0% (100.0% – 100.0%) | 75.0% (75.0% – 75.0%) "
        "| 85.7% (85.7% – 85.7%) |"
    ) in text
    assert "| `article` | 9 | 3 | 0 | 0 |\n| `teaser` | 0 | 3 | 0 | 0 |" in text
    manifest = json.loads((told.path / "manifest.json").read_text())
    assert manifest["quality"]["accuracy"] == {"value": 0.8, "low": 0.8, "high": 0.8}
    assert manifest["quality"]["confusion"]["article"]["teaser"] == 3
    assert manifest["kept_suggestions"] == {"article": [9, 12, 0.75, 0.75]}
    assert manifest["agreement"]["unanimous"] == 9


def test_what_people_cut_is_compared_with_the_whole_segments_suggestion(tmp_path: Path) -> None:
    doc = Doc(
        key=key_of("cut"),
        site="s.example",
        segments=(Seg("a headline and more", "article"), Seg("footer", "boilerplate")),
        reviewed=True,
    )
    (pair,) = write_shards(tmp_path, [doc])
    row = labeled_row(doc) | {
        "starts": [0, 11, 21],
        "ends": [10, 19, 27],
        "labels": ["article", "teaser", "boilerplate"],
        "origins": ["human", "human", "model"],
    }
    for name, value in labeled_row(doc).items():
        if isinstance(value, list) and len(row[name]) == 2:
            row[name] = [value[0], *value]
    pq.write_table(pa.Table.from_pylist([row], schema=LABELED_SCHEMA), pair.labeled)
    told = quality([pair], LABELS, {doc.page_id})
    assert told is not None
    assert (told.pages, told.segments, told.accuracy.value) == (1, 2, 0.5)
    assert told.confusion["teaser"] == {"article": 1, "teaser": 0, "caption": 0, "boilerplate": 0}
    assert told.labels["teaser"].precision is None
    assert quality([pair], LABELS, set()) is None
    assert quality([replace(pair, predicted=None)], LABELS, {doc.page_id}) is None


def test_intervals_widen_with_pages_that_differ(bench: Bench) -> None:
    docs = []
    for n in range(10):
        action = "accepted" if n % 2 else "relabelled"
        segments = [Seg(f"text {n} {k}", "article", "human", action) for k in range(20)]
        docs.append(
            replace(make_doc(f"p{n}", "s.example"), reviewed=True, segments=tuple(segments))
        )
    text = card(bench, docs, near_duplicates="keep")
    assert "| `article` | 100 of 200 | 50.0% (20.0% – 80.0%) |" in text


def test_what_was_left_out_and_withdrawn(bench: Bench) -> None:
    docs = make_docs()
    docs[0] = replace(docs[0], verdict="bad extraction")
    withdrawn = Withdrawn(frozenset({docs[1].key, docs[2].key}), frozenset({"ann-77"}))
    text = card(bench, docs, withdrawn=withdrawn)
    assert "| pages | bad extraction | 1 |" in text
    assert "| segments | page left out | 24 |" in text
    assert (
        "Withdrawn on request, so absent from now on: 2 pages and 1 annotator with all their "
        "labels."
    ) in text
    assert "| pages | withdrawn | 2 |" in text


def test_names_that_markdown_would_take_for_its_own(bench: Bench) -> None:
    text = card(bench, make_docs())
    assert "Text that describes one picture \\| or credits it." in text


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("a <!-- curate:notes -->\nx\n<!-- /curate:notes --> b", "\nx\n"),
        ("<!-- curate:notes --><!-- /curate:notes -->", ""),
        ("no markers", None),
        ("<!-- curate:notes --> only one", None),
    ],
)
def test_notes_of(text: str, notes: str | None) -> None:
    assert notes_of(text) == notes


@pytest.mark.parametrize(
    ("cards", "notes"),
    [
        ([], None),
        ([None, NOTES_HINT], None),
        ([NOTES_HINT, "\nFrom the hub.\n"], "\nFrom the hub.\n"),
        (["\nMine.\n", NOTES_HINT], "\nMine.\n"),
        (["\nMine.\n", "\nMine.\nAnd more.\n"], "\nMine.\nAnd more.\n"),
        (["\nMine, and more.\n", "\nMine\n"], "\nMine, and more.\n"),
        (["\nMine.\n", "\nTheirs.\n"], "\nMine.\n\nTheirs.\n"),
        (["", "\nTheirs.\n"], "\nTheirs.\n"),
    ],
)
def test_notes_of_several_cards(cards: list[str | None], notes: str | None) -> None:
    made = [f"a {NOTES_START}{c}{NOTES_END} b" if c is not None else "no markers" for c in cards]
    assert joined_notes(made) == notes


def test_optional_columns_are_described(bench: Bench) -> None:
    docs = make_docs()
    text = card(bench, docs, paths=True, scores=True)
    assert "| `path` | string | DOM path of the segment; null for plain text |" in text
    assert "| `scores` | list of float32 |" in text
    assert DatasetConfig().paths is False
