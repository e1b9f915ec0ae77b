"""Rows on disk between choosing pages and writing shards.

Pages come in the store's order and leave in buckets of `page_key`; between the
two, they lie here, a file for each task that chose some. Within a file they are
dealt to 64 sections by the top bits of their bucket hash, so that a bucket is read
without touching the others and memory stays flat.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["PARTITION_BITS", "SPOOL_SCHEMA", "Spool", "SpoolFile", "SpoolWriter"]

PARTITION_BITS = 6
"""64 partitions: buckets of up to 64 shards a split are read once each, and a flush
of 64 MB still writes pieces of about a megabyte."""

FLUSH_BYTES = 64 * 1024 * 1024
"""Rows held before they are written out; bounds the spool's memory."""

SECTION_BYTES = 512 * 1024
"""Rows that are worth an Arrow stream of their own: its head takes as long as 50 pages."""

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


@dataclass(frozen=True, slots=True)
class SpoolFile:
    """A written file of rows.

    Attributes:
        path: of the file.
        sections: int64 [n, 3]: of each Arrow stream the first partition in it, how many
            there are in it, and its place in the file.
        first: number of its first row among those of all files.
    """

    path: Path
    sections: npt.NDArray[np.int64]
    first: int = 0


class SpoolWriter:
    """Writes rows of SPOOL_SCHEMA, whose `row` counts from 0, to one file.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.write_bytes(b"")
        self._sections: list[tuple[int, int, int]] = []
        self._held: list[pa.Table] = []
        self._held_bytes = 0

    def add(self, table: pa.Table) -> None:
        """Take in rows; `hash` tells where they belong."""
        self._held.append(table.select(SPOOL_SCHEMA.names).cast(SPOOL_SCHEMA))
        self._held_bytes += table.nbytes
        if self._held_bytes >= FLUSH_BYTES:
            self._flush()

    def close(self) -> SpoolFile:
        """Write what is held."""
        self._flush()
        return SpoolFile(self._path, np.array(self._sections, np.int64).reshape(-1, 3))

    def _flush(self) -> None:
        """Append Arrow streams, each with the rows of one partition, or of several small ones."""
        if not self._held:
            return
        table = pa.concat_tables(self._held)
        width = 1 << PARTITION_BITS
        while width > 1 and self._held_bytes > SECTION_BYTES * (1 << PARTITION_BITS) // width:
            width //= 2
        self._held, self._held_bytes = [], 0
        parts = _partition(table.column("hash").to_numpy())
        order = np.argsort(parts, kind="stable")
        firsts = range(0, 1 << PARTITION_BITS, width)
        edges = np.searchsorted(parts[order], [*firsts, 1 << PARTITION_BITS])
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with self._path.open("ab") as file:
            for number, first in enumerate(firsts):
                rows = order[edges[number] : edges[number + 1]]
                if not len(rows):
                    continue
                self._sections.append((first, width, file.tell()))
                with pa.ipc.new_stream(file, SPOOL_SCHEMA, options=options) as writer:
                    writer.write_table(table.take(pa.array(rows)))


@dataclass(frozen=True, slots=True)
class Spool:
    """Rows of many files, read by bucket."""

    files: tuple[SpoolFile, ...]

    def bucket(self, bits: int, number: int, keep: npt.NDArray[np.bool_]) -> Iterator[pa.Table]:
        """Rows of one bucket among `2**bits` that `keep[row]` admits, sorted by page_key.

        `row` counts over all files. Yields tables of CHUNK_PAGES rows: the sorted
        whole would double the bucket.
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
            if bits:
                hashes = batch.column("hash").to_numpy()
                wanted &= (hashes >> np.uint64(64 - bits)) == np.uint64(number)
            if wanted.any():
                found.append(batch.filter(pa.array(wanted)))
        table = pa.Table.from_batches(found, SPOOL_SCHEMA)
        order = pc.sort_indices(table, sort_keys=[("page_key", "ascending")])
        for first in range(0, len(order), CHUNK_PAGES):
            yield table.take(order.slice(first, CHUNK_PAGES))

    def _batches(self, parts: range) -> Iterator[pa.RecordBatch]:
        for spooled in self.files:
            first, width = spooled.sections[:, 0], spooled.sections[:, 1]
            inside = (first < parts.stop) & (first + width > parts.start)
            if not inside.any():
                continue
            with spooled.path.open("rb") as file:
                for place in spooled.sections[inside, 2].tolist():
                    file.seek(place)
                    with pa.ipc.open_stream(file) as reader:
                        for batch in reader:
                            rows = pc.add(batch.column("row"), spooled.first)
                            yield batch.set_column(0, SPOOL_SCHEMA.field("row"), rows)


def _partition(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    return (hashes >> np.uint64(64 - PARTITION_BITS)).astype(np.int64)
