"""Push and pull against a real Label Studio, character by character."""

from __future__ import annotations

from dataclasses import replace

import pytest

from curate.review.annotations import load, read_all
from curate.review.config import ReviewConfig
from curate.review.interface import labeling_config
from curate.review.project import ReviewProject
from curate.review.tasks import prediction_of
from curate.schema import segment_id_of
from curate.text import replace_surrogates, text_hash
from tests.review.texts import ODD_TEXTS

pytestmark = pytest.mark.server


def counts(steps):
    names = ("new", "changed", "unchanged", "to_close", "orphaned", "refused")
    return {name: n for name in names if (n := len(getattr(steps, name)))}


def tasks_by_key(project):
    held = project.connection.client.tasks(project.number)
    return {task["data"]["page_key"]: task for task in held}


def annotate(project, task_id, result, **more):
    client = project.connection.client
    body = {"result": result, "lead_time": 12.5, **more}
    return client.post(f"/api/tasks/{task_id}/annotations/", body)["id"]


def as_accepted(task):
    """What the browser sends where nothing was changed."""
    return [{**r, "origin": "prediction"} for r in prediction_of(task)["result"]]


def test_every_odd_text_comes_back_character_by_character(project, make_task, tmp_path):
    tasks = [make_task(key, text) for key, text in ODD_TEXTS.items()]
    steps = project.plan(tasks)
    assert counts(steps) == {"new": len(tasks)}
    result = project.push(steps)
    assert (result.created, result.failed) == (len(tasks), [])

    again = project.plan(tasks)
    assert again.is_empty
    assert counts(again) == {"unchanged": len(tasks)}
    assert project.push(again).created == 0
    held = tasks_by_key(project)
    assert len(held) == len(tasks)

    for task in tasks:
        annotate(project, held[task.page_key]["id"], as_accepted(task))
    pulled = project.pull(tmp_path)
    assert (pulled.new, pulled.problems) == (len(tasks), [])
    stored = {a.page_key: a for a in load(tmp_path)}
    for task in tasks:
        annotation = stored[task.page_key]
        assert annotation.text == replace_surrogates(task.text)
        assert annotation.text_hash == text_hash(task.text)
        assert annotation.lead_time_s == 12.5
        assert [(s.start, s.end, s.label, s.action) for s in annotation.spans] == [
            (start, end, label, "accepted")
            for start, end, label in zip(task.starts, task.ends, task.labels, strict=True)
        ]
        for span in annotation.spans:
            assert span.exact == annotation.text[span.start : span.end]
            assert span.region_id == segment_id_of(task.page_id, span.start, span.end)
    assert project.pull(tmp_path).n_written == 0
    assert project.pull(tmp_path, full=True).n_written == 0
    assert len(list(tmp_path.iterdir())) == 1


