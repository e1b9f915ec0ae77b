"""Several annotators on a real Label Studio, each as themselves."""

from __future__ import annotations

import random
import uuid
from collections import Counter

import numpy as np
import pytest

from curate.errors import ReviewError
from curate.review.accounts import accounts_of, kept_passwords
from curate.review.agreement import measure
from curate.review.annotations import load
from curate.review.config import ReviewConfig
from curate.review.consensus import fit_consensus
from curate.review.gold import gold_scores
from curate.review.people import ReviewTeam
from curate.review.resolve import resolve_labels
from curate.review.server import LocalServer
from curate.schema import PagePrediction, SegmentedPage
from tests.review.readers import client_of, draft, skip, submit
from tests.review.screen import Screen

pytestmark = pytest.mark.server

LABELS = ("article", "boilerplate", "teaser", "caption")


class Desk:
    """A dataset's team with its pages, as a run holds them."""

    def __init__(self, connection, label_set, state, make_task, folder, n_pages, n_lines):
        self.connection, self.label_set, self.state, self.folder = (
            connection,
            label_set,
            state,
            folder,
        )
        self.name = f"desk-{uuid.uuid4().hex[:8]}"
        texts = [
            "\n".join(f"Line {i} of page {p} has {i + 3} words." for i in range(n_lines))
            for p in range(n_pages)
        ]
        self.tasks = [
            make_task(f"p{i:02}", text, labels=("article",), rank=i) for i, text in enumerate(texts)
        ]
        self.by_id = {task.page_id: task for task in self.tasks}
        self.current = {task.page_key: task.page_id for task in self.tasks}

    def open(self, *names, create=True, **options) -> ReviewTeam:
        config = ReviewConfig(annotators=names, **options)
        team = ReviewTeam.open(
            self.connection, self.name, self.label_set, config, self.state, create=create
        )
        assert team is not None
        return team

    def plan(self, team):
        return team.plan(
            self.tasks,
            current=self.current,
            annotations=self.work,
            tasks_of=lambda ids: {i: self.by_id[i] for i in ids if i in self.by_id},
        )

    def push(self, team):
        steps = self.plan(team)
        result = team.push(steps)
        assert result.failed == []
        assert self.plan(team).is_empty
        return steps

    @property
    def work(self):
        return load(self.folder)

    def read(self, team, seat, label_of, *, but=()):
        """A reader submits everything open; returns the labels by page key."""
        said = {}
        with client_of(self.connection.local, seat.account.email) as client:
            for task in sorted(
                self.connection.client.tasks(seat.project.number),
                key=lambda t: t["data"]["page_key"],
            ):
                key = task["data"]["page_key"]
                if task["annotations"] or key in but:
                    continue
                labels = [label_of(key, n) for n in range(len(task["predictions"][-1]["result"]))]
                submit(client, task, lambda n, _, labels=labels: labels[n])
                said[key] = labels
        team.read(again=True)
        return said


@pytest.fixture
def desk(connection, label_set, state, make_task, tmp_path):
    def make(n_pages, n_lines):
        return Desk(connection, label_set, state, make_task, tmp_path, n_pages, n_lines)

    return make


def erring(seed, rate, truth):
    rng = random.Random(seed)

    def say(key, n):
        right = truth[key][n]
        return right if rng.random() >= rate else rng.choice([x for x in LABELS if x != right])

    return say


def truths(desk, seed=1):
    rng = random.Random(seed)
    return {t.page_key: [rng.choice(LABELS[:3]) for _ in t.starts] for t in desk.tasks}


