"""Pages whose readers left text without a label are opened once more, and no more than that."""

from __future__ import annotations

import io
import uuid
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from curate.cli.review_left import print_left_over
from curate.review.again import MARK, again_by_reader, again_task
from curate.review.annotations import load
from curate.review.config import ReviewConfig
from curate.review.left_over import pages_left_over
from curate.review.people import ReviewTeam
from curate.review.tasks import check_task, prediction_of
from curate.review.votes import ADJUDICATION, AGAIN, latest_readings
from curate.schema import Span, segment_id_of
from curate.text import text_hash
from tests.review.test_annotations import T0, annotation

TEXT = "Menu one\nA headline\nBody text, and more\nPhoto: me"
LABELS = ("article", "boilerplate", "teaser", "caption")


def span(start, end, label="article", action="accepted"):
    return Span(start, end, label, action, "", TEXT[start:end])


def reading(name, *spans, hours=0, **more):
    told = {"project_id": 3, "task_id": 7, "server": "s", "page_key": "k", **more}
    made = annotation(name, text=TEXT, spans=spans, updated_at=T0 + timedelta(hours=hours), **told)
    return replace(made, text_hash=text_hash(TEXT))


def shown(task):
    rows = zip(task.starts, task.ends, task.labels, task.scores, task.remarks, strict=True)
    return [(TEXT[start:end], *rest) for start, end, *rest in rows]


def test_people_s_labels_stay_and_what_has_none_is_marked(make_task, label_set):
    base = make_task("k", TEXT, score=0.7)
    read = reading("a", span(0, 8, "boilerplate", "relabelled"), span(20, 30, "teaser", "drawn"))
    (left,) = pages_left_over([read])
    task = again_task(base, left, [read], label_set)
    assert shown(task) == [
        ("Menu one", "boilerplate", 1.0, ""),
        ("A headline", "boilerplate", 0.7, MARK),
        ("Body text,", "teaser", 1.0, ""),
        ("and more", "teaser", 0.7, MARK),
        ("Photo: me", "caption", 0.7, MARK),
    ]
    assert task.earlier == {
        segment_id_of(base.page_id, 0, 8): "relabelled",
        segment_id_of(base.page_id, 20, 30): "drawn",
    }
    assert task.why.startswith("3 lines were left without a label")
    assert (task.page_id, task.key) == (base.page_id, f"{base.page_id}+{left.round}")
    assert [r["value"]["start"] for r in prediction_of(task)["result"]] == [9, 31, 40, 0, 20]


def test_another_reader_s_labels_fill_what_the_last_one_left_out(make_task, label_set):
    one = reading("a", span(0, 8), span(9, 19, "teaser"), annotator="annotator-1")
    two = reading("b", span(0, 8, "caption"), annotator="annotator-2", hours=1)
    (left,) = pages_left_over([one, two])
    task = again_task(make_task("k", TEXT), left, [one, two], label_set)
    assert [row[:2] + row[3:] for row in shown(task)] == [
        ("Menu one", "caption", ""),
        ("A headline", "teaser", ""),
        ("Body text, and more", "teaser", MARK),
        ("Photo: me", "caption", MARK),
    ]


@given(
    cuts=st.lists(st.integers(0, len(TEXT)), max_size=8),
    more=st.lists(st.integers(0, len(TEXT)), max_size=6),
)
def test_what_is_sent_is_whole_and_can_be_proved(make_task, label_set, cuts, more):
    """Whatever was drawn: regions in order, disjoint, and no letter without one."""

    def spans(edges):
        edges = sorted(edges)
        pairs = zip(edges[::2], edges[1::2], strict=False)
        return [span(a, b) for a, b in pairs if TEXT[a:b].strip()]

    readings = [
        reading("a", *spans(cuts)),
        reading("b", *spans(more), annotator="annotator-2", hours=1),
    ]
    for left in pages_left_over(readings):
        task = again_task(make_task("k", TEXT), left, readings, label_set)
        check_task(task, LABELS)
        inside = {i for a, b in zip(task.starts, task.ends, strict=True) for i in range(a, b)}
        assert all(i in inside for i, char in enumerate(TEXT) if char.isalnum())


def test_a_page_read_again_has_the_word_of_whoever_read_it_then():
    ada = reading("a", span(0, 8), annotator="annotator-1")
    bo = reading("b", span(0, 8), annotator="annotator-2")
    elsewhere = reading("c", span(0, 8), annotator="annotator-3", project_id=4)
    judge = reading("d", span(0, 8), annotator="annotator-2", origin=ADJUDICATION)
    again = reading("e", span(0, 19), annotator="annotator-2", origin=AGAIN, hours=1)
    told = latest_readings([ada, bo, elsewhere, judge, again])
    assert [r.annotation_id for r in told] == ["d", "e", "c"]
    # Work that is newer than that counts beside it: the newest word of each person.
    ada = replace(ada, updated_at=T0 + timedelta(hours=2))
    assert [r.annotation_id for r in latest_readings([ada, bo, again])] == ["a", "e"]
    bo = replace(bo, updated_at=T0 + timedelta(hours=2))
    assert [r.annotation_id for r in latest_readings([bo, again])] == ["b"]


def seat(reader, project, *, n_open=0, former=False, again=()):
    """A reader's project with some open pages."""
    progress = SimpleNamespace(open=n_open)
    return SimpleNamespace(
        reader=reader,
        project=SimpleNamespace(number=project),
        former=former,
        again=dict.fromkeys(again),
        progress=lambda: progress,
    )


