"""Engines: same bytes, one crash costs one task."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal
from unittest.mock import patch

import pyarrow as pa
import pytest

from curate.errors import CurateError, RunError
from curate.io import file_digest
from curate.runs.engine import EngineConfig, Failure, Finished, Task, check_failures, run_tasks
from curate.runs.local import pool
from curate.runs.output import Output

SCHEMA = pa.schema([pa.field("n", pa.int64())])


def count_up(out: Output, n: int) -> None:
    out.counts.n_in = n
    out.write(SCHEMA, [pa.table({"n": list(range(n))}, schema=SCHEMA)])


def misbehave(out: Output, how: str) -> None:
    if how == "raise":
        raise ValueError("bad page")
    if how == "tell":
        raise CurateError("set it to 1")
    if how == "exit":
        os._exit(9)
    count_up(out, 1)


def tasks(folder: Path, n: int) -> list[Task]:
    folder.mkdir(parents=True, exist_ok=True)
    return [Task("pages", f"k{i}", folder, count_up, (i,)) for i in range(n)]


def test_engines_write_the_same_bytes(tmp_path: Path) -> None:
    kinds: list[Literal["serial", "local"]] = ["serial", "local"]
    digests = []
    for kind in kinds:
        ended = list(run_tasks(EngineConfig(kind, workers=2), tasks(tmp_path / kind, 9)))
        assert all(isinstance(e, Finished) for e in ended)
        files = sorted((tmp_path / kind).iterdir())
        digests.append([(f.name, file_digest(f)) for f in files])
    assert len(digests[0]) == 18
    assert digests[0] == digests[1]


def test_a_dead_worker_costs_only_its_own_task(tmp_path: Path) -> None:
    mixed = [
        Task("pages", f"k{i}", tmp_path, misbehave, ("exit" if i == 3 else "fine",))
        for i in range(8)
    ]
    ended = list(run_tasks(EngineConfig("local", workers=2), mixed))
    failed = [e for e in ended if isinstance(e, Failure)]
    assert [f.task.key for f in failed] == ["k3"]
    assert "process died 2 times" in failed[0].error
    assert "EXIT(9)" in failed[0].error
    assert sorted(e.task.key for e in ended if isinstance(e, Finished)) == [
        f"k{i}" for i in range(8) if i != 3
    ]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("raise", "stage pages: ValueError: bad page; finished work is kept; run it with"),
        ("tell", "stage pages: set it to 1; finished work is kept"),
    ],
)
def test_failures_are_told(tmp_path: Path, how: str, message: str) -> None:
    ended = list(
        run_tasks(EngineConfig("serial"), [Task("pages", "k", tmp_path, misbehave, (how,))])
    )
    failures = [e for e in ended if isinstance(e, Failure)]
    with pytest.raises(RunError) as caught:
        check_failures("pages", failures)
    assert str(caught.value).startswith(message)


def test_peak_memory_is_that_of_the_process_itself(tmp_path: Path) -> None:
    """Not that of the process that started it, which a new one's resource usage begins with."""
    script = (
        "import sys, subprocess\n"
        "held = bytearray(600_000_000)\n"
        "for at in range(0, len(held), 4096): held[at] = 1\n"
        "told = 'from curate.runs.engine import _peak_mb; print(_peak_mb())'\n"
        "print(subprocess.check_output([sys.executable, '-c', told], text=True))\n"
    )
    out = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert 20 < float(out.stdout) < 500


def test_a_worker_that_dies_with_nothing_to_do_costs_nothing(tmp_path: Path) -> None:
    config = EngineConfig("local", workers=2)
    assert len(list(run_tasks(config, tasks(tmp_path / "before", 4)))) == 4
    executor = pool(2)
    victim, *_ = executor._processes
    os.kill(victim, signal.SIGKILL)
    while executor._flags.broken is None:
        time.sleep(0.01)
    # As where it dies after a stage has got hold of its pool.
    with patch("curate.runs.local.pool", side_effect=[executor, pool(2)]):
        ended = list(run_tasks(config, tasks(tmp_path / "after", 4)))
    assert [type(e) for e in ended] == [Finished] * 4
