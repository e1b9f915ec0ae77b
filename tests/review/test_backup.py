"""Human work to one file and back, row by row; and its removal on request."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.errors import ReviewError
from curate.review.annotations import append, files_of, load, read_all
from curate.review.backup import backup_rows, export, restore
from curate.review.withdraw import RECORD, Blocked, blocked, lift, withdraw
from tests.review.test_annotations import T0, annotation, annotations

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def rows_of(path):
    if path.suffix == ".parquet":
        return backup_rows(path)
    return (json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1])


@pytest.fixture
def folder(tmp_path):
    """Three people's work on three pages, in three files, with a tombstone."""
    folder = tmp_path / "annotations"
    work = [
        annotation(f"{who}{page}", annotator=f"annotator-{who}", page_key=f"page-{page}")
        for who in "abc"
        for page in "xyz"
    ]
    gone = replace(work[4], status="deleted", text="", spans=(), updated_at=T0 + timedelta(1))
    append(folder, work[:5])
    append(folder, [gone])
    append(folder, work[5:])
    return folder


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None
)
@given(
    groups=st.lists(st.lists(annotations, min_size=1, max_size=3), min_size=1, max_size=3),
    kind=st.sampled_from(["parquet", "jsonl"]),
)
def test_a_backup_restores_every_row_exactly(tmp_path_factory, groups, kind):
    base = tmp_path_factory.mktemp("backup")
    for group in groups:
        append(base / "a", group)
    unique = list(dict.fromkeys(read_all(base / "a")))
    export(base / "a", base / f"one.{kind}")
    restored = restore(base / "b", rows_of(base / f"one.{kind}"), "one")
    assert tuple(restored) == (len(unique), sum(map(len, groups)) - len(unique), 0)
    assert list(read_all(base / "b")) == unique
    export(base / "b", base / f"two.{kind}")
    if len(unique) == sum(map(len, groups)):
        assert (base / f"one.{kind}").read_bytes() == (base / f"two.{kind}").read_bytes()
    again = restore(base / "b", rows_of(base / f"one.{kind}"), "one")
    assert again[0] == 0


def test_a_backup_fills_what_is_missing_and_touches_nothing(folder, tmp_path):
    export(folder, tmp_path / "all.parquet")
    before = list(read_all(folder))
    files_of(folder)[1].unlink()
    assert tuple(restore(folder, rows_of(tmp_path / "all.parquet"), "all")) == (1, 9, 0)
    assert sorted(load(folder, deleted=True), key=repr) == sorted(
        {a.annotation_id: a for a in before}.values(), key=repr
    )


def test_what_a_backup_must_be(folder, tmp_path):
    with pytest.raises(ReviewError, match=r"ends in \.csv; a backup is \.parquet or \.jsonl"):
        export(folder, tmp_path / "all.csv")
    with pytest.raises(ReviewError, match="no human work in"):
        export(tmp_path / "none", tmp_path / "all.jsonl")
    export(folder, tmp_path / "all.jsonl")
    row = next(iter(rows_of(tmp_path / "all.jsonl")))
    with pytest.raises(ReviewError, match="all, row 1 is no row of a backup"):
        restore(folder, [{**row, "updated_at": "yesterday"}], "all")
    with pytest.raises(ReviewError, match="all, row 1 lacks annotator"):
        restore(folder, [{**row, "annotator": None}], "all")


# ---------------------------------------------------------------------- withdraw


def test_a_persons_work_is_gone_from_every_file(folder):
    told = withdraw(folder, "annotator", "annotator-b", now=lambda: NOW)
    assert (told.rows, told.annotations, told.pages, told.annotators) == (4, 3, 3, 1)
    assert sorted(a.annotation_id for a in read_all(folder)) == ["ax", "ay", "az", "cx", "cy", "cz"]
    assert [path.name[:7] for path in files_of(folder)] == ["000001-", "000003-"]
    for path in files_of(folder):
        assert b"annotator-b" not in path.read_bytes()
    lines = (folder / RECORD).read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {
            "withdrawn": "annotator",
            "key": "annotator-b",
            "rows": 4,
            "annotations": 3,
            "pages": 3,
            "annotators": 1,
            "at": "2026-11-22T09:30:00.000000+00:00",
        }
    ]
    assert blocked(folder) == Blocked(annotators=frozenset({"annotator-b"}))


def test_a_pages_work_is_gone_and_the_record_grows(folder):
    withdraw(folder, "annotator", "annotator-b", now=lambda: NOW)
    first = (folder / RECORD).read_text()
    told = withdraw(folder, "page", "page-x", now=lambda: NOW)
    assert (told.rows, told.annotators) == (2, 2)
    assert (folder / RECORD).read_text().startswith(first)
    assert {a.page_key for a in read_all(folder)} == {"page-y", "page-z"}
    assert blocked(folder) == Blocked(frozenset({"annotator-b"}), frozenset({"page-x"}))
    # Again: nothing to remove, nothing more to record.
    assert withdraw(folder, "page", "page-x").rows == 0
    assert len((folder / RECORD).read_text().splitlines()) == 2


def test_a_withdrawal_that_was_cut_is_finished_by_the_next(folder, monkeypatch):
    from curate.review import withdraw as module

    def cut(path, rows):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "rewrite", cut)
        with pytest.raises(KeyboardInterrupt):
            withdraw(folder, "annotator", "annotator-a")
    assert blocked(folder).holds("annotator-a", "page-q")
    assert withdraw(folder, "annotator", "annotator-a").rows == 3
    assert {a.annotator for a in read_all(folder)} == {"annotator-b", "annotator-c"}


def test_nobodys_work_is_an_error_and_records_nothing(folder):
    with pytest.raises(ReviewError, match="no work of annotator annotator-q in"):
        withdraw(folder, "annotator", "annotator-q")
    with pytest.raises(ReviewError, match="page page-x was not withdrawn"):
        lift(folder, "page", "page-x")
    assert not (folder / RECORD).exists()


def test_a_page_that_nobody_has_read_can_be_withdrawn(folder):
    told = withdraw(folder, "page", "page-nobody-read")
    assert (told.rows, told.annotations) == (0, 0)
    assert blocked(folder).pages == {"page-nobody-read"}
    withdraw(folder, "page", "page-nobody-read")
    assert len((folder / RECORD).read_text().splitlines()) == 1


def test_a_broken_record_stops_all_taking_in(folder):
    (folder / RECORD).write_text('{"withdrawn": "annotator"}\n')
    with pytest.raises(ReviewError, match=r"withdrawn\.jsonl, line 1 is no record of a withdrawal"):
        blocked(folder)


def test_a_backup_brings_withdrawn_work_back_only_when_lifted(folder, tmp_path):
    export(folder, tmp_path / "all.parquet")
    withdraw(folder, "annotator", "annotator-a")
    assert tuple(restore(folder, rows_of(tmp_path / "all.parquet"), "all")) == (0, 7, 3)
    lift(folder, "annotator", "annotator-a")
    assert tuple(restore(folder, rows_of(tmp_path / "all.parquet"), "all")) == (3, 7, 0)
    assert len(list(read_all(folder))) == 10
