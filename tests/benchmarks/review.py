"""What a reviewer waits for and does on a page of 150 segments; rates of push and pull.

    python tests/benchmarks/review.py [--pages 200] [--repeats 5] [--shots FOLDER]

Starts a local Label Studio and a headless Chromium of its own. Screen times are
medians of wall seconds as a person would wait; an action is one click, drag or key.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from curate.review import server as local_server  # noqa: E402 - after the path
from curate.review.config import ReviewConfig  # noqa: E402
from curate.review.connection import connect  # noqa: E402
from curate.review.project import ReviewProject  # noqa: E402
from curate.review.server import LocalServer  # noqa: E402
from curate.review.tasks import ReviewTask  # noqa: E402
from curate.schema import LabelSet, page_id_of  # noqa: E402
from tests.benchmarks.measure import save  # noqa: E402
from tests.review.conftest import CHROMIUM_FLAGS  # noqa: E402
from tests.review.screen import WAIT_MS, Screen  # noqa: E402

N_SEGMENTS = 150
N_DOUBTFUL = 12
LABELS = ("boilerplate", "article", "teaser", "caption")
WORDS = ["the", "harbour", "stays", "closed", "until", "a", "storm", "has", "passed", "and"]
WORDS += ["ferries", "wait", "in", "port", "while", "crews", "clear", "its", "quay", "of", "sand"]


def page(key: str, rank: int = 0) -> ReviewTask:
    """A page of 150 lines, 5 to 20 words each, every twelfth or so in doubt."""
    lines = []
    for i in range(N_SEGMENTS):
        n = 5 + (i * 7) % 16
        words = [WORDS[(i * 5 + k) % len(WORDS)] for k in range(n)]
        lines.append(f"Line {i:03d} " + " ".join(words) + ".")
    text = "\n".join(lines)
    starts, at = [], 0
    for line in lines:
        starts.append(at)
        at += len(line) + 1
    doubtful = {i * N_SEGMENTS // N_DOUBTFUL + 3 for i in range(N_DOUBTFUL)}
    return ReviewTask(
        page_key=key,
        page_id=page_id_of(key, text),
        text=text,
        url=f"https://example.org/{key}",
        site="example.org",
        title=f"The harbour, page {key}",
        starts=starts,
        ends=[start + len(line) for start, line in zip(starts, lines, strict=True)],
        labels=[LABELS[0 if i < 20 or i > 120 else 1] for i in range(N_SEGMENTS)],
        scores=[0.40 + 0.01 * (i % 15) if i in doubtful else 0.97 for i in range(N_SEGMENTS)],
        model_version="benchmark@1",
        rank=rank,
        why="many errors expected",
        rivals=["teaser"] * N_SEGMENTS,
    )


def cpu_seconds(pid: int) -> float:
    """CPU that the server has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rate(n: int, pid: int, work: Callable[[], object]) -> str:
    """`n` in wall seconds, and in CPU seconds of server and client together.

    The second tells the work whatever else runs now; waiting for the disk is not in it.
    """
    before = cpu_seconds(pid) + time.process_time()
    took = seconds(work)
    used = cpu_seconds(pid) + time.process_time() - before
    return f"{n / took:.1f} a second; {n / used:.1f} a CPU second"


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