def test_work_is_created_changed_skipped_and_deleted(project, make_task, tmp_path):
    client = project.connection.client
    tasks = [make_task(f"p{i}", f"One {i}.\nTwo {i}.\nThree {i}.") for i in range(4)]
    project.push(project.plan(tasks))
    held = tasks_by_key(project)
    ids = [held[f"p{i}"]["id"] for i in range(4)]

    # p0: relabelled, deleted and drawn regions; p1: accepted; p2: skipped; p3: drafted only.
    result = as_accepted(tasks[0])
    result[0]["value"]["labels"] = ["teaser"]
    result[0]["origin"] = "prediction-changed"
    result[2] = {
        **result[2],
        "id": "xYz",
        "origin": "manual",
        "value": {"start": 14, "end": 21, "labels": ["caption"]},
    }
    del result[1]
    verdict = {
        "from_name": "page",
        "to_name": "text",
        "type": "choices",
        "id": "c",
        "value": {"choices": ["unsure"]},
    }
    first = annotate(project, ids[0], [*result, verdict])
    second = annotate(project, ids[1], as_accepted(tasks[1]))
    annotate(project, ids[2], [], was_cancelled=True)
    client.post(f"/api/tasks/{ids[3]}/drafts", {"result": result, "lead_time": 1})

    pulled = project.pull(tmp_path)
    assert (pulled.new, pulled.changed, pulled.deleted, pulled.problems) == (3, 0, 0, [])
    work = {a.page_key: a for a in load(tmp_path)}
    assert set(work) == {"p0", "p1", "p2"}
    assert [(s.exact, s.label, s.action) for s in work["p0"].spans] == [
        ("One 0.", "teaser", "relabelled"),
        ("Three 0.", "caption", "drawn"),
    ]
    assert work["p0"].verdict == "unsure"
    assert work["p2"].status == "skipped"
    assert work["p2"].spans == ()
    assert len({a.annotator for a in work.values()}) == 1
    progress = project.progress()
    assert (progress.tasks, progress.annotations, progress.skipped) == (4, 2, 1)

    client.patch(f"/api/annotations/{second}/", {"result": as_accepted(tasks[1])[:1]})
    client.delete(f"/api/annotations/{first}/")
    pulled = project.pull(tmp_path)
    assert (pulled.new, pulled.changed, pulled.deleted) == (0, 1, 1)
    work = {a.page_key: a for a in load(tmp_path)}
    assert set(work) == {"p1", "p2"}
    assert [s.exact for s in work["p1"].spans] == ["One 1."]
    assert len(list(read_all(tmp_path))) == 5  # nothing was taken back

    client.delete_task(ids[1])
    pulled = project.pull(tmp_path)
    assert pulled.deleted == 1
    assert {a.page_key for a in load(tmp_path)} == {"p2"}
    assert project.pull(tmp_path).n_written == 0


def test_better_predictions_replace_older_and_human_work_stays(project, make_task):
    client = project.connection.client
    tasks = [make_task(f"p{i}", f"One {i}.\nTwo {i}.") for i in range(3)]
    project.push(project.plan(tasks))
    held = tasks_by_key(project)
    annotate(project, held["p0"]["id"], as_accepted(tasks[0]))
    client.post(f"/api/tasks/{held['p1']['id']}/drafts", {"result": [], "lead_time": 1})
    better = [make_task(f"p{i}", f"One {i}.\nTwo {i}.", score=0.4, version="m@2") for i in range(3)]

    steps = project.plan(better[:2], refresh={t.page_id: t for t in better}.get)
    assert counts(steps) == {"changed": 1, "unchanged": 2}
    assert project.push(steps).updated == 1
    held = tasks_by_key(project)
    assert [p["score"] for p in held["p0"]["predictions"]] == [0.9]
    assert [p["score"] for p in held["p1"]["predictions"]] == [0.9]
    assert [p["score"] for p in held["p2"]["predictions"]] == [0.4]
    assert held["p2"]["data"]["labeler"] == "m@2"
    assert "40%" in held["p2"]["data"]["head"]
    assert len(held["p0"]["annotations"]) == 1
    assert project.plan(better, current=None).is_empty
    # The labeling stream still shows a prediction for every open page.
    shown = client.get(f"/api/projects/{project.number}/next/")
    assert len(shown["predictions"]) == 1


def test_changed_and_gone_pages(project, make_task):
    client = project.connection.client
    old = [make_task(f"p{i}", f"Old {i}.") for i in range(4)]
    project.push(project.plan(old))
    held = tasks_by_key(project)
    annotate(project, held["p1"]["id"], as_accepted(old[1]))
    new = [make_task(f"p{i}", f"New {i}.") for i in range(2)]
    current = {t.page_key: t.page_id for t in [*new, old[2]]}
    client.import_tasks(project.number, [{"data": {"text": "not ours", "head": ""}}])

    steps = project.plan(new, current=current)
    assert counts(steps) == {"new": 2, "unchanged": 2, "to_close": 1, "orphaned": 1}
    assert steps.foreign == 1
    assert [r.page_id for r in steps.to_close] == [old[0].page_id]
    assert [r.page_id for r in steps.orphaned] == [old[3].page_id]
    result = project.push(steps)
    assert (result.created, result.closed) == (2, 1)
    left = sorted(t["data"].get("page_id", "") for t in client.tasks(project.number))
    kept = [old[1], old[2], old[3], *new]
    assert left == sorted(["", *(t.page_id for t in kept)])


