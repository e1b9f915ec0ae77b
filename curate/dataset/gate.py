"""What a version must pass before anyone sees it.

Each check reads the files as they lie in the staging folder, not what the
builder believes to have written, and ends the publish with one line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from curate.dataset.base import HERE, DatasetConfig, Workers
from curate.dataset.columns import label_names
from curate.dataset.duplicates import Rows, Signatures, link_similar, sign
from curate.dataset.facts import files_of
from curate.dataset.shards import ShardFile
from curate.dataset.signed import Signed, utf8
from curate.errors import DatasetError
from curate.schema import SPLITS

__all__ = ["check_data", "sign_pages"]

TEXT_PRINT = np.dtype("V16")
"""Digest of a text (XXH3, 128 bits): it finds faults, not forgeries."""

Prints = npt.NDArray[np.void]


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
        _refuse_leaks("site", _site_leaks(connection, folder, splits))
        texts, n_near = _copies(folder, found, splits, config.near_duplicate_ratio)
    _refuse_leaks("text", texts)
    if n_near and config.near_duplicates != "keep":
        raise DatasetError(
            f"leak: {n_near} clusters of near-duplicates stand in more than one split; "
            "this is a fault of the publish: report it"
        )
    return {"sites": 0, "texts": 0, "near-duplicate clusters": n_near}


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


def _refuse_leaks(what: str, leaks: Sequence[tuple[str, str]]) -> None:
    """Args: leaks: what stands in more than one split, and in which ones."""
    if leaks:
        value, where = leaks[0]
        raise DatasetError(
            f"leak: {len(leaks)} {what}{'s' if len(leaks) > 1 else ''} in more than one split, "
            f"first {value} in {where}; this is a fault of the publish: report it"
        )


def _site_leaks(connection: Any, folder: Path, splits: Sequence[str]) -> list[tuple[str, str]]:
    """Sites that stand in more than one split."""
    union = " UNION ALL ".join(
        f"SELECT '{split}' AS split, site FROM {files_of(folder, 'pages', split)}"
        for split in splits
    )
    found: list[tuple[str, str]] = connection.execute(
        "SELECT site, string_agg(DISTINCT split, ' and ' ORDER BY split) "
        f"FROM ({union}) GROUP BY 1 HAVING count(DISTINCT split) > 1 ORDER BY 1"
    ).fetchall()
    return found


def _to_sign(
    folder: Path, splits: Sequence[str], signed: Signed | None
) -> list[tuple[Path, int, int, Signed | None]]:
    """Row groups of the files of pages, with the number of their split."""
    if len(splits) < 2:
        return []
    return [
        (shard, group, number, signed)
        for number, split in enumerate(splits)
        for shard in sorted(folder.glob(f"pages/{split}-*.parquet"))
        for group in range(pq.read_metadata(shard).num_row_groups)
    ]


def sign_pages(
    shard: Path, group: int, split: int, signed: Signed | None = None
) -> tuple[int, Rows, Prints]:
    """Task: the split, signatures, and digests of the texts of a row group of pages."""
    with pq.ParquetFile(shard) as file:
        rows = file.read_row_group(group, columns=["text", "main_text"])
    texts, mains = rows.column("text"), rows.column("main_text")
    prints = np.array(list(map(xxhash.xxh3_128_digest, utf8(texts))), TEXT_PRINT)
    if signed is None:
        return split, sign(texts.to_pylist(), mains.to_pylist()), prints
    return split, signed.sign(texts, mains), prints


def _copies(
    folder: Path, signed: Iterator[tuple[int, Rows, Prints]], splits: Sequence[str], ratio: float
) -> tuple[list[tuple[str, str]], int]:
    """Texts, and the number of clusters of similar pages, in more than one split."""
    path = folder.with_name(folder.name + "-signatures")
    try:
        signatures = Signatures(path)
        split_of: list[int] = []
        prints = [np.array([], TEXT_PRINT)]
        for split, rows, texts in signed:
            signatures.append(rows)
            split_of += [split] * len(rows)
            prints.append(texts)
        where = np.array(split_of)
        leaks = _text_leaks(np.concatenate(prints), where, splits)
        clusters = [] if leaks else link_similar(signatures.rows(), ratio)
    finally:
        path.unlink(missing_ok=True)
    return leaks, sum(1 for rows in clusters if len(set(where[rows].tolist())) > 1)


def _text_leaks(
    prints: Prints, where: npt.NDArray[np.int64], splits: Sequence[str]
) -> list[tuple[str, str]]:
    """Digests of texts that stand in more than one split."""
    _, text, count = np.unique(prints, return_inverse=True, return_counts=True)
    met: dict[str, set[str]] = {}
    for row in np.flatnonzero(count[text] > 1).tolist():
        met.setdefault(prints[row].tobytes().hex(), set()).add(splits[where[row]])
    return sorted((name, " and ".join(sorted(at))) for name, at in met.items() if len(at) > 1)