class Bench:
    """One project, one browser window."""

    def __init__(self, window: Any, project: ReviewProject, url: str) -> None:
        self.window = window
        self.project = project
        self.screen = Screen(window, url)
        held = project.connection.client.tasks(project.number)
        self.ids = [task["id"] for task in held]

    def ready(self, task: int) -> float:
        """From the address to 150 regions drawn."""
        return seconds(lambda: (self._goto(task), self._drawn(N_SEGMENTS)))

    def _goto(self, task: int) -> None:
        self.window.goto(f"{self.screen.url}/projects/{self.project.number}/data?task={task}")

    def _drawn(self, n: int) -> None:
        self.window.wait_for_function(
            "n => document.querySelectorAll('.htx-highlight').length >= n", arg=n, timeout=WAIT_MS
        )

    def _is(self, line: int, label: str) -> None:
        self.window.wait_for_function(
            "([t, l]) => [...document.querySelectorAll('.htx-highlight')].some("
            "e => e.innerText.includes(t) && (e.dataset.label || '').endsWith(l))",
            arg=[f"Line {line:03d}", label],
            timeout=WAIT_MS,
        )

    def click(self, needle: str, *, ctrl: bool = False) -> None:
        box = self.screen.box(needle)
        if ctrl:
            self.window.keyboard.down("Control")
        self.window.mouse.click(box["x0"] + 3, box["y0"])
        if ctrl:
            self.window.keyboard.up("Control")

    def one(self, line: int) -> float:
        """Click, digit: until the region shows its new label."""

        def work() -> None:
            self.click(f"Line {line:03d}")
            self.window.keyboard.press("3")
            self._is(line, "teaser")

        took = seconds(work)
        self.window.keyboard.press("Escape")
        return took

    def several(self, first: int, n: int = 5) -> float:
        """Click, Ctrl+click four more, digit."""

        def work() -> None:
            self.click(f"Line {first:03d}")
            for line in range(first + 1, first + n):
                self.click(f"Line {line:03d}", ctrl=True)
            self.window.keyboard.press("4")
            for line in range(first, first + n):
                self._is(line, "caption")

        took = seconds(work)
        self.window.keyboard.press("Escape")
        return took

    def split(self, line: int) -> float:
        """Click, Backspace, then digit and drag for each half."""
        text = self._line(line)
        middle = text.index(" ", len(text) // 2)
        return seconds(lambda: self._split(line, text[:middle], text[middle + 1 :]))

    def _split(self, line: int, left: str, right: str) -> None:
        self.screen.click(f"Line {line:03d}")
        self.screen.press("Backspace")
        self.screen.label("1", left)
        self.screen.label("2", right)

    def _line(self, line: int) -> str:
        task = page("any")
        return task.text[task.starts[line] : task.ends[line]]

    def accept(self, task: int) -> float:
        """Ctrl+Enter: until the server has it."""
        self.ready(task)
        self.window.wait_for_timeout(500)

        def work() -> None:
            with self.window.expect_response(
                lambda r: "/annotations" in r.url and r.request.method == "POST"
            ):
                self.window.keyboard.press("Control+Enter")

        return seconds(work)

    def doubts_by_keyboard(self) -> int:
        """How many of the first Alt+. land on a doubtful segment."""
        task, hits = page("any"), 0
        for _ in range(N_DOUBTFUL):
            self.screen.press("Alt+.")
            shown = self.window.locator(".htx-highlight.__active").first.inner_text()
            hits += task.scores[int(shown[5:8])] < task.doubt_below
        self.screen.press("Escape")
        return hits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=200, help="pages for the rates")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--shots", type=Path, help="folder for screenshots, light and dark")
    parser.add_argument("--rates-only", action="store_true", help="no browser")
    parser.add_argument("--json", type=Path, help="adds the rates to this file")
    args = parser.parse_args()
    config = yaml.safe_load((ROOT / "configs/schema/web4.yaml").read_text(encoding="utf-8"))
    del config["_target_"]
    label_set = TypeAdapter(LabelSet).validate_python(config)
    table = Table("figure", "value", "", box=None)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        info = local_server.start(workspace, port=8330, progress=lambda _: None)
        try:
            if not args.rates_only:
                screen_figures(table, workspace, info, label_set, args)
            told = rates(table, workspace, info.pid, label_set, args.pages)
        finally:
            local_server.stop(workspace)
    Console().print(table)
    save(args.json, "review", {"pages": args.pages, "segments": N_SEGMENTS, **told})


def opened(workspace: Path, label_set: LabelSet, name: str, connection: Any) -> ReviewProject:
    state = workspace / ".curate/state"
    project = ReviewProject.open(connection, name, label_set, ReviewConfig(), state)
    assert project is not None
    return project


