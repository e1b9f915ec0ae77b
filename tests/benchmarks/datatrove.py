"""From bytes to a published dataset beside datatrove's trafilatura pipeline.

python tests/benchmarks/datatrove.py PAGES.parquet [--pages 1000] [--labeler model] [--json FILE]

datatrove reads the same JSONL, extracts with trafilatura and writes Parquet, with as
many workers. It gets an environment of its own (450 MB), built on first use.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent))
from measure import curate_run, measured, read_once, real_pages, save, table
from pipeline import split_file

VENV = Path(".curate/bench/datatrove-venv")
REQUIREMENTS = ["datatrove[io,processing]==0.10.1", "lxml_html_clean"]
"""Its trafilatura imports the second without asking for it; every page then waits for its
time limit and is left out."""

LIMIT_SECONDS = 900
MIN_EXTRACTED = 0.9
"""Share of the pages below which datatrove didn't do the work that it is compared in."""

PIPELINE = """
import sys
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import ParquetWriter
if __name__ == "__main__":
    folder, workers = sys.argv[1], int(sys.argv[2])
    LocalPipelineExecutor(
        pipeline=[
            JsonlReader(folder + "/in", text_key="html", id_key="url"),
            Trafilatura(timeout=60),
            ParquetWriter(folder + "/out"),
        ],
        tasks=workers, workers=workers, logging_dir=folder + "/logs",
    ).run()
"""


def environment() -> Path:
    """The interpreter of datatrove's environment."""
    python = VENV / "bin" / "python"
    marker = VENV / ".installed"
    if not marker.exists() or marker.read_text(encoding="utf-8").split() != REQUIREMENTS:
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
        marker.write_text("\n".join(REQUIREMENTS), encoding="utf-8")
    return python.absolute()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", type=Path)
    parser.add_argument("--pages", dest="count", type=int, default=1000)
    parser.add_argument("--labeler", default="model")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    python = environment()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        n = options.workers
        whole = folder / "pages.jsonl"
        n_pages, _ = real_pages(options.pages, whole, options.count)
        parts = split_file(whole, n, folder / "in")
        script = folder / "pipeline.py"
        script.write_text(PIPELINE, encoding="utf-8")
        command = [str(python), str(script), str(folder), str(n)]
        read_once(*parts)
        theirs = measured(command, folder, limit_s=LIMIT_SECONDS)
        made = sum(pq.read_metadata(path).num_rows for path in (folder / "out").glob("*.parquet"))
        if made < MIN_EXTRACTED * n_pages:
            raise SystemExit(f"datatrove extracted {made} of {n_pages} pages; see its logs")
        ours = curate_run(
            folder / "ours", whole, f"engine.workers={n}", f"labeler={options.labeler}"
        )
    table(
        f"{n_pages} pages, {n} workers, load {ours.load:.1f}; datatrove extracted {made}",
        ["pipeline", "wall s", "CPU s", "pages/s", "largest process MB"],
        [
            [who, c.seconds, c.cpu_seconds, n_pages / c.seconds, max(c.driver_mb, c.worker_mb)]
            for who, c in (("curate, to a published dataset", ours), ("datatrove", theirs))
        ],
    )
    sys.stdout.write(
        f"curate: {theirs.seconds / ours.seconds:.2f} times datatrove's pages/s, "
        f"{theirs.cpu_seconds / ours.cpu_seconds:.2f} times by CPU seconds\n"
    )
    save(
        options.json,
        "datatrove",
        {"pages": n_pages, "curate": ours, "datatrove": theirs, "extracted": made},
    )


if __name__ == "__main__":
    main()
