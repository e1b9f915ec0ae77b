"""What planning needs to know of a file: what it is, and what names its bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

import numpy as np

from curate.pages.archive import HEAD_BYTES as ARCHIVE_HEAD_BYTES
from curate.pages.archive import Record, is_plain, records
from curate.pages.base import PagesConfig
from curate.pages.cache import DigestCache
from curate.pages.inflate import head_of
from curate.pages.sniff import HEAD_BYTES, Kind, compression_of, kind_of
from curate.pages.storage import Found, is_remote, open_uri
from curate.text import digest

__all__ = ["Facts", "Part", "facts_of"]

READ_BYTES = 1 << 20
HASH_BYTES = 1 << 23
"""Hashed at a time by each of several threads: between two they need Python's lock, which
whatever else runs in this process holds for five milliseconds."""

LINE_FEED = 10

LINE_BYTES = 1 << 16
"""Read at a time where the end of a line is looked for."""

MAX_THREADS = 16
"""That hash the ranges of one file: past that the disk is waited for."""

SNIFF_FORMAT = 1
"""Raised when a file could be told as another kind than before."""

_COMPRESSION_SUFFIXES = (".gz", ".zst", ".zstd", ".bz2", ".xz")
_BY_SUFFIX = {
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".warc": "warc",
    ".wet": "warc",
    ".paths": "paths",
}
"""Suffixes that are trusted for remote files, where a look costs a request."""


@dataclass(frozen=True, slots=True)
class Part:
    """A range of whole lines, or of whole records of a plain archive.

    Attributes:
        start, stop: bytes.
        first: lines, or whole records, before it.
        digest: of its bytes.
    """

    start: int
    stop: int
    first: int
    digest: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file is.

    Attributes:
        kind: told from the first bytes; `unreadable` where there was trouble.
        digest: names the content.
        packed: the file is compressed as a whole.
        parts: of plain JSON lines and large plain archives, about `unit_bytes` each;
            else empty.
    """

    kind: Kind
    digest: str
    packed: bool = False
    parts: tuple[Part, ...] = ()


def facts_of(found: Found, config: PagesConfig, cache: DigestCache | None) -> Facts:
    """Look at a file, or remember what an earlier look saw.

    Raises:
        PageError: a remote store can't be reached.
    """
    if found.trouble:
        return Facts(Kind("unreadable"), digest("unreadable", found.trouble))
    try:
        return _remote_facts(found) if is_remote(found.uri) else _local(found, config, cache)
    except OSError as error:
        # The reader will meet it too, and tell.
        return Facts(Kind("unreadable"), digest("unreadable", str(error.strerror or error)))


def _local(found: Found, config: PagesConfig, cache: DigestCache | None) -> Facts:
    settings = [SNIFF_FORMAT, found.name.rpartition("/")[2], config.unit_bytes]
    if cache is not None:
        known = cache.get(found.uri, found.size, found.mtime_ns)
        facts = _from_json(known, settings)
        if facts is not None:
            return facts
    facts = _look(found, config.unit_bytes)
    if cache is not None:
        cache.put(found.uri, found.size, found.mtime_ns, _to_json(facts, settings))
    return facts


def _look(found: Found, unit_bytes: int) -> Facts:
    if found.size >= 2 * unit_bytes and (facts := _look_at_archive(found, unit_bytes)):
        return facts
    whole = hashlib.sha256()
    with open_uri(found.uri) as file:
        block = file.read(READ_BYTES)
        kind, packed = _kind(block, found.name, whole=len(block) < READ_BYTES)
        if block and kind.name == "jsonl" and not packed:
            parts = _line_parts(file, found.uri, unit_bytes)
            # The bytes of lines are hashed once: of one part, its digest is the file's.
            return Facts(kind, _named(parts), packed, parts)
        while block:
            whole.update(block)
            block = file.read(READ_BYTES)
    return Facts(kind, whole.hexdigest()[:32], packed)


def _line_parts(file: IO[bytes], uri: str, unit_bytes: int) -> tuple[Part, ...]:
    """Ranges of whole lines, each of the first that are `unit_bytes` or more.

    Args:
        file: opened from the uri.
    """
    size = file.seek(0, os.SEEK_END)
    starts = [0]
    while (cut := _line_end(file, starts[-1] + unit_bytes - 1)) < size:
        starts.append(cut)
    # Hashing leaves Python's lock alone: threads use all cores.
    with ThreadPoolExecutor(min(len(starts), MAX_THREADS, os.cpu_count() or 1)) as threads:
        told = list(threads.map(partial(_digest_lines, uri), starts, [*starts[1:], size]))
    parts, first = [], 0
    for start, stop, (n_lines, name) in zip(starts, [*starts[1:], size], told, strict=True):
        parts.append(Part(start, stop, first, name))
        first += n_lines
    return tuple(parts)


