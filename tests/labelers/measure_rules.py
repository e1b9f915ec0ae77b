"""Measure the rules' weights anew and write them into the package.

    python tests/labelers/measure_rules.py ../shared/data

Reads `gold-dev` and, for the weights on HTML, `wcxb-dev.parquet`; takes some
minutes and prints macro-F1 on sites the weights were not measured on.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pyarrow.parquet as pq
from rapidfuzz.distance import Indel

import curate.labelers
from curate.labelers.base import LABEL_NAMES
from curate.labelers.rules import WEIGHTS_FILE
from curate.labelers.rules_fit import Doubles, Measured, RuleFit, RuleSample
from curate.schema import SegmentedPage
from curate.segments.blocks import BlockSegmenter

SEGMENTER = BlockSegmenter()
WORD = re.compile(r"\w+")
MEASURED_ON = (
    "gold-dev: 224 pages of WCXB 1.0 (Murrough Foley 2026, CC-BY-4.0), "
    "labelled line by line by the annotation guidelines"
)


def samples(data: Path, kind: str) -> Iterator[RuleSample]:
    """Gold pages as text or HTML, with the counts of each label in each segment."""
    folder = data / "gold-dev"
    letters = {row["id"]: row["labels"] for row in read_rows(folder / "labels.jsonl")}
    html: dict[str, bytes] = {}
    if kind == "html":
        table = pq.read_table(data / "wcxb-dev.parquet", columns=["file_id", "html"])
        html = {str(row["file_id"]): row["html"] for row in table.to_pylist()}
    for row in read_rows(folder / "pages.jsonl"):
        labels = ["ABTC".index(letter) for letter in letters[row["id"]]]
        site = ".".join(urlsplit(row["url"]).netloc.split(".")[-2:])
        if kind == "text":
            page = SEGMENTER.segment_text("\n\n".join(row["lines"]), url=row["url"])
            counts = by_characters(page, row["lines"], labels)
        else:
            page = SEGMENTER.segment_html(html[row["id"].split("-")[-1]], url=row["url"])
            counts = by_words(page, row["lines"], labels)
        yield RuleSample(page, counts, site)


def read_rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").strip().split("\n")]


def by_characters(page: SegmentedPage, lines: Sequence[str], labels: Sequence[int]) -> Doubles:
    label_at = np.full(len(page.text), -1)
    place = 0
    for line, label in zip(lines, labels, strict=True):
        label_at[place : place + len(line)] = label
        place += len(line) + 2
    counts = np.zeros((len(page), len(LABEL_NAMES)))
    for at, (start, end) in enumerate(zip(page.starts, page.ends, strict=True)):
        inside = label_at[start:end]
        counts[at] = np.bincount(inside[inside >= 0], minlength=len(LABEL_NAMES))
    return counts


def by_words(page: SegmentedPage, lines: Sequence[str], labels: Sequence[int]) -> Doubles:
    """Words of the gold lines found again in the segments (longest common subsequence)."""
    gold: list[tuple[str, int]] = []
    for line, label in zip(lines, labels, strict=True):
        gold += [(word, label) for word in WORD.findall(line.lower())]
    found: list[tuple[str, int]] = []
    for at in range(len(page)):
        found += [(word, at) for word in WORD.findall(page.segment_text(at).lower())]
    counts = np.zeros((len(page), len(LABEL_NAMES)))
    for op in Indel.opcodes([word for word, _ in gold], [word for word, _ in found]):
        if op.tag == "equal":
            for one, other in zip(
                gold[op.src_start : op.src_end], found[op.dest_start : op.dest_end], strict=True
            ):
                counts[other[1], one[1]] += 1
    return counts


def macro_f1(pages: Sequence[RuleSample], measured: Measured) -> float:
    confusion = np.zeros((len(LABEL_NAMES), len(LABEL_NAMES)))
    for sample, scores in zip(pages, measured.scores, strict=True):
        np.add.at(confusion.T, scores.argmax(axis=1), sample.counts)
    hit = np.diag(confusion)
    f1 = 2 * hit / (confusion.sum(axis=0) + confusion.sum(axis=1))
    print("  " + " ".join(f"{n} {v:.3f}" for n, v in zip(LABEL_NAMES, f1, strict=True)))
    return float(f1.mean())


def written(tables: dict[str, dict[str, dict[str, list[float]]]]) -> str:
    """JSON with one rule a line, so that a change shows which rules it touched."""
    parts = ["{", f' "measured_on": {json.dumps(MEASURED_ON)},']
    parts += [f' "labels": {json.dumps(LABEL_NAMES)},', ' "weights": {']
    for kind, readings in tables.items():
        parts.append(f"  {json.dumps(kind)}: {{")
        for name, rules in readings.items():
            parts.append(f"   {json.dumps(name)}: {{")
            rows = [f"    {json.dumps(rule)}: {json.dumps(row)}" for rule, row in rules.items()]
            parts += [",\n".join(rows), "   }" if name == list(readings)[-1] else "   },"]
        parts.append("  }" if kind == list(tables)[-1] else "  },")
    return "\n".join([*parts, " }", "}", ""])


def main() -> None:
    data = Path(sys.argv[1])
    tables = {}
    for kind in ("text", "html"):
        pages = list(samples(data, kind))
        measured = RuleFit().measure(pages)
        print(f"{kind}: macro-F1 on other sites {macro_f1(pages, measured):.4f}", flush=True)
        tables[kind] = measured.table
    target = Path(curate.labelers.__file__).parent / WEIGHTS_FILE
    target.write_text(written(tables), encoding="utf-8")


if __name__ == "__main__":
    main()
