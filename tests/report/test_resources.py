"""Memory of a run, and lines on its progress."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from curate.cli.runs import state_of
from curate.report import run_view
from curate.report.resources import Held, held_now
from curate.report.run_view import RunDisplay
from tests.report.test_run_view import console, text

SLEEPER = "import sys; print('up', flush=True); sys.stdin.read()"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_are_seen_and_helpers_are_not() -> None:
    before = held_now()
    assert before is not None
    assert before.driver_mb > 5
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with (
        subprocess.Popen([sys.executable, "-c", SLEEPER, "loky"], **pipes) as worker,  # type: ignore[call-overload]
        subprocess.Popen(
            [sys.executable, "-c", SLEEPER, "loky.resource_tracker"], **pipes
        ) as helper,  # type: ignore[call-overload]
    ):
        for process in (worker, helper):
            process.stdout.readline()
        held = held_now()
        for process in (worker, helper):
            process.communicate()
    assert held is not None
    assert held.n_workers == before.n_workers + 1
    assert held.workers_mb > before.workers_mb


def test_memory_in_one_phrase() -> None:
    assert str(Held(212.4, 0.0, 0)) == "memory 212 MB"
    assert str(Held(212.4, 830.0, 1)) == "memory: driver 212 MB, 1 worker 830 MB"
    assert str(Held(212.4, 1830.0, 2)) == "memory: driver 212 MB, 2 workers 1.8 GB"


def test_a_long_stage_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(run_view, "PLAIN_SECONDS", 0.0)
    monkeypatch.setattr(run_view, "held_now", lambda: Held(100.0, 300.0, 2))
    err, log = console(), tmp_path / "log.jsonl"
    with RunDisplay(err=err, out=console(), log=log) as display:
        display.stage_started("segments", 4)
        display.advance("segments", 1200, 3)
    (line,) = text(err).splitlines()
    assert line.startswith("segments: 1 of 4, 1,200 pages, ")
    assert line.endswith("3 quarantined, memory: driver 100 MB, 2 workers 300 MB")
    told = [json.loads(line) for line in log.read_text().splitlines()]
    assert (told[1]["driver_mb"], told[1]["workers_mb"]) == (100.0, 300.0)


def test_a_run_that_is_going_on_is_shown_with_its_progress() -> None:
    now = {"stage": "segments", "tasks": 40, "done": 12, "pages": 1204, "quarantined": 2}
    passport = {"status": "running", "host": "elsewhere", "pid": 1, "now": {**now, "seconds": 10}}
    told = "segments (12 of 40, 1,204 pages, 120.4/s, 2 quarantined)"
    assert state_of(passport) == f"killed in {told}"
    assert state_of({**passport, "now": {**now, "done": 0}}) == "killed in segments"
