"""From the store's shards to the published files of one version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from curate.dataset.base import (
    HERE,
    DatasetConfig,
    LeftOut,
    Progress,
    ShardPair,
    Withdrawn,
    Workers,
)
from curate.dataset.choose import Choice, IndexPart, PageIndex, PartWriter, choose
from curate.dataset.columns import arrow_schema, columns_of
from curate.dataset.decontaminate import read_texts
from curate.dataset.mask import Masker
from curate.dataset.readings import write_annotations
from curate.dataset.select import Selection, select_pages
from curate.dataset.shards import (
    ShardFile,
    ShardWriter,
    pages_table,
    segments_table,
    sources_of,
)
from curate.dataset.signed import Signed
from curate.dataset.splits import bucket_numbers, choose_bucket_bits
from curate.dataset.spool import Spool, SpoolFile, SpoolWriter
from curate.errors import DatasetError
from curate.io import read_json, write_json
from curate.schema import SPLITS, LabelSet

__all__ = ["Built", "build"]

MB = 1 << 20

TASKS_A_WORKER = 4
"""So many tasks of the first pass for each worker: the last one waited for is short."""

MAX_PART_SHARDS = 32
"""Shards of one such task: some 64 MB of rows, which the spool holds at a time."""


PLAIN_SHARDS = 1000
"""Shards up to which the spool is not compressed: some 30,000 pages and 1.5 GB of scratch,
which the page cache may hold. With more of them the disk would be what a publish waits for."""


@dataclass(frozen=True, slots=True)
class Built:
    """Written files, the account of what was left out, and the signatures made on the way."""

    files: tuple[ShardFile, ...]
    left_out: LeftOut
    masked: dict[str, int]
    notes: tuple[str, ...]
    signed: Signed


def build(
    config: DatasetConfig,
    label_set: LabelSet,
    shards: Sequence[ShardPair],
    annotations: Sequence[Path],
    withdrawn: Withdrawn,
    folder: Path,
    scratch: Path,
    progress: Progress,
    workers: Workers = HERE,
) -> Built:
    """Write the data files of a version.

    Two passes: pages are chosen and dealt to partitions on disk; then each
    bucket is read, sorted, and written in every shape. Both are tasks of their
    own; memory holds one bucket a task and some hundred bytes a page.

    Args:
        config: what to publish, and how.
        label_set: label names and their published order.
        shards: the store's.
        annotations: Parquet files of ANNOTATION_SCHEMA, for that shape.
        withdrawn: what is left out on request.
        folder: of the version; scratch: for what lies between the passes.
        progress: told after every task.
        workers: who does the tasks; the bytes don't depend on it.

    Raises:
        DatasetError: damaged inputs, or nothing left to publish.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    parts = _cut(shards, workers.n)
    compress = len(shards) > PLAIN_SHARDS
    rows = [
        (part, config, label_set.names, withdrawn.pages, scratch / f"part-{number:05d}", compress)
        for number, part in enumerate(parts)
    ]
    selection = Selection()
    index = PageIndex(scratch, whole=bool(config.decontaminate))
    spooled: list[SpoolFile] = []
    progress("choose pages", 0, len(shards))
    with workers.running(choose_part, rows) as chosen:
        done = 0
        for part, (counts, indexed, file) in zip(parts, chosen, strict=True):
            selection.add(counts)
            if indexed is not None:
                spooled.append(replace(file, first=index.add(indexed)))
            done += len(part)
            progress("choose pages", done, len(shards))
    _refuse_empty(index.rows, selection)

    progress("find copies", 0, 1)
    choice = choose(index, config, read_texts(config.decontaminate, scratch))
    progress("find copies", 1, 1)
    _refuse_empty(int(choice.keep.sum()), selection)
    spool = Spool(tuple(spooled))
    files = _write(config, label_set, index, choice, spool, folder, scratch, progress, workers)
    if "annotations" in config.shapes:
        files += write_annotations(
            config, label_set, annotations, withdrawn, folder, scratch, files
        )
    left_out = _account(selection, choice, files)
    prints = index.column("print").to_numpy()
    signed = Signed.write(scratch, prints, index.signatures.path)
    masked = dict(sorted(selection.masked.items()))
    return Built(tuple(files), left_out, masked, choice.notes, signed)