@pytest.mark.browser
def test_two_annotators_agree_as_far_as_worked_out_by_hand(desk, browser_page, server):
    """Eight pages read by both through the API, one of them by one in the browser."""
    table = desk(9, 8)
    team = table.open("ada", "bo@example.org", annotators_per_page=2)
    steps = table.push(team)
    assert [len(part.new) for _, part in steps.parts] == [9, 9, 0]
    truth = truths(table)
    ada, bo = team.seats
    said = {
        "ada": table.read(team, ada, erring(5, 0.1, truth), but=("p08",)),
        "bo": table.read(team, bo, erring(6, 0.3, truth)),
    }
    assert [(p.name, p.open, p.done) for p in team.progress()] == [
        ("ada", 1, 8),
        ("bo@example.org", 0, 9),
    ]
    said["ada"]["p08"] = in_the_browser(table, ada, browser_page, server)

    result = team.pull(table.folder)
    assert (result.new, result.problems) == (18, [])
    found = measure(table.work, table.label_set)

    # By hand, from what was clicked and sent.
    pairs = [
        (a, b)
        for key in sorted(said["ada"])
        for a, b in zip(said["ada"][key], said["bo"][key], strict=True)
    ]
    n = len(pairs)
    same = sum(a == b for a, b in pairs) / n
    firsts, seconds = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = sum(firsts[x] * seconds[x] for x in LABELS) / n**2
    both = firsts + seconds
    apart = sum(both[x] * both[y] for x in LABELS for y in LABELS if x != y)
    assert (found.n_pages, found.n_segments) == (9, 72)
    assert found.disputed == sum(a != b for a, b in pairs)
    assert found.share.value == pytest.approx(same)
    assert found.kappa.value == pytest.approx((same - chance) / (1 - chance))
    assert found.alpha.value == pytest.approx(
        1 - (2 * n - 1) * 2 * sum(a != b for a, b in pairs) / apart
    )
    assert found.kappa.low < found.kappa.value < found.kappa.high
    assert found.readers[0].minutes is not None
    assert {r.annotator for r in found.readers} == {seat.reader for seat in team.seats}


def in_the_browser(table, seat, browser_page, server):
    """Ada opens her last page herself, relabels two segments and submits."""
    email = seat.account.email
    page = browser_page.context.browser.new_page(viewport={"width": 1600, "height": 1000})
    try:
        page.goto(f"{server.url}/user/login/")
        page.fill("input[name=email]", email)
        page.fill("input[name=password]", kept_passwords(table.connection.local)[email])
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: "/user/login" not in url, wait_until="commit")
        held = table.connection.client.tasks(seat.project.number)
        (number,) = [t["id"] for t in held if t["data"]["page_key"] == "p08"]
        screen = Screen(page, server.url)
        screen.open(seat.project.number, number)
        for line, key in ((2, "2"), (5, "3")):
            screen.click(f"Line {line} of page 8")
            screen.press(key)
            screen.press("Escape")
        screen.submit(seat.project.number)
    finally:
        page.close()
    labels = ["article"] * 8
    labels[2], labels[5] = "boilerplate", "teaser"
    return labels


def page_of(task):
    return SegmentedPage(
        text=task.text,
        starts=np.array(task.starts, np.int32),
        ends=np.array(task.ends, np.int32),
        kinds=["line"] * len(task.starts),
        media_type="text/plain",
    )


def prediction_of(task):
    n = len(task.starts)
    return PagePrediction(
        labels=task.labels,
        scores=np.tile(np.array([0.7, 0.1, 0.1, 0.1], np.float32), (n, 1)),
        main=np.ones(n, bool),
        reasons=[()] * n,
    )


