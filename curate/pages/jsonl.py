"""JSON lines: plain or compressed, streamed, one bad line at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO

import orjson

from curate.pages.base import PagesConfig, Unit
from curate.pages.inflate import BLOCK_BYTES, Damaged, Truncated, blocks
from curate.pages.make import Item, Maker, quarantined
from curate.pages.rows import Fields, find_fields, item_of

__all__ = ["first_fields", "read_jsonl"]

BOM = b"\xef\xbb\xbf"
PEEK_BYTES = 8 << 20
"""Bytes of a file looked through for the fields of its first record."""


def read_jsonl(file: IO[bytes], unit: Unit, config: PagesConfig) -> Iterator[Item]:
    """Pages of a range of lines. Records are numbered by line, from 1."""
    name = unit.names[0]
    maker = Maker(config, unit.root)
    shapes: dict[tuple[str, ...], Fields] = {}
    number = unit.first
    n_good = 0
    try:
        for line, n_bytes in _lines(_range(file, unit), config.max_bytes):
            number += 1
            source = f"{name}#{number}"
            if line is None:
                detail = (
                    f"line {number} has {n_bytes:,} bytes, more than "
                    f"pages.max_bytes={config.max_bytes:,}"
                )
                yield quarantined(source, "too large", detail)
                continue
            if number == 1:
                line = line.removeprefix(BOM)
            if not line.strip():
                continue
            item = _item(line, name, number, maker, shapes)
            n_good += 1
            yield item
    except Truncated as wound:
        detail = f"{wound}, after line {number}; {n_good} records before it were read"
        yield quarantined(f"{name}#{number + 1}", "truncated archive", detail)
    except Damaged as wound:
        detail = f"{wound}, after line {number}; {n_good} records before it were read"
        yield quarantined(f"{name}#{number + 1}", "damaged archive", detail)


def first_fields(file: IO[bytes]) -> list[str] | None:
    """Field names of the first records that can be parsed, None where none can."""
    names: dict[str, None] = {}
    n_seen = 0
    n_bytes = 0
    try:
        for line, size in _lines(blocks(file), PEEK_BYTES):
            n_bytes += size
            if line is not None and line.strip():
                record = _parse(line.removeprefix(BOM))
                if isinstance(record, dict):
                    names.update(dict.fromkeys(map(str, record)))
                    n_seen += 1
            if n_seen >= 5 or n_bytes > PEEK_BYTES:
                break
    except (Truncated, Damaged):
        pass
    return list(names) if n_seen else None


def _item(
    line: bytes, name: str, number: int, maker: Maker, shapes: dict[tuple[str, ...], Fields]
) -> Item:
    source = f"{name}#{number}"
    record = _parse(line)
    if isinstance(record, Exception):
        return quarantined(source, "bad JSON", f"line {number}: {record}")
    if not isinstance(record, dict):
        detail = f"line {number} is {type(record).__name__}, not an object"
        return quarantined(source, "bad JSON", detail)
    shape = tuple(record)
    fields = shapes.get(shape)
    if fields is None:
        fields = find_fields(shape, maker.config)
        if len(shapes) < 1000:
            shapes[shape] = fields
    return item_of(record, fields, maker, name=name, number=number)


def _parse(line: bytes) -> object:
    try:
        # Half the time of Python's own parser, which takes what this one refuses: bytes
        # that are no UTF-8, control characters, lone surrogates, NaN.
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return _parse_slowly(line)
    if isinstance(record, dict) and any(map(_is_huge, record.values())):
        return _parse_slowly(line)  # it may have been a whole number
    return record


def _is_huge(value: object) -> bool:
    return type(value) is float and abs(value) >= 1 << 63


def _parse_slowly(line: bytes) -> object:
    try:
        # Raw control characters within strings are common, and harmless.
        return json.loads(line.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError) as error:
        return error


def _range(file: IO[bytes], unit: Unit) -> Iterator[bytes]:
    if unit.start == 0 and unit.stop is None:
        yield from blocks(file)
        return
    file.seek(unit.start)
    left = -1 if unit.stop is None else unit.stop - unit.start
    while left:
        block = file.read(BLOCK_BYTES if left < 0 else min(BLOCK_BYTES, left))
        if not block:
            return
        left -= len(block) if left > 0 else 0
        yield block


def _lines(source: Iterator[bytes], max_bytes: int) -> Iterator[tuple[bytes | None, int]]:
    """Lines without their ends, and their sizes; None for one that is too long.

    A line that the stream breaks off in is not given: the error says so.
    """
    parts: list[bytes] = []
    size = 0
    for block in source:
        start = 0
        while True:
            end = block.find(b"\n", start)
            piece = block[start:] if end < 0 else block[start:end]
            size += len(piece)
            if size <= max_bytes:
                parts.append(piece)
            else:
                parts.clear()
            if end < 0:
                break
            yield (b"".join(parts) if size <= max_bytes else None), size
            parts.clear()
            size = 0
            start = end + 1
    if size:
        yield (b"".join(parts) if size <= max_bytes else None), size
