"""Speed of the model labeler: from bytes to labelled segments, page by page and in bulk.

python tests/benchmarks/labeler.py PAGES.parquet [GOLD_DIR] [--pages 300]

One core, CPU seconds of this process, the first 50 pages not counted. Rates are
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
from selectolax.lexbor import LexborHTMLParser

import curate
from curate.labelers.batch import make_batch
from curate.labelers.choice import choose_main
from curate.labelers.features import html_features, segment_marks, text_features
from curate.labelers.first import first_scores, neighbours
from curate.labelers.language import page_language
from curate.labelers.model import ModelLabeler, _predictor
from curate.labelers.tree import grow_forest, read_names
from curate.pages.decode import decode_html
from curate.schema import SegmentedPage
from curate.segments.blocks import BlockSegmenter

WARM_PAGES = 50


def rate(work: Callable[[Any], object], items: Iterable[Any]) -> float:
    """Items a second."""
    held = list(items)
    begin = time.process_time()
    for item in held:
        work(item)
    return len(held) / (time.process_time() - begin)


class Clock:
    """CPU time between marks, by name."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._last = time.process_time()

    def start(self) -> None:
        self._last = time.process_time()

    def mark(self, name: str) -> None:
        now = time.process_time()
        self.spent[name] = self.spent.get(name, 0.0) + now - self._last
        self._last = now


def steps(predictor: Any, page: SegmentedPage, clock: Clock) -> None:
    """`_Predictor.predict` of one page, step by step."""
    batch = make_batch([page], predictor.table)
    marks = segment_marks(batch, predictor.table)
    clock.mark("tokens")
    roles = neighbours(batch, predictor.html)
    nodes, plan, table = predictor.nodes, predictor.plan, predictor.table
    forest = names = None
    if nodes is not None:
        forest = grow_forest(batch, nodes, marks.words)
        names = read_names(forest, nodes)
    clock.mark("element tree")
    weights = predictor.model.first
    first = first_scores(batch, weights, table, marks.weights, roles, forest, names)
    clock.mark("first score")
    if forest is not None and names is not None:
        sheet = html_features(batch, table, marks, first, forest, names, roles[3], plan)
    else:
        sheet = text_features(batch, table, marks, first, plan)
    clock.mark("features")
    features = sheet.values
    sheet.put("types", predictor.types.chance(features, batch).T[:, batch.page_of])
    clock.mark("page type")
    net = predictor.net_odds(features, batch)
    clock.mark("network")
    main = predictor.main_chance(features, net)
    clock.mark("trees, main content")
    rules = predictor.rule_scores(batch, marks) if predictor.model.shares[2] else None
    clock.mark("rules")
    predictor.scores(features, net, rules)
    clock.mark("trees, labels")
    choose_main(main, marks.sums[1], batch.same)
    clock.mark("choice")
    page_language(page)
    clock.mark("language")


def shares(html: bool, sources: list[Any]) -> str:
    """Milliseconds a page and share of each step, as lines of a table."""
    segmenter, clock = BlockSegmenter(), Clock()
    _predictor.cache_clear()
    predictor = _predictor(str(ModelLabeler().model_folder), html)
    for number, source in enumerate(sources):
        if number == WARM_PAGES:
            clock.spent.clear()
        clock.start()
        if html:
            decoded = decode_html(source["html"]).text.encode()
            clock.mark("decoding")
            LexborHTMLParser(decoded)
            clock.mark("parsing")
            page = segmenter.segment_html(decoded, url=source["url"])
            clock.mark("splitting")
        else:
            page = segmenter.segment_text(source)
            clock.mark("splitting")
        if len(page):
            steps(predictor, page, clock)
    if html:  # the splitter parses too
        clock.spent["splitting"] -= clock.spent["parsing"]
    total = sum(clock.spent.values())
    n = len(sources) - WARM_PAGES
    lines = [
        f"  {name:20} {1000 * spent / n:6.2f} ms {100 * spent / total:5.1f} %"
        for name, spent in clock.spent.items()
    ]
    return "\n".join([*lines, f"  {'all':20} {1000 * total / n:6.2f} ms"]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", type=Path)
    parser.add_argument("gold", type=Path, nargs="?")
    parser.add_argument("--pages", dest="count", type=int, default=300)
    options = parser.parse_args()
    table = pq.read_table(options.pages, columns=["html", "url"])
    rows = table.slice(0, options.count + WARM_PAGES).to_pylist()
    for row in rows[:WARM_PAGES]:
        curate.label_html(row["html"], url=row["url"])
    rest = rows[WARM_PAGES:]
    out = sys.stdout.write
    whole = rate(lambda row: curate.label_html(row["html"], url=row["url"]).main_text, rest)
    out(f"bytes to labelled segments, page by page: {whole:.0f} pages/s\n")
    begin = time.process_time()
    for _ in curate.label_many((row["html"] for row in rest), kind="html"):
        pass
    bulk = len(rest) / (time.process_time() - begin)
    out(f"label_many, tokens known by now: {bulk:.0f} pages/s\n")
    again = rate(lambda row: curate.label_html(row["html"], url=row["url"]).main_text, rest)
    out(f"page by page, tokens known: {again:.0f} pages/s\n")
    out("steps of a page:\n" + shares(True, rows))
    if options.gold:
        lines = (options.gold / "pages.jsonl").read_text(encoding="utf-8").splitlines()
        texts = ["\n\n".join(json.loads(line)["lines"]) for line in lines]
        for text in texts[:WARM_PAGES]:
            curate.label_text(text)
        out(f"bare text: {rate(curate.label_text, texts[WARM_PAGES:]):.0f} pages/s\n")
        out("steps of a page of bare text:\n" + shares(False, texts))


if __name__ == "__main__":
    main()
