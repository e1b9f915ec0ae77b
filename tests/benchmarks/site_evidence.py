"""Cost of site evidence: CPU time a page and memory, step by step.

    python tests/benchmarks/site_evidence.py [PAGES] [PAGES_PER_SITE]

Invented pages of 120 lines, of which 40 are the site's; shards of 500 pages.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import curate.labelers
from curate.io import write_rows
from curate.labelers.base import LABEL_NAMES
from curate.labelers.second import SITE_LOOK
from curate.labelers.training.corpus import text_page
from curate.runs.output import Output
from curate.schema import PREDICTED_SCHEMA, SEGMENTED_SCHEMA, page_id_of
from curate.segments.rows import to_batch
from curate.stages.evidence import census
from curate.stages.looking import LookInputs, look_again
from curate.stages.predictions import LABEL_NAMES_KEY
from curate.stages.recurring import add_up, count_lines
from curate.text import text_hash

SHARD = 500
LINES, MENU = 120, 40


def rows(first: int, last: int, per_site: int) -> Any:
    for number in range(first, last):
        site = number // per_site
        menu = [f"Menu {chr(97 + at % 26)}{at} of site {site:x} x" for at in range(MENU)]
        body = [
            f"Line {at:x} of {number:x} says what no other page of its site has ever said before"
            for at in range(LINES - MENU)
        ]
        page = text_page([*menu[:30], *body, *menu[30:]])
        key = f"{number:024x}"
        head = {
            "page_key": key, "page_id": page_id_of(key, page.text), "url": None,
            "site": f"s{site}.example", "source": "x", "media_type": "text/plain", "title": None,
            "fetched_at": None, "text_hash": text_hash(page.text),
        }  # fmt: skip
        yield head, page


def predicted(batch: pa.RecordBatch) -> pa.Table:
    n = batch.num_rows
    scores = np.tile(np.array([0.5, 0.4, 0.08, 0.02], np.float32), LINES)
    columns = {
        "page_key": batch.column("page_key"), "page_id": batch.column("page_id"),
        "labels": [["article"] * LINES] * n, "scores": [scores] * n,
        "main": [[True] * LINES] * n, "reasons": [[["long prose"]] * LINES] * n,
        "page_type": ["article"] * n, "page_type_score": [0.9] * n, "language": ["en"] * n,
        "labeler": ["model@0"] * n,
    }  # fmt: skip
    return pa.table(columns, schema=PREDICTED_SCHEMA)


def main() -> None:
    n_pages = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
    per_site = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        segmented, guessed = [], []
        for first in range(0, n_pages, SHARD):
            batch = to_batch(list(rows(first, min(first + SHARD, n_pages), per_site)))
            segmented.append(folder / f"{first}.segmented.parquet")
            write_rows(segmented[-1], SEGMENTED_SCHEMA, [batch])
            guessed.append(folder / f"{first}.predicted.parquet")
            names = '["' + '","'.join(LABEL_NAMES) + '"]'
            write_rows(
                guessed[-1], PREDICTED_SCHEMA, [predicted(batch)],
                metadata={LABEL_NAMES_KEY: names},
            )  # fmt: skip
        clock = time.process_time()

        def told(step: str) -> None:
            nonlocal clock
            now = time.process_time()
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"{step:8} {1000 * (now - clock) / n_pages:7.3f} ms a page, peak {peak:.0f} MB")
            clock = now

        told("(start)")
        site_pages = census(segmented, "1GB")
        told("census")
        counts = []
        for number, pages in sorted(site_pages.items()):
            out = Output(folder / "counts", f"k{number}", "evidence")
            count_lines(out, segmented[number], pages)
            counts.append(folder / "counts" / out.finish().shards[0].file)
        told("count")
        out = Output(folder / "lines", "all", "evidence")
        add_up(out, counts, "1GB")
        lines = [folder / "lines" / shard.file for shard in out.finish().shards]
        told("add up")
        look = Path(curate.labelers.__file__).parent / SITE_LOOK
        moved = 0
        for number, pages in sorted(site_pages.items()):
            out = Output(folder / "looks", f"k{number}", "evidence")
            inputs = LookInputs(
                segmented[number], guessed[number], look, "site", lines[number], pages
            )
            look_again(out, inputs)
            (shard,) = out.finish().shards
            after = pq.read_table(folder / "looks" / shard.file, columns=["labels"])
            moved += sum(label != "article" for row in after["labels"].to_pylist() for label in row)
        told("look")
        print(f"{n_pages} pages, {n_pages * LINES} lines, {moved} labels moved")


if __name__ == "__main__":
    main()