def test_dawid_skene_finds_the_truth_where_one_of_three_is_bad(desk, figure):
    table = desk(10, 16)
    team = table.open("ada", "bo@example.org", "cy", annotators_per_page=3, adjudicate_above=None)
    table.push(team)
    truth = truths(table)
    following = dict(zip(LABELS, (*LABELS[1:3], LABELS[0], LABELS[0]), strict=True))
    bad = random.Random(8)
    voices = (
        erring(21, 0.1, truth),
        erring(22, 0.15, truth),
        # Calls most labels by the next one's name.
        lambda key, n: truth[key][n] if bad.random() < 0.3 else following[truth[key][n]],
    )
    for seat, voice in zip(team.seats, voices, strict=True):
        table.read(team, seat, voice)
    team.pull(table.folder)
    right = {}
    for method in ("majority", "dawid_skene"):
        made = fit_consensus(table.work, table.label_set, method)
        hits = n = 0
        for task in table.tasks:
            mine = [a for a in table.work if a.page_key == task.page_key]
            final = resolve_labels(
                page_of(task), prediction_of(task), LABELS, mine, table.label_set, consensus=made
            )
            hits += sum(a == b for a, b in zip(final.labels, truth[task.page_key], strict=True))
            n += len(final)
            assert list(final.n_annotators) == [3] * len(final)
        right[method] = hits / n
    figure(
        f"Three annotators on the server (right 0.90, 0.85, 0.30), {n} segments: "
        f"Dawid-Skene {right['dawid_skene']:.3f} right, majority {right['majority']:.3f}"
    )
    assert right["dawid_skene"] > right["majority"] + 0.02


def test_skips_drafts_newcomers_and_people_who_leave(desk, request):
    table = desk(6, 3)
    team = table.open("ada", "bo@example.org", annotators_per_page=1)
    table.push(team)
    ada, bo = team.seats
    assert (len(ada.tasks), len(bo.tasks)) == (3, 3)
    titles = [project.title for project in team.projects]
    assert titles == [f"curate: {table.name} · ada", f"curate: {table.name} · bo"]
    clients = [client_of(table.connection.local, seat.account.email) for seat in (ada, bo)]
    for client in clients:
        request.addfinalizer(client.close)
    held = [
        sorted(table.connection.client.tasks(s.project.number), key=lambda t: t["id"])
        for s in (ada, bo)
    ]
    skip(clients[0], held[0][0])
    draft(clients[0], held[0][1])
    submit(clients[1], held[1][0], lambda _, label: label)
    submit(clients[0], held[1][1], lambda _, label: label)  # Ada in Bo's project
    team.read(again=True)
    states = [(p.open, p.drafts, p.done, p.skipped, p.by_others) for p in team.progress()]
    assert states == [(1, 1, 0, 1, 0), (1, 0, 2, 0, 1)]
    waiting, given_up = team.waiting()
    assert len(waiting) == 4
    assert given_up == set()
    # The skipped page goes to Bo; nothing else moves.
    steps = table.push(team)
    assert [[t.page_id for t in part.new] for _, part in steps.parts] == [
        [],
        [held[0][0]["data"]["page_id"]],
        [],
    ]
    # Bo skips it too: listed, and not dealt again.
    (again,) = [
        t
        for t in table.connection.client.tasks(bo.project.number)
        if t["data"]["page_id"] == held[0][0]["data"]["page_id"]
    ]
    skip(clients[1], again)
    team.read(again=True)
    assert team.waiting()[1] == {again["data"]["page_id"]}
    assert dict(table.plan(team).short) == {again["data"]["page_id"]: 1}
    # Bo leaves, Cy comes: what Bo did counts, what he had not begun goes to others.
    pulled = team.pull(table.folder)
    assert pulled.new == 4
    assert Counter(a.status for a in table.work) == {"submitted": 2, "skipped": 2}
    team = table.open("ada", "cy", annotators_per_page=1)
    assert [(s.name, s.former) for s in team.seats] == [
        ("ada", False),
        ("cy", False),
        (bo.reader, True),
    ]
    steps = table.push(team)
    assert len(steps.parts[1][1].new) == 2  # the page Bo had not begun, and the skipped one
    assert len(steps.parts[2][1].to_close) == 1
    progress = {p.name: p for p in team.progress()}
    assert (progress["cy"].open, progress[bo.reader].done) == (2, 2)


