"""Segmented pages as Parquet rows and back, both exact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from curate.schema import SEGMENTED_SCHEMA, Layout, SegmentedPage

__all__ = ["from_batch", "from_row", "list_slices", "to_batch", "to_columns"]

_LAYOUT_INTS = (
    "node_parent",
    "segment_node",
    "link_chars",
    "n_links",
    "media_before",
    "elements_before",
    "flags",
)
_NODE_STRINGS = ("node_tag", "node_attrs")
_LAYOUT_STRINGS = (*_NODE_STRINGS, "segment_href")
_NO_INTS = np.zeros(0, np.int32)
_LAYOUT = _LAYOUT_INTS + _LAYOUT_STRINGS
_HEAD = ("page_key", "page_id", "source", "fetched_at", "text_hash")


def to_columns(pages: Sequence[SegmentedPage]) -> dict[str, list[Any]]:
    """Columns of `SEGMENTED_SCHEMA` that a segmented page knows, one entry a page.

    The rest (`page_key`, `page_id`, `source`, `fetched_at`, `text_hash`) is the
    pipeline's to add; `to_batch` does both.
    """
    columns: dict[str, list[Any]] = {
        name: [getattr(page, name) for page in pages]
        for name in ("url", "site", "media_type", "title", "lang", "text", "starts", "ends")
    }
    columns["kinds"] = [list(page.kinds) for page in pages]
    for name in _LAYOUT:
        columns[name] = [
            None if page.layout is None else getattr(page.layout, name) for page in pages
        ]
    return columns


def to_batch(records: Sequence[tuple[Mapping[str, Any], SegmentedPage]]) -> pa.RecordBatch:
    """Rows of `SEGMENTED_SCHEMA`.

    Args:
        records: for each page what else its row holds (`page_key`, `page_id`,
            `source`, `fetched_at`, `text_hash`; a `url`, `site`, `media_type`,
            `title` or `lang` there wins over the page's own), and the page.
    """
    columns = to_columns([page for _, page in records])
    for name in (*_HEAD, "url", "site", "media_type", "title", "lang"):
        own = columns.get(name, [None] * len(records))
        columns[name] = [head.get(name, own[at]) for at, (head, _) in enumerate(records)]
    arrays = [pa.array(columns[field.name], type=field.type) for field in SEGMENTED_SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=SEGMENTED_SCHEMA)


def from_row(row: Mapping[str, Any]) -> SegmentedPage:
    """The page that a row of `SEGMENTED_SCHEMA` holds (`RecordBatch.to_pylist`)."""
    layout = None
    if row["link_chars"] is not None:
        ints: dict[str, Any] = {n: np.asarray(row[n], dtype=np.int32) for n in _LAYOUT_INTS}
        layout = Layout(**ints, **{n: row[n] for n in _LAYOUT_STRINGS})
    return SegmentedPage(
        text=row["text"],
        starts=np.asarray(row["starts"], dtype=np.int32),
        ends=np.asarray(row["ends"], dtype=np.int32),
        kinds=row["kinds"],
        media_type=row["media_type"],
        layout=layout,
        title=row["title"],
        lang=row["lang"],
        url=row["url"],
        site=row["site"],
    )


def from_batch(batch: pa.RecordBatch) -> list[SegmentedPage]:
    """The pages of a batch; arrays come without a detour over Python numbers.

    Columns that were not read come out as nothing (`text`, `starts`, `ends`, `kinds`
    and `link_chars` are always needed: the last one tells HTML from bare text).
    """
    rows: list[dict[str, Any]] = [{} for _ in range(batch.num_rows)]
    there = set(batch.schema.names)
    for name in ("url", "site", "media_type", "title", "lang", "text", "kinds", *_LAYOUT_STRINGS):
        if name not in there:
            for row in rows:
                row[name] = () if name in _LAYOUT_STRINGS else None
            continue
        column = batch.column(name)
        told = _shared_strings(column) if name in _NODE_STRINGS else column.to_pylist()
        for row, value in zip(rows, told, strict=True):
            row[name] = value
    for name in ("starts", "ends", *_LAYOUT_INTS):
        if name not in there:
            for row in rows:
                row[name] = _NO_INTS
            continue
        for row, values in zip(rows, list_slices(batch.column(name)), strict=True):
            row[name] = values
    return [from_row(row) for row in rows]


def _shared_strings(column: pa.ListArray) -> list[list[str] | None]:
    """The lists of strings of a column, equal strings as one object.

    A string remembers its hash: elements are looked up in two thirds of the time.
    """
    offsets = column.offsets.to_numpy()
    first, stop = int(offsets[0]), int(offsets[-1])
    encoded = column.values.slice(first, stop - first).dictionary_encode()
    names = encoded.dictionary.to_pylist()
    flat = list(map(names.__getitem__, encoded.indices.to_numpy().tolist()))
    edges = (offsets - first).tolist()
    valid = column.is_valid().to_pylist()
    return [flat[edges[at] : edges[at + 1]] if valid[at] else None for at in range(len(column))]


def list_slices(column: pa.ListArray) -> list[Any]:
    """The lists of numbers of a column as arrays of their own, None where there is none."""
    flat = column.values.to_numpy()
    offsets = column.offsets.to_pylist()
    valid = column.is_valid().to_pylist()
    return [
        flat[offsets[at] : offsets[at + 1]].copy() if valid[at] else None
        for at in range(len(column))
    ]
