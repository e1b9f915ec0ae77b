"""Calls that processes of the pool do: in order, or not at all."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from curate.errors import DatasetError, RunError
from curate.runs.calls import PoolCalls, callers
from curate.runs.engine import EngineConfig, Finished, Task, run_tasks
from curate.runs.output import Output


def answer(n: int) -> tuple[int, int]:
    time.sleep(0.02 * (n % 3))
    return n, os.getpid()


def fail_or_mark(folder: Path, n: int) -> int:
    if n == 1:
        raise DatasetError("bad bucket")
    if n == 2:
        os._exit(9)
    if n == 20 and not (folder / "died").exists():
        (folder / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.3)
    (folder / str(n)).touch()
    return n


def leave_pid(out: Output, names: tuple[int, ...], n: int) -> None:
    """Hold this worker until the others have begun too."""
    folder = Path(str(out.folder))
    (folder / f"{n}.pid").write_text(str(os.getpid()))
    until = time.monotonic() + 60
    while not all((folder / f"{other}.pid").exists() for other in names):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_results_come_in_the_order_of_the_rows() -> None:
    with PoolCalls(2).running(answer, [(n,) for n in range(20)]) as results:
        told = list(results)
    assert [n for n, _ in told] == list(range(20))
    assert os.getpid() not in {pid for _, pid in told}
    with PoolCalls(2).running(answer, []) as results:
        assert list(results) == []


def test_an_error_ends_all_and_leaves_nothing_running(tmp_path: Path) -> None:
    rows = [(tmp_path, n) for n in (1, 3, 4, 5, 6, 7, 8, 9)]
    with (
        pytest.raises(DatasetError, match="bad bucket"),
        PoolCalls(2).running(fail_or_mark, rows) as results,
    ):
        list(results)
    after = sorted(path.name for path in tmp_path.iterdir())
    assert len(after) < 7
    time.sleep(0.5)
    assert sorted(path.name for path in tmp_path.iterdir()) == after


def test_a_dead_process_is_told_and_the_pool_works_on(tmp_path: Path) -> None:
    with (
        pytest.raises(RunError, match=r"died 4 times \(EXIT\(9\)\); nothing was published"),
        PoolCalls(2).running(fail_or_mark, [(tmp_path, 2), (tmp_path, 3)]) as results,
    ):
        list(results)
    with PoolCalls(2).running(answer, [(7,)]) as results:
        assert next(results)[0] == 7


def test_a_killed_process_costs_its_call_only_time(tmp_path: Path) -> None:
    with PoolCalls(2).running(fail_or_mark, [(tmp_path, n) for n in (3, 20, 4, 5)]) as results:
        assert list(results) == [3, 20, 4, 5]
    assert (tmp_path / "died").exists()


def test_the_memory_limit_decides_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curate.runs.calls.usable_cores", lambda: 16)
    told = {
        limit: found.n if (found := callers(EngineConfig(memory_limit=limit))) else 1
        for limit in ("600MB", "1GB", "2GB", "4GB", "32GB")
    }
    assert told == {"600MB": 1, "1GB": 1, "2GB": 2, "4GB": 4, "32GB": 16}
    assert callers(EngineConfig("serial", memory_limit="32GB")) is None
    assert callers(EngineConfig(workers=1, memory_limit="32GB")) is None


def test_workers_stay_between_stages(tmp_path: Path) -> None:
    """A stage of one task does not end the workers that the next one needs."""
    engine = EngineConfig("local", workers=2)
    seen = []
    for names in ((0, 1), (2,), (3, 4)):
        tasks = [Task("s", f"k{n}", tmp_path, leave_pid, (names, n)) for n in names]
        assert all(isinstance(ended, Finished) for ended in run_tasks(engine, tasks))
        seen.append({(tmp_path / f"{n}.pid").read_text() for n in names})
    assert len(seen[0]) == 2
    assert seen[1] < seen[0]
    assert seen[2] == seen[0]