def _cut(shards: Sequence[ShardPair], n_workers: int) -> list[Sequence[ShardPair]]:
    """Runs of shards for one task each."""
    size = max(1, min(MAX_PART_SHARDS, -(-len(shards) // (TASKS_A_WORKER * n_workers))))
    return [shards[first : first + size] for first in range(0, len(shards), size)]


def choose_part(
    shards: Sequence[ShardPair],
    config: DatasetConfig,
    names: Sequence[str],
    withdrawn: frozenset[str],
    stem: Path,
    compress: bool = True,
) -> tuple[Selection, IndexPart | None, SpoolFile]:
    """Task: choose the pages of some shards, sign them and put them into the spool.

    Args:
        stem: path that the names of its files begin with.
        compress: its file of the spool.
    """
    selection = Selection()
    masker = Masker(config.mask, config.mask_region)
    spool = SpoolWriter(
        stem.with_suffix(".arrows"), config.ratios(), config.split_salt, compress=compress
    )
    index = PartWriter(stem, whole=bool(config.decontaminate))
    for pair in shards:
        for table in select_pages(pair, config, names, selection, masker, withdrawn):
            if table.num_rows:
                spool.add(index.add(table))
    return selection, index.close(), spool.close()


def _write(
    config: DatasetConfig,
    label_set: LabelSet,
    index: PageIndex,
    choice: Choice,
    spool: Spool,
    folder: Path,
    scratch: Path,
    progress: Progress,
    workers: Workers,
) -> list[ShardFile]:
    clusters = None
    if config.clusters:
        clusters = scratch / "clusters.json"
        write_json(clusters, {str(row): name for row, name in choice.cluster.items()})
    hashes, sizes = index.column("hash").to_numpy(), index.column("bytes").to_numpy()
    hashed = scratch / "hashes.npy"
    np.save(hashed, hashes)
    rows: list[tuple[Bucket, DatasetConfig, Sequence[str], Spool, Path]] = []
    for number, split in enumerate(SPLITS):
        keep = choice.keep & (choice.split == number)
        if not keep.any():
            continue
        kept = scratch / f"keep-{split}.npy"
        np.save(kept, keep)
        bits = choose_bucket_bits(hashes[keep], sizes[keep], config.shard_mb * MB)
        count = len(np.unique(bucket_numbers(hashes[keep], bits)))
        for bucket in range(count):
            for shape in ("segments", "pages"):
                made = Bucket(shape, split, kept, hashed, bits, bucket, count, clusters)
                rows.append((made, config, label_set.names, spool, folder))
    files: list[ShardFile] = []
    with workers.running(write_bucket, rows) as written:
        for (made, *_), file in zip(rows, written, strict=True):
            if made.shape == "segments":
                progress(f"write {made.split}", made.number, made.count)
            files.append(file)
    return files


@dataclass(frozen=True, slots=True)
class Bucket:
    """One file to be written.

    Attributes:
        shape, split: where it belongs.
        keep: file of a mask over all rows: those of the split.
        hashes: file of all rows' bucket hashes.
        bits, number: the bucket among `2**bits`.
        count: of the split's buckets.
        clusters: file that names the cluster of rows, where it is published.
    """

    shape: str
    split: str
    keep: Path
    hashes: Path
    bits: int
    number: int
    count: int
    clusters: Path | None


def write_bucket(
    bucket: Bucket, config: DatasetConfig, names: Sequence[str], spool: Spool, folder: Path
) -> ShardFile:
    """Task: write a bucket in one shape."""
    columns = columns_of(bucket.shape, config)
    schema = arrow_schema(columns, names)
    cluster = {}
    if bucket.clusters is not None and bucket.shape == "pages":
        cluster = read_json(bucket.clusters)
    with ShardWriter(
        folder, bucket.shape, bucket.split, bucket.number, bucket.count, schema, columns
    ) as writer:
        keep, hashes = (np.load(path, mmap_mode="r") for path in (bucket.keep, bucket.hashes))
        read = sources_of(bucket.shape, schema)
        for table in spool.bucket(bucket.bits, bucket.number, keep, hashes, read):
            if bucket.shape == "segments":
                writer.write(segments_table(table, schema, names))
                continue
            if config.clusters:
                rows = table.column("row").to_pylist()
                told = pa.array([cluster.get(str(row)) for row in rows], pa.string())
                table = table.append_column("cluster", told)
            writer.write(pages_table(table, schema, names))
        return writer.close()


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
