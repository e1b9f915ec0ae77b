"""Existing work as annotations: every form, exact spans, told against today's pages."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.errors import ReviewError
from curate.pages import page_key_of
from curate.review.annotations import load, read_all
from curate.review.importing import UNDATED, Importer
from curate.review.pseudonyms import Pseudonyms
from curate.review.withdraw import lift, withdraw
from curate.text import text_hash

DATA = Path(__file__).resolve().parents[1] / "data/review"

STORM = "https://harbour.example/storm"
TEXT = "Home\nThe bridge opens on Monday.\nShare\nRead also: the old bridge\nShare"


class Input:
    """Today's pages: text by address."""

    def __init__(self, **_: str) -> None:
        self.texts: dict[str, str] = {}

    def put(self, url: str, text: str) -> None:
        self.texts[self.key_of_url(url)] = text

    def key_of_url(self, url: str) -> str:
        return page_key_of(url, "", 0)

    def key_of_text(self, text: str) -> str | None:
        return next((k for k, t in self.texts.items() if text_hash(t) == text_hash(text)), None)

    def text_of(self, page_key: str) -> str | None:
        return self.texts.get(page_key)


@pytest.fixture
def pages() -> Input:
    return Input()


@pytest.fixture
def importer(tmp_path, label_set, pages) -> Importer:
    mapped = replace(label_set, from_labels={"Main": "article", "Noise": "boilerplate"})
    return Importer(
        folder=tmp_path / "annotations",
        label_set=mapped,
        pseudonyms=Pseudonyms(tmp_path / "pseudonym.key"),
        pages=pages,
    )


def told(annotation):
    return [(s.start, s.end, s.exact, s.label, s.action) for s in annotation.spans]


def by_url(importer, *urls):
    work = {a.page_key: a for a in load(importer.folder)}
    return [work[importer.pages.key_of_url(url)] for url in urls]


def written(tmp_path, name, rows):
    path = tmp_path / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


SPANS = [
    {"start": 0, "end": 4, "label": "boilerplate"},
    {"start": 5, "end": 32, "label": "article"},
    {"start": 33, "end": 38, "label": "boilerplate"},
    {"start": 39, "end": 64, "label": "teaser"},
]


# ----------------------------------------------------------------- Label Studio


def test_a_real_export_of_another_project(importer):
    result = importer.take(DATA / "export.json")
    assert (result.new, result.problems) == (3, [])
    assert result.spans == {"no page": 6}
    storm, tea, none = by_url(
        importer, STORM, "https://tea.example/note", "https://tea.example/none"
    )
    assert told(storm) == [
        (0, 4, "Menu", "boilerplate", "drawn"),
        (5, 31, "Storm closes the harbour \U0001f389", "article", "drawn"),
        (32, 91, "Ferries stay in port until Friday, the harbour master said.", "article", "drawn"),
        (105, 110, "Share", "boilerplate", "drawn"),
    ]
    assert (storm.verdict, storm.lead_time_s, storm.status) == ("ok", 7.5, "submitted")
    assert storm.updated_at == datetime(2026, 11, 22, 10, 37, 6, 198092, tzinfo=UTC)
    # The browser's quote has other blanks than the text; the text's own are kept.
    assert told(tea)[1] == (5, 19, "A  note on\ttea", "article", "drawn")
    assert (none.status, none.spans) == ("skipped", ())
    assert {a.annotator for a in (storm, tea, none)} == {importer.pseudonyms.of("import/export/1")}
    assert {a.origin for a in (storm, tea, none)} == {"import:export.json"}
    assert {a.guideline for a in (storm, tea, none)} == {""}

    again = importer.take(DATA / "export.json")
    assert (again.new, again.changed, again.same) == (0, 0, 3)
    assert len(list(read_all(importer.folder))) == 3


def test_the_short_export_says_the_same_but_for_skips(importer, tmp_path):
    result = importer.take(DATA / "export-min.json")
    assert (result.new, result.problems) == (2, [])
    short = [told(a) for a in by_url(importer, STORM, "https://tea.example/note")]
    ids = {a.annotation_id for a in load(importer.folder)}
    whole = replace(importer, folder=tmp_path / "whole")
    whole.take(DATA / "export.json")
    assert short == [told(a) for a in by_url(whole, STORM, "https://tea.example/note")]
    assert ids < {a.annotation_id for a in load(whole.folder)}  # the same readings by name


def test_an_unmapped_label_is_a_problem_of_its_record(importer, label_set):
    importer.label_set = replace(label_set, from_labels={"Main": "article"})
    result = importer.take(DATA / "export.json")
    assert (result.new, len(result.problems)) == (1, 2)
    assert (
        "'Noise', which is not one of article, boilerplate, teaser, caption" in (result.problems[0])
    )
    assert "map it in schema.from_labels" in result.problems[0]


