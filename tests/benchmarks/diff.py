"""Time of `curate diff` on two versions of a million segments each.

    python tests/benchmarks/diff.py [--segments 1000000] [--folder DIR]

The versions are made up: 80 segments a page, 500 sites; of the second version's
segments 5 % have another label, 1 % of its pages another text, 1 % are new. Prints
one line; asserts nothing but the counts.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

PER_PAGE = 80
SITES = 500
LABELS = ("article", "boilerplate", "teaser", "caption")
WORDS = ("the", "harbour", "board", "met", "on", "Monday", "and", "heard", "that", "crane", "stays")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--segments", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.folder or Path(scratch)
        n_pages = args.segments // PER_PAGE
        for number in (1, 2):
            if not (folder / f"v000{number}" / "manifest.json").is_file():
                write(folder / f"v000{number}", number, n_pages)
        began = time.perf_counter()
        command = [sys.executable, "-m", "curate", "diff", "v0001", "v0002", "--json"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        wall = time.perf_counter() - began
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = used.ru_utime + used.ru_stime
        told = json.loads(done.stdout)
        changed = n_pages // 100
        assert told["pages"]["changed"] == changed
        assert told["pages"]["added"] == n_pages - n_pages * 99 // 100
        print(
            f"{n_pages * PER_PAGE:,} segments a side: {wall:.1f} s, {cpu:.1f} "
            f"CPU s, {used.ru_maxrss / 1024:.0f} MB; {sum(told['flips'].values()):,} flips; "
            f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        )
    return 0


def write(folder: Path, number: int, n_pages: int) -> None:
    dice = random.Random(3)
    first = 0 if number == 1 else n_pages * 99 // 100
    pages: dict[str, list[object]] = {k: [] for k in ("page_key", "page_id", "site", "reviewed")}
    names = (
        "page_key",
        "page_id",
        "site",
        "start",
        "end",
        "text",
        "label_name",
        "origin",
        "action",
    )
    rows: dict[str, list[object]] = {k: [] for k in (*names, "score", "agreement")}
    for n in range(n_pages):
        # The second version lacks the last pages of the first and has as many new ones.
        new = number == 2 and n >= first
        key = f"{n + (n_pages if new else 0):016x}"
        is_changed = number == 2 and n < n_pages // 100
        pages["page_key"].append(key)
        pages["page_id"].append(page_id := f"{key}-{'b' if is_changed else 'a'}")
        pages["site"].append(site := f"s{n % SITES}.example")
        pages["reviewed"].append(n % 50 == 0)
        at = 0
        for i in range(PER_PAGE):
            text = " ".join(dice.choices(WORDS, k=6)) + f" {n} {i}"
            if is_changed and i == 7:
                text += " (changed)"
            label = LABELS[(n + i) % 4]
            if number == 2 and (n * PER_PAGE + i) % 20 == 0:
                label = LABELS[(n + i + 1) % 4]
            values = (key, page_id, site, at, at + len(text), text, label, "model", None, 0.9, None)
            for column, value in zip(rows.values(), values, strict=True):
                column.append(value)
            at += len(text) + 1
    for shape, columns in (("segments", rows), ("pages", pages)):
        types = {"start": pa.int32(), "end": pa.int32(), "score": pa.float32()}
        types |= {"agreement": pa.float32(), "action": pa.string(), "reviewed": pa.bool_()}
        table = pa.table({k: pa.array(v, types.get(k, pa.string())) for k, v in columns.items()})
        (folder / shape).mkdir(parents=True, exist_ok=True)
        for part in range(4):
            size = -(-table.num_rows // 4)
            name = f"train-{part:05d}-of-00004.parquet"
            piece = table.slice(part * size, size)
            pq.write_table(piece, folder / shape / name, compression="zstd")
    manifest = {"name": "bench", "version": folder.name, "labels": {}, "facts": {}, "files": []}
    (folder / "manifest.json").write_text(json.dumps(manifest))


if __name__ == "__main__":
    sys.exit(main())
