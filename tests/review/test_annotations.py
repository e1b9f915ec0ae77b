"""Human work on disk."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.errors import ReviewError
from curate.review.annotations import append, content_digest, index, load, read_all
from curate.schema import ANNOTATION_SCHEMA, Annotation, Span

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


def annotation(name: str = "a", **changes: object) -> Annotation:
    whole = Annotation(
        annotation_id=name,
        page_key="k",
        text_hash="h",
        text="one two",
        annotator="annotator-1",
        status="submitted",
        spans=(Span(0, 3, "article", "accepted", "r", "one", "", " two"),),
        updated_at=T0,
    )
    return replace(whole, **changes)


text = st.text(st.characters(blacklist_categories=("Cs",)), max_size=12)
spans = st.builds(
    Span,
    st.integers(0, 9),
    st.integers(0, 9),
    text,
    st.sampled_from(["accepted", "relabelled", "drawn"]),
    text,
    text,
    text,
    text,
)
maybe_int = st.none() | st.integers(0, 2**62)
annotations = st.builds(
    Annotation,
    annotation_id=text,
    page_key=text,
    text_hash=text,
    text=text,
    annotator=text,
    status=st.sampled_from(["submitted", "skipped", "deleted"]),
    spans=st.lists(spans, max_size=3).map(tuple),
    updated_at=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    lead_time_s=st.none() | st.floats(0, 1e6),
    verdict=st.none() | text,
    schema=text,
    guideline=text,
    origin=text,
    server=st.none() | text,
    project_id=maybe_int,
    task_id=maybe_int,
    server_annotation_id=maybe_int,
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(rows=st.lists(annotations, min_size=1, max_size=4))
def test_what_is_written_is_read_back_exactly(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("annotations")
    append(folder, rows)
    assert list(read_all(folder)) == rows
    latest = {}
    for row in rows:
        if row.annotation_id not in latest or (
            row.updated_at >= latest[row.annotation_id].updated_at
        ):
            latest[row.annotation_id] = row
    assert {a.annotation_id: a for a in load(folder, deleted=True)} == latest
    light = index(folder)
    assert {name: known.content for name, known in light.items()} == {
        name: content_digest(row) for name, row in latest.items()
    }


def test_files_are_only_added_and_named_in_order(tmp_path):
    first = append(tmp_path, [annotation()])
    before = first.read_bytes()
    second = append(tmp_path, [annotation("b")])
    assert [first.name[:7], second.name[:7]] == ["000001-", "000002-"]
    assert first.read_bytes() == before
    assert append(tmp_path, []) is None
    assert sorted(p.name for p in tmp_path.iterdir()) == [first.name, second.name]
    assert pq.read_schema(first).equals(ANNOTATION_SCHEMA)


def test_the_same_work_gives_the_same_file(tmp_path):
    one = append(tmp_path / "x", [annotation()])
    two = append(tmp_path / "y", [annotation()])
    assert (one.name, one.read_bytes()) == (two.name, two.read_bytes())


def test_the_latest_row_wins_and_of_equals_the_later_file(tmp_path):
    append(tmp_path, [annotation(verdict="new", updated_at=T0 + timedelta(seconds=1))])
    append(tmp_path, [annotation(verdict="old")])
    assert [a.verdict for a in load(tmp_path)] == ["new"]
    append(tmp_path, [annotation(verdict="newer", updated_at=T0 + timedelta(seconds=1))])
    assert [a.verdict for a in load(tmp_path)] == ["newer"]
    assert len(list(read_all(tmp_path))) == 3


def test_a_tombstone_hides_and_later_work_shows_again(tmp_path):
    append(tmp_path, [annotation(), annotation("b")])
    append(
        tmp_path,
        [annotation(status="deleted", spans=(), text="", updated_at=T0 + timedelta(seconds=1))],
    )
    assert [a.annotation_id for a in load(tmp_path)] == ["b"]
    assert [a.status for a in load(tmp_path, deleted=True)] == ["deleted", "submitted"]
    append(tmp_path, [annotation(updated_at=T0 + timedelta(seconds=2))])
    assert [a.annotation_id for a in load(tmp_path)] == ["a", "b"]


def test_an_empty_folder_holds_nothing(tmp_path):
    assert load(tmp_path / "none") == []
    assert index(tmp_path / "none") == {}


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / ".tmp-1-000001-0123456789ab.parquet").write_text("half")
    append(tmp_path, [annotation()])
    assert len(load(tmp_path)) == 1


def test_a_broken_file_is_named(tmp_path):
    path = append(tmp_path, [annotation()])
    path.write_bytes(b"PAR1 nonsense")
    with pytest.raises(ReviewError, match=rf"{path.name} can't be read as annotations"):
        load(tmp_path)


def test_lone_surrogates_can_not_break_a_file(tmp_path):
    append(tmp_path, [annotation(text="a\ud800b")])
    assert load(tmp_path)[0].text == "a\ufffdb"
