"""Speed and memory of a publish: a million segments, made from real pages.

python tests/benchmarks/publish.py PAGES.parquet [--segments 1000000] [--folder DIR] [--json FILE]

The pages are split by the real splitter; after the first round their segments are
drawn anew (three of four, under other addresses and sites) until there are enough.
Labels are drawn at random: a publish doesn't read them. One in ten pages is reviewed.

Memory is told twice: the largest resident size of any one process (shared libraries
and mapped files included), and the largest sum of private memory over all of them.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import resource
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from curate.dataset import DatasetConfig, Published, ShardPair, publish
from curate.pages.decode import decode_html
from curate.schema import (
    LABELED_SCHEMA,
    PREDICTED_SCHEMA,
    SEGMENTED_SCHEMA,
    LabelDef,
    LabelSet,
    page_id_of,
)
from curate.segments.blocks import BlockSegmenter
from curate.text import text_hash

sys.path.insert(0, str(Path(__file__).parent))
from measure import save

NAMES = ("article", "boilerplate", "teaser", "caption")
LABELS = LabelSet(
    name="web4",
    labels=tuple(LabelDef(name, "#777777", str(n), name) for n, name in enumerate(NAMES, 1)),
    guideline="",
)
SHARD_CHARS = 8_000_000
MEMORY_LIMIT = "1GB"
"""For the process that publishes; its queries get what the rest of it leaves."""


def real_pages(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Address and segments of each page."""
    segmenter = BlockSegmenter()
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=32, columns=["html", "url"]):
            for row in batch.to_pylist():
                page = segmenter.segment_html(decode_html(row["html"]).text, url=row["url"])
                spans = zip(page.starts.tolist(), page.ends.tolist(), strict=True)
                parts = [page.text[start:end] for start, end in spans]
                if parts:
                    yield row["url"] or f"https://none.example/{text_hash(page.text)}", parts


