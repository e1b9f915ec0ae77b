"""Files: atomic, deterministic, locked."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest

from curate.io import (
    TEMP_PREFIX,
    atomic_path,
    canonical_json,
    file_digest,
    json_digest,
    locked,
    read_rows,
    write_rows,
)

SCHEMA = pa.schema([pa.field("n", pa.int64()), pa.field("s", pa.string())])


def table(start: int, stop: int) -> pa.Table:
    return pa.table(
        {"n": list(range(start, stop)), "s": [f"v{i % 7}" for i in range(start, stop)]},
        schema=SCHEMA,
    )


def test_atomic_path_leaves_the_old_file_on_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail() -> None:
        with atomic_path(path) as temp:
            temp.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_atomic_path_names_its_process_in_the_temporary_name(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a") as temp:
        temp.write_text("x")
        assert temp.name.startswith(f"{TEMP_PREFIX}{os.getpid()}@")
    assert (tmp_path / "a").read_text() == "x"


@pytest.mark.parametrize("cut", [1, 3, 100, 299, 300, 1000])
def test_rows_give_the_same_bytes_however_they_are_batched(tmp_path: Path, cut: int) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert write_rows(whole, SCHEMA, [table(0, 1000)]) == 1000
    batches = (table(i, min(i + cut, 1000)) for i in range(0, 1000, cut))
    assert write_rows(parts, SCHEMA, batches) == 1000
    assert file_digest(parts) == file_digest(whole)
    assert [n for b in read_rows(parts) for n in b.column(0).to_pylist()] == list(range(1000))


def test_json_digest_ignores_key_order_and_keeps_list_order() -> None:
    assert json_digest({"a": 1, "b": [1, 2]}) == json_digest({"b": [1, 2], "a": 1})
    assert json_digest([1, 2]) != json_digest([2, 1])
    assert canonical_json({"b": "ü", "a": None}) == '{"a":null,"b":"ü"}'


def test_a_lock_is_told_and_waited_for(tmp_path: Path) -> None:
    lock, told, order = tmp_path / "x.lock", list[str](), list[str]()

    def second() -> None:
        with locked(lock, on_wait=told.append):
            order.append("second")

    with locked(lock):
        thread = threading.Thread(target=second)
        thread.start()
        for _ in range(100):
            if told:
                break
            time.sleep(0.02)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert len(told) == 1
    assert f"by process {os.getpid()}" in told[0]