def screen_figures(
    table: Table, workspace: Path, info: Any, label_set: LabelSet, args: argparse.Namespace
) -> None:
    import shutil

    from playwright.sync_api import sync_playwright

    state = workspace / ".curate/state"
    with connect(ReviewConfig(), state) as connection, sync_playwright() as playwright:
        project = opened(workspace, label_set, "screen", connection)
        tasks = [page(f"s{i}", i) for i in range(args.repeats + 1)]
        assert project.push(project.plan(tasks)).failed == []
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        window = browser.new_page(viewport={"width": 1600, "height": 1000})
        window.set_default_timeout(WAIT_MS)
        window.goto(f"{info.url}/user/login/")
        window.fill("input[name=email]", info.username)
        window.fill("input[name=password]", LocalServer(state).password())
        window.click("button[type=submit]")
        window.wait_for_url(lambda url: "/user/login" not in url, wait_until="commit")
        bench = Bench(window, project, info.url)
        first = bench.ready(bench.ids[0])
        table.add_row("ready, first page of a session", f"{first:.1f} s", f"{N_SEGMENTS} segments")
        again = statistics.median(bench.ready(task) for task in bench.ids[1:])
        table.add_row("ready, later pages", f"{again:.1f} s", "")
        bench.ready(bench.ids[0])
        window.wait_for_timeout(500)
        if args.shots:
            shots(window, args.shots)
        hits = bench.doubts_by_keyboard()
        table.add_row("first Alt+. on a doubtful segment", f"{hits} of {N_DOUBTFUL}", "1 key each")
        lines = range(30, 30 + args.repeats)
        one = statistics.median(bench.one(line) for line in lines)
        table.add_row("change one label", f"{one:.2f} s", "2 actions: click, digit")
        several = statistics.median(bench.several(50 + 6 * i) for i in range(args.repeats))
        table.add_row("change five labels", f"{several:.2f} s", "6 actions")
        split = statistics.median(bench.split(100 + i) for i in range(min(3, args.repeats)))
        table.add_row("split one", f"{split:.1f} s", "6 actions; 1.7 s of it waits of the script")
        accept = statistics.median(bench.accept(task) for task in bench.ids[1:])
        table.add_row("accept all", f"{accept:.2f} s", "1 action: Ctrl+Enter")
        browser.close()


def shots(window: Any, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for scheme in ("light", "dark"):
        window.evaluate(f"document.documentElement.dataset.colorScheme = '{scheme}'")
        window.wait_for_timeout(400)
        window.screenshot(path=folder / f"screen-{scheme}.png")
    window.evaluate("document.documentElement.dataset.colorScheme = 'light'")


def rates(table: Table, workspace: Path, pid: int, label_set: LabelSet, n: int) -> dict[str, str]:
    told: dict[str, str] = {}

    def row(what: str, figure: str, note: str) -> None:
        told[what] = figure
        table.add_row(what, figure, note)

    tasks = [page(f"r{i}", i) for i in range(n)]
    with connect(ReviewConfig(), workspace / ".curate/state") as connection:
        project = opened(workspace, label_set, "rates", connection)
        steps = project.plan(tasks)
        row("push", rate(n, pid, lambda: project.push(steps)), "sent, read back and compared")
        row("plan of what is there", rate(n, pid, lambda: project.plan(tasks)), "")
        changed = [replace(task, model_version="benchmark@2", score=0.5) for task in tasks[:50]]
        refreshed = project.plan(changed)
        found = rate(len(changed), pid, lambda: project.push(refreshed))
        row("replace predictions", found, "")
        connection.client.post(
            "/api/dm/actions",
            {"selectedItems": {"all": True, "excluded": []}},
            params={"id": "predictions_to_annotations", "project": project.number},
        )
        found = rate(n, pid, lambda: project.pull(workspace / "annotations"))
        row("pull", found, f"{N_SEGMENTS} spans each")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row("peak memory", f"{peak:.0f} MB", "this process, all of the above")
    return told


if __name__ == "__main__":
    main()
