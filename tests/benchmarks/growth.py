"""Time and memory as the input grows: they should be linear and flat.

python tests/benchmarks/growth.py PAGES.parquet [--counts 10000 100000] [--labeler rules]
                                  [--workers 2] [--json FILE] [--again]

Real pages of at most 50 KB, repeated under distinct addresses, from bytes to a
published dataset. Each count is told as it ends, and kept in the JSON file: a run that
was broken off goes on with the counts that are missing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from measure import curate_run, passport, real_pages, save, table

MAX_BYTES = 50_000

KEPT = Path(".curate/bench/growth.json")

COLUMNS = (
    *("pages", "MB", "wall s", "CPU s", "CPU ms a page", "pages/s"),
    *("driver MB outside", "driver MB overall", "worker MB", "publish s", "load"),
)
"""Outside: of aggregation and publishing."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", type=Path)
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--labeler", default="rules")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path, default=KEPT)
    parser.add_argument("--again", action="store_true", help="measure what is in the file anew")
    options = parser.parse_args()
    options.json.parent.mkdir(parents=True, exist_ok=True)
    chosen = {"labeler": options.labeler, "workers": options.workers}
    values: dict[str, Any] = {} if options.again else kept(options.json, chosen)
    values |= chosen
    for count in options.counts:
        if str(count) in values:
            say(f"{count:,} pages: as measured before ({options.json})")
            continue
        values[str(count)] = measure(options, count)
        save(options.json, "growth", values)
        say(f"{count:,} pages: {told(values[str(count)])}")
    rows = [row(count, values[str(count)]) for count in options.counts]
    table(f"growth, labeler={options.labeler}, {options.workers} workers", COLUMNS, rows)


def kept(file: Path, chosen: dict[str, Any]) -> dict[str, Any]:
    """What an earlier run measured with the same options."""
    if not file.exists():
        return {}
    found = json.loads(file.read_text(encoding="utf-8")).get("growth", {})
    same = all(found.get(name) == value for name, value in chosen.items())
    return dict(found) if same else {}


def measure(options: argparse.Namespace, count: int) -> dict[str, Any]:
    """One run over so many pages."""
    # Beside the figures, not in the temporary folder, which may lie in memory.
    folder = (options.json.parent / f"growth-{os.getpid()}").absolute()
    folder.mkdir(parents=True)
    try:
        source = folder / "pages.jsonl"
        say(f"{count:,} pages: writing them")
        _, n_bytes = real_pages(options.pages, source, count, max_bytes=MAX_BYTES)
        say(f"{count:,} pages, {n_bytes / 1e6:,.0f} MB: running; see {folder}/run/benchmark.log")
        words = (f"labeler={options.labeler}", f"engine.workers={options.workers}")
        cost = curate_run(folder / "run", source, *words)
        stages = passport(folder / "run")["stages"]
        staged = driver_mb(folder / "run")
    finally:
        shutil.rmtree(folder)
    return {
        "pages": count,
        "bytes": n_bytes,
        "cost": {name: getattr(cost, name) for name in cost.__slots__},
        "stage_seconds": {stage: found["seconds"] for stage, found in stages.items()},
        "driver_mb_of_stages": staged,
    }


def driver_mb(folder: Path) -> float:
    """Largest size of the driver when tasks of stages ended: outside what sees all rows."""
    (log,) = (folder / ".curate" / "runs").glob("*/log.jsonl")
    events = map(json.loads, log.read_text(encoding="utf-8").splitlines())
    return max(
        event.get("driver_mb", 0.0)
        for event in events
        if event["event"] == "advanced" and event["stage"] != "dataset"
    )


def row(count: int, value: dict[str, Any]) -> list[object]:
    cost = value["cost"]
    return [
        f"{count:,}",
        value["bytes"] / 1e6,
        cost["seconds"],
        cost["cpu_seconds"],
        1000 * cost["cpu_seconds"] / count,
        count / cost["seconds"],
        value["driver_mb_of_stages"],
        cost["driver_mb"],
        cost["worker_mb"],
        value["stage_seconds"]["dataset"],
        cost["load"],
    ]


def told(value: dict[str, Any]) -> str:
    cells = zip(COLUMNS[2:], row(value["pages"], value)[2:], strict=True)
    return ", ".join(f"{name} {cell:,.1f}" for name, cell in cells)


def say(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
