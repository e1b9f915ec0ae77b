"""Pull, from tasks as a real server listed them (1.23.2, reviewed in a browser)."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from curate.review.annotations import append, load, read_all
from curate.review.pseudonyms import Pseudonyms
from curate.review.pull import Puller
from curate.review.withdraw import lift, withdraw
from curate.text import text_hash
from tests.review.fake import FakeServer

TASKS = Path(__file__).resolve().parents[1] / "data/review/tasks.json"


@pytest.fixture
def fake() -> FakeServer:
    server = FakeServer()
    for task in json.loads(TASKS.read_text()):
        server.tasks[task["id"]] = task
    return server


@pytest.fixture
def puller(fake, label_set, tmp_path):
    def make(server: str = "local/0123", project: int = 6) -> Puller:
        return Puller(
            client=fake.client(),
            project=project,
            server=server,
            folder=tmp_path / "annotations",
            label_set=label_set,
            pseudonyms=Pseudonyms(tmp_path / "pseudonym.key"),
            state=tmp_path / f"{project}.pull.json",
        )

    return make


def by_key(fake):
    return {task["data"]["page_key"]: task for task in fake.tasks.values()}


def test_a_real_listing_is_taken_in_exactly(puller, tmp_path, label_set):
    result = puller().pull()
    assert (result.n_tasks, result.new, result.problems) == (4, 3, [])
    work = {a.page_key: a for a in load(tmp_path / "annotations")}
    assert set(work) == {"way", "odd", "skipped"}
    assert [(s.exact, s.label, s.action) for s in work["way"].spans] == [
        ("Menu and search", "caption", "relabelled"),
        ("A headline of this page", "article", "accepted"),
        ("First part.", "article", "drawn"),
        ("Photo: Agency.", "caption", "drawn"),
        ("Another story", "teaser", "relabelled"),
        ("Its summary", "teaser", "relabelled"),
        ("Share 🎉", "boilerplate", "relabelled"),
        ("Untouched end", "boilerplate", "relabelled"),
    ]
    assert [(s.exact, s.label, s.action) for s in work["odd"].spans] == [
        ("Emoji \U0001f600 line.", "article", "accepted"),
        ("Tab\there\x00 and\u00a0more.", "caption", "relabelled"),
        ("\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd.", "teaser", "accepted"),
    ]
    assert (work["way"].verdict, work["odd"].verdict) == ("unsure", None)
    assert work["skipped"].status == "skipped"
    assert work["way"].lead_time_s == 6.512
    assert {a.guideline for a in work.values()} == {label_set.guideline_digest}
    assert (work["way"].server, work["way"].project_id) == ("local/0123", 6)


def test_a_second_pull_asks_for_less_and_writes_nothing(puller, tmp_path):
    puller().pull()
    again = puller().pull()
    assert (again.n_tasks < 4, again.n_written) == (True, 0)
    assert puller().pull(full=True).n_written == 0
    assert len(list((tmp_path / "annotations").iterdir())) == 1


def test_no_address_gets_into_the_files(puller, tmp_path):
    puller().pull()
    for path in (tmp_path / "annotations").iterdir():
        assert b"example.org" not in path.read_bytes()
    names = {a.annotator for a in load(tmp_path / "annotations")}
    assert names == {Pseudonyms(tmp_path / "pseudonym.key").of("ada@example.org")}


def test_change_and_deletion_add_rows(puller, fake, tmp_path):
    puller().pull()
    tasks = by_key(fake)
    later = "2026-11-23T00:00:00.000000Z"
    changed = tasks["odd"]["annotations"][0]
    changed["result"] = changed["result"][:1]
    changed["updated_at"] = tasks["odd"]["updated_at"] = later
    tasks["way"]["annotations"].clear()
    tasks["way"]["updated_at"] = later
    result = puller().pull()
    assert (result.new, result.changed, result.deleted) == (0, 1, 1)
    assert {a.page_key for a in load(tmp_path / "annotations")} == {"odd", "skipped"}
    assert len(list(read_all(tmp_path / "annotations"))) == 5
    assert puller().pull(full=True).n_written == 0


def test_a_task_that_is_gone_leaves_a_tombstone_and_may_come_back(puller, fake, tmp_path):
    puller().pull()
    number = by_key(fake)["way"]["id"]
    kept = fake.tasks.pop(number)
    assert puller().pull().deleted == 1
    assert puller().pull().n_written == 0
    fake.tasks[number] = kept  # restored from a backup there
    result = puller().pull(full=True)
    assert (result.changed, result.deleted) == (1, 0)
    assert {a.page_key for a in load(tmp_path / "annotations")} == {"way", "odd", "skipped"}
    assert puller().pull(full=True).n_written == 0


def test_another_servers_project_of_the_same_number_buries_nothing(puller, fake, tmp_path):
    puller("https://one.example.org").pull()
    fake.tasks.clear()
    assert puller("https://two.example.org").pull().n_written == 0
    assert len(load(tmp_path / "annotations")) == 3


def test_removed_annotations_are_pulled_again(puller, tmp_path):
    puller().pull()
    for path in (tmp_path / "annotations").iterdir():
        path.unlink()
    assert puller().pull().new == 3


def test_a_lost_or_broken_note_costs_a_full_pull_only(puller, tmp_path):
    puller().pull()
    (tmp_path / "6.pull.json").write_text("{broken")
    result = puller().pull()
    assert (result.n_tasks, result.n_written) == (4, 0)


def test_bad_work_on_one_page_is_told_until_it_is_put_right(puller, fake):
    broken = by_key(fake)["way"]["annotations"][0]["result"][0]["value"]
    broken["labels"] = ["ad"]
    for _ in range(2):
        result = puller().pull()
        assert len(result.problems) == 1
        assert "page way-" in result.problems[0]
        assert "label 'ad', which is not one of article" in result.problems[0]
    broken["labels"] = ["article"]
    result = puller().pull()
    assert (result.new, result.problems) == (1, [])


def test_rows_that_others_added_are_left_alone(puller, tmp_path):
    puller().pull()
    first = load(tmp_path / "annotations")[0]
    from dataclasses import replace

    mine = replace(
        first,
        annotation_id="import-1",
        origin="import:x",
        server=None,
        updated_at=first.updated_at + timedelta(days=1),
    )
    append(tmp_path / "annotations", [mine])
    assert puller().pull(full=True).n_written == 0
    assert len(load(tmp_path / "annotations")) == 4


def test_withdrawn_work_is_not_pulled_again_until_that_is_lifted(puller, fake, tmp_path):
    folder = tmp_path / "annotations"
    puller().pull()
    withdraw(folder, "page", "odd")
    result = puller().pull()
    assert (result.n_written, result.withheld) == (0, 1)
    assert {a.page_key for a in load(folder)} == {"way", "skipped"}
    (annotation,) = by_key(fake)["odd"]["annotations"]
    annotation["updated_at"] = by_key(fake)["odd"]["updated_at"] = "2026-11-23T00:00:00.000000Z"
    assert (puller().pull().n_written, puller().pull(full=True).withheld) == (0, 1)
    name = load(folder)[0].annotator
    withdraw(folder, "annotator", name)
    assert puller().pull(full=True).withheld == 3
    assert list(read_all(folder)) == []
    lift(folder, "annotator", name)
    lift(folder, "page", "odd")
    assert puller().pull(full=True).new == 3


def test_work_on_a_page_added_by_hand_is_taken_in_under_its_own_key(puller, fake, tmp_path):
    text = "Menu\nA headline."
    region = {
        "id": "r",
        "type": "labels",
        "from_name": "label",
        "origin": "manual",
        "value": {"start": 5, "end": 16, "labels": ["article"]},
    }
    moment = "2026-11-23T00:00:00.000000Z"
    fake.tasks[900] = {
        "id": 900,
        "data": {"text": text, "url": "https://a.example/x"},
        "updated_at": moment,
        "annotations": [
            {
                "id": 901,
                "completed_by": 1,
                "created_at": moment,
                "updated_at": moment,
                "result": [region],
                "lead_time": 3,
            }
        ],
    }
    assert puller().pull(full=True).new == 3  # nobody says what its key is: left alone
    pull = puller()
    pull.key_of = lambda data: f"key of {data['url']}"
    assert pull.pull(full=True).new == 1
    (annotation,) = [a for a in load(tmp_path / "annotations") if a.task_id == 900]
    assert (annotation.page_key, annotation.text) == ("key of https://a.example/x", text)
    assert annotation.text_hash == text_hash(text)
    assert [(s.exact, s.label, s.action) for s in annotation.spans] == [
        ("A headline.", "article", "drawn")
    ]
    fake.tasks[900]["annotations"] = []
    assert pull.pull(full=True).deleted == 1
