"""`curate evaluate`: any labeler on any gold."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Score a labeler, and its paired difference to others on the same pages."""
    parser = argparse.ArgumentParser(
        prog="curate evaluate",
        description="Score a labeler on gold, e.g. `curate evaluate labeler=rules "
        "evaluate.gold=gold evaluate.benchmark=pages.parquet --against trafilatura`. A model "
        "scored on pages that it was trained on looks better than it is.",
    )
    parser.add_argument("overrides", nargs="+", metavar="KEY=VALUE", help="labeler=…, evaluate.…")
    parser.add_argument(
        "--against",
        nargs="+",
        default=[],
        metavar="NAME",
        help="labelers of the config group, or trafilatura, to compare with page by page",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args(argv)

    from curate.cli.compose import compose_group
    from curate.evaluate.run import EvaluateConfig, evaluate
    from curate.stages.settings import build

    composed = compose_group("evaluate", args.overrides)
    config = build("evaluate", composed, EvaluateConfig)
    result = evaluate(
        config,
        _labeling(build("labeler", composed)),
        [_other(name, args.overrides) for name in args.against],
    )
    if args.json:
        json.dump(result.to_json(config.worst), sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
        return 0
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    for title, heads, rows in result.tables():
        table = Table(*heads, title=title, title_justify="left", box=None, pad_edge=False)
        for column in table.columns[1:]:
            column.justify = "right"
        for row in rows:
            table.add_row(*row)
        console.print(table)
        console.print()
    return 0


def _other(name: str, overrides: Sequence[str]) -> Any:
    from curate.cli.compose import compose_group
    from curate.evaluate.run import Labeling
    from curate.stages.settings import build

    if name == "trafilatura":
        return Labeling("trafilatura", (), extract=_trafilatura())
    kept = [o for o in overrides if not o.startswith("labeler")]
    return _labeling(build("labeler", compose_group("evaluate", [*kept, f"labeler={name}"])))


def _trafilatura() -> Callable[[bytes, str | None], str]:
    from curate.errors import EvaluateError

    try:
        import trafilatura
    except ImportError as error:
        raise EvaluateError(
            "--against trafilatura: it is not installed; install pagecurate[train]"
        ) from error

    def extract(html: bytes, url: str | None) -> str:
        return trafilatura.extract(html, url=url, include_comments=False) or ""

    return extract


def _labeling(labeler: Any) -> Any:
    """A labeler as the scorer calls it: pages are decoded and split as in a run."""
    from curate.evaluate.run import Labeling
    from curate.pages import decode_html
    from curate.segments.blocks import BlockSegmenter

    splitter = BlockSegmenter()

    def html(_: str, data: bytes, url: str | None) -> Any:
        page = splitter.segment_html(decode_html(data).text, url=url)
        return page, labeler.label([page])[0]

    def text(_: str, content: str, url: str | None) -> Any:
        page = splitter.segment_text(content, url=url)
        return page, labeler.label([page])[0]

    name = f"{labeler.name}@{labeler.version}"
    return Labeling(name, tuple(labeler.label_names), html=html, text=text)
