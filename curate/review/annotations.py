"""Human work on disk: Parquet files that are only ever added.

A pull adds one file; nothing is changed or removed. The row with the latest
`updated_at` of an `annotation_id` wins, among equals the one in the later file;
a row with status `deleted` is a tombstone. Any Parquet reader can read them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.errors import ReviewError
from curate.io import canonical_json, read_rows, write_rows
from curate.schema import ANNOTATION_SCHEMA, Annotation, Span
from curate.text import digest, replace_surrogates

__all__ = [
    "Known",
    "append",
    "append_rows",
    "content_digest",
    "files_of",
    "index",
    "load",
    "plain_row",
    "read_all",
    "read_file",
    "rewrite",
]

_FILE = re.compile(r"(\d{6})-[0-9a-f]{12}\.parquet")

_LIGHT = [name for name in ANNOTATION_SCHEMA.names if name != "text"]


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of an annotation, without its text."""

    annotation_id: str
    page_key: str
    text_hash: str
    annotator: str
    status: str
    updated_at: datetime
    content: str
    schema: str
    guideline: str
    origin: str
    server: str | None
    project_id: int | None
    task_id: int | None
    server_annotation_id: int | None


def append(folder: Path, annotations: Sequence[Annotation]) -> Path | None:
    """Add annotations as one new file; None where there are none.

    The file's name goes on where the last one ends, and holds a digest of what
    is in it, so that two processes never write the same file.
    """
    return append_rows(folder, [_row(annotation) for annotation in annotations])


def append_rows(folder: Path, rows: Sequence[Mapping[str, Any]]) -> Path | None:
    """As `append`, for rows of the schema."""
    if not rows:
        return None
    table = pa.Table.from_pylist(list(rows), schema=ANNOTATION_SCHEMA)
    number = max((int(match[1]) for _, match in _files(folder)), default=0) + 1
    told = digest(*(canonical_json(plain_row(row)) for row in rows), chars=12)
    path = folder / f"{number:06d}-{told}.parquet"
    write_rows(path, ANNOTATION_SCHEMA, [table])
    return path


def load(folder: Path, *, deleted: bool = False) -> list[Annotation]:
    """The latest word of every annotation, by page and annotation id.

    Args:
        deleted: with tombstones.
    """
    latest: dict[str, Annotation] = {}
    for annotation in read_all(folder):
        known = latest.get(annotation.annotation_id)
        if known is None or annotation.updated_at >= known.updated_at:
            latest[annotation.annotation_id] = annotation
    return sorted(
        (a for a in latest.values() if deleted or a.status != "deleted"),
        key=lambda a: (a.page_key, a.annotation_id),
    )


def read_all(folder: Path) -> Iterator[Annotation]:
    """Every row ever written, in the order of writing."""
    for batch in _batches(folder, None):
        for row in batch.to_pylist():
            yield _annotation(row)


def index(folder: Path) -> dict[str, Known]:
    """What is stored of each annotation, tombstones too, in little memory."""
    latest: dict[str, Known] = {}
    for batch in _batches(folder, _LIGHT):
        for row in batch.to_pylist():
            known = latest.get(row["annotation_id"])
            if known is not None and row["updated_at"] < known.updated_at:
                continue
            spans = tuple(Span(**span) for span in row.pop("spans"))
            lead_time, verdict = row.pop("lead_time_s"), row.pop("verdict")
            content = _content(row["status"], row["annotator"], spans, verdict, lead_time)
            latest[row["annotation_id"]] = Known(**row, content=content)
    return latest


def content_digest(annotation: Annotation) -> str:
    """Digest of what the person said: equal where a pull brings nothing new."""
    return _content(
        annotation.status,
        annotation.annotator,
        annotation.spans,
        annotation.verdict,
        annotation.lead_time_s,
    )


def _content(
    status: str,
    annotator: str,
    spans: Sequence[Span],
    verdict: str | None,
    lead_time_s: float | None,
) -> str:
    told = [
        [s.start, s.end, s.label, s.action, s.region_id, replace_surrogates(s.exact)] for s in spans
    ]
    return digest(canonical_json([status, annotator, verdict, lead_time_s, told]))


def files_of(folder: Path) -> list[Path]:
    """The folder's files of rows, in the order of writing."""
    return [path for path, _ in _files(folder)]


def read_file(path: Path) -> pa.Table:
    """One file's rows.

    Raises:
        ReviewError: it can't be read.
    """
    return pa.Table.from_batches(_read(path, None), schema=ANNOTATION_SCHEMA)


def rewrite(path: Path, rows: pa.Table) -> None:
    """Put fewer rows in a file's place; only a withdrawal does that.

    The file keeps its number; its digest is that of the rows it holds now.
    """
    if rows.num_rows:
        told = digest(*(canonical_json(plain_row(row)) for row in rows.to_pylist()), chars=12)
        number = path.name.partition("-")[0]
        write_rows(path.with_name(f"{number}-{told}.parquet"), ANNOTATION_SCHEMA, [rows])
    path.unlink()


def _files(folder: Path) -> list[tuple[Path, re.Match[str]]]:
    if not folder.is_dir():
        return []
    found = [(path, match) for path in folder.iterdir() if (match := _FILE.fullmatch(path.name))]
    return sorted(found, key=lambda pair: pair[0].name)


def _batches(folder: Path, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
    for path, _ in _files(folder):
        yield from _read(path, columns)


def _read(path: Path, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
    try:
        yield from read_rows(path, columns=columns)
    except (pa.ArrowInvalid, OSError) as error:
        raise ReviewError(
            f"{path} can't be read as annotations ({error}); "
            "restore it from a backup, or move it away to go on without it"
        ) from error


def _row(annotation: Annotation) -> dict[str, Any]:
    row = {name: getattr(annotation, name) for name in ANNOTATION_SCHEMA.names}
    row["text"] = replace_surrogates(annotation.text)
    row["spans"] = [
        {
            "start": span.start,
            "end": span.end,
            "label": span.label,
            "action": span.action,
            "region_id": span.region_id,
            "exact": replace_surrogates(span.exact),
            "prefix": replace_surrogates(span.prefix),
            "suffix": replace_surrogates(span.suffix),
        }
        for span in annotation.spans
    ]
    return row


def plain_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON takes it."""
    return {**row, "updated_at": row["updated_at"].astimezone(UTC).isoformat()}


def _annotation(row: dict[str, Any]) -> Annotation:
    return Annotation(**{**row, "spans": tuple(Span(**span) for span in row["spans"])})
