"""What a version must pass before anyone sees it.

Each check reads the files as they lie in the staging folder, not what the
builder believes to have written, and ends the publish with one line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.dataset.base import HERE, DatasetConfig, Workers
from curate.dataset.columns import label_names
from curate.dataset.duplicates import Rows, Signatures, link_similar, sign
from curate.dataset.facts import files_of
from curate.dataset.shards import ShardFile
from curate.dataset.signed import Signed
from curate.errors import DatasetError
from curate.schema import SPLITS

__all__ = ["check_data", "sign_pages"]

SIGN_PAGES = 250
"""Pages signed by one task: a quarter of a row group, which it reads in 20 ms."""


def check_data(
    connection: Any,
    folder: Path,
    previous: Path | None,
    files: Sequence[ShardFile],
    config: DatasetConfig,
    workers: Workers = HERE,
    signed: Signed | None = None,
) -> dict[str, int]:
    """Schema, splits and leaks of the data files.

    Args:
        connection: DuckDB.
        folder: staging folder of the new version.
        previous: folder of the version before, None for the first.
        files: what was written.
        config: of the publish.
        workers: sign the pages that are compared.
        signed: signatures of texts that have been signed before; found by what the
            files say, so that a page that says something else is signed anew.

    Returns:
        Counts of the leak check.

    Raises:
        DatasetError: the first check that failed.
    """
    schemas = _schemas(folder)
    if previous is not None and not config.allow_breaking:
        _check_schema(schemas, previous)
        _check_splits(folder, previous)
    splits = list(dict.fromkeys(file.split for file in files))
    with workers.running(sign_pages, _to_sign(folder, splits, signed)) as found:
        leaks = _leaks(connection, folder, splits)
        n_near = _near_leaks(folder, found, config.near_duplicate_ratio)
    if n_near and config.near_duplicates != "keep":
        raise DatasetError(
            f"leak: {n_near} clusters of near-duplicates stand in more than one split; "
            "this is a fault of the publish: report it"
        )
    return leaks | {"near-duplicate clusters": n_near}


# ---------------------------------------------------------------------- schema


def _schemas(folder: Path) -> dict[str, pa.Schema]:
    """Schema of each shape that a version has, the same in all its shards."""
    found: dict[str, pa.Schema] = {}
    for path in sorted(folder.glob("*/*.parquet")):
        schema = pq.read_schema(path)
        shape = path.parent.name
        first = found.setdefault(shape, schema)
        if not schema.equals(first, check_metadata=True):
            raise DatasetError(
                f"{shape}/{path.name}: its schema differs from the shape's first shard; "
                "readers go by the first: publish again"
            )
    return found


def _check_schema(new: Mapping[str, pa.Schema], previous: Path) -> None:
    old = _schemas(previous)
    for shape in old:
        if shape not in new:
            raise DatasetError(
                f"the new version has no {shape}, {previous.name} has; put it into dataset.shapes, "
                "or set dataset.allow_breaking=true"
            )
        for field in old[shape]:
            at = new[shape].get_field_index(field.name)
            if at < 0:
                raise _breaking(f"{shape}.{field.name} is gone", previous)
            if new[shape].field(at).type != field.type:
                told = f"{shape}.{field.name} was {field.type}, is {new[shape].field(at).type}"
                raise _breaking(told, previous)
        names = label_names(new[shape])
        for column, before in label_names(old[shape]).items():
            after = names.get(column, [])
            if after[: len(before)] != before:
                told = (
                    f"labels of {shape}.{column} were {', '.join(before)}, are {', '.join(after)}"
                )
                raise _breaking(told, previous)


def _breaking(told: str, previous: Path) -> DatasetError:
    return DatasetError(
        f"{told}: whoever loads {previous.name} today would break; undo the change, "
        "or set dataset.allow_breaking=true"
    )


def _check_splits(folder: Path, previous: Path) -> None:
    for split in SPLITS:
        had, has = (any(p.glob(f"pages/{split}-*.parquet")) for p in (previous, folder))
        if had and not has:
            raise DatasetError(
                f"split {split} of {previous.name} has no page any more; give pages of its sites "
                "again, or set dataset.allow_breaking=true"
            )


# ----------------------------------------------------------------------- leaks


def _leaks(connection: Any, folder: Path, splits: Sequence[str]) -> dict[str, int]:
    """Sites and texts that stand in more than one split."""
    union = " UNION ALL ".join(
        f"SELECT '{split}' AS split, site, md5(text) AS text_hash "
        f"FROM {files_of(folder, 'pages', split)}"
        for split in splits
    )
    found = {}
    for what, column in (("site", "site"), ("text", "text_hash")):
        rows = connection.execute(
            f"SELECT {column}, string_agg(DISTINCT split, ' and ' ORDER BY split) "
            f"FROM ({union}) GROUP BY 1 HAVING count(DISTINCT split) > 1 ORDER BY 1"
        ).fetchall()
        if rows:
            value, where = rows[0]
            raise DatasetError(
                f"leak: {len(rows)} {what}{'s' if len(rows) > 1 else ''} in more than one split, "
                f"first {value} in {where}; this is a fault of the publish: report it"
            )
        found[f"{what}s"] = 0
    return found


def _to_sign(
    folder: Path, splits: Sequence[str], signed: Signed | None
) -> list[tuple[Path, int, int, int, Signed | None]]:
    """Ranges of rows of the files of pages, with the number of their split."""
    if len(splits) < 2:
        return []
    return [
        (shard, number, first, SIGN_PAGES, signed)
        for number, split in enumerate(splits)
        for shard in sorted(folder.glob(f"pages/{split}-*.parquet"))
        for first in range(0, pq.read_metadata(shard).num_rows, SIGN_PAGES)
    ]


def sign_pages(
    shard: Path, split: int, first: int, count: int, signed: Signed | None = None
) -> tuple[int, Rows]:
    """Task: the split, and signatures of some rows of a file of pages."""
    found = []
    with pq.ParquetFile(shard) as file:
        groups, at = [], 0
        for number in range(file.num_row_groups):
            size = file.metadata.row_group(number).num_rows
            if at < first + count and first < at + size:
                groups.append((number, max(0, first - at), min(size, first + count - at)))
            at += size
        for number, start, stop in groups:
            rows = file.read_row_group(number, columns=["text", "main_text"])
            rows = rows.slice(start, stop - start)
            texts, mains = rows.column("text"), rows.column("main_text")
            if signed is None:
                found.append(sign(texts.to_pylist(), mains.to_pylist()))
            else:
                found.append(signed.sign(texts, mains))
    return split, np.concatenate(found)


def _near_leaks(folder: Path, signed: Iterator[tuple[int, Rows]], ratio: float) -> int:
    """Clusters of similar pages that stand in more than one split."""
    path = folder.with_name(folder.name + "-signatures")
    try:
        signatures = Signatures(path)
        split_of: list[int] = []
        for split, rows in signed:
            signatures.append(rows)
            split_of += [split] * len(rows)
        clusters = link_similar(signatures.rows(), ratio)
    finally:
        path.unlink(missing_ok=True)
    where = np.array(split_of)
    return sum(1 for rows in clusters if len(set(where[rows].tolist())) > 1)
