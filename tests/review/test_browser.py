"""A reviewer's way through the screen, in a real browser, comes back exactly."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from curate.review.annotations import load
from tests.review.screen import Screen
from tests.review.texts import ODD_TEXTS

pytestmark = [pytest.mark.server, pytest.mark.browser]


@pytest.fixture
def screen(browser_page, server) -> Screen:
    return Screen(browser_page, server.url)


def pushed(project, *tasks):
    """Push the tasks; their ids on the server, in order."""
    result = project.push(project.plan(tasks))
    assert (result.created, result.failed) == (len(tasks), [])
    held = project.connection.client.tasks(project.number)
    ids = {task["data"]["page_id"]: task["id"] for task in held}
    return [ids[task.page_id] for task in tasks]


def pull_one(project, folder):
    pulled = project.pull(folder)
    assert (pulled.n_written, pulled.problems) == (1, [])
    newest = max(load(folder), key=lambda a: a.updated_at)
    for span in newest.spans:
        assert newest.text[span.start : span.end] == span.exact
    return newest


def told(annotation):
    return [(s.exact, s.label, s.action) for s in annotation.spans]


DRAGS = {
    "emoji": ["before the word", "after", "three"],
    "crlf": ["First line", "Second line, with more", "after a gap"],
    "tabs": ["Indented by", "Price", "EUR"],
    "blanks": ["break", "Two", "blanks", "Led by"],
    "combining": ["au lait", "n\u0303andu\u0301", "text"],
    "rtl": ["\u05e2\u05d5\u05dc\u05dd", "mixed with", "2024"],
    "markup": ["<b>bold", "&amp; &lt;tag", "stays text"],
    "controls": ["FF", "DEL", "return", "BOM"],
    "separators": ["separator", "paragraph here", "zero"],
}


def test_text_dragged_over_is_the_text_pulled(project, screen, make_task, tmp_path):
    """Every kind of odd text in one page, so that what stands before moves what follows."""
    text = "".join(ODD_TEXTS[name] for name in DRAGS)
    task = make_task("odd", text)
    # No prediction: all is drawn by hand.
    blank = replace(task, starts=(), ends=(), labels=(), scores=())
    (number,) = pushed(project, blank)
    screen.open(project.number, number, wait_regions=False)
    wanted = []
    for n, needle in enumerate(needle for needles in DRAGS.values() for needle in needles):
        screen.label("1234"[n % 4], needle)
        wanted.append((needle, ("article", "boilerplate", "teaser", "caption")[n % 4]))
    screen.submit(project.number)

    annotation = pull_one(project, tmp_path)
    assert annotation.text == text
    assert len(annotation.spans) == len(wanted)
    spans = {s.start: s for s in annotation.spans}
    for needle, label in wanted:
        start = text.index(needle)
        while start not in spans:  # an opening mark before it was drawn in
            start -= 1
        span = spans[start]
        assert span.label == label
        assert span.action == "drawn"
        assert needle in span.exact
        assert not any(c.isalnum() for c in span.exact.replace(needle, "", 1))


def test_relabel_several_ways_split_delete_submit_and_come_back(
    project, screen, make_task, tmp_path
):
    text = (
        "Menu and search\n"
        "A headline of this page\n"
        "First part. Photo: Agency.\n"
        "Another story\nIts summary\n"
        "Share 🎉\n"
        "Not to be told\n"
        "Untouched end"
    )
    names = ("boilerplate", "article", "article", "article", "article", "teaser", "caption")
    task = make_task("way", text, labels=(*names, "article"))
    (number,) = pushed(project, task)
    screen.open(project.number, number)

    screen.click("Share")  # one by a click and a digit
    screen.press("2")
    screen.press("Escape")
    screen.click("Another story")  # several by Ctrl+click and one digit
    screen.click("Its summary", ctrl=True)
    screen.press("3")
    screen.press("Escape")
    screen.press("Alt+.")  # by the keyboard alone: the first region
    screen.press("4")
    screen.press("Escape")
    screen.click("First part")  # split; the second half a few pixels short of its end
    screen.press("Backspace")
    screen.label("1", "First part.")
    screen.label("4", "Photo: Agency.", short_by=3)
    screen.click("Not to be told")  # deleted
    screen.press("Backspace")
    screen.press("9")  # unsure
    screen.submit(project.number)

    annotation = pull_one(project, tmp_path)
    assert told(annotation) == [
        ("Menu and search", "caption", "relabelled"),
        ("A headline of this page", "article", "accepted"),
        ("First part.", "article", "drawn"),
        ("Photo: Agency.", "caption", "drawn"),
        ("Another story", "teaser", "relabelled"),
        ("Its summary", "teaser", "relabelled"),
        ("Share 🎉", "boilerplate", "relabelled"),
        ("Untouched end", "article", "accepted"),
    ]
    assert annotation.verdict == "unsure"
    assert annotation.lead_time_s > 0

    # Come back and change one more: the same annotation, a later row.
    screen.open(project.number, number)
    screen.click("Untouched end")
    screen.press("2")
    screen.submit(project.number)
    changed = pull_one(project, tmp_path)
    assert changed.annotation_id == annotation.annotation_id
    assert told(changed)[-1] == ("Untouched end", "boilerplate", "relabelled")
    assert told(changed)[:-1] == told(annotation)[:-1]
    assert project.plan([task]).is_empty


def test_accepting_all_takes_one_key(project, screen, make_task, tmp_path):
    task = make_task("whole", "One line.\r\nTwo\tlines.\n\nThree 🚀 lines.")
    (number,) = pushed(project, task)
    screen.open(project.number, number)
    screen.submit(project.number)
    assert told(pull_one(project, tmp_path)) == [
        ("One line.", "article", "accepted"),
        ("Two\tlines.", "boilerplate", "accepted"),
        ("Three 🚀 lines.", "teaser", "accepted"),
    ]


def test_the_screen_marks_doubt_and_has_link_and_guidelines(project, screen, make_task, connection):
    lines = "\n".join(f"Line number {i} of a page with many lines." for i in range(150))
    task = make_task("long", lines)
    doubtful = [0.4 if i in (0, 70, 149) else 0.9 for i in range(150)]
    task = replace(task, scores=doubtful, rivals=["teaser"] * 150, why="uncertain")
    (number,) = pushed(project, task)
    begun = time.monotonic()
    screen.open(project.number, number)
    ready = time.monotonic() - begun
    assert ready < 120  # 3 s on two quiet cores; tests/benchmarks/review.py measures it
    page = screen.page
    assert page.locator(".htx-highlight").count() == 150
    bar = page.locator(".curate-bar")
    assert "3 of 150 segments to look at first" in bar.inner_text()
    assert "example.org" in bar.inner_text()
    link = bar.locator("a")
    assert link.get_attribute("href") == "https://example.org/long"
    assert link.get_attribute("target") == "_blank"
    mark = "getComputedStyle(document.querySelectorAll('.htx-highlight')[{}], '::before').content"
    assert page.evaluate(mark.format(0)) == '"40% teaser?"'
    assert page.evaluate(mark.format(149)) == '"40% teaser?"'
    assert page.evaluate(mark.format(1)) == "none"
    screen.box("Line number 149")  # scrolled to the end: the labels are still in sight
    assert bar.locator("text=boilerplate").first.is_visible()
    page.click("text=Instructions")
    page.wait_for_selector("text=How to label a page", timeout=10_000)


def test_the_browser_calls_nobody_else(server, browser_page, project, screen, make_task):
    called = set()
    browser_page.on("request", lambda request: called.add(request.url.split("/")[2]))
    (number,) = pushed(project, make_task("quiet", "One.\nTwo."))
    screen.open(project.number, number)
    assert called == {server.url.split("/")[2]}
