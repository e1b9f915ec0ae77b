"""Rows on disk between choosing pages and writing shards.

Pages come in the store's order and leave in buckets of `page_key`; between the
two, they lie here, dealt to 64 files by the top bits of their bucket hash, so
that a bucket is read without touching the others and memory stays flat.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["PARTITION_BITS", "SPOOL_SCHEMA", "Spool"]

PARTITION_BITS = 6
"""64 partitions: buckets of up to 64 shards a split are read once each, and a flush
of 64 MB still writes pieces of about a megabyte."""

FLUSH_BYTES = 64 * 1024 * 1024
"""Rows held before they are written out; bounds the spool's memory."""

CHUNK_PAGES = 256
"""Pages expanded to segments at a time: some 20,000 rows."""

_string = pa.string()
_strings = pa.list_(_string)
_ints = pa.list_(pa.int32())
_floats = pa.list_(pa.float32())

SPOOL_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("hash", pa.uint64()),
        ("page_key", _string),
        ("page_id", _string),
        ("url", _string),
        ("site", _string),
        ("title", _string),
        ("language", _string),
        ("page_type", _string),
        ("text_hash", _string),
        ("text", pa.large_string()),
        ("main_text", pa.large_string()),
        ("html", pa.large_string()),
        ("reviewed", pa.bool_()),
        ("labeler", _string),
        ("guideline", _string),
        ("index", _ints),
        ("starts", _ints),
        ("ends", _ints),
        ("kinds", _strings),
        ("labels", _strings),
        ("origins", _strings),
        ("actions", _strings),
        ("scores", _floats),
        ("n_annotators", _ints),
        ("agreement", _floats),
        ("adjudicated", pa.list_(pa.bool_())),
        ("annotators", pa.list_(_strings)),
        ("paths", _strings),
        ("label_scores", pa.list_(_floats)),
    ]
)


class Spool:
    """Rows of SPOOL_SCHEMA, written once, read by bucket.

    Args:
        folder: an empty folder of its own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._held: list[pa.Table] = []
        self._held_bytes = 0

    def add(self, table: pa.Table) -> None:
        """Take in rows; `row` and `hash` tell where they belong."""
        self._held.append(table.select(SPOOL_SCHEMA.names).cast(SPOOL_SCHEMA))
        self._held_bytes += table.nbytes
        if self._held_bytes >= FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is held; each flush appends one Arrow stream to each partition's file."""
        if not self._held:
            return
        table = pa.concat_tables(self._held)
        self._held, self._held_bytes = [], 0
        parts = _partition(table.column("hash").to_numpy())
        order = np.argsort(parts, kind="stable")
        edges = np.searchsorted(parts[order], np.arange((1 << PARTITION_BITS) + 1))
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        for part in range(1 << PARTITION_BITS):
            rows = order[edges[part] : edges[part + 1]]
            if not len(rows):
                continue
            with (
                self._file(part).open("ab") as file,
                pa.ipc.new_stream(file, SPOOL_SCHEMA, options=options) as writer,
            ):
                writer.write_table(table.take(pa.array(rows)))

    def bucket(self, bits: int, number: int, keep: npt.NDArray[np.bool_]) -> Iterator[pa.Table]:
        """Rows of one bucket among `2**bits` that `keep[row]` admits, sorted by page_key.

        Yields tables of CHUNK_PAGES rows: the sorted whole would double the bucket.
        """
        if bits <= PARTITION_BITS:
            width = 1 << (PARTITION_BITS - bits)
            parts = range(number * width, (number + 1) * width)
        else:
            part = number >> (bits - PARTITION_BITS)
            parts = range(part, part + 1)
        found = []
        for batch in self._batches(parts):
            wanted = keep[batch.column("row").to_numpy()]
            if bits > PARTITION_BITS:
                hashes = batch.column("hash").to_numpy()
                wanted &= (hashes >> np.uint64(64 - bits)) == np.uint64(number)
            if wanted.any():
                found.append(batch.filter(pa.array(wanted)))
        table = pa.Table.from_batches(found, SPOOL_SCHEMA)
        order = pc.sort_indices(table, sort_keys=[("page_key", "ascending")])
        for first in range(0, len(order), CHUNK_PAGES):
            yield table.take(order.slice(first, CHUNK_PAGES))

    def _file(self, part: int) -> Path:
        return self._folder / f"{part:02d}.arrows"

    def _batches(self, parts: range) -> Iterator[pa.RecordBatch]:
        for part in parts:
            path = self._file(part)
            if not path.exists():
                continue
            with path.open("rb") as file:
                size = path.stat().st_size
                while file.tell() < size:
                    with pa.ipc.open_stream(file) as reader:
                        yield from reader


def _partition(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    return (hashes >> np.uint64(64 - PARTITION_BITS)).astype(np.int64)