def test_doubles_and_altered_texts_are_put_right(project, make_task):
    client = project.connection.client
    tasks = [make_task(f"p{i}", f"Text {i}.") for i in range(3)]
    project.push(project.plan(tasks))
    held = tasks_by_key(project)
    extra = {k: held["p0"][k] for k in ("data",)}
    client.import_tasks(project.number, [extra])
    for key in ("p1", "p2"):
        data = held[key]["data"]
        client.update_task(held[key]["id"], {**data, "text": "Altered."})
    annotate(project, held["p2"]["id"], as_accepted(tasks[2]))

    steps = project.plan(tasks)
    assert counts(steps) == {"new": 1, "unchanged": 2, "to_close": 2, "refused": 1}
    assert "is not the one that was sent" in steps.refused[0][1]
    result = project.push(steps)
    assert (result.created, result.closed, len(result.failed)) == (1, 2, 1)
    assert counts(project.plan(tasks)) == {"unchanged": 3, "refused": 1}


def test_an_altered_text_is_a_problem_of_its_page_only(project, make_task, tmp_path):
    client = project.connection.client
    tasks = [make_task(f"p{i}", f"Text {i}.\nMore {i}.") for i in range(3)]
    project.push(project.plan(tasks))
    held = tasks_by_key(project)
    for task in tasks:
        annotate(project, held[task.page_key]["id"], as_accepted(task))
    data = held["p0"]["data"]
    client.update_task(held["p0"]["id"], {**data, "text": data["text"].upper()})
    bad = as_accepted(tasks[1])
    bad[0]["value"] = {"start": 0, "end": 99, "labels": ["article"]}
    annotate(project, held["p1"]["id"], bad)

    pulled = project.pull(tmp_path)
    assert pulled.new == 2
    assert len(pulled.problems) == 2
    assert f"page {tasks[0].page_id}, task {held['p0']['id']}" in pulled.problems[0]
    assert "0-99 does not lie within the text's" in pulled.problems[1]
    # It is told again until it is put right, and then taken in.
    assert len(project.pull(tmp_path).problems) == 2
    client.update_task(held["p0"]["id"], data)
    pulled = project.pull(tmp_path)
    assert (pulled.new, len(pulled.problems)) == (1, 1)


def test_the_project_is_found_again_without_its_note(project, connection, label_set, state):
    note = state / "review" / f"{project.name}.json"
    note.unlink()
    opened = ReviewProject.open(connection, project.name, label_set, ReviewConfig(), state)
    assert opened.number == project.number
    assert note.exists()
    settings = connection.client.project(project.number)
    assert settings["label_config"] == labeling_config(label_set)
    assert "How to label a page" in settings["expert_instruction"]
    assert settings["model_version"] == "curate"
    assert (
        ReviewProject.open(connection, "never-made", label_set, ReviewConfig(), state, create=False)
        is None
    )


def test_a_new_schema_is_taken_over_but_not_over_used_labels(
    project, connection, label_set, state, make_task
):
    from curate.errors import ReviewError

    project.push(project.plan([make_task("p", "One.\nTwo.\nThree.")]))
    three = replace(label_set, labels=label_set.labels[:3])
    opened = ReviewProject.open(connection, project.name, three, ReviewConfig(), state)
    assert opened.number == project.number
    assert "caption" not in connection.client.project(project.number)["label_config"]
    held = tasks_by_key(project)["p"]
    annotate(project, held["id"], held["predictions"][0]["result"])
    two = replace(label_set, labels=label_set.labels[:2])
    with pytest.raises(ReviewError, match="people have used the labels teaser"):
        ReviewProject.open(connection, project.name, two, ReviewConfig(), state)
    mapped = replace(two, from_labels={"teaser": "boilerplate"})
    ReviewProject.open(connection, project.name, mapped, ReviewConfig(), state)
