"""All human work in one file, and back again row by row.

A backup holds every row ever written, in order, so that what was restored into
an empty folder is what was there: same rows, same history.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate.errors import ReviewError
from curate.io import atomic_path, canonical_json, read_rows, write_rows
from curate.review.annotations import append_rows, files_of, plain_row, read_file
from curate.review.withdraw import blocked
from curate.schema import ANNOTATION_SCHEMA
from curate.text import digest

__all__ = ["SUFFIXES", "Restored", "backup_rows", "export", "is_backup_row", "restore"]

SUFFIXES = (".parquet", ".jsonl")

WRITE_ROWS = 500
"""Rows restored to one file: what a pull writes at a time."""


class Restored(tuple[int, int, int]):
    """(rows written, rows that were there, rows withheld because they were withdrawn)."""

    __slots__ = ()


def export(folder: Path, out: Path) -> int:
    """Write every row in `folder` to one file; returns how many.

    Args:
        out: `.parquet` (the smallest) or `.jsonl`.

    Raises:
        ReviewError: another ending, or there is no work to write.
    """
    if out.suffix not in SUFFIXES:
        raise ReviewError(
            f"{out} ends in {out.suffix or 'nothing'}; a backup is {' or '.join(SUFFIXES)}"
        )
    files = files_of(folder)
    if not files:
        raise ReviewError(f"no human work in {folder}; pull or import some first")
    tables = map(read_file, files)
    if out.suffix == ".parquet":
        return write_rows(out, ANNOTATION_SCHEMA, tables)
    n = 0
    with atomic_path(out) as temp, temp.open("w", encoding="utf-8") as file:
        for table in tables:
            for row in table.to_pylist():
                file.write(canonical_json(plain_row(row)) + "\n")
                n += 1
    return n


def is_backup_row(record: Mapping[str, Any]) -> bool:
    """Whether a JSON record is a row of a backup."""
    return set(ANNOTATION_SCHEMA.names) <= set(record)


def backup_rows(path: Path) -> Iterator[dict[str, Any]] | None:
    """The rows of a Parquet backup, None where the file is another table.

    Raises:
        ReviewError: it can't be read.
    """
    try:
        names = pq.read_schema(path).names
    except (pa.ArrowInvalid, OSError) as error:
        raise ReviewError(f"{path} can't be read as Parquet ({error})") from error
    if not set(ANNOTATION_SCHEMA.names) <= set(names):
        return None
    columns = ANNOTATION_SCHEMA.names
    return (row for b in read_rows(path, columns=columns) for row in b.to_pylist())


def restore(folder: Path, rows: Iterable[Mapping[str, Any]], source: str) -> Restored:
    """Add the rows of a backup that are not there yet, in their order.

    Raises:
        ReviewError: a row is not one of a backup.
    """
    kept_out = blocked(folder)
    there = {_digest(row) for path in files_of(folder) for row in read_file(path).to_pylist()}
    held: list[dict[str, Any]] = []
    written = known = withheld = 0
    for number, raw in enumerate(rows, 1):
        row = _row(raw, f"{source}, row {number}")
        if kept_out.holds(row["annotator"], row["page_key"]):
            withheld += 1
        elif (told := _digest(row)) in there:
            known += 1
        else:
            there.add(told)
            held.append(row)
            written += 1
        if len(held) >= WRITE_ROWS:
            append_rows(folder, held)
            held = []
    append_rows(folder, held)
    return Restored((written, known, withheld))


def _digest(row: Mapping[str, Any]) -> str:
    return digest(canonical_json(plain_row(row)))


def _row(raw: Mapping[str, Any], where: str) -> dict[str, Any]:
    row = {name: raw.get(name) for name in ANNOTATION_SCHEMA.names}
    try:
        if isinstance(row["updated_at"], str):
            row["updated_at"] = datetime.fromisoformat(row["updated_at"])
        whole = pa.Table.from_pylist([row], schema=ANNOTATION_SCHEMA)
        whole.validate(full=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError, TypeError) as error:
        raise ReviewError(f"{where} is no row of a backup ({error}); export it again") from error
    missing = [f.name for f in ANNOTATION_SCHEMA if not f.nullable and row[f.name] is None]
    if missing:
        raise ReviewError(f"{where} lacks {', '.join(missing)}; export it again")
    return row