def test_offsets_in_utf16_units_are_seen_by_their_quotes(importer, tmp_path):
    text = "\U0001f389x Party\nThe end of it"
    regions = [
        {"start": 4, "end": 9, "text": "Party", "labels": ["article"]},
        {"start": 10, "end": 23, "text": "The end of it", "labels": ["teaser"]},
    ]
    record = {
        "id": 4,
        "data": {"text": text, "url": "https://a.example/p"},
        "annotations": [
            {
                "id": 9,
                "completed_by": {"id": 3, "email": "ada@example.org"},
                "created_at": "2026-01-05T10:00:00Z",
                "result": [{"type": "labels", "from_name": "x", "value": v} for v in regions],
            }
        ],
    }
    path = tmp_path / "u16.json"
    path.write_text(json.dumps([record]))
    assert importer.take(path).problems == []
    (annotation,) = load(importer.folder)
    assert told(annotation) == [
        (3, 8, "Party", "article", "drawn"),
        (9, 22, "The end of it", "teaser", "drawn"),
    ]
    assert annotation.annotator == importer.pseudonyms.of("ada@example.org")


def test_our_own_work_that_was_pulled_is_not_doubled(importer, tmp_path):
    from curate.review.annotations import append
    from curate.schema import Annotation

    key = importer.pages.key_of_url(STORM)
    pulled = Annotation(
        annotation_id="ls-1",
        page_key=key,
        text_hash=text_hash("x"),
        text="x",
        annotator="annotator-0123456789",
        status="submitted",
        spans=(),
        updated_at=UNDATED,
        project_id=1,
        task_id=1,
        server_annotation_id=1,
    )
    append(importer.folder, [pulled])
    exported = json.loads((DATA / "export.json").read_text())
    project = exported[0]["project"]
    append(importer.folder, [replace(pulled, annotation_id="ls-2", project_id=project)])
    result = importer.take(DATA / "export.json")
    assert (result.new, result.same) == (2, 1)


# --------------------------------------------------------------- labelled pages


def test_labelled_lines_of_json_to_the_character(importer, pages, tmp_path):
    pages.put("https://b.example/", TEXT)
    path = written(tmp_path, "hand.jsonl", [{"url": "b.example", "text": TEXT, "spans": SPANS}])
    result = importer.take(path)
    assert (result.new, result.problems, dict(result.spans)) == (1, [], {"kept": 4})
    assert result.details == []
    (annotation,) = load(importer.folder)
    assert told(annotation) == [
        (0, 4, "Home", "boilerplate", "drawn"),
        (5, 32, "The bridge opens on Monday.", "article", "drawn"),
        (33, 38, "Share", "boilerplate", "drawn"),
        (39, 64, "Read also: the old bridge", "teaser", "drawn"),
    ]
    assert annotation.updated_at == UNDATED
    assert annotation.annotator == importer.pseudonyms.of("import/hand/hand")

    corrected = [*SPANS[:3], {**SPANS[3], "label": "article"}]
    written(tmp_path, "hand.jsonl", [{"url": "b.example", "text": TEXT, "spans": corrected}])
    assert importer.take(path).changed == 1
    assert [s.label for s in load(importer.folder)[0].spans][3] == "article"


def test_every_span_is_told_against_a_changed_page(importer, pages, tmp_path):
    now = TEXT.replace("Home\n", "New bar\nHome\n").replace("Monday", "Tuesday")
    pages.put("https://b.example/", now)
    spans = [*SPANS, {"start": 65, "end": 70, "label": "boilerplate"}]
    path = written(tmp_path, "h.jsonl", [{"url": "b.example", "text": TEXT, "spans": spans}])
    result = importer.take(path)
    assert [(d.quote, d.outcome, d.found) for d in result.details] == [
        ("Home", "moved", ((8, 12),)),
        ("The bridge opens on Monday.", "partial", ((13, 41),)),
        ("Share", "moved", ((42, 47),)),
        ("Read also: the old bridge", "moved", ((48, 73),)),
        ("Share", "moved", ((74, 79),)),
    ]
    assert dict(result.spans) == {"moved": 4, "partial": 1}
    # The reading stays as it was made, on its own text.
    assert load(importer.folder)[0].text == TEXT


def test_quotes_without_places_and_places_that_are_wrong(importer, tmp_path):
    spans = [
        {"exact": "The bridge opens on Monday.", "label": "article"},
        {"exact": "Share", "prefix": "Monday.\n", "label": "boilerplate"},
        {"start": 1, "end": 26, "exact": "Read also: the old bridge", "label": "teaser"},
        {"exact": "Not there at all", "label": "teaser"},
    ]
    path = written(tmp_path, "q.jsonl", [{"url": "b.example", "text": TEXT, "spans": spans}])
    result = importer.take(path)
    assert [(s[0], s[2], s[3]) for s in told(load(importer.folder)[0])] == [
        (5, "The bridge opens on Monday.", "article"),
        (33, "Share", "boilerplate"),
        (39, "Read also: the old bridge", "teaser"),
    ]
    assert result.spans == {"no page": 3, "orphan": 1}
    assert "the quote 'Not there at all' does not stand in its text" in result.problems[0]


