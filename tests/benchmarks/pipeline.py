"""The whole pipeline: each stage's rate beside other extractors; one worker, two, and the ideal.

python tests/benchmarks/pipeline.py PAGES.parquet [--pages 1354] [--labeler model] [--rounds 3]
    [--json FILE]

From bytes to a published dataset, review off. The peers read the same pages in the
same run, one process each: Lexbor parsing alone, trafilatura, resiliparse. "Ideal" is
two serial runs of half the pages each, at the same time: what two cores could do. With
rounds, the three take turns and medians are told.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent))
from measure import Cost, curate_run, measured, passport, real_pages, save, table

PEERS = {
    "parsing alone (Lexbor)": (
        "from selectolax.lexbor import LexborHTMLParser as P\nwork = lambda html: P(html).body"
    ),
    "trafilatura": (
        "from trafilatura import extract\nwork = lambda html: extract(html, include_comments=False)"
    ),
    "resiliparse main content": (
        "from resiliparse.extract.html2text import extract_plain_text as e\n"
        "work = lambda html: e(html, main_content=True)"
    ),
}

LOOP = """
import json, sys
{setup}
for line in open(sys.argv[1], encoding="utf-8"):
    try:
        work(json.loads(line)["html"])
    except Exception:
        pass
"""


def split_file(source: Path, parts: int, folder: Path) -> list[Path]:
    """The lines of a file dealt to `parts` files."""
    files = [folder / f"part{n}.jsonl" for n in range(parts)]
    outs = [file.open("w", encoding="utf-8") for file in files]
    with source.open(encoding="utf-8") as lines:
        for n, line in enumerate(lines):
            outs[n % parts].write(line)
    for out in outs:
        out.close()
    return files


def ideal(folder: Path, source: Path, labeler: str) -> Cost:
    """Two serial runs at once, each with half the pages: wall seconds, CPU seconds of both."""
    halves = split_file(source, 2, folder)
    costs: list[Cost] = []

    def run(number: int, half: Path) -> None:
        place = folder / f"half{number}"
        costs.append(curate_run(place, half, "engine=serial", f"labeler={labeler}"))

    threads = [threading.Thread(target=run, args=each) for each in enumerate(halves)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replace(
        costs[0],
        seconds=time.monotonic() - began,
        cpu_seconds=sum(cost.cpu_seconds for cost in costs),
    )


def middle(costs: Sequence[Cost]) -> Cost:
    """The run of the median wall seconds, with the median CPU seconds."""
    ordered = sorted(costs, key=lambda cost: cost.seconds)
    return replace(
        ordered[len(ordered) // 2],
        cpu_seconds=statistics.median(cost.cpu_seconds for cost in costs),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", type=Path)
    parser.add_argument("--pages", dest="count", type=int, default=1354)
    parser.add_argument("--labeler", default="model")
    parser.add_argument("--rounds", type=int, default=1, help="of serial, two workers, ideal")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    n_real = pq.read_metadata(options.pages).num_rows
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "pages.jsonl"
        n_pages, n_bytes = real_pages(options.pages, source, options.count)
        peers: dict[str, Cost] = {}
        for peer, setup in PEERS.items():
            code = LOOP.format(setup=setup)
            peers[peer] = measured([sys.executable, "-c", code, str(source)], folder)
        chosen = f"labeler={options.labeler}"
        runs: list[tuple[Cost, Cost, Cost]] = []
        for number in range(options.rounds):
            place = folder / str(number)
            place.mkdir()
            runs.append(
                (
                    curate_run(place / "serial", source, "engine=serial", chosen),
                    curate_run(place / "two", source, "engine.workers=2", chosen),
                    ideal(place, source, options.labeler),
                )
            )
        stages = passport(folder / "0" / "serial")["stages"]
        serial, two, best = (middle(costs) for costs in zip(*runs, strict=True))
    mb = n_bytes / 1e6
    rows = [
        [stage, row["cpu_seconds"], n_pages / row["cpu_seconds"], mb / row["cpu_seconds"]]
        for stage, row in stages.items()
        if row["cpu_seconds"] > 0
    ]
    rows += [[f"end to end, {options.labeler}", serial.cpu_seconds]]
    rows[-1] += [n_pages / serial.cpu_seconds, mb / serial.cpu_seconds]
    rows += [
        [peer, cost.cpu_seconds, n_pages / cost.cpu_seconds, mb / cost.cpu_seconds]
        for peer, cost in peers.items()
    ]
    head = f"{n_pages} pages ({n_real} real ones), {mb:.0f} MB of HTML, load {serial.load:.1f}"
    table(head, ["step", "CPU s", "pages/s", "MB/s"], rows)
    table(
        "workers",
        ["run", "wall s", "CPU s", "pages/s", "driver MB", "worker MB"],
        [
            [name, c.seconds, c.cpu_seconds, n_pages / c.seconds, c.driver_mb, c.worker_mb]
            for name, c in (
                ("serial", serial),
                ("two workers", two),
                ("two serial runs at once (ideal)", best),
            )
        ],
    )
    sys.stdout.write(
        f"two workers: {two.cpu_seconds / serial.cpu_seconds:.2f} of the CPU seconds of serial, "
        f"{two.cpu_seconds / best.cpu_seconds:.2f} of the ideal's, "
        f"{best.seconds / two.seconds:.2f} of the ideal's pages/s; medians of {options.rounds}\n"
    )
    found = {f"{stage}_cpu_seconds": row["cpu_seconds"] for stage, row in stages.items()}
    values = {"pages": n_pages, "bytes": n_bytes, "labeler": options.labeler, **found}
    values |= {"serial": serial, "two_workers": two, "ideal": best, **peers}
    save(options.json, "pipeline", values)


if __name__ == "__main__":
    main()