@pytest.mark.browser
def test_disputed_pages_are_adjudicated_and_that_ends_it(desk, browser_page, server):
    table = desk(4, 5)
    team = table.open("ada", "bo@example.org", annotators_per_page=2, adjudicate_above=0.1)
    table.push(team)
    ada, bo = team.seats
    table.read(team, ada, lambda key, n: None if (key, n) == ("p01", 4) else "article")
    differ = {("p00", 1): "teaser", ("p01", 0): "caption", ("p01", 3): "teaser"}
    table.read(team, bo, lambda key, n: differ.get((key, n), "article"), but=("p03",))
    team.pull(table.folder)
    # p03 is not read by both yet; p02 is agreed on.
    steps = table.push(team)
    name, last = steps.parts[-1]
    assert name == f"{table.name}.adjudication"
    assert [t.page_key for t in last.new] == ["p01", "p00"]  # the most disputed first
    assert team.adjudication is not None
    page = browser_page
    screen = Screen(page, server.url)
    held = {
        t["data"]["page_key"]: t for t in table.connection.client.tasks(team.adjudication.number)
    }
    assert set(held) == {"p00", "p01"}
    for told in held.values():
        assert "@" not in told["data"]["head"]
        assert ada.reader not in str(told["data"])
        assert bo.reader not in str(told["data"])
        assert sorted(p["model_version"] for p in told["predictions"]) == [
            "curate",
            "reading A",
            "reading B",
        ]
    both = {
        p["model_version"]: [r["value"]["labels"][0] for r in p["result"]]
        for p in held["p01"]["predictions"]
    }
    said = [["article"] * 4, ["caption", "article", "article", "teaser", "article"]]
    assert sorted([both["reading A"], both["reading B"]], key=len) == said
    screen.open(team.adjudication.number, held["p01"]["id"])
    mark = "getComputedStyle(document.querySelectorAll('.htx-highlight')[{}], '::before').content"
    shown = page.evaluate(mark.format(0))
    assert set(shown.strip('"').split(", ")) in (
        {"A: article", "B: caption"},
        {"A: caption", "B: article"},
    )
    assert page.evaluate(mark.format(1)) == "none"
    assert "no label" in page.evaluate(mark.format(4))
    assert "3 of 5 segments to look at first" in page.locator(".curate-bar").inner_text()
    screen.click("Line 0 of page 1")  # neither was right
    screen.press("2")
    screen.press("Escape")
    screen.submit(team.adjudication.number)

    assert team.pull(table.folder).new == 1
    mine = [a for a in table.work if a.page_key == "p01"]
    assert sorted(a.origin for a in mine) == ["adjudication", "label_studio", "label_studio"]
    (task,) = [t for t in table.tasks if t.page_key == "p01"]
    final = resolve_labels(page_of(task), prediction_of(task), LABELS, mine, table.label_set)
    # The screen opened with the consensus, not with one of the readings.
    assert list(final.labels) == ["boilerplate", *["article"] * 4]
    assert list(final.adjudicated) == [True, False, False, True, False]
    assert list(final.agreement) == [0.0, 1.0, 1.0, 0.5, None]
    # It stays ended, and a reader who gives way ends it too.
    assert table.plan(team).is_empty
    assert measure(table.work, table.label_set).n_pages == 3
    (given,) = [
        t
        for t in table.connection.client.tasks(bo.project.number)
        if t["data"]["page_key"] == "p00"
    ]
    number = given["annotations"][0]["id"]
    result = given["annotations"][0]["result"]
    for region in result:
        region["value"]["labels"] = ["article"]
    table.connection.client.patch(f"/api/annotations/{number}/", {"result": result})
    team.pull(table.folder)
    team.read(again=True)
    steps = table.push(team)
    assert [r.page_key for r in steps.to_close] == ["p00"]


