"""Published Parquet files: rows of buckets in a fixed order, in fixed settings.

The same rows give the same bytes: no clock time, no path, row groups by row
count alone, one schema in every shard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.dataset.columns import Column
from curate.dataset.values import ValueDigest
from curate.io import ZSTD_LEVEL, file_digest

__all__ = [
    "ROW_GROUP_SEGMENTS",
    "ShardFile",
    "ShardWriter",
    "pages_table",
    "segments_table",
    "sources_of",
]

ROW_GROUP_PAGES = 1_000
"""Pages of a row group, some 10 MB. Few and large ones suit content-defined chunking:
a changed page re-uploads 14 % of a file; with groups of 100 rows, 22 %."""

ROW_GROUP_SEGMENTS = 50_000
"""Segments of a row group, some 15 MB in memory."""

ROW_GROUP_HTML_PAGES = 100
"""Pages of a row group where each carries its HTML, 300 KB on average."""

_ROW_GROUPS = {"segments": ROW_GROUP_SEGMENTS, "pages": ROW_GROUP_PAGES, "annotations": 1_000}


@dataclass(frozen=True, slots=True)
class ShardFile:
    """One written file and what went into it.

    Attributes:
        path: relative to the version's folder, with slashes.
        shape, split: where it belongs.
        rows: number of rows.
        arrow_bytes: size of the values in memory.
        values: digest of each column's values, as handed to the writer.
        digest: of the file's bytes.
    """

    path: str
    shape: str
    split: str
    rows: int
    arrow_bytes: int
    values: dict[str, str]
    digest: str


class ShardWriter:
    """Writes the rows of one file.

    Args:
        folder: of the version.
        shape: segments, pages or annotations.
        split: train, validation or test.
        number, count: of the shard, for its name.
        schema: with the readers' metadata.
        columns: tell which columns are dictionary encoded.
    """

    def __init__(
        self,
        folder: Path,
        shape: str,
        split: str,
        number: int,
        count: int,
        schema: pa.Schema,
        columns: Sequence[Column],
    ) -> None:
        self._shape, self._split = shape, split
        self._relative = f"{shape}/{split}-{number:05d}-of-{count:05d}.parquet"
        self._path = path = folder / self._relative
        path.parent.mkdir(parents=True, exist_ok=True)
        self._schema = schema
        self._digest = ValueDigest(schema)
        self._held: list[pa.Table] = []
        self._n_held = 0
        self._group = _ROW_GROUPS[shape]
        if any(column.name == "html" for column in columns):
            self._group = ROW_GROUP_HTML_PAGES
        coded = [column.name for column in columns if column.coded]
        for column in columns:
            if column.kind in {"spans", "readings"}:
                inner = "origin" if column.kind == "spans" else "action"
                coded += [f"{column.name}.list.element.{name}" for name in ("label", inner)]
            if column.kind == "label":
                coded.append(column.name)
            if column.kind == "strings":
                coded.append(f"{column.name}.list.element")
        self._writer = pq.ParquetWriter(
            path,
            schema,
            compression="zstd",
            compression_level=ZSTD_LEVEL,
            use_dictionary=coded,
            write_page_index=True,
            use_content_defined_chunking=True,
        )

    def write(self, table: pa.Table) -> None:
        """Take in the next rows."""
        self._digest.update(table)
        self._held.append(table)
        self._n_held += table.num_rows
        if self._n_held >= self._group:
            joined = pa.concat_tables(self._held)
            whole = self._n_held - self._n_held % self._group
            self._writer.write_table(joined.slice(0, whole), row_group_size=self._group)
            self._held, self._n_held = [joined.slice(whole)], self._n_held - whole

    def close(self) -> ShardFile:
        """Write what is held and the footer."""
        if self._n_held:
            self._writer.write_table(pa.concat_tables(self._held))
            self._held, self._n_held = [], 0
        self._writer.close()
        digest = self._digest
        return ShardFile(
            self._relative,
            self._shape,
            self._split,
            digest.rows,
            digest.arrow_bytes,
            digest.hexdigest(),
            file_digest(self._path),
        )

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A footer written on the way out of an exception would make a valid
        # short file; the staging folder is thrown away as a whole instead.
        if self._writer.is_open:
            self._writer.close()


def sources_of(shape: str, schema: pa.Schema) -> set[str]:
    """Columns of the spool that a shape is made of."""
    if shape == "segments":
        return {_FLAT.get(name, name) for name in schema.names} | {"text", "page_id", "labels"}
    return {*schema.names, *_SPANS}


def pages_table(pages: pa.Table, schema: pa.Schema, names: Sequence[str]) -> pa.Table:
    """Rows of the shape `pages`, from spool rows."""
    spans = _spans(pages, names)
    columns = {
        "n_segments": pc.list_value_length(pages.column("starts")),
        "segments": spans,
    }
    arrays = []
    for field in schema:
        column = columns[field.name] if field.name in columns else pages.column(field.name)
        arrays.append(column if column.type == field.type else column.cast(field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def segments_table(pages: pa.Table, schema: pa.Schema, names: Sequence[str]) -> pa.Table:
    """Rows of the shape `segments`, from spool rows."""
    counts = pc.list_value_length(pages.column("starts")).to_numpy()
    page_of = pa.array(np.repeat(np.arange(len(counts)), counts))
    flat = {name: _flat(pages, name) for name in _FLAT if name in schema.names}
    starts, ends = flat["start"].to_pylist(), flat["end"].to_pylist()
    texts: list[str] = []
    at = 0
    for text, count in zip(pages.column("text").to_pylist(), counts.tolist(), strict=True):
        spans = zip(starts[at : at + count], ends[at : at + count], strict=True)
        texts += [text[start:end] for start, end in spans]
        at += count
    page_ids = pages.column("page_id").take(page_of)
    places = (flat[name].cast(pa.string()) for name in ("start", "end"))
    built = {
        "segment_id": pc.binary_join_element_wise(page_ids, *places, "-"),
        "text": pa.array(texts, pa.string()),
        "label": _label_numbers(flat["label_name"], names),
    }
    arrays = []
    for field in schema:
        if field.name in built:
            column = built[field.name]
        elif field.name in flat:
            column = flat[field.name]
        else:
            column = pages.column(field.name).take(page_of)
        arrays.append(column if column.type == field.type else column.cast(field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


_FLAT = {
    "index": "index",
    "start": "starts",
    "end": "ends",
    "label_name": "labels",
    "origin": "origins",
    "action": "actions",
    "score": "scores",
    "n_annotators": "n_annotators",
    "agreement": "agreement",
    "adjudicated": "adjudicated",
    "annotators": "annotators",
    "kind": "kinds",
    "path": "paths",
    "scores": "label_scores",
}
"""Column of `segments` -> list column of the spool."""


_SPANS = ("starts", "ends", "labels", "origins", "scores")
"""List columns of the spool that the spans of a page are made of."""


def _combined(pages: pa.Table, name: str) -> pa.ListArray:
    column = pages.column(name).combine_chunks()
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _flat(pages: pa.Table, name: str) -> pa.Array:
    return _combined(pages, _FLAT[name]).flatten()


def _label_numbers(labels: pa.Array, names: Sequence[str]) -> pa.Array:
    return pc.index_in(labels, value_set=pa.array(names, pa.string())).cast(pa.int64())


def _spans(pages: pa.Table, names: Sequence[str]) -> pa.Array:
    starts = _combined(pages, "starts")
    offsets = np.concatenate([[0], np.cumsum(pc.list_value_length(starts).to_numpy())])
    spans = pa.StructArray.from_arrays(
        [
            starts.flatten(),
            _flat(pages, "end"),
            _label_numbers(_flat(pages, "label_name"), names),
            _flat(pages, "origin"),
            _flat(pages, "score"),
        ],
        names=["start", "end", "label", "origin", "score"],
    )
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), spans)
