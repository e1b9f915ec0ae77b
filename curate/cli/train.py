"""`curate train`: labelled data to a model folder."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Fit the model labeler, and tell its out-of-fold figures."""
    parser = argparse.ArgumentParser(
        prog="curate train",
        description="Fit the model labeler, e.g. `curate train train.benchmark=pages.parquet "
        "train.gold=[gold] train.out=my-model`; then `curate run labeler=model "
        "labeler.folder=my-model`. The same data, options and versions give the same bytes.",
    )
    parser.add_argument("overrides", nargs="+", metavar="KEY=VALUE", help="keys of group train")
    args = parser.parse_args(argv)

    from curate.cli.compose import compose_group
    from curate.labelers.training.train import Sources, TrainConfig, train
    from curate.pages import decode_html, site_of
    from curate.segments.blocks import BlockSegmenter
    from curate.stages.settings import build

    config = build("train", compose_group("train", args.overrides), TrainConfig)
    splitter = BlockSegmenter()
    sources = Sources(
        segment_html=lambda content, url: splitter.segment_html(content, url=url),
        decode_html=lambda data: decode_html(data).text,
        site_of=lambda url: site_of(url) or url,
    )
    began = time.monotonic()
    trained = train(
        config, sources, lambda line: _tell(f"{time.monotonic() - began:7.1f} s  {line}")
    )
    sys.stdout.write(
        f"{trained.folder}: version {trained.version}; figures in {trained.folder / 'card.md'}\n"
        f"next: curate run labeler=model labeler.folder={trained.folder} ...\n"
    )
    return 0


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
