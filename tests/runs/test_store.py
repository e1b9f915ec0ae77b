"""The store: complete or not there, swept, collected."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from curate.io import TEMP_PREFIX
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
    import os

    store = Store(tmp_path)
    folder = made(store, "aaaa")
    mine = folder / f"{TEMP_PREFIX}{os.getpid()}-1-x"
    dead = folder / f"{TEMP_PREFIX}{NO_PROCESS}-1-x"
    mine.touch()
    dead.touch()
    assert store.sweep() == 1
    assert mine.exists()
    assert not dead.exists()


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
