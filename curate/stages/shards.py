"""Columns and rows of stored shards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from curate.io import read_rows
from curate.places import Place

__all__ = ["column", "rows_of", "take"]


def column(shard: Place, name: str) -> list[Any]:
    """One column in full."""
    return [
        value
        for batch in read_rows(shard, columns=[name], batch_rows=4096)
        for value in batch.column(0).to_pylist()
    ]


def take(shard: Place, rows: Sequence[int], columns: list[str] | None = None) -> pa.Table:
    """Some rows; only the batches that hold them stay in memory."""
    parts: list[pa.RecordBatch] = []
    first = 0
    wanted = np.asarray(rows)
    for batch in read_rows(shard, columns=columns):
        here = wanted[(wanted >= first) & (wanted < first + batch.num_rows)] - first
        if len(here):
            parts.append(batch.take(pa.array(here)))
        first += batch.num_rows
    return pa.Table.from_batches(parts)


def rows_of(shard: Place, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """All rows, streamed."""
    for batch in read_rows(shard, columns=columns):
        yield from batch.to_pylist()
