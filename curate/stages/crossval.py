"""Models that have not seen a part of the benchmark's sites: for honest figures.

Each is trained from the start on the pages of all other sites, so that
whatever training does (silver labels, choice of features, calibration) happens
inside the fold, and it labels its own part the way the shipped model does.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.errors import EvaluateError
from curate.gold import read_gold_folder
from curate.io import file_digest
from curate.labelers.model import ModelLabeler
from curate.labelers.training.corpus import folds_by_site
from curate.labelers.training.known import lines_folder
from curate.labelers.training.train import Sources, TrainConfig, train
from curate.runs.fingerprint import recipe, room
from curate.text import digest

__all__ = ["FoldModels", "fold_models", "folds_of_benchmark"]

Log = Callable[[str], None]

ROW_GROUP = 64
"""Pages of the benchmark copied at a time: 20 MB."""


@dataclass(frozen=True, slots=True)
class FoldModels:
    """The models by page: `labeler_of` gives the one that has not seen the page's site."""

    name: str
    fold: dict[str, int]
    labelers: tuple[ModelLabeler, ...]

    def labeler_of(self, file_id: str) -> ModelLabeler:
        """The labeler for a benchmark page.

        Raises:
            EvaluateError: the page is not in the benchmark.
        """
        if file_id not in self.fold:
            raise EvaluateError(
                f"page {file_id} is not in the benchmark file, so no fold leaves its site out; "
                "evaluate.folds needs gold of the benchmark's own pages"
            )
        return self.labelers[self.fold[file_id]]


def folds_of_benchmark(
    benchmark: Path, gold: Set[str], site_of: Callable[[str], str], n_folds: int
) -> dict[str, int]:
    """The fold of each page: pages of one site or of equal content share one.

    Args:
        benchmark: Parquet file with `file_id, url, html, main_content`.
        gold: file ids with gold lines; they are dealt out evenly.
        site_of: registrable domain of a URL.
        n_folds: at least 2.
    """
    ids, keys = [], []
    for row in _rows(benchmark, ["file_id", "url", "html", "main_content"]):
        url = str(row["url"] or row["file_id"])
        content = str(row["main_content"] or "")
        ids.append(str(row["file_id"]))
        keys.append(
            [site_of(url) or url, digest(row["html"]), *([digest(content)] if content else [])]
        )
    weights = [1.0 + 3.0 * (name in gold) for name in ids]
    fold = folds_by_site(keys, n_folds, weights)
    return {name: int(part) for name, part in zip(ids, fold.tolist(), strict=True)}


def fold_models(
    config: TrainConfig, n_folds: int, sources: Sources, cache: Path, log: Log
) -> FoldModels:
    """Train a model for each fold, or take it from the cache.

    Args:
        config: as for `curate train`; `out` is not written.
        n_folds: parts of the outer cross-validation; `config.folds` is the inner one.
        sources: what training needs from other rooms.
        cache: folder of trained folds; can be deleted at any time.
        log: told of progress.
    """
    benchmark = Path(config.benchmark)
    folders = [Path(folder) for folder in config.gold]
    gold = {
        page.page_id.rsplit("-", 1)[-1] for folder in folders for page in read_gold_folder(folder)
    }
    fold = folds_of_benchmark(benchmark, gold, sources.site_of, n_folds)
    made = recipe(
        "crossval",
        ["curate.stages.crossval", *room("curate.labelers"), *room("curate.segments")],
        {
            "benchmark": file_digest(benchmark),
            "gold": [[file_digest(f / n) for n in _GOLD] for f in folders],
            "lines": [file_digest(lines_folder(f) / "labels.jsonl") for f in config.lines],
            "outer": n_folds,
            "inner": config.folds,
            "renderers": list(config.renderers),
            "fit": repr(config.fit),
        },
    )
    root = cache / made.fingerprint
    labelers = []
    for number in range(n_folds):
        out = root / f"fold{number}"
        if not (out / "model.json").is_file():
            log(f"fold {number + 1} of {n_folds}: training on the other sites")
            held = {name for name, part in fold.items() if part == number}
            _train_without(config, held, out, sources, log)
        labelers.append(ModelLabeler(folder=str(out), max_reasons=0))
    name = digest(*(labeler.version for labeler in labelers), chars=16)
    return FoldModels(f"model, {n_folds} folds by site@{name}", fold, tuple(labelers))


_GOLD = ("labels.jsonl", "pages.jsonl")


def _train_without(
    config: TrainConfig, held: Set[str], out: Path, sources: Sources, log: Log
) -> None:
    """Train on a copy of the data that lacks the held-out pages."""
    work = out.with_name(f".tmp-{out.name}")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    _copy_benchmark(Path(config.benchmark), work / "pages.parquet", held)
    folders = []
    for number, folder in enumerate(config.gold):
        folders.append(str(work / f"gold{number}"))
        _copy_gold(Path(folder), Path(folders[-1]), held)
    train(
        replace(
            config,
            benchmark=str(work / "pages.parquet"),
            gold=tuple(folders),
            out=str(work / "model"),
        ),
        sources,
        log,
    )
    shutil.rmtree(out, ignore_errors=True)
    (work / "model").rename(out)
    shutil.rmtree(work)


def _copy_benchmark(source: Path, target: Path, held: Set[str]) -> None:
    with pq.ParquetFile(source) as file, pq.ParquetWriter(target, file.schema_arrow) as writer:
        for batch in file.iter_batches(batch_size=ROW_GROUP):
            ids = batch.column("file_id").cast(pa.string())
            kept = pc.invert(pc.is_in(ids, value_set=pa.array(sorted(held), pa.string())))
            writer.write_batch(batch.filter(kept))


def _copy_gold(source: Path, target: Path, held: Set[str]) -> None:
    target.mkdir()
    for name in _GOLD:
        with (
            (source / name).open(encoding="utf-8") as file,
            (target / name).open("w", encoding="utf-8") as out,
        ):
            for line in file:
                if json.loads(line)["id"].rsplit("-", 1)[-1] not in held:
                    out.write(line)


def _rows(path: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=ROW_GROUP, columns=list(columns)):
            yield from batch.to_pylist()
