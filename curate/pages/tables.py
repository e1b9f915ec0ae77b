"""Parquet and Arrow files: only the columns a page needs, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate.pages.base import PagesConfig, Unit
from curate.pages.make import Item, Maker, quarantined
from curate.pages.rows import Fields, find_fields, item_of, missing_fields

__all__ = ["arrow_rows", "open_arrow", "read_arrow", "read_parquet"]

BATCH_BYTES = 8 << 20
MAX_BATCH_ROWS = 1024
BUFFER_BYTES = 1 << 20


def read_parquet(file: IO[bytes], unit: Unit, config: PagesConfig) -> Iterator[Item]:
    """Pages of a range of rows, numbered from 0."""
    name = unit.names[0]
    try:
        table = pq.ParquetFile(file, buffer_size=BUFFER_BYTES, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        yield quarantined(name, "truncated archive", f"no readable Parquet footer: {error}")
        return
    schema = table.schema_arrow
    problem = missing_fields(schema.names, config, name)
    if problem is not None:
        yield quarantined(name, "no page field", problem)
        return
    fields = find_fields(schema.names, config)
    maker = Maker(config, unit.root)
    stop = table.metadata.num_rows if unit.stop is None else unit.stop
    first = 0
    for index in range(table.num_row_groups):
        group = table.metadata.row_group(index)
        after = first + group.num_rows
        if after > unit.start and first < stop:
            number = max(unit.start, first)
            try:
                batches = table.iter_batches(
                    batch_size=_batch_rows(group),
                    row_groups=[index],
                    columns=fields.names,
                    use_threads=False,
                )
                for row, record in _records(batches, first, unit.start, stop):
                    number = row + 1
                    yield item_of(record, fields, maker, name=name, number=row)
            except (pa.ArrowException, OSError) as error:
                lost = min(after, stop) - number
                detail = f"rows {number} to {number + lost - 1} can't be read: {error}"
                yield quarantined(f"{name}#{number}", "damaged archive", detail)
        first = after


def read_arrow(file: IO[bytes], unit: Unit, config: PagesConfig) -> Iterator[Item]:
    """Pages of a range of rows of an Arrow file or stream, numbered from 0."""
    name = unit.names[0]
    number = unit.start
    try:
        schema, batches = open_arrow(file)
        problem = missing_fields(schema.names, config, name)
        if problem is not None:
            yield quarantined(name, "no page field", problem)
            return
        fields = find_fields(schema.names, config)
        maker = Maker(config, unit.root)
        stop = 1 << 62 if unit.stop is None else unit.stop
        for row, record in _records(_narrow(batches, fields), 0, unit.start, stop):
            number = row + 1
            yield item_of(record, fields, maker, name=name, number=row)
    except (pa.ArrowException, OSError) as error:
        detail = f"rows from {number} on can't be read: {error}"
        yield quarantined(f"{name}#{number}", "truncated archive", detail)


def open_arrow(file: IO[bytes] | pa.NativeFile) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Schema and batches of an Arrow stream (as `save_to_disk` writes) or file."""
    magic = file.read(6)
    file.seek(0)
    if magic == b"ARROW1":
        reader = pa.ipc.open_file(file)
        return reader.schema, (reader.get_batch(i) for i in range(reader.num_record_batches))
    stream = pa.ipc.open_stream(file)
    return stream.schema, iter(stream)


def arrow_rows(path: str) -> tuple[pa.Schema, list[tuple[int, int]]]:
    """Schema, and rows and bytes of each batch, of a local file; reads no data.

    Raises:
        pa.ArrowException, OSError: it can't be read.
    """
    with pa.memory_map(path) as file:
        schema, batches = open_arrow(file)
        return schema, [(batch.num_rows, batch.get_total_buffer_size()) for batch in batches]


def _narrow(batches: Iterator[pa.RecordBatch], fields: Fields) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        narrow = batch.select(fields.names)
        for start in range(0, narrow.num_rows, MAX_BATCH_ROWS // 16):
            yield narrow.slice(start, MAX_BATCH_ROWS // 16)


def _batch_rows(group: Any) -> int:
    per_row = group.total_byte_size / max(group.num_rows, 1)
    return int(min(max(BATCH_BYTES / max(per_row, 1), 1), MAX_BATCH_ROWS))


def _records(
    batches: Iterator[pa.RecordBatch], first: int, start: int, stop: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    for batch in batches:
        after = first + batch.num_rows
        if first >= stop:
            return
        if after > start:
            here = max(start - first, 0)
            part = batch.slice(here, min(after, stop) - first - here)
            columns = {name: _values(part.column(name)) for name in batch.schema.names}
            for row in range(part.num_rows):
                yield first + here + row, {name: values[row] for name, values in columns.items()}
        first = after


def _values(column: pa.Array) -> list[Any]:
    """Values of a column; strings unchecked, since a bad one must not stop the rest."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not (_is_string(column.type)):
        return list(column.to_pylist())
    raw = column.cast(pa.large_binary()).to_pylist()
    return [None if value is None else value.decode("utf-8", "replace") for value in raw]


def _is_string(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )
