"""Digests of the values in a table, whatever file or engine they come through."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

__all__ = ["ValueDigest", "digest_table"]


class ValueDigest:
    """Streaming digest of each column's values.

    Equal values give equal digests however the rows were batched, sliced or
    encoded: validity, lengths and data are hashed as three separate streams for
    every level of a nested column. Two readers that return one digest returned
    the same values, cell by cell, without either table being held in memory. The
    digest (XXH3, 128 bits) finds faults, not forgeries; those the files' own digests find.

    Args:
        schema: the columns, their order and their types; batches are cast to it.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema.remove_metadata()
        self.rows = 0
        self.arrow_bytes = 0
        self._streams: dict[tuple[str, ...], xxhash.xxh3_128] = {}

    def update(self, batch: pa.RecordBatch | pa.Table) -> None:
        """Take in the next rows; columns are found by name."""
        self.rows += batch.num_rows
        for field in self.schema:
            column = batch.column(batch.schema.get_field_index(field.name))
            chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
            for chunk in chunks:
                if len(chunk):
                    cast = chunk if chunk.type == field.type else chunk.cast(field.type)
                    self._feed((field.name,), cast)

    def hexdigest(self) -> dict[str, str]:
        """Digest of each column, 32 hex digits, in schema order."""
        digests = {}
        for field in self.schema:
            hasher = xxhash.xxh3_128()
            streams = sorted(key for key in self._streams if key[0] == field.name)
            for key in streams:
                hasher.update("/".join(key[1:]).encode())
                hasher.update(self._streams[key].digest())
            digests[field.name] = hasher.hexdigest()
        return digests

    def _put(self, path: tuple[str, ...], kind: str, data: object) -> None:
        stream = self._streams.setdefault((*path, kind), xxhash.xxh3_128())
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        self.arrow_bytes += len(view)
        stream.update(view)

    def _feed(self, path: tuple[str, ...], array: pa.Array) -> None:
        if pa.types.is_struct(array.type):
            for field, child in zip(array.type, array.flatten(), strict=True):
                self._feed((*path, field.name), child)
            return
        valid = np.asarray(array.is_valid()).astype(np.uint8)
        self._put(path, "valid", valid)
        if pa.types.is_list(array.type):
            self._put(path, "length", _lengths(pc.list_value_length(array)))
            child = array.flatten()
            if len(child):
                self._feed((*path, "item"), child)
        elif pa.types.is_string(array.type):
            self._put(path, "length", _lengths(pc.binary_length(array)))
            self._put(path, "data", _string_bytes(array.drop_null()))
        elif pa.types.is_boolean(array.type):
            self._put(path, "data", np.asarray(array.fill_null(False)).astype(np.uint8))
        else:
            self._put(path, "data", np.ascontiguousarray(array.fill_null(0).to_numpy()))


def _lengths(lengths: pa.Array) -> npt.NDArray[np.int32]:
    return np.ascontiguousarray(lengths.fill_null(0).to_numpy(zero_copy_only=False), np.int32)


def _string_bytes(array: pa.Array) -> bytes | memoryview:
    if len(array) == 0:
        return b""
    _, offsets, data = array.buffers()
    if data is None:
        return b""
    edges = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    return memoryview(data)[int(edges[0]) : int(edges[-1])]


def digest_table(schema: pa.Schema, batches: Iterable[pa.RecordBatch | pa.Table]) -> ValueDigest:
    """The digest of all batches."""
    digest = ValueDigest(schema)
    for batch in batches:
        digest.update(batch)
    return digest
