"""All benchmarks, one after the other: tables on the terminal, figures in one JSON file.

python -m tests.benchmarks PAGES.parquet [--quick] [--only NAME ...] [--json FILE]
make benchmarks PAGES=PAGES.parquet [QUICK=1]

Nothing is asserted. One that can't run (no server, no network for a peer's environment)
is told and passed over. The scale plan is computed from the file at the end. Run it on a
machine that does nothing else; the load at the end of each is in its table.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from measure import table

HERE = Path(__file__).resolve().parent

FIGURES = Path(".curate/bench/figures.json")


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One script.

    Attributes:
        full, quick: its arguments.
        pages: it takes the file of pages first.
        json: it adds its figures to the file.
        minutes: that the full one takes on two quiet cores, about.
    """

    name: str
    full: tuple[str, ...]
    quick: tuple[str, ...]
    minutes: int
    pages: bool = True
    json: bool = True


BENCHMARKS = (
    Benchmark("labeler", (), ("--pages", "60"), 2, json=False),
    Benchmark("pipeline", ("--pages", "2708"), ("--pages", "60"), 10),
    Benchmark("sizes", ("--pages", "1354"), ("--pages", "60"), 3),
    Benchmark("publish", (), ("--segments", "50000"), 2),
    Benchmark("aggregation", (), ("--rows", "1000000"), 4, pages=False),
    Benchmark("growth", (), ("--counts", "100", "300"), 45),
    Benchmark("datatrove", ("--pages", "2708"), ("--pages", "60"), 6),
    Benchmark("diff", (), ("--segments", "50000"), 2, pages=False, json=False),
    Benchmark("review", ("--rates-only",), ("--rates-only", "--pages", "20"), 3, pages=False),
)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("pages", type=Path, help="Parquet of real pages, column html")
    parser.add_argument("--quick", action="store_true", help="small counts: does all of it run?")
    parser.add_argument("--only", nargs="+", choices=[b.name for b in BENCHMARKS], metavar="NAME")
    parser.add_argument("--json", type=Path, default=FIGURES, help=f"default {FIGURES}")
    options = parser.parse_args()
    options.json.parent.mkdir(parents=True, exist_ok=True)
    rows: list[list[object]] = []
    for benchmark in BENCHMARKS:
        if options.only and benchmark.name not in options.only:
            continue
        command = [sys.executable, str(HERE / f"{benchmark.name}.py")]
        command += [str(options.pages)] if benchmark.pages else []
        command += benchmark.quick if options.quick else benchmark.full
        command += ["--json", str(options.json)] if benchmark.json else []
        sys.stdout.write(f"\n== {benchmark.name} (about {benchmark.minutes} min in full)\n")
        sys.stdout.flush()
        began = time.monotonic()
        status = subprocess.run(command, check=False).returncode
        rows.append([benchmark.name, "ran" if status == 0 else f"status {status}"])
        rows[-1].append(time.monotonic() - began)
    if not options.only or {"sizes", "aggregation", "publish"} <= set(options.only):
        sys.stdout.write("\n== scale plan\n")
        sys.stdout.flush()
        plan = [sys.executable, str(HERE / "scale_plan.py"), str(options.json)]
        rows.append(["scale_plan", f"status {subprocess.run(plan, check=False).returncode}", 0.0])
    table("", ["benchmark", "", "seconds"], rows)
    sys.stdout.write(f"figures are in {options.json}\n")
    return int(any(row[1] not in ("ran", "status 0") for row in rows))


if __name__ == "__main__":
    sys.exit(main())
