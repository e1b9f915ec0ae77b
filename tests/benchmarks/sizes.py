"""Bytes and rows a page leaves at every step, and memory that a publish needs for each page.

python tests/benchmarks/sizes.py PAGES.parquet [--pages 1354] [--labeler model] [--json FILE]

What `scale_plan.py` needs besides the rates of `pipeline.py`, `aggregation.py` and
`publish.py`. Sizes don't depend on how busy the machine is.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent))
from measure import curate_run, passport, real_pages, save, table

PAGES_A_SITE = 20

INDEX_PAGES = (100_000, 400_000)
"""The difference of the two peaks is what the pages between them took."""

INDEX = """
import sys, tempfile
from pathlib import Path
import numpy as np, pyarrow as pa
from curate.dataset import DatasetConfig
from curate.dataset.choose import PageIndex, PartWriter, choose
from curate.dataset.splits import bucket_hash

PART_PAGES = 10_000
n = int(sys.argv[1])
with tempfile.TemporaryDirectory() as name:
    index = PageIndex(Path(name))
    rng = np.random.default_rng(1)
    for first in range(0, n, 1000):
        if first % PART_PAGES == 0:
            part = PartWriter(Path(name) / f"part{first}", whole=False)
        keys = [f"{first + at:024x}" for at in range(1000)]
        hashes = [rng.bytes(16).hex() for _ in keys]
        part.add(pa.table({
            "page_key": keys,
            "site": [f"site{(first + at) // 20}.example" for at in range(1000)],
            "text_hash": hashes,
            "reviewed": [False] * 1000,
            "hash": pa.array([bucket_hash(key) for key in keys], pa.uint64()),
            "text": pa.array(hashes, pa.large_string()),
            "main_text": pa.array([""] * 1000, pa.large_string()),
            "starts": pa.array([[0]] * 1000, pa.list_(pa.int32())),
        }))
        if (first + 1000) % PART_PAGES == 0 or first + 1000 == n:
            index.add(part.close())
    choose(index, DatasetConfig())
status = Path("/proc/self/status").read_text()  # getrusage would tell the parent's peak too
print(1024 * int(status.split("VmHWM:")[1].split()[0]))
"""


def index_bytes() -> float:
    """Memory of the publisher for each page, mapped signatures included."""
    peaks = [
        int(subprocess.check_output([sys.executable, "-c", INDEX, str(n)])) for n in INDEX_PAGES
    ]
    return (peaks[1] - peaks[0]) / (INDEX_PAGES[1] - INDEX_PAGES[0])


def by_sites(source: Path) -> None:
    """Deal the pages to sites of PAGES_A_SITE: only lines of sites with several are counted."""
    # Line by line: a process is told to have had its parent's peak of memory, too.
    dealt = source.with_suffix(".dealt")
    with source.open(encoding="utf-8") as lines, dealt.open("w", encoding="utf-8") as out:
        for number, line in enumerate(lines):
            url = f"https://site{number // PAGES_A_SITE}.example/{number}"
            out.write(json.dumps({**json.loads(line), "url": url}, ensure_ascii=False) + "\n")
    dealt.replace(source)


def zipped(source: Path) -> int:
    """Bytes of the pages, each gzipped by itself as in a WARC file."""
    with source.open(encoding="utf-8") as lines:
        return sum(len(gzip.compress(json.loads(line)["html"].encode(), 6)) for line in lines)


def parquet_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", type=Path)
    parser.add_argument("--pages", dest="count", type=int, default=1354)
    parser.add_argument("--labeler", default="model")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "pages.jsonl"
        n_pages, n_bytes = real_pages(options.pages, source, options.count)
        by_sites(source)
        n_zipped = zipped(source)
        run = folder / "run"
        curate_run(run, source, "engine=serial", f"labeler={options.labeler}")
        stages = passport(run)["stages"]
        store = {path.name: parquet_bytes(path) for path in (run / ".curate/store").iterdir()}
        version = run / "exports/bench/v0001"
        published = json.loads((version / "manifest.json").read_text())["counts"]
        counted = [
            pq.read_metadata(path)
            for path in (run / ".curate/store").glob("evidence/**/*.parquet")
            if {"site", "key", "squares"} <= set(pq.read_schema(path).names)
        ]
        values: dict[str, Any] = {
            "pages": n_pages,
            "published_pages": published["pages"],
            "segments": published["segments"],
            "html_bytes": n_bytes,
            "gzip_bytes": n_zipped,
            "store_bytes": {name: n for name, n in store.items() if n},
            "published_bytes": parquet_bytes(version),
            "evidence_rows": sum(found.num_rows for found in counted),
            "worker_mb": max(row["peak_mb"] for row in stages.values()),
            "cpu_seconds": {
                stage: row["cpu_seconds"] for stage, row in stages.items() if row["cpu_seconds"]
            },
            "index_bytes_per_page": index_bytes(),
            "digest": hashlib.sha256(source.read_bytes()).hexdigest()[:16],
        }
    save(options.json, "sizes", values)
    rows: list[list[object]] = [["HTML", n_bytes / n_pages], ["gzip", n_zipped / n_pages]]
    rows += [[f"store, {name}", n / n_pages] for name, n in values["store_bytes"].items()]
    rows += [["published", values["published_bytes"] / n_pages]]
    rows += [["memory of the publisher", values["index_bytes_per_page"]]]
    table(f"bytes a page, {n_pages:,} pages, labeler={options.labeler}", ["", "bytes"], rows)


if __name__ == "__main__":
    main()
