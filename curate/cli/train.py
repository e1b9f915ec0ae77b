"""`curate train`: labelled data to a model folder."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["main", "sources", "tell"]

PROJECT_KEYS = ("train.annotations", "train.versions")


def main(argv: Sequence[str]) -> int:
    """Fit the model labeler, and tell its out-of-fold figures."""
    parser = argparse.ArgumentParser(
        prog="curate train",
        description="Fit the model labeler: from the start on a benchmark (`curate train "
        "train.benchmark=pages.parquet train.gold=[gold] train.out=my-model`), or on top of the "
        "shipped model on a project's own reviewed pages (`curate train "
        "train.annotations=[exports/news] train.out=my-model`). Then `curate run labeler=model "
        "labeler.folder=my-model`. The same data, options and versions give the same bytes.",
    )
    parser.add_argument("overrides", nargs="+", metavar="KEY=VALUE", help="keys of group train")
    args = parser.parse_args(argv)
    # Matrix products in one thread, summed in one order: the same bytes on any number of cores.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    from curate.cli.compose import compose_group
    from curate.labelers.training.project import ProjectTraining
    from curate.labelers.training.site import SiteTraining
    from curate.stages.settings import build

    overrides = list(args.overrides)
    if any(o.startswith(PROJECT_KEYS) for o in overrides) and "train=project" not in overrides:
        overrides.append("train=project")
    if "train=project" in overrides and not any(o.startswith("labeler=") for o in overrides):
        overrides.append("labeler=model")
    composed = compose_group("train", overrides)
    config = build("train", composed)
    if isinstance(config, ProjectTraining):
        return _on_project(config, composed)
    if isinstance(config, SiteTraining):
        return _on_sites(config, composed)
    from curate.labelers.training.train import train

    trained = train(config, sources(), tell())
    _told(trained.folder, trained.version)
    return 0


def sources() -> Any:
    """What training needs from other rooms."""
    from curate.labelers.training.train import Sources
    from curate.pages import decode_html, site_of
    from curate.segments.blocks import BlockSegmenter

    splitter = BlockSegmenter()
    return Sources(
        segment_html=lambda content, url: splitter.segment_html(content, url=url),
        decode_html=lambda data: decode_html(data).text,
        site_of=lambda url: site_of(url) or url,
    )


def tell() -> Callable[[str], None]:
    """Writes lines with the seconds since now."""
    began = time.monotonic()

    def line(text: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:7.1f} s  {text}\n")
        sys.stderr.flush()

    return line


def _on_project(config: Any, composed: Mapping[str, Any]) -> int:
    """Train on people's labels, on top of a model."""
    from curate.errors import LabelerError
    from curate.labelers.training.project import write_project_model
    from curate.schema import LabelSet
    from curate.stages.project_work import read_work
    from curate.stages.retraining import weigh
    from curate.stages.settings import Paths, build

    if not config.annotations and not config.versions:
        raise LabelerError(
            "nothing to train on; give train.annotations=[exports/name] or "
            "train.versions=[exports/name/v0001]"
        )
    if config.out is None:
        raise LabelerError("train.out is not set; give the model folder to write as train.out=PATH")
    labeler = build("labeler", composed)
    log = tell()
    pages = read_work(
        config,
        labeler,
        build("segments", composed),
        Path(build("paths", composed, Paths).store),
        build("schema", composed, LabelSet),
    )
    log(f"{len(pages)} reviewed pages of {len({page.fit.group for page in pages})} sites")
    if len(pages) > 1:
        verdict = weigh(pages, config)
        log(str(verdict).replace("new model taken", "better").replace("model kept", "no better"))
    told = {"sources": [*config.annotations, *config.versions], "labeler": labeler.version}
    write_project_model(labeler, pages, config, told)
    _told(Path(config.out), type(labeler)(folder=config.out).version)
    return 0


def _on_sites(config: Any, composed: Mapping[str, Any]) -> int:
    """Train the look at a site's other pages."""
    from curate.cli.compose import compose_group
    from curate.labelers.training.train import TrainConfig
    from curate.stages.settings import Paths, build
    from curate.stages.site_training import train_site

    gold = ",".join(f"'{folder}'" for folder in config.gold)
    given = [f"train.benchmark='{config.benchmark}'", f"train.gold=[{gold}]", "train.out=unused"]
    base = build("train", compose_group("train", ["train=default", *given]), TrainConfig)
    cache = Path(build("paths", composed, Paths).store) / "crossval"
    version = train_site(config, base, sources(), cache, tell())
    sys.stdout.write(f"{config.out}: version {version}\n")
    return 0


def _told(folder: Path, version: str) -> None:
    sys.stdout.write(
        f"{folder}: version {version}; figures in {folder / 'card.md'}\n"
        f"next: curate run labeler=model labeler.folder={folder} ...\n"
    )
