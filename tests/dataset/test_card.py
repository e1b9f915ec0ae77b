from dataclasses import replace

import pytest
import yaml

from curate.dataset import DatasetConfig
from curate.dataset.card import notes_of

from .conftest import Bench, Seg, make_doc, make_docs

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


def test_agreement_and_kept_suggestions(bench: Bench) -> None:
    people = ("a", "b")
    segments = [
        Seg(f"one {n}", "article", "human", "accepted", 0.9, people, 1.0) for n in range(3)
    ] + [
        Seg("two", "article", "human", "relabelled", 0.2, people, 0.5, True),
        Seg("three", "teaser", "human", "drawn", None, ("a",)),
    ]
    docs = [
        replace(make_doc(f"p{n}", "s.example"), reviewed=True, segments=tuple(segments))
        for n in range(3)
    ]
    docs = [replace(doc, segments=(Seg(f"{doc.url} x", "teaser"), *segments)) for doc in docs]
    text = card(bench, docs, near_duplicates="keep")
    assert (
        "12 segments have two or more annotators; on average 87.5% of them gave the final label. "
        "3 segments were adjudicated. 2 annotators took part, under pseudonyms."
    ) in text
    assert "| `article` | 9 of 12 | 75.0% | 75.0% – 75.0% |" in text
    assert "| `teaser` |" not in text.split("## Agreement and quality")[1].split("## Splits")[0]


def test_intervals_widen_with_pages_that_differ(bench: Bench) -> None:
    docs = []
    for n in range(10):
        action = "accepted" if n % 2 else "relabelled"
        segments = [Seg(f"text {n} {k}", "article", "human", action) for k in range(20)]
        docs.append(
            replace(make_doc(f"p{n}", "s.example"), reviewed=True, segments=tuple(segments))
        )
    text = card(bench, docs, near_duplicates="keep")
    assert "| `article` | 100 of 200 | 50.0% | 20.0% – 80.0% |" in text


def test_what_was_left_out_and_withdrawn(bench: Bench) -> None:
    docs = make_docs()
    docs[0] = replace(docs[0], verdict="bad extraction")
    text = card(bench, docs, facts={"withdrawn": {"pages": 2, "people": 1}})
    assert "| pages | bad extraction | 1 |" in text
    assert "| segments | page left out | 8 |" in text
    assert "Withdrawn on request and absent from here on: pages 2, people 1." in text


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


def test_optional_columns_are_described(bench: Bench) -> None:
    docs = make_docs()
    text = card(bench, docs, paths=True, scores=True)
    assert "| `path` | string | DOM path of the segment; null for plain text |" in text
    assert "| `scores` | list of float32 |" in text
    assert DatasetConfig().paths is False
