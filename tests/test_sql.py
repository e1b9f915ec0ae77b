"""DuckDB's share of a process's memory, and where it spills."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate import sql
from curate.runs.engine import usable_cores
from curate.sql import aggregating, sql_memory, sql_threads
from tests.conftest import ROOT

ADD_UP = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
import numpy as np
from aggregation import COUNT_SCHEMA, LINE_ROWS, rows_of
from curate.io import write_rows
from curate.runs.output import Output
from curate.stages.recurring import add_up
folder, n = Path(sys.argv[1]), int(sys.argv[4])
files = sorted(folder.glob("*.parquet"))
if n:
    rng = np.random.default_rng(0)
    for shard in range(n):
        file = folder / f"{shard:04d}.parquet"
        write_rows(file, COUNT_SCHEMA, rows_of(shard, n, rng), row_group_rows=LINE_ROWS)
    sys.exit()
out = Output(folder / "out", "key", "evidence")
add_up(out, files, sys.argv[2])
rows = sum(shard.rows for shard in out.finish().shards)
status = Path("/proc/self/status").read_text()
print("told", rows, 1024 * int(status.split("VmHWM:")[1].split()[0]))
"""


def test_what_the_process_holds_is_taken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "_resident", lambda: 200_000_000)
    assert sql_memory("2GB") == int((2_000_000_000 - 350_000_000) / 1.05)
    assert sql_memory("300MB") == sql.MIN_MEMORY


def test_a_connection_spills_near_the_store_and_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "[a]'s.parquet"
    pq.write_table(pa.table({"n": [3, 1, 2]}), file)
    with aggregating("1GB", [file], near=tmp_path) as connection:
        query = "SELECT current_setting('temp_directory'), current_setting('memory_limit')"
        folder, limit = connection.execute(query).fetchone()
        assert Path(folder).parent == tmp_path
        assert Path(folder).is_dir()
        assert limit.endswith("MiB")
        assert connection.execute(
            "SELECT n FROM read_parquet($1) ORDER BY n", [[str(file)]]
        ).fetchall()
    assert not Path(folder).exists()
    with aggregating("1GB", near=tmp_path / "none") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.acceptance
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("shards", "limit"), [(12, 400), (40, 600)])
def test_lines_are_added_up_within_the_limit(
    tmp_path: Path, shards: int, limit: int, figure: Callable[[str], None]
) -> None:
    command = [sys.executable, "-c", ADD_UP, str(tmp_path), f"{limit}MB"]
    command.append(str(ROOT / "tests" / "benchmarks"))
    subprocess.run([*command, str(shards)], check=True, cwd=ROOT)
    told = subprocess.run([*command, "0"], check=True, cwd=ROOT, capture_output=True, text=True)
    rows, peak = map(int, told.stdout.split()[1:])
    figure(f"{shards * 250_000:,} lines added up: {rows:,} recur; {peak / 1e6:.0f} of {limit} MB")
    assert peak < 1e6 * limit


def test_little_memory_has_one_thread() -> None:
    assert sql_threads(64_000_000) == 1
    assert sql_threads(10**12) == usable_cores()
