"""Push: cut anywhere and repeated, every page arrives once."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import ReviewError
from curate.review.client import UnreachableError
from curate.review.plan import plan
from curate.review.sync import push
from curate.review.tasks import body_of, prediction_of
from tests.review.fake import FakeServer

LABELS = ("article", "boilerplate", "teaser", "caption")


def sync(client, tasks, **options):
    steps = plan(client, 1, tasks, LABELS, **options)
    return push(client, steps)


def page_ids(fake):
    return sorted(task["data"]["page_id"] for task in fake.tasks.values())


def cut(*moments):
    """Cut the connection at these writes: (count, "before" or "after")."""
    seen = {"before": 0, "after": 0}

    def fail(_name, moment):
        seen[moment] += 1
        if (seen[moment], moment) in moments:
            raise httpx.RemoteProtocolError("cut")

    return fail


def test_tasks_go_in_batches_in_the_order_of_their_rank(make_task):
    fake = FakeServer()
    tasks = [make_task(f"p{i}", f"Text {i}.", rank=9 - i) for i in range(10)]
    told = []
    client = fake.client(push_batch=4)
    steps = plan(client, 1, tasks, LABELS)
    result = push(client, steps, progress=told.append)
    assert (result.created, result.failed) == (10, [])
    assert fake.writes == ["POST import"] * 3
    assert [t["data"]["page_key"] for t in fake.tasks.values()] == [f"p{9 - i}" for i in range(10)]
    assert told == ["4 of 10 pages sent", "8 of 10 pages sent", "10 of 10 pages sent"]
    assert plan(client, 1, tasks, LABELS).is_empty


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_answer_that_is_lost_makes_no_doubles(make_task, moment):
    fake = FakeServer()
    fake.fail = cut((2, moment))
    tasks = [make_task(f"p{i}", f"Text {i}.") for i in range(6)]
    result = sync(fake.client(push_batch=2), tasks)
    assert (result.created, result.failed) == (6, [])
    assert page_ids(fake) == sorted(t.page_id for t in tasks)


def test_a_server_that_keeps_failing_is_told_and_what_arrived_stays(make_task):
    fake = FakeServer()
    fake.fail = cut(*[(n, "before") for n in range(2, 9)])
    tasks = [make_task(f"p{i}", f"Text {i}.") for i in range(6)]
    with pytest.raises(UnreachableError):
        sync(fake.client(push_batch=2), tasks)
    assert len(fake.tasks) == 2
    fake.fail = lambda _name, _moment: None
    assert sync(fake.client(push_batch=2), tasks).created == 4
    assert page_ids(fake) == sorted(t.page_id for t in tasks)


@settings(max_examples=40, deadline=None)
@given(
    kills=st.lists(st.tuples(st.integers(1, 12), st.sampled_from(["before", "after"])), max_size=4),
    batch=st.integers(1, 5),
    second=st.booleans(),
)
def test_killed_anywhere_and_repeated_all_pages_are_there_once(make_task, kills, batch, second):
    class Killed(BaseException):
        """What a killed process looks like from inside."""

    fake = FakeServer()
    tasks = [make_task(f"p{i}", f"Text {i}.") for i in range(7)]
    if second:  # predictions of an earlier round are replaced meanwhile
        sync(fake.client(), [make_task(f"p{i}", f"Text {i}.", score=0.3) for i in range(4)])
    for number, moment in kills:
        seen = {"before": 0, "after": 0}

        def fail(_name, now, seen=seen, number=number, moment=moment):
            seen[now] += 1
            if (seen[now], now) == (number, moment):
                raise Killed

        fake.fail = fail
        try:
            sync(fake.client(push_batch=batch), tasks)
        except Killed:
            continue
    fake.fail = lambda _name, _moment: None
    sync(fake.client(push_batch=batch), tasks)
    assert page_ids(fake) == sorted(t.page_id for t in tasks)
    for task in fake.tasks.values():
        assert [p["score"] for p in task["predictions"]] == [0.9]
    assert plan(fake.client(), 1, tasks, LABELS).is_empty


def test_what_comes_back_otherwise_is_named_and_removed(make_task):
    fake = FakeServer()
    tasks = [make_task(f"p{i}", f"Text {i}.\nMore.") for i in range(4)]

    def spoil(_name, moment):
        held = {t["data"]["page_key"]: t for t in fake.tasks.values()}
        if moment == "after" and len(held) == 4:
            held["p0"]["data"]["text"] = held["p0"]["data"]["text"].replace("More", "Less")
            held["p1"]["predictions"][0]["result"][1]["value"]["start"] += 1
            del held["p2"]["predictions"][0]["result"][0]

    fake.fail = spoil
    result = sync(fake.client(), tasks)
    assert result.created == 1
    assert {page_id: why.split(": ")[1] for page_id, why in result.failed} == {
        tasks[0].page_id: "its text differs from the page's at character 8",
        tasks[1].page_id: "span 8-13 came back as 9-13",
        tasks[2].page_id: "span 0-7 is missing",
    }
    assert page_ids(fake) == [tasks[3].page_id]


def test_a_page_that_can_not_be_sent_stops_that_page_only(make_task):
    fake = FakeServer()
    good, bad = make_task("good", "Text."), make_task("bad", "Text.", labels=("ad",))
    result = sync(fake.client(), [good, bad])
    assert page_ids(fake) == [good.page_id]
    assert result.failed[0][0] == bad.page_id
    assert "label 'ad'" in result.failed[0][1]


def test_work_that_begins_between_plan_and_push_is_not_touched(make_task):
    fake = FakeServer()
    client = fake.client()
    sync(client, [make_task("a", "Old."), make_task("b", "Text.")])
    current = {"a": make_task("a", "New.").page_id, "b": make_task("b", "Text.").page_id}
    better = [make_task("a", "New."), make_task("b", "Text.", score=0.2)]
    steps = plan(client, 1, better, LABELS, current=current)
    assert (len(steps.new), len(steps.changed), len(steps.to_close)) == (1, 1, 1)
    for task in fake.tasks.values():
        task["annotations"].append({"id": 1})
    result = push(client, steps)
    assert (result.created, result.updated, result.closed) == (1, 0, 0)
    assert len(fake.tasks) == 3


def test_predictions_that_the_server_drops_are_noticed(make_task):
    fake = FakeServer()
    client = fake.client()
    sync(client, [make_task("a", "Text.")])
    write = fake._write

    def drop(method, path, body):
        if path.endswith("/import/predictions"):
            return httpx.Response(201, json={"created": 0})
        return write(method, path, body)

    fake._write = drop
    with pytest.raises(ReviewError, match="took 0 of 1 predictions"):
        sync(client, [make_task("a", "Text.", score=0.2)])


def test_a_double_of_a_page_in_one_push_is_sent_once(make_task):
    fake = FakeServer()
    sync(fake.client(), [make_task("a", "Text."), make_task("a", "Text.")])
    assert len(fake.tasks) == 1


def test_what_a_dead_push_had_under_way_is_not_kept_twice(make_task):
    """Its last request ends on the server after the next push has listed."""
    fake = FakeServer()
    tasks = [make_task(f"p{i}", f"Text {i}.") for i in range(6)]
    client = fake.client(push_batch=3)
    steps = plan(client, 1, tasks, LABELS)
    late = []

    def fail(name, moment):
        if (name, moment) == ("POST import", "before") and not late:
            late.append(name)
            doubles = [
                {"data": body_of(task, 0.6), "predictions": [prediction_of(task)]}
                for task in tasks[:2]
            ]
            client.import_tasks(1, doubles)

    fake.fail = fail
    result = push(client, steps)
    assert (result.created, result.doubled, result.failed) == (6, 2, [])
    assert page_ids(fake) == sorted(task.page_id for task in tasks)
    assert plan(client, 1, tasks, LABELS).is_empty
