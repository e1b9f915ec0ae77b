"""`curate evaluate`: any labeler on any gold."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Score a labeler, and its paired difference to others on the same pages."""
    parser = argparse.ArgumentParser(
        prog="curate evaluate",
        description="Score a labeler on gold, e.g. `curate evaluate labeler=rules "
        "evaluate.gold=gold evaluate.benchmark=pages.parquet --against trafilatura`. A model "
        "scored on pages that it was trained on looks better than it is: evaluate.folds=5 trains "
        "models without each part of the sites and scores those.",
    )
    parser.add_argument(
        "overrides", nargs="+", metavar="KEY=VALUE", help="labeler=…, evaluate.…, train.…"
    )
    parser.add_argument(
        "--against",
        nargs="+",
        default=[],
        metavar="NAME",
        help="labelers of the config group, or trafilatura, to compare with page by page",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--out", metavar="FILE", help="write the JSON to this file as well")
    args = parser.parse_args(argv)

    from curate.cli.compose import compose_group
    from curate.evaluate.run import EvaluateConfig, evaluate
    from curate.stages.settings import build

    training = [o for o in args.overrides if o.startswith("train.")]
    overrides = [o for o in args.overrides if o not in training]
    composed = compose_group("evaluate", overrides)
    config = build("evaluate", composed, EvaluateConfig)
    if config.folds is None:
        first = _labeling(build("labeler", composed), composed)
    else:
        first = _folds(config, composed, training)
    others = [_other(name, overrides) for name in args.against]
    result = evaluate(config, first, others)
    told = result.to_json(config.worst)
    if args.out:
        from curate.io import write_json

        write_json(Path(args.out), told)
    if args.json:
        json.dump(told, sys.stdout, ensure_ascii=False, indent=2)
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
    composed = compose_group("evaluate", [*kept, f"labeler={name}"])
    return _labeling(build("labeler", composed), composed)


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


def _labeling(labeler: Any, composed: Mapping[str, Any]) -> Any:
    """A labeler as the scorer calls it: pages are decoded and split as in a run."""
    name = f"{labeler.name}@{labeler.version}"
    return _by_page(name, lambda _: labeler, labeler, composed)


def _folds(config: Any, composed: Mapping[str, Any], training: Sequence[str]) -> Any:
    """Models that have not seen the pages they label."""
    from curate.cli.compose import compose_group
    from curate.cli.train import sources, tell
    from curate.errors import EvaluateError
    from curate.labelers.training.train import TrainConfig
    from curate.stages.crossval import fold_models
    from curate.stages.settings import Paths, build

    if "ModelLabeler" not in str(composed["labeler"].get("_target_")):
        raise EvaluateError("evaluate.folds trains models: give labeler=model with it")
    if any((folder / "pages").is_dir() for folder in config.folders):
        raise EvaluateError(
            "evaluate.folds is for gold folders; a published version's pages are cross-validated "
            "in a run with train.on_review=true"
        )
    gold = ",".join(f"'{folder}'" for folder in config.folders)
    given = [f"train.benchmark='{config.benchmark}'", f"train.gold=[{gold}]", "train.out=unused"]
    train_config = build("train", compose_group("train", ["train=default", *given, *training]))
    assert isinstance(train_config, TrainConfig)
    cache = Path(build("paths", composed, Paths).store) / "crossval"
    models = fold_models(train_config, config.folds, sources(), cache, tell())

    def labeler_of(page_id: str) -> Any:
        return models.labeler_of(page_id.rsplit("-", 1)[-1])

    return _by_page(models.name, labeler_of, models.labelers[0], composed)


def _by_page(
    name: str, labeler_of: Callable[[str], Any], any_of: Any, composed: Mapping[str, Any]
) -> Any:
    from curate.errors import LabelerError
    from curate.evaluate.reviewed import ReviewedPage
    from curate.evaluate.run import Labeling
    from curate.labelers.training.project import ProjectTraining
    from curate.pages import decode_html
    from curate.schema import LabelSet
    from curate.segments.blocks import BlockSegmenter
    from curate.stages.project_work import read_work
    from curate.stages.settings import Paths, build

    splitter = BlockSegmenter()

    def html(page_id: str, data: bytes, url: str | None) -> Any:
        page = splitter.segment_html(decode_html(data).text, url=url)
        return page, labeler_of(page_id).label([page])[0]

    def text(page_id: str, content: str, url: str | None) -> Any:
        page = splitter.segment_text(content, url=url)
        return page, labeler_of(page_id).label([page])[0]

    def reviewed(version: Path) -> Any:
        store = Path(build("paths", composed, Paths).store)
        label_set = build("schema", composed, LabelSet)
        options = ProjectTraining(versions=(str(version),))
        try:
            pages = read_work(options, any_of, splitter, store, label_set)
        except LabelerError:
            return None
        return [
            ReviewedPage(
                page.page_id,
                page.fit.look.prediction.page_type,
                page.chars,
                page.fit.look.prediction,
            )
            for page in pages
        ]

    names = tuple(any_of.label_names)
    return Labeling(name, names, html=html, text=text, reviewed=reviewed)