def write_store(source: Path, folder: Path, wanted: int) -> None:
    """Shards as the stages leave them."""
    pages = list(real_pages(source))
    rng = random.Random(1)
    shards = _Shards(folder)
    made = turn = 0
    while made < wanted:
        for url, parts in pages:
            if made >= wanted:
                break
            keep = sorted(rng.sample(range(len(parts)), max(1, len(parts) * 3 // 4)))
            mine = parts if turn == 0 else [parts[at] for at in keep]
            shards.add(url if turn == 0 else f"{url}?turn={turn}", turn, mine, rng)
            made += len(mine)
        turn += 1
    shards.flush()


@dataclass
class _Shards:
    folder: Path
    count: int = 0
    chars: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.rows: dict[str, list[dict[str, Any]]] = {"s": [], "l": [], "p": []}

    def add(self, url: str, turn: int, parts: list[str], rng: random.Random) -> None:
        key = hashlib.sha256(url.encode()).hexdigest()[:32]
        text, n = "\n".join(parts), len(parts)
        starts, ends, at = [], [], 0
        for part in parts:
            starts.append(at)
            ends.append(at + len(part))
            at += len(part) + 1
        site = (urlsplit(url).hostname or url).removeprefix("www.")
        both = {"page_key": key, "page_id": page_id_of(key, text)}
        self.rows["s"].append(
            both
            | {
                "url": url,
                "site": site if turn == 0 else f"{turn}.{site}",
                "source": "benchmark",
                "media_type": "text/plain",
                "title": parts[0][:80],
                "text_hash": text_hash(text),
                "text": text,
                "starts": starts,
                "ends": ends,
                "kinds": ["p"] * n,
            }
        )
        labels, human = rng.choices(NAMES, k=n), rng.random() < 0.1
        told = {"page_type": "article", "language": "en", "labeler": "benchmark-1"}
        self.rows["l"].append(
            both
            | told
            | {
                "starts": starts,
                "ends": ends,
                "kinds": ["p"] * n,
                "labels": labels,
                "origins": ["human" if human else "model"] * n,
                "actions": ["accepted" if human else None] * n,
                "scores": [round(rng.random(), 4) for _ in range(n)],
                "n_annotators": [2 * human] * n,
                "agreement": [1.0 if human else None] * n,
                "adjudicated": [False] * n,
                "annotators": [["a-1", "a-2"] if human else []] * n,
                "main": [label == "article" for label in labels],
                "reviewed": human,
            }
        )
        self.rows["p"].append(
            both
            | told
            | {
                "labels": labels,
                "scores": [0.25] * (n * len(NAMES)),
                "main": [False] * n,
                "reasons": [[]] * n,
            }
        )
        self.chars += len(text)
        if self.chars >= SHARD_CHARS:
            self.flush()

    def flush(self) -> None:
        schemas = {"s": SEGMENTED_SCHEMA, "l": LABELED_SCHEMA, "p": PREDICTED_SCHEMA}
        if not self.rows["s"]:
            return
        for kind, schema in schemas.items():
            table = pa.Table.from_pylist(self.rows[kind], schema=schema)
            path = self.folder / f"{kind}{self.count:05d}.parquet"
            pq.write_table(table, path, row_group_size=256)
            self.rows[kind] = []
        self.count += 1
        self.chars = 0


class Memory(threading.Thread):
    """Largest sum of private memory of this process and its children, in MB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0.0
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(0.1):
            self.peak = max(self.peak, sum(map(_private_mb, _tree(os.getpid()))))

    def stop(self) -> None:
        self._done.set()
        self.join()


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _tree(int(child))


def _private_mb(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return sum(int(s.split()[1]) for s in status.splitlines() if s.startswith("RssAnon")) / 1024


def measure(store: Path, exports: Path) -> dict[str, Any]:
    """Publish once, and once more unchanged."""
    pairs = [
        ShardPair(path, path.with_name("l" + path.name[1:]), path.with_name("p" + path.name[1:]))
        for path in sorted(store.glob("s*.parquet"))
    ]
    steps: dict[str, float] = {}
    current = ["start", time.perf_counter()]

    def progress(what: str, done: int, total: int) -> None:
        name = "write" if what.startswith("write ") else what
        if name != current[0]:
            now = time.perf_counter()
            steps[str(current[0])] = steps.get(str(current[0]), 0) + now - float(current[1])
            current[:] = [name, now]

    def run() -> tuple[Published, float, float]:
        begin, cpu = time.perf_counter(), _cpu()
        told = publish(
            DatasetConfig(),
            LABELS,
            pairs,
            exports=exports,
            name="bench",
            facts={},
            memory_limit=MEMORY_LIMIT,
            progress=progress,
        )
        return told, time.perf_counter() - begin, _cpu() - cpu

    memory = Memory()
    memory.start()
    told, wall, cpu = run()
    progress("end", 0, 0)
    first = {name: s for name, s in steps.items() if name not in ("start", "end")}
    peak = {
        "publisher": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "reload": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    }
    again, wall_again, _ = run()
    memory.stop()
    assert told.changed
    assert not again.changed
    files = list(told.path.rglob("*.parquet"))
    return {
        "segments": told.counts["segments"],
        "pages": told.counts["pages"],
        "left_out": dict(told.left_out.pages),
        "wall_s": wall,
        "cpu_s": cpu,
        "segments_per_s": told.counts["segments"] / wall,
        "segments_per_cpu_s": told.counts["segments"] / cpu,
        "unchanged_s": wall_again,
        "steps_s": first,
        "peak_process_mb": peak,
        "peak_private_mb": memory.peak,
        "published_mb": sum(path.stat().st_size for path in files) / 1e6,
        "load": os.getloadavg()[0],
    }


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", type=Path)
    parser.add_argument("--segments", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="keeps the made shards for the next time")
    parser.add_argument("--json", type=Path, help="writes the figures there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        store = folder / f"store-{options.segments}"
        if not store.exists():
            # In a process of its own, whose memory is not the publish's.
            if (child := os.fork()) == 0:
                write_store(options.pages, store, options.segments)
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        exports = Path(scratch) / "exports"
        told = measure(store, exports)
        shutil.rmtree(exports)
    save(options.json, "publish", told)
    out = sys.stdout.write
    out(f"{told['segments']:,} segments of {told['pages']:,} pages, load {told['load']:.1f}\n")
    out(f"{told['segments_per_s']:,.0f} segments/s, {told['segments_per_cpu_s']:,.0f} a CPU s\n")
    steps = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in told["steps_s"].items())
    out(f"{told['wall_s']:.1f} s: {steps}; unchanged {told['unchanged_s']:.1f} s\n")
    peak = ", ".join(f"{name} {mb:.0f} MB" for name, mb in told["peak_process_mb"].items())
    out(f"largest process: {peak}; private memory of all: {told['peak_private_mb']:.0f} MB\n")


if __name__ == "__main__":
    main()