def test_a_published_table_gives_its_human_labels_only(importer, pages, tmp_path):
    pages.put("https://b.example/", TEXT)
    key = pages.key_of_url("https://b.example/")
    origins = ["human", "model", "human", "model"]
    segments = [
        {"start": s["start"], "end": s["end"], "label": n, "origin": o, "score": 0.5}
        for s, n, o in zip(SPANS, (1, 0, 1, 2), origins, strict=True)
    ]
    rows = [
        {"page_key": key, "url": "https://b.example/", "text": TEXT, "segments": segments},
        {
            "page_key": "other",
            "url": None,
            "text": TEXT,
            "segments": [{**segments[1]}],
        },
    ]
    path = tmp_path / "pages.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    result = importer.take(path)
    assert (result.new, result.machine, result.problems) == (1, 1, [])
    assert [(s[2], s[3]) for s in told(load(importer.folder)[0])] == [
        ("Home", "boilerplate"),
        ("Share", "boilerplate"),
    ]


def test_a_page_is_known_by_its_text_where_it_has_no_address(importer, pages, tmp_path):
    pages.put("https://b.example/", TEXT)
    rows = [{"text": TEXT, "spans": SPANS}, {"text": "Unknown.", "spans": SPANS[:1]}]
    result = importer.take(written(tmp_path, "n.jsonl", rows))
    assert (result.new, len(result.problems)) == (1, 1)
    assert load(importer.folder)[0].page_key == pages.key_of_url("https://b.example/")
    assert "n.jsonl, record 2: it has no url and no page_key" in result.problems[0]


def test_overlapping_spans_give_way_to_the_later(importer, tmp_path):
    spans = [SPANS[1], {"start": 9, "end": 15, "label": "caption"}]
    importer.take(
        written(tmp_path, "o.jsonl", [{"url": "b.example", "text": TEXT, "spans": spans}])
    )
    assert [(s[2], s[3]) for s in told(load(importer.folder)[0])] == [
        ("The", "article"),
        ("bridge", "caption"),
        ("opens on Monday.", "article"),
    ]


def test_one_name_for_all_and_pseudonyms_as_they_are(importer, tmp_path):
    row = {"url": "b.example", "text": TEXT, "spans": SPANS}
    importer.annotator = "Grace Harbour"
    importer.take(written(tmp_path, "a.jsonl", [row]))
    assert load(importer.folder)[0].annotator == importer.pseudonyms.of("Grace Harbour")
    importer.annotator = None
    importer.take(written(tmp_path, "a.jsonl", [{**row, "annotator": "annotator-0123456789"}]))
    assert load(importer.folder)[0].annotator == "annotator-0123456789"
    importer.take(written(tmp_path, "ada@example.org.jsonl", [{**row, "url": "c.example"}]))
    for path in importer.folder.iterdir():
        assert b"Grace" not in path.read_bytes()
        assert b"ada@" not in path.read_bytes()


def test_withdrawn_work_is_not_imported_again(importer, tmp_path):
    path = written(tmp_path, "a.jsonl", [{"url": "b.example", "text": TEXT, "spans": SPANS}])
    importer.take(path)
    who = load(importer.folder)[0].annotator
    withdraw(importer.folder, "annotator", who)
    result = importer.take(path)
    assert (result.new, result.withheld, load(importer.folder)) == (0, 1, [])
    lift(importer.folder, "annotator", who)
    assert importer.take(path).new == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"text": "x"}\n', "neither a Label Studio task .* nor a labelled page"),
        ("b.jsonl", b'{"start": 0, "end": 4, "text": "Home"}', "a row of this file is a segment"),
        ("c.json", b"[1, 2]", "is a JSON list, but not of objects"),
        ("d.json", b"[{", "is no JSON"),
        ("e.bin", b"\xff\xfe\x00", "is neither Parquet nor UTF-8 text"),
        ("f.txt", b"hello", "is neither Parquet, a JSON list nor JSON lines"),
        ("g.jsonl", b"\n", "holds no record"),
        ("h.parquet", b"PAR1 broken", "can't be read|neither"),
    ],
)
def test_what_can_not_be_read_is_told(importer, tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ReviewError, match=message):
        importer.take(path)
    assert load(importer.folder) == []


def test_a_file_that_is_not_there(importer, tmp_path):
    with pytest.raises(ReviewError, match=r"none\.json is no file"):
        importer.take(tmp_path / "none.json")
