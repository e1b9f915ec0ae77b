"""The store: complete or not there, swept, collected."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pyarrow as pa
import pytest

from curate.errors import RunError
from curate.io import TEMP_PREFIX, temp_prefix
from curate.runs.fingerprint import Recipe
from curate.runs.output import Counts, Output, load_result
from curate.runs.store import Store
from curate.schema import Dropped, Quarantined

SCHEMA = pa.schema([pa.field("n", pa.int64())])
NO_PROCESS = 4_194_305  # above the largest process id of Linux


def made(store: Store, key: str, rows: int = 3, option: int = 0) -> Path:
    folder = store.folder(Recipe("pages", {}, {}, {"option": option}))
    out = Output(folder, key, "pages")
    out.counts.n_in = rows
    out.write(SCHEMA, [pa.table({"n": list(range(rows))}, schema=SCHEMA)])
    out.finish()
    return folder


def test_a_task_is_complete_only_with_marker_and_shards(tmp_path: Path) -> None:
    folder = made(Store(tmp_path), "aaaa")
    result = load_result(folder, "aaaa")
    assert result is not None
    assert [s.rows for s in result.shards] == [3]
    assert result.counts == Counts(3, 3)
    (folder / "aaaa-0000.parquet").unlink()
    assert load_result(folder, "aaaa") is None
    assert load_result(folder, "bbbb") is None


def test_counts_that_do_not_add_up_are_refused(tmp_path: Path) -> None:
    out = Output(tmp_path, "k", "pages")
    out.counts.n_in = 2
    out.drop(Dropped("a#1", "request"))
    with pytest.raises(AssertionError, match="don't add up"):
        out.finish()
    out.quarantine(Quarantined("a#2", "pages", "empty", "0 bytes"))
    result = out.finish()
    assert result.counts.to_json() == {
        "in": 2,
        "out": 0,
        "dropped": {"request": 1},
        "quarantined": {"empty": 1},
    }
    assert result.quarantine == "k.quarantine.parquet"


def test_only_dead_processes_temporary_files_are_swept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = made(store, "aaaa")
    mine = folder / f"{TEMP_PREFIX}{os.getpid()}-1-x"
    dead = folder / f"{TEMP_PREFIX}{NO_PROCESS}-1-x"
    mine.touch()
    dead.touch()
    assert store.sweep() == 1
    assert mine.exists()
    assert not dead.exists()


def test_a_process_that_nobody_asked_how_it_ended_is_dead(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = made(store, "aaaa")
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as child:
        child.stdout.read()  # its end; `wait` has not been called, so that it is a zombie
        left = folder / f"{TEMP_PREFIX}{child.pid}-1-x"
        left.touch()
        end = time.monotonic() + 10
        while not store.sweep() and time.monotonic() < end:
            time.sleep(0.01)
        os.kill(child.pid, 0)
        assert not left.exists()


def test_a_later_process_of_the_same_id_does_not_keep_a_file(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = made(store, "aaaa")
    mine = folder / f"{temp_prefix()}1-x"
    other = folder / f"{temp_prefix().rpartition('.')[0]}.abcdef-1-x"
    mine.touch()
    other.touch()
    assert store.sweep() == 1
    assert mine.exists()


def test_collect_keeps_what_is_used(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = made(store, "aaaa")
    made(store, "bbbb")
    other = made(store, "cccc", option=1)
    used = [("pages", folder.name, "aaaa")]
    status = {row.fingerprint: row for row in store.status(used).stages}
    assert status[folder.name].n_unused == 2
    assert status[other.name].n_unused == 2
    assert store.collect(used) > 0
    assert load_result(folder, "aaaa") is not None
    assert load_result(folder, "bbbb") is None
    assert not other.exists()


def test_other_machines_files_are_left_for_a_day(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = made(store, "aaaa")
    young, old = (folder / f"{TEMP_PREFIX}{NO_PROCESS}@ffffff-{n}-x" for n in "12")
    young.touch()
    old.touch()
    os.utime(old, (0, 0))
    assert store.sweep() == 1
    assert young.exists()


def test_a_second_run_waits_for_a_stage_and_is_told_for_whom(tmp_path: Path) -> None:
    store, recipe = Store(tmp_path), Recipe("pages", {}, {}, {})
    order: list[str] = []
    held = Event()

    def second() -> None:
        held.wait(10)
        with store.working(recipe, order.append) as waited:
            order.append(f"second, waited: {waited}")

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(second)
        with store.working(recipe, order.append) as waited:
            assert not waited
            held.set()
            while not order:
                time.sleep(0.01)
            order.append("first")
        other.result(10)
    assert order[0].startswith(f"waiting for pages-{recipe.fingerprint}.lock: held for 0 s by")
    assert f"process {os.getpid()}" in order[0]
    assert order[1:] == ["first", "second, waited: True"]


def test_nothing_is_collected_under_a_run(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with (
        store.in_use(print),
        store.in_use(print),
        pytest.raises(RunError, match="a run is going on"),
        store.alone(),
    ):
        pass
    with store.alone():
        pass