def test_a_page_goes_back_to_whoever_read_it_last(make_task, label_set):
    base = make_task("k", TEXT)
    read = reading("a", span(0, 8))

    def sent(seats, *readings, is_ready=lambda _: True):
        found = again_by_reader(
            seats, "s", readings, label_set, lambda _: {base.page_id: base}, is_ready
        )
        return {reader: [task.page_key for task in tasks] for reader, tasks in found.items()}

    ada, bo = seat("ada", 3, n_open=9), seat("bo", 4)
    assert sent([ada, bo], read) == {"ada": ["k"]}
    assert sent([ada, bo], read, is_ready=lambda _: False) == {}
    # Whoever left is asked no more; it stays where it was sent instead, whoever has less to do.
    gone = seat("ada", 3, former=True)
    assert sent([gone, bo, seat("cy", 5, n_open=1)], read) == {"bo": ["k"]}
    (left,) = pages_left_over([read])
    held = seat("cy", 5, n_open=7, again=[f"{base.page_id}+{left.round}"])
    assert sent([gone, bo, held], read) == {"cy": ["k"]}
    # Nobody took a region away in what was imported.
    assert sent([ada, bo], replace(read, server=None)) == {}
    # All has a label by now.
    assert sent([ada, bo], read, reading("b", span(0, len(TEXT)), origin=AGAIN, hours=1)) == {}


# ------------------------------------------------------------- the real server


def submitted(client, task, change):
    """Submit a task's regions as the browser does; `change` gives each its label, None: deleted."""
    result = []
    for region in task["predictions"][-1]["result"]:
        start, end = region["value"]["start"], region["value"]["end"]
        was = region["value"]["labels"][0]
        label = change(task["data"]["text"][start:end], was)
        if label is not None:
            origin = "prediction" if label == was else "prediction-changed"
            value = {**region["value"], "labels": [label]}
            result.append({**region, "origin": origin, "value": value})
    body = {"result": result, "lead_time": 5}
    return client.post(f"/api/tasks/{task['id']}/annotations/", body)["id"]


@pytest.mark.server
def test_deleted_text_goes_to_review_once_more(connection, label_set, state, make_task, tmp_path):
    name = f"again-{uuid.uuid4().hex[:8]}"
    team = ReviewTeam.open(connection, name, label_set, ReviewConfig(), state)
    client, number = connection.client, team.seats[0].project.number
    tasks = [make_task(f"p{i}", f"One {i}.\nTwo {i}.\nThree {i}.") for i in range(4)]
    by_id = {task.page_id: task for task in tasks}

    def planned():
        team.read(again=True)
        return team.plan(
            tasks,
            current={task.page_key: task.page_id for task in tasks},
            annotations=load(tmp_path),
            tasks_of=lambda ids: {i: by_id[i] for i in ids if i in by_id},
        )

    def held():
        found = {}
        for task in client.tasks(number):
            found.setdefault(task["data"]["page_key"], []).append(task)
        return found

    assert team.push(planned()).created == 4
    first = {key: task for key, (task,) in held().items()}

    def say(text, was):
        return None if text.startswith("Two") else "caption" if text.startswith("One") else was

    done = {key: submitted(client, first[key], say) for key in ("p0", "p1", "p2")}
    submitted(client, first["p3"], lambda _, was: was)
    assert team.pull(tmp_path).new == 4

    steps = planned()
    assert (steps.again, len(steps.new), len(steps.changed), len(steps.to_close)) == (3, 3, 0, 0)
    assert team.push(steps).created == 3
    assert planned().is_empty
    assert team.pull(tmp_path).n_written == 0
    pages = held()
    assert [len(pages[f"p{i}"]) for i in range(4)] == [2, 2, 2, 1]
    second = pages["p0"][1]
    assert len(pages["p0"][0]["annotations"]) == 1  # what was reviewed is as it was
    assert [
        (r["value"]["start"], r["value"]["labels"]) for r in second["predictions"][-1]["result"]
    ] == [(7, ["boilerplate"]), (0, ["caption"]), (14, ["teaser"])]
    assert MARK in second["data"]["head"]
    assert "1 line was left without a label" in second["data"]["why"]
    (seat,) = team.progress()
    assert (seat.assigned, seat.open, seat.done) == (7, 3, 4)
    assert team.waiting(load(tmp_path)) == (set(), set())

    # p0: gets a label; p1: deleted again; p2: put right where it was read first.
    submitted(client, second, lambda text, was: "article" if text.startswith("Two") else was)
    submitted(client, pages["p1"][1], lambda text, was: None if text.startswith("Two") else was)
    body = {"result": [{**r, "origin": "prediction"} for r in prediction_of(tasks[2])["result"]]}
    client.patch(f"/api/annotations/{done['p2']}/", body)
    pulled = team.pull(tmp_path)
    assert (pulled.new, pulled.changed, pulled.problems) == (2, 1, [])
    work = load(tmp_path)
    assert len(work) == 6
    counts = {r.page_key: r for key in ("p0", "p1") for r in latest_readings(of(work, key))}
    assert [(s.exact, s.label, s.action) for s in counts["p0"].spans] == [
        ("One 0.", "caption", "relabelled"),
        ("Two 0.", "article", "relabelled"),
        ("Three 0.", "teaser", "accepted"),
    ]
    assert (counts["p0"].origin, counts["p0"].task_id) == (AGAIN, second["id"])
    assert [s.exact for s in counts["p1"].spans] == ["One 1.", "Three 1."]

    steps = planned()
    assert (steps.again, len(steps.new), [r.page_key for r in steps.to_close]) == (0, 0, ["p2"])
    assert team.push(steps).closed == 1
    assert planned().is_empty
    assert [len(found) for found in held().values()] == [2, 2, 1, 1]
    told = Console(file=io.StringIO(), width=200)
    print_left_over(work, client.url, told)
    assert told.file.getvalue().startswith("left out for good: 1 lines")


def of(work, key):
    return [reading for reading in work if reading.page_key == key]