def _line_end(file: IO[bytes], at: int) -> int:
    """Where the line ends that holds the byte at `at`: after its line feed, or with the file."""
    file.seek(at)
    while block := file.read(LINE_BYTES):
        if end := block.find(b"\n") + 1:
            return at + end
        at += len(block)
    return file.seek(0, os.SEEK_END)


def _digest_lines(uri: str, start: int, stop: int) -> tuple[int, str]:
    """The number of line feeds in a range of a file, and what names its bytes."""
    hasher, n_lines = hashlib.sha256(), 0
    with open_uri(uri) as file:
        file.seek(start)
        while start < stop and (block := file.read(min(HASH_BYTES, stop - start))):
            hasher.update(block)
            # Like hashing, this leaves Python's lock alone.
            n_lines += int(np.count_nonzero(np.frombuffer(block, np.uint8) == LINE_FEED))
            start += len(block)
    return n_lines, hasher.hexdigest()[:32]


def _look_at_archive(found: Found, unit_bytes: int) -> Facts | None:
    """A large plain archive, cut where its reader meets records; None for anything else.

    It is read from its beginning, because a body may hold what looks like a record;
    and once more for the digests, which the cuts come too late for.
    """
    with open_uri(found.uri) as file:
        head = file.read(ARCHIVE_HEAD_BYTES)
        if not is_plain(head) or _kind(head, found.name, whole=False)[0].name != "warc":
            return None
        file.seek(0)
        cuts, n_good = [(0, 0)], 0
        for record in records(file, 0):
            if isinstance(record, Record):
                if record.offset - cuts[-1][0] >= unit_bytes:
                    cuts.append((record.offset, n_good))
                n_good += 1
        parts = []
        ends = [*(start for start, _ in cuts[1:]), found.size]
        for (start, first), stop in zip(cuts, ends, strict=True):
            file.seek(start)
            hasher, left = hashlib.sha256(), stop - start
            while block := file.read(min(READ_BYTES, left)):
                hasher.update(block)
                left -= len(block)
            parts.append(Part(start, stop, first, hasher.hexdigest()[:32]))
    return Facts(Kind("warc"), _named(parts), packed=False, parts=tuple(parts))


def _named(parts: Sequence[Part]) -> str:
    """Names the content of a file by that of its parts."""
    return parts[0].digest if len(parts) == 1 else digest(*(part.digest for part in parts))


def _remote_facts(found: Found) -> Facts:
    last = found.name.rpartition("/")[2].lower()
    plain = _without_compression(last)
    kind = _by_suffix(plain)
    packed = plain != last
    if kind is not None and found.token:
        return Facts(Kind(kind), digest(found.token), packed)
    with open_uri(found.uri) as file:
        head = file.read(HEAD_BYTES)
        if compression_of(head) is not None:
            # Blocks of bz2 and zstd give nothing before they are whole.
            head += file.read(READ_BYTES)
        told, packed = _kind(head, found.name, whole=len(head) < HEAD_BYTES)
        if found.token:
            return Facts(told, digest(found.token), packed)
        # The store has no name for the content: its bytes are read, to be sure.
        hasher = hashlib.sha256(head)
        while block := file.read(READ_BYTES):
            hasher.update(block)
    return Facts(told, hasher.hexdigest()[:32], packed)


def _kind(block: bytes, name: str, *, whole: bool) -> tuple[Kind, bool]:
    packed = compression_of(block) is not None
    head = head_of(block, HEAD_BYTES)
    last = _without_compression(name.rpartition("/")[2].partition("?")[0])
    if head is None:
        # What it was is told by its name alone; reading it tells what is wrong.
        return Kind(_by_suffix(last) or "unreadable"), packed
    return kind_of(head, last, whole=whole and len(head) < HEAD_BYTES), packed


def _by_suffix(plain: str) -> str | None:
    return next((k for suffix, k in _BY_SUFFIX.items() if plain.lower().endswith(suffix)), None)


def _without_compression(name: str) -> str:
    for suffix in _COMPRESSION_SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def _to_json(facts: Facts, settings: list[object]) -> dict[str, Any]:
    return {
        "settings": settings,
        "kind": [facts.kind.name, facts.kind.mime],
        "digest": facts.digest,
        "packed": facts.packed,
        "parts": [[part.start, part.stop, part.first, part.digest] for part in facts.parts],
    }


def _from_json(known: Any, settings: list[object]) -> Facts | None:
    if not isinstance(known, dict) or known.get("settings") != settings:
        return None
    return Facts(
        Kind(*known["kind"]),
        known["digest"],
        known["packed"],
        tuple(Part(*part) for part in known["parts"]),
    )