def test_gold_is_like_any_page_and_its_scores_are_the_owners(desk, state):
    table = desk(10, 4)
    options = {"annotators_per_page": 1, "gold_share": 0.25, "adjudicate_above": 0.0}
    first = table.open("ada", "bo@example.org", annotators_per_page=2, adjudicate_above=0.0)
    everything, table.tasks = table.tasks, table.tasks[:2]
    table.push(first)
    table.read(first, first.seats[0], lambda *_: "article")
    table.read(first, first.seats[1], lambda *_: "teaser")
    first.pull(table.folder)
    table.push(first)
    held = list(table.connection.client.tasks(first.adjudication.number))
    assert len(held) == 2
    for task in held:
        submit(table.connection.client, task, lambda n, _: "boilerplate" if n == 3 else "article")
    first.pull(table.folder)

    # Cy has seen none of them: two of the adjudicated pages are mixed into theirs.
    table.tasks = everything
    team = table.open("cy", **options)
    steps = table.push(team)
    assert len(steps.parts[0][1].new) == 10  # eight pages and two of gold
    cy = team.seats[0]
    assert set(steps.gold[cy.reader]) == {t["data"]["page_id"] for t in held}
    note = state / "review" / f"{table.name}.gold.json"
    assert note.stat().st_mode & 0o777 == 0o600
    there = list(table.connection.client.tasks(cy.project.number))
    assert len({frozenset(t["data"]) for t in there}) == 1  # nothing tells them apart
    assert {len(t["predictions"]) for t in there} == {1}
    assert not any("gold" in str(t["data"]).lower() for t in there)
    order = [t["data"]["page_id"] in steps.gold[cy.reader] for t in there]
    assert order != sorted(order)  # in the midst, not at the end
    table.read(team, cy, lambda key, n: "article")
    team.pull(table.folder)
    (score,) = gold_scores(table.work, team.gold_given, table.label_set)
    assert (score.annotator, score.n_given, score.n_pages) == (cy.reader, 2, 2)
    assert score.n_segments == 8
    assert score.right.value == pytest.approx(6 / 8)
    assert score.recall == {"article": (1.0, 6), "boilerplate": (0.0, 2)}
    for path in table.folder.rglob("*"):
        assert b"gold" not in path.read_bytes()


def test_accounts_are_made_once_and_found_by_name_or_address(connection, server, state):
    local = LocalServer(state)
    tag = uuid.uuid4().hex[:6]
    names = [f"eva{tag}", f"fay{tag}@example.org"]
    told = []
    made = accounts_of(connection.client, names, local, create=True, tell=told.append)
    assert [a.email for a in made] == [f"eva{tag}@curate.local", f"fay{tag}@example.org"]
    assert len(told) == 2
    path = local.home / "people.json"
    assert path.stat().st_mode & 0o777 == 0o600
    passwords = kept_passwords(local)
    assert not any(passwords[a.email] in line for a in made for line in told)
    again = accounts_of(connection.client, [f"FAY{tag}", names[0]], local, create=True)
    assert [a.user for a in again] == [made[1].user, made[0].user]
    with client_of(local, made[0].email) as client:
        assert client.whoami()["email"] == made[0].email
    # A server that is not ours: nobody is made there.
    with pytest.raises(
        ReviewError, match=r"has no user guy .*; invite them with .*signup"
    ) as error:
        accounts_of(connection.client, ["guy"], None, create=True)
    assert "\n" not in str(error.value)
    with pytest.raises(ReviewError, match="twice, by different names"):
        accounts_of(connection.client, [names[0], made[0].email], local, create=True)
    with pytest.raises(ReviewError, match=r"made no account for .*valid email"):
        accounts_of(connection.client, [f"x@y@{tag}"], local, create=True)


def test_one_project_for_all_still_works_and_gives_way_to_a_team(desk):
    table = desk(4, 2)
    common = table.open()
    steps = table.push(common)
    assert [name for name, _ in steps.parts] == [table.name, f"{table.name}.adjudication"]
    task = min(table.connection.client.tasks(common.projects[0].number), key=lambda t: t["id"])
    submit(table.connection.client, task, lambda _, label: label)
    common.read(again=True)
    assert len(common.waiting()[0]) == 3
    team = table.open("ada", annotators_per_page=1)
    steps = table.push(team)
    assert len(steps.parts[0][1].new) == 3
    assert len(steps.parts[1][1].to_close) == 3
    assert team.pull(table.folder).new == 1
