"""Adding up recurring lines of many shards: time and memory.

python tests/benchmarks/aggregation.py [--rows 50000000] [--memory 2GB] [--json FILE]

Rows as the counting tasks leave them: for each shard its sites' lines, a third of
which stand on other pages of the site too.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parent))
from measure import measured, save, table

from curate.io import write_rows
from curate.stages.recurring import COUNT_SCHEMA, LINE_ROWS

ROWS_A_SHARD = 250_000
SITES_A_SHARD = 20

WORK = """
import sys
from pathlib import Path
from curate.runs.output import Output
from curate.stages.recurring import add_up
folder = Path(sys.argv[1])
out = Output(folder / "out", "key", "evidence")
add_up(out, sorted((folder / "in").glob("*.parquet")), sys.argv[2])
print(sum(shard.rows for shard in out.finish().shards))
"""


def rows_of(shard: int, n_shards: int, rng: np.random.Generator) -> Iterator[pa.Table]:
    """A shard of counts; sites are shared by neighbouring shards."""
    each = ROWS_A_SHARD // SITES_A_SHARD
    for site in range(SITES_A_SHARD):
        number = (shard * SITES_A_SHARD // 2 + site) % (n_shards * SITES_A_SHARD // 2)
        own = rng.integers(0, 2**63, 2 * each // 3)
        common = np.arange(each - len(own)) + number * 1_000_000
        keys = np.sort(np.concatenate([own, common])).astype(np.uint64)
        places = rng.integers(0, 1000, len(keys))
        yield pa.table(
            {
                "site": pa.repeat(f"site{number:06d}.example", len(keys)),
                "key": keys,
                "seen": np.ones(len(keys), np.int64),
                "total": places,
                "squares": places**2,
            },
            schema=COUNT_SCHEMA,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=50_000_000)
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    n_shards = max(1, options.rows // ROWS_A_SHARD)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        n_rows = 0
        for shard in range(n_shards):
            file = folder / "in" / f"{shard:05d}.parquet"
            rows = rows_of(shard, n_shards, rng)
            n_rows += write_rows(file, COUNT_SCHEMA, rows, row_group_rows=LINE_ROWS)
        size = sum(file.stat().st_size for file in (folder / "in").iterdir()) / 1e6
        cost = measured([sys.executable, "-c", WORK, str(folder), options.memory], folder)
        kept = int((folder / "benchmark.log").read_text().split()[-1])
    table(
        f"adding up recurring lines, memory limit {options.memory}",
        ["rows", "MB", "recurring", "wall s", "CPU s", "peak MB"],
        [[f"{n_rows:,}", size, f"{kept:,}", cost.seconds, cost.cpu_seconds, cost.driver_mb]],
    )
    save(options.json, "aggregation", {"rows": n_rows, "recurring": kept, "cost": cost})


if __name__ == "__main__":
    main()
