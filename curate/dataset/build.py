"""From the store's shards to the published files of one version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from curate.dataset.base import DatasetConfig, LeftOut, Progress, ShardPair, Withdrawn
from curate.dataset.choose import Choice, PageIndex, choose
from curate.dataset.columns import arrow_schema, columns_of
from curate.dataset.decontaminate import read_texts
from curate.dataset.mask import Masker
from curate.dataset.readings import write_annotations
from curate.dataset.select import Selection, select_pages
from curate.dataset.shards import ShardFile, ShardWriter, pages_table, segments_table
from curate.dataset.splits import bucket_numbers, choose_bucket_bits
from curate.dataset.spool import Spool
from curate.errors import DatasetError
from curate.schema import SPLITS, LabelSet

__all__ = ["Built", "build"]

MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Built:
    """Written files and the account of what was left out."""

    files: tuple[ShardFile, ...]
    left_out: LeftOut
    masked: dict[str, int]
    notes: tuple[str, ...]


def build(
    config: DatasetConfig,
    label_set: LabelSet,
    shards: Sequence[ShardPair],
    annotations: Sequence[Path],
    withdrawn: Withdrawn,
    folder: Path,
    scratch: Path,
    progress: Progress,
) -> Built:
    """Write the data files of a version.

    Two passes: pages are chosen and dealt to partitions on disk; then each
    bucket is read, sorted, and written in every shape. Memory holds one bucket
    and some hundred bytes a page.

    Args:
        config: what to publish, and how.
        label_set: label names and their published order.
        shards: the store's.
        annotations: Parquet files of ANNOTATION_SCHEMA, for that shape.
        withdrawn: what is left out on request.
        folder: of the version; scratch: for what lies between the passes.
        progress: told after every shard.

    Raises:
        DatasetError: damaged inputs, or nothing left to publish.
    """
    selection = Selection()
    spool = Spool(scratch / "spool")
    index = PageIndex(scratch, whole=bool(config.decontaminate))
    masker = Masker(config.mask, config.mask_region)
    for done, pair in enumerate(shards):
        progress("choose pages", done, len(shards))
        for table in select_pages(
            pair, config, label_set.names, selection, masker, withdrawn.pages
        ):
            if table.num_rows:
                spool.add(index.add(table))
    spool.flush()
    progress("choose pages", len(shards), len(shards))
    _refuse_empty(index.rows, selection)

    progress("find copies", 0, 1)
    choice = choose(index, config, read_texts(config.decontaminate, scratch))
    progress("find copies", 1, 1)
    _refuse_empty(int(choice.keep.sum()), selection)
    files = _write(config, label_set, index, choice, spool, folder, progress)
    if "annotations" in config.shapes:
        files += write_annotations(
            config, label_set, annotations, withdrawn, folder, scratch, files
        )
    left_out = _account(selection, choice, files)
    return Built(tuple(files), left_out, dict(sorted(selection.masked.items())), choice.notes)


def _write(
    config: DatasetConfig,
    label_set: LabelSet,
    index: PageIndex,
    choice: Choice,
    spool: Spool,
    folder: Path,
    progress: Progress,
) -> list[ShardFile]:
    shapes = {shape: columns_of(shape, config) for shape in ("segments", "pages")}
    schemas = {shape: arrow_schema(columns, label_set.names) for shape, columns in shapes.items()}
    hashes, sizes = index.column("hash").to_numpy(), index.column("bytes").to_numpy()
    files: list[ShardFile] = []
    for number, split in enumerate(SPLITS):
        keep = choice.keep & (choice.split == number)
        if not keep.any():
            continue
        bits = choose_bucket_bits(hashes[keep], sizes[keep], config.shard_mb * MB)
        count = len(np.unique(bucket_numbers(hashes[keep], bits)))
        for bucket in range(count):
            progress(f"write {split}", bucket, count)
            writers = [
                ShardWriter(folder, shape, split, bucket, count, schemas[shape], columns)
                for shape, columns in shapes.items()
            ]
            with writers[0] as segments, writers[1] as pages:
                for table in spool.bucket(bits, bucket, keep):
                    segments.write(segments_table(table, schemas["segments"], label_set.names))
                    if config.clusters:
                        rows = table.column("row").to_pylist()
                        told = pa.array([choice.cluster.get(row) for row in rows], pa.string())
                        table = table.append_column("cluster", told)
                    pages.write(pages_table(table, schemas["pages"], label_set.names))
                files += [segments.close(), pages.close()]
        progress(f"write {split}", count, count)
    return files


def _refuse_empty(n_pages: int, selection: Selection) -> None:
    if n_pages:
        return
    if selection.pages_out["not reviewed"] == selection.pages_given > 0:
        raise DatasetError(
            f"dataset.require_review=true, but none of {selection.pages_given} pages is reviewed; "
            "review some, or set dataset.require_review=false"
        )
    told = ", ".join(f"{reason} {n}" for reason, n in sorted(selection.pages_out.items()) if n)
    raise DatasetError(
        f"nothing to publish: of {selection.pages_given} pages none is left "
        f"({told or 'none were given'}); widen the dataset filters or give more pages"
    )


def _account(selection: Selection, choice: Choice, files: Sequence[ShardFile]) -> LeftOut:
    """Reasons and counts; what was given is what is published and what was left out."""
    pages = Counter({k: n for k, n in (selection.pages_out + choice.pages_out).items() if n})
    segments = selection.segments_out + choice.segments_out
    segments = Counter({reason: n for reason, n in segments.items() if n})
    for shape, given, out in (
        ("pages", selection.pages_given, pages),
        ("segments", selection.segments_given, segments),
    ):
        published = sum(file.rows for file in files if file.shape == shape)
        assert given == published + out.total(), (
            f"{shape}: {given} given, {published} published, {out.total()} left out"
        )
    return LeftOut(dict(sorted(pages.items())), dict(sorted(segments.items())))
