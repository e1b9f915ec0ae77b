"""Rows on disk between choosing pages and writing shards.

Pages come in the store's order and leave in buckets of `page_key`, split by split;
between the two, they lie here, a file for each task that chose some. Within a file they
are dealt to sections by the split that their site is likely to get and by the top bits
of their bucket hash. A section tells its rows, so that a bucket is read without touching
others, in the columns that its shape needs, and memory stays flat.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.dataset.splits import bucket_numbers, split_of
from curate.schema import SPLITS

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
        places: of each section, an Arrow stream, where it begins in the file.
        edges: of each section, where its rows begin in `rows`; and the end of the last.
        rows: file of the numbers of the sections' rows, int64, counted in this file.
        first: number of its first row among those of all files.
    """

    path: Path
    places: tuple[int, ...]
    edges: tuple[int, ...]
    rows: Path
    first: int = 0


class SpoolWriter:
    """Writes rows of SPOOL_SCHEMA, whose `row` counts from 0, to one file.

    Args:
        path: of the file.
        ratios, salt: as for `split_of`. Pages that end in another split (there are
            too few sites, or a copy moved them) are found all the same, only slower.
        compress: halves the file; writing it and reading it twice takes double the time.
    """

    def __init__(
        self, path: Path, ratios: Sequence[float], salt: str = "", *, compress: bool = True
    ) -> None:
        self._path = path
        self._codec = "lz4" if compress else None
        path.write_bytes(b"")
        self._split_of = lru_cache(4096)(lambda site: SPLITS.index(split_of(site, ratios, salt)))
        self._places: list[int] = []
        self._rows: list[npt.NDArray[np.int64]] = []
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
        edges = np.cumsum([0, *(len(rows) for rows in self._rows)]).tolist()
        rows = self._path.with_suffix(".rows.npy")
        np.save(rows, np.concatenate([np.zeros(0, np.int64), *self._rows]))
        return SpoolFile(self._path, tuple(self._places), tuple(edges), rows)

    def _flush(self) -> None:
        """Append Arrow streams, each with the rows of one partition, or of several small ones."""
        if not self._held:
            return
        table = pa.concat_tables(self._held).combine_chunks()
        self._held = []
        splits = np.array([self._split_of(site) for site in table.column("site").to_pylist()])
        bits = PARTITION_BITS
        while bits and self._held_bytes < SECTION_BYTES << bits:
            bits -= 1
        self._held_bytes = 0
        parts = (splits << bits) + bucket_numbers(table.column("hash").to_numpy(), bits)
        order = np.argsort(parts, kind="stable")
        numbers = table.column("row").to_numpy()
        options = pa.ipc.IpcWriteOptions(compression=self._codec)
        with self._path.open("ab") as file:
            for rows in np.split(order, np.flatnonzero(np.diff(parts[order])) + 1):
                self._places.append(file.tell())
                self._rows.append(numbers[rows])
                with pa.ipc.new_stream(file, SPOOL_SCHEMA, options=options) as writer:
                    writer.write_table(table.take(pa.array(rows)).combine_chunks())


@dataclass(frozen=True, slots=True)
class Spool:
    """Rows of many files, read by bucket."""

    files: tuple[SpoolFile, ...]

    def bucket(
        self,
        bits: int,
        number: int,
        keep: npt.NDArray[np.bool_],
        hashes: npt.NDArray[np.uint64],
        columns: Collection[str],
    ) -> Iterator[pa.Table]:
        """Rows of one bucket among `2**bits` that `keep[row]` admits, sorted by page_key.

        Yields tables of CHUNK_PAGES rows: the sorted whole would double the bucket.

        Args:
            bits, number: of the bucket.
            keep, hashes: of all rows of all files, by number.
            columns: that are read, and `row`, which counts over all files.
        """
        names = [n for n in SPOOL_SCHEMA.names if n in {*columns, "page_key"} and n != "row"]
        fields = [SPOOL_SCHEMA.get_field_index(name) for name in names]
        options = pa.ipc.IpcReadOptions(included_fields=fields)
        parts: dict[str, list[pa.Array]] = {name: [] for name in ("row", *names)}
        for spooled in self.files:
            rows = np.load(spooled.rows) + spooled.first
            wanted = keep[rows]
            if bits:
                wanted &= bucket_numbers(hashes[rows], bits) == number
            if not wanted.any():
                continue
            # Mapped: of a batch that isn't compressed, only what is taken is ever in memory.
            with pa.memory_map(str(spooled.path)) as file:
                for at, place in enumerate(spooled.places):
                    here = wanted[spooled.edges[at] : spooled.edges[at + 1]]
                    if not here.any():
                        continue
                    file.seek(place)
                    with pa.ipc.open_stream(file, options=options) as reader:
                        batch = reader.read_next_batch()
                    if not here.all():
                        batch = batch.filter(pa.array(here))
                    for name in names:
                        parts[name].append(batch.column(name))
                    parts["row"].append(
                        pa.array(rows[spooled.edges[at] : spooled.edges[at + 1]][here])
                    )
        # In one piece each: taking from many pieces puts them together every time.
        table = pa.table({name: pa.concat_arrays(parts.pop(name)) for name in ("row", *names)})
        order = pc.sort_indices(table, sort_keys=[("page_key", "ascending")])
        for first in range(0, len(order), CHUNK_PAGES):
            yield table.take(order.slice(first, CHUNK_PAGES))
