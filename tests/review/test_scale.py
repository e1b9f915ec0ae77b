"""Many pages: a push killed again and again, and all work pulled in bounded memory."""

from __future__ import annotations

import json
import os
import pickle
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.review.annotations import load
from curate.review.config import ReviewConfig
from curate.review.connection import Connection, connect
from curate.review.project import ReviewProject
from curate.schema import LabelSet
from curate.segments.blocks import BlockSegmenter

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.server


@dataclass(frozen=True)
class Kill:
    """When a push is killed: so long after the server holds this many of its tasks."""

    n_tasks: int
    after_s: float


def seeded_kills(seed: int, n_pages: int, n: int, longest_s: float) -> list[Kill]:
    """Kills in rising order of the tasks that are there; none when all are."""
    draw = random.Random(seed)
    counts = sorted(draw.randrange(0, n_pages * 9 // 10) for _ in range(n))
    return [Kill(count, draw.uniform(0, longest_s)) for count in counts]


def count(connection: Connection, name: str) -> int:
    """Tasks of the dataset's project; 0 before it is made."""
    mark = f"“{name}”"
    marked = [p for p in connection.client.projects() if mark in (p.get("description") or "")]
    return connection.client.n_tasks(int(marked[0]["id"])) if marked else 0


def killed(
    command: list[str], cwd: Path, kill: Kill, connection: Connection, name: str
) -> tuple[bool, int]:
    """Run a push and kill it with all its processes; (whether it was still running, tasks then)."""
    with subprocess.Popen(
        command,
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as push:
        while push.poll() is None:
            asked = time.monotonic()
            if count(connection, name) >= kill.n_tasks:
                break
            # Watching must not keep the server from the push: a quarter of its time at most.
            time.sleep(max(0.05, 3 * (time.monotonic() - asked)))
        with suppress(subprocess.TimeoutExpired):
            push.wait(kill.after_s)
        running = push.poll() is None
        with suppress(ProcessLookupError):
            os.killpg(push.pid, signal.SIGKILL)
    return running, count(connection, name)


# Started by a small process: the peak that a child is told to have had begins with its parent's.
MEASURED = """
import json, resource, subprocess, sys
status = subprocess.call(sys.argv[2:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    json.dump([used.ru_utime + used.ru_stime, used.ru_maxrss / 1024], file)
sys.exit(status)
"""


def finished(command: list[str], cwd: Path) -> tuple[str, float, float, float]:
    """Run to the end: (output, wall seconds, CPU seconds, peak MB of its largest process)."""
    began = time.monotonic()
    with tempfile.NamedTemporaryFile() as file:
        ended = subprocess.run(
            [sys.executable, "-c", MEASURED, file.name, *command],
            cwd=cwd,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        wall = time.monotonic() - began
        assert ended.returncode == 0, ended.stdout
        cpu, peak = json.loads(file.read())
    return ended.stdout, wall, cpu, peak


def keys_there(connection: Connection, project: int) -> Counter[str]:
    return Counter(str(task["data"]["page_key"]) for task in connection.client.tasks(project))


def test_a_push_killed_again_and_again_sends_every_page_once(
    connection, state, label_set, make_task, tmp_path
):
    n_pages, name = 60, "killed"
    tasks = [
        make_task(f"p{i:03d}", "\n".join(f"Line {k} of page {i}." for k in range(40)), rank=i)
        for i in range(n_pages)
    ]
    (tmp_path / "tasks.pickle").write_bytes(pickle.dumps(tasks))
    command = [sys.executable, "-m", "tests.review.pushing"]
    command += [str(tmp_path / "tasks.pickle"), str(state), name, "6"]
    caught = [
        killed(command, ROOT, kill, connection, name)
        for kill in seeded_kills(20261122, n_pages, 3, 0.4)
    ]
    assert sum(running for running, _ in caught) >= 2  # a fast machine may finish before one
    told = json.loads(finished(command, ROOT)[0])
    assert told["failed"] == []
    assert keys_there(connection, told["project"]) == Counter(task.page_key for task in tasks)
    again = json.loads(finished(command, ROOT)[0])
    assert (again["created"], again["doubled"], again["failed"]) == (0, 0, [])


# ------------------------------------------------------------------ in full

N_PAGES = 2000
N_KILLS = 10
SEED = 7


def repeated(source: Path, out: Path, n: int) -> None:
    """The table's pages that hold text again and again, each copy under a URL of its own."""
    table = pq.read_table(source, columns=["url", "html"])
    segmenter = BlockSegmenter()
    some = [i for i, html in enumerate(table["html"]) if len(segmenter.segment_html(html.as_py()))]
    take = [some[i % len(some)] for i in range(n)]
    urls = [f"{table['url'][row].as_py()}#!copy-{i}" for i, row in enumerate(take)]
    repeat = pa.table({"url": urls, "html": table["html"].take(pa.array(take))})
    pq.write_table(repeat, out, row_group_size=100)


@pytest.fixture
def local(server_venv: Path, tmp_path: Path) -> Iterator[tuple[Path, Connection]]:
    """A workspace with a server of its own: the figures are of one with nothing else in it."""
    from curate.review import server as server_module

    server_module.start(tmp_path, port=8310, progress=print)
    try:
        with connect(ReviewConfig(), tmp_path / ".curate/state") as connection:
            yield tmp_path, connection
    finally:
        server_module.stop(tmp_path)


@pytest.mark.acceptance
@pytest.mark.shared
def test_two_thousand_pages(
    local: tuple[Path, Connection],
    shared: Path,
    label_set: LabelSet,
    figure: Callable[[str], None],
):
    cwd, connection = local
    repeated(shared / "data" / "wcxb-dev.parquet", cwd / "pages.parquet", N_PAGES)
    curate = [sys.executable, "-m", "curate"]
    options = ["name=many", "pages.path=pages.parquet", f"sample.pages={N_PAGES}"]
    # All that lies before the push, so that kills meet the push.
    finished([*curate, "run", *options, "review=none", "stages=[pages,segments,predictions]"], cwd)
    push = [*curate, "review", "push", *options]
    caught = []
    for kill in seeded_kills(SEED, N_PAGES, N_KILLS, 4.0):
        caught.append(killed(push, cwd, kill, connection, "many"))
        figure(f"killed {kill.after_s:.1f} s after {kill.n_tasks} tasks: {caught[-1][1]} there")
    assert all(running for running, _ in caught)
    finished(push, cwd)
    project = ReviewProject.open(
        connection, "many", label_set, ReviewConfig(), cwd / ".curate/state", create=False
    )
    assert project is not None
    there = keys_there(connection, project.number)
    assert len(there) == N_PAGES
    assert set(there.values()) == {1}
    plan, wall, *_ = finished([*curate, "review", "plan", *options], cwd)
    assert _row(plan, "unchanged") == N_PAGES
    assert _row(plan, "new") == _row(plan, "changed") == _row(plan, "to close") == 0
    figure(f"{N_PAGES} tasks, each once; a plan of them takes {wall:.0f} s")

    rate = push_rate(connection, project, cwd, curate, options)
    figure(f"push without a cut: {rate}")

    began = time.monotonic()
    client = connection.client
    client.post(
        "/api/dm/actions",
        {"selectedItems": {"all": True, "excluded": []}},
        params={"id": "predictions_to_annotations", "project": project.number},
    )
    figure(f"{N_PAGES} annotations made by the server in {time.monotonic() - began:.0f} s")
    pull = [*curate, "review", "pull", *options]
    _, wall, cpu, peak = finished(pull, cwd)
    figure(
        f"pull: {N_PAGES / wall:.0f} annotations/s ({wall:.0f} s wall, {cpu:.0f} s CPU here), "
        f"peak memory {peak:.0f} MB"
    )
    work = load(cwd / "exports/many/annotations")
    assert len(work) == N_PAGES
    assert {a.status for a in work} == {"submitted"}
    assert all(s.action == "accepted" for a in work for s in a.spans)
    n_spans = sum(len(a.spans) for a in work)
    segments = sum(len(t["predictions"][0]["result"]) for t in client.tasks(project.number))
    assert n_spans == segments
    figure(f"{n_spans} spans, each compared with its text")
    _, wall, _, again = finished(pull, cwd)
    assert len(load(cwd / "exports/many/annotations")) == N_PAGES
    figure(f"pull again: {wall:.0f} s, nothing written, peak memory {again:.0f} MB")
    assert peak < 1000


def push_rate(
    connection: Connection,
    project: ReviewProject,
    cwd: Path,
    curate: list[str],
    options: list[str],
) -> str:
    """All tasks again into an empty project, in one go."""
    name = "again"
    other = [f"name={name}" if option.startswith("name=") else option for option in options]
    _, wall, cpu, peak = finished([*curate, "review", "push", *other], cwd)
    assert count(connection, name) == N_PAGES
    return (
        f"{N_PAGES / wall:.0f} tasks/s with listing and proof ({wall:.0f} s wall, "
        f"{cpu:.0f} s CPU here), peak memory {peak:.0f} MB"
    )


def _row(table: str, name: str) -> int:
    line = next(line for line in table.splitlines() if line.startswith(name))
    return int(line.removeprefix(name).split()[0])
