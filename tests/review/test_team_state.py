"""What waits for whom, from what lies in the projects."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from curate.review.accounts import Account
from curate.review.config import ReviewConfig
from curate.review.plan import RemoteTask
from curate.review.seats import Seat, SeatTask
from curate.review.team_state import TeamState
from tests.review.readings import reading

PEOPLE = {1: "ada@example.org", 2: "bo@example.org", 3: "cy@example.org"}


def task(page: str, *, done=(), skipped=0, drafted=False, site="one.example") -> SeatTask:
    remote = RemoteTask(
        task_id=1,
        page_key=page,
        page_id=f"{page}-0",
        sound=True,
        untouched=not (done or skipped or drafted),
        n_annotations=len(done),
        n_skipped=skipped,
        predictions={},
        data={"site": site},
    )
    return SeatTask(remote, frozenset(done), drafted)


@pytest.fixture
def team(label_set, tmp_path):
    def make(*seats: dict[str, SeatTask], **options) -> TeamState:
        names = list(PEOPLE.values())[: len(seats)]
        config = ReviewConfig(annotators=tuple(names), **options)
        made = TeamState(
            SimpleNamespace(server="s"), config, label_set, tmp_path, "d", _is_read=True
        )
        made._emails = dict(PEOPLE)
        made.seats = [
            Seat(
                made.pseudonyms.of(email),
                Account(email, email, number),
                None,
                tasks={f"{page}-0": held for page, held in tasks.items()},
            )
            for (number, email), tasks in zip(PEOPLE.items(), seats, strict=False)
        ]
        return made

    return make


def test_a_page_waits_until_all_its_readers_are_done(team):
    found = team(
        {"p": task("p", done=[1]), "q": task("q", done=[1]), "r": task("r")},
        {"p": task("p", done=[2]), "q": task("q", drafted=True)},
        annotators_per_page=2,
    )
    assert found.waiting() == ({"q-0", "r-0"}, set())
    assert found.held()["q-0"] == {
        found.seats[0].reader: "done",
        found.seats[1].reader: "draft",
    }


def test_a_page_that_all_skipped_is_given_up_and_one_that_some_skipped_is_not(team):
    found = team(
        {"p": task("p", skipped=1), "q": task("q", skipped=1)},
        {"p": task("p", skipped=1)},
        annotators_per_page=1,
    )
    assert found.waiting() == ({"q-0"}, {"p-0"})


def test_one_person_in_two_projects_is_one_reader(team):
    found = team({"p": task("p", done=[1])}, {"p": task("p", done=[1])}, {}, annotators_per_page=2)
    assert found.finished()["p-0"] == {found.seats[0].reader}
    assert [seat.progress().by_others for seat in found.seats] == [0, 1, 0]
    assert found.waiting()[0] == {"p-0"}


def test_sites_of_low_agreement_wait_for_a_second_reader(team):
    lines = ["One", "Two"]
    work = [
        reading("a", lines, ["article", "article"], "x"),
        reading("a", lines, ["teaser", "teaser"], "y"),
        reading("b", lines, ["article", "article"], "x"),
        reading("b", lines, ["article", "article"], "y"),
    ]
    held = {
        "a": task("a", done=[1]),
        "b": task("b", done=[1], site="two.example"),
        "p": task("p", done=[1]),
        "q": task("q", done=[1], site="two.example"),
    }
    found = team(
        held,
        {"a": task("a", done=[2]), "b": task("b", done=[2], site="two.example")},
        annotators_per_page=2,
        overlap=0.0,
        overlap_rule="low_agreement",
    )
    assert found.agreement(work) == {"one.example": 0.0, "two.example": 1.0}
    assert found.waiting(work) == ({"p-0"}, set())
    assert found.waiting() == (set(), set())
