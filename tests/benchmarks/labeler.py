"""Speed of the model labeler: from bytes to labelled segments, page by page and in bulk.

python tests/benchmarks/labeler.py PAGES.parquet [GOLD_DIR] [--pages 300]

One core, CPU seconds of this process, the first 50 pages not counted. Time is
taken around whole passes: reading the clock costs a millisecond on some hosts.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

import curate
from curate.labelers.model import ModelLabeler
from curate.pages.decode import decode_html
from curate.segments.blocks import BlockSegmenter

WARM_PAGES = 50


def rate(work: Callable[[Any], object], items: Iterable[Any]) -> float:
    """Items a second."""
    held = list(items)
    begin = time.process_time()
    for item in held:
        work(item)
    return len(held) / (time.process_time() - begin)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", type=Path)
    parser.add_argument("gold", type=Path, nargs="?")
    parser.add_argument("--pages", dest="count", type=int, default=300)
    options = parser.parse_args()
    table = pq.read_table(options.pages, columns=["html", "url"])
    rows = table.slice(0, options.count + WARM_PAGES).to_pylist()
    segmenter, labeler = BlockSegmenter(), ModelLabeler()

    def segment(row: dict[str, Any]) -> object:
        return segmenter.segment_html(decode_html(row["html"]).text, url=row["url"])

    for row in rows[:WARM_PAGES]:
        curate.label_html(row["html"], url=row["url"])
    rest = rows[WARM_PAGES:]
    out = sys.stdout.write
    whole = rate(lambda row: curate.label_html(row["html"], url=row["url"]).main_text, rest)
    out(f"bytes to labelled segments, page by page: {whole:.0f} pages/s\n")
    out(f"  of which bytes to segments: {rate(segment, rest):.0f} pages/s\n")
    pages = [segment(row) for row in rest]
    out(f"  labels alone, tokens known: {rate(lambda page: labeler.label([page]), pages):.0f}\n")
    begin = time.process_time()
    for _ in curate.label_many((row["html"] for row in rest), kind="html"):
        pass
    bulk = len(rest) / (time.process_time() - begin)
    out(f"label_many: {bulk:.0f} pages/s\n")
    if options.gold:
        lines = (options.gold / "pages.jsonl").read_text(encoding="utf-8").splitlines()
        texts = ["\n\n".join(json.loads(line)["lines"]) for line in lines]
        for text in texts[:WARM_PAGES]:
            curate.label_text(text)
        out(f"bare text: {rate(curate.label_text, texts[WARM_PAGES:]):.0f} pages/s\n")


if __name__ == "__main__":
    main()
