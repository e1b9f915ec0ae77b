"""A reviewer's whole way: from the first page of the stream to coming back to it."""

from __future__ import annotations

import pytest

from curate.review.annotations import load, read_all
from tests.review.screen import Screen

pytestmark = [pytest.mark.server, pytest.mark.browser]

NEWS = (
    "Menu and search\n"
    "A headline of this page\n"
    "First half; second half of the line.\n"
    "Photo: Agency\n"
    "Another story\n"
    "Its summary\n"
    "Newsletter\n"
    "Share 🎉 this\n"
    "To be deleted\n"
    "Imprint"
)
GIVEN = (
    *("boilerplate", "boilerplate", "article", "article", "article", "article"),
    *("article", "teaser", "caption", "boilerplate"),
)


def told(annotation):
    return [(s.exact, s.label, s.action) for s in annotation.spans]


def test_open_relabel_split_skip_submit_and_come_back(
    server, browser_page, project, make_task, tmp_path
):
    screen = Screen(browser_page, server.url)
    tasks = [
        make_task("news", NEWS, labels=GIVEN, rank=0),
        make_task("skipped", "Nothing to say.\nSecond line.", rank=1),
        make_task("plain", "All right.\nAs it is.", rank=2),
    ]
    assert project.push(project.plan(tasks)).failed == []
    held = project.connection.client.tasks(project.number)
    ids = {task["data"]["page_key"]: task["id"] for task in held}

    # The stream opens with the page of the highest rank.
    screen.stream(project.number, "A headline of this page")

    screen.click("A headline")  # 1: click the region, press the digit
    screen.press("1")
    screen.press("Escape")
    screen.click("Photo: Agency")  # 2: click the region, click the label
    screen.choose("caption")
    screen.press("Escape")
    screen.panel("Newsletter")  # 3: click it in the list of regions, press the digit
    screen.press("2")
    screen.press("Escape")
    screen.click("Another story")  # 4: several at once
    screen.click("Its summary", ctrl=True)
    screen.press("3")
    screen.press("Escape")
    screen.press("Alt+.")  # 5: by keyboard alone; Menu and search stays boilerplate
    screen.press("Alt+.")
    screen.press("Escape")
    screen.click("First half")  # split in two, the second half drawn a little short
    screen.press("Backspace")
    screen.label("1", "First half;")
    screen.label("3", "second half of the line.", short_by=3)
    screen.click("To be deleted")
    screen.press("Backspace")
    screen.press("9")  # unsure
    screen.submit(project.number)

    screen.wait_text("Nothing to say.")
    screen.skip()
    screen.wait_text("All right.")
    screen.submit(project.number)

    pulled = project.pull(tmp_path)
    assert (pulled.new, pulled.problems) == (3, [])
    work = {a.page_key: a for a in load(tmp_path)}
    news = [
        ("Menu and search", "boilerplate", "accepted"),
        ("A headline of this page", "article", "relabelled"),
        ("First half;", "article", "drawn"),
        ("second half of the line.", "teaser", "drawn"),
        ("Photo: Agency", "caption", "relabelled"),
        ("Another story", "teaser", "relabelled"),
        ("Its summary", "teaser", "relabelled"),
        ("Newsletter", "boilerplate", "relabelled"),
        ("Share 🎉 this", "teaser", "accepted"),
        ("Imprint", "boilerplate", "accepted"),
    ]
    assert told(work["news"]) == news
    for annotation in work.values():
        for span in annotation.spans:
            assert annotation.text[span.start : span.end] == span.exact
    assert work["news"].verdict == "unsure"
    assert (work["skipped"].status, work["skipped"].spans) == ("skipped", ())
    assert told(work["plain"]) == [
        ("All right.", "article", "accepted"),
        ("As it is.", "boilerplate", "accepted"),
    ]
    assert all(a.lead_time_s is not None and a.lead_time_s > 0 for a in work.values())

    # Come back: take the skip back and accept; change one label of the first page.
    screen.open(project.number, ids["skipped"])
    screen.unskip()  # it is a draft again
    screen.open(project.number, ids["skipped"])
    screen.submit(project.number)
    screen.open(project.number, ids["news"])
    screen.click("Imprint")
    screen.press("1")
    screen.submit(project.number)
    pulled = project.pull(tmp_path)
    assert (pulled.new, pulled.changed, pulled.deleted, pulled.problems) == (1, 1, 1, [])
    later = {a.page_key: a for a in load(tmp_path)}
    assert told(later["news"]) == [*news[:-1], ("Imprint", "article", "relabelled")]
    assert later["news"].annotation_id == work["news"].annotation_id
    assert told(later["skipped"]) == [
        ("Nothing to say.", "article", "accepted"),
        ("Second line.", "boilerplate", "accepted"),
    ]
    assert len(list(read_all(tmp_path))) == 6
    assert project.plan(tasks).is_empty
