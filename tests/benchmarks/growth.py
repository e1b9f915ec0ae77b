"""Time and memory as the input grows: they should be linear and flat.

python tests/benchmarks/growth.py PAGES.parquet [--counts 10000 100000] [--json FILE]

Real pages of at most 50 KB, repeated under distinct addresses, from bytes to a
published dataset.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from measure import curate_run, passport, real_pages, save, table

MAX_BYTES = 50_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", type=Path)
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--labeler", default="rules")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: list[list[object]] = []
    values: dict[str, Any] = {"labeler": options.labeler}
    for count in options.counts:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            source = folder / "pages.jsonl"
            _, n_bytes = real_pages(options.pages, source, count, max_bytes=MAX_BYTES)
            cost = curate_run(folder / "run", source, f"labeler={options.labeler}")
            stages = passport(folder / "run")["stages"]
            staged = driver_mb(folder / "run")
        seconds = {stage: row["seconds"] for stage, row in stages.items()}
        rows.append(
            [
                f"{count:,}",
                n_bytes / 1e6,
                cost.seconds,
                1000 * cost.cpu_seconds / count,
                staged,
                cost.driver_mb,
                cost.worker_mb,
                seconds["dataset"],
            ]
        )
        values[str(count)] = {"cost": vars_of(cost), "stage_seconds": seconds, "bytes": n_bytes}
        values[str(count)]["driver_mb_of_stages"] = staged
    columns = ["pages", "MB", "wall s", "CPU ms a page", "driver MB in stages"]
    columns += ["with publishing", "worker MB", "publish s"]
    table(f"growth, labeler={options.labeler}", columns, rows)
    save(options.json, "growth", values)


def driver_mb(folder: Path) -> float:
    """Largest size of the driver while tasks of stages ended: before it publishes."""
    (log,) = (folder / ".curate" / "runs").glob("*/log.jsonl")
    events = map(json.loads, log.read_text(encoding="utf-8").splitlines())
    return max(event.get("driver_mb", 0.0) for event in events if event["event"] == "advanced")


def vars_of(cost: Any) -> dict[str, float]:
    return {name: getattr(cost, name) for name in cost.__slots__}


if __name__ == "__main__":
    main()
