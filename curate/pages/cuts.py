"""Containers of many records cut into ranges: by lines, rows or bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.parse import urljoin

from curate.errors import PageError
from curate.pages.archive import has_frames
from curate.pages.base import Container, PagesConfig, Unit
from curate.pages.facts import Facts
from curate.pages.inflate import blocks
from curate.pages.jsonl import first_fields
from curate.pages.locate import Entry
from curate.pages.rows import find_fields, missing_fields
from curate.pages.sniff import Kind
from curate.pages.storage import Found, is_remote, open_uri, remote
from curate.text import digest

__all__ = ["container_units", "field_trouble"]

COMMON_CRAWL = "https://data.commoncrawl.org/"

PACKED_RATIO = 5
"""Web archives unpack to about five times their size (44 MB to 272 MB for 800
real pages)."""

PROBE_BYTES = 4 << 20
"""Of a zstd archive, looked through for a second frame: more than most records take."""

LARGE_GROUP_UNITS = 4
MAX_GROUP_CUTS = 8
"""A row group that holds 4 units or more is shared by up to 8 tasks. Each reads
it from its beginning: 0.5 s for 463 MB, against 20 s of work on its pages."""


@dataclass(frozen=True, slots=True)
class _Range:
    start: int
    stop: int | None
    n_bytes: int
    content: str
    first: int = 0


def field_trouble(found: Found, kind: Kind, config: PagesConfig) -> str | None:
    """Why no record of a file can be a page, None where one may be."""
    if kind.name in ("warc", "paths"):
        return None
    try:
        names = _field_names(found, kind)
    except OSError:
        return None
    return None if names is None else missing_fields(names, config, found.name)


def container_units(
    found: Found, facts: Facts, kind: Kind, entry: Entry, config: PagesConfig
) -> Iterator[Unit]:
    """The units of one file.

    Raises:
        PageError: a list of archives can't be read.
    """
    if kind.name == "paths":
        yield from _listed_units(found, entry, config)
        return
    container: Container
    if kind.name == "jsonl":
        container, ranges = "jsonl", _line_ranges(found, facts)
    elif kind.name == "parquet":
        container, ranges = "rows", _parquet_ranges(found, facts, config)
    elif kind.name == "arrow":
        container, ranges = "arrow", _arrow_ranges(found, facts, config)
    else:
        container, ranges = "warc", _archive_ranges(found, facts, config)
    for part in ranges:
        yield _unit(container, found, part, entry, config)


def _unit(
    container: Container, found: Found, part: _Range, entry: Entry, config: PagesConfig
) -> Unit:
    whole = part.start == 0 and part.stop is None
    stop = "" if part.stop is None else str(part.stop)
    return Unit(
        key=found.name if whole else f"{found.name}[{part.start}-{stop}]",
        version=digest(
            container,
            part.content,
            found.name,
            f"{part.start}-{stop}-{part.first}",
            entry.root if config.site == "folder" else "",
        ),
        container=container,
        names=(found.name,),
        uris=(found.uri,),
        start=part.start,
        stop=part.stop,
        first=part.first,
        n_bytes=part.n_bytes,
        root=entry.root,
        named=entry.named,
    )


def _line_ranges(found: Found, facts: Facts) -> Iterator[_Range]:
    if len(facts.parts) < 2:
        ratio = PACKED_RATIO if facts.packed else 1
        yield _Range(0, None, max(found.size, 0) * ratio, facts.digest)
        return
    for part in facts.parts:
        yield _Range(part.start, part.stop, part.stop - part.start, part.digest, part.first)


def _archive_ranges(found: Found, facts: Facts, config: PagesConfig) -> Iterator[_Range]:
    size = max(found.size, 0)
    step = config.unit_bytes
    if len(facts.parts) > 1:
        yield from _line_ranges(found, facts)
        return
    whole = not facts.packed or size < 2 * step
    if whole or (found.name.endswith((".zst", ".zstd")) and not _many_frames(found)):
        ratio = PACKED_RATIO if facts.packed else 1
        yield _Range(0, None, size * ratio, facts.digest)
        return
    yield from _cut(size, step, facts.digest)


def _many_frames(found: Found) -> bool:
    """Whether records of a zstd archive have frames of their own, by which it can be cut."""
    try:
        with open_uri(found.uri) as file, remote(found.uri):
            return has_frames(file, PROBE_BYTES)
    except OSError:
        return False


def _cut(size: int, step: int, content: str) -> Iterator[_Range]:
    """Ranges of a packed archive's bytes; a record belongs to the one that it begins in."""
    n_parts = size // step
    for index in range(n_parts):
        stop = None if index == n_parts - 1 else (index + 1) * step
        n_bytes = ((size if stop is None else stop) - index * step) * PACKED_RATIO
        yield _Range(index * step, stop, n_bytes, content)


def _parquet_ranges(found: Found, facts: Facts, config: PagesConfig) -> Iterator[_Range]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with open_uri(found.uri) as file, remote(found.uri):
            table = pq.ParquetFile(file, pre_buffer=False)
            wanted = set(find_fields(table.schema_arrow.names, config).names)
            groups = []
            for index in range(table.num_row_groups):
                group = table.metadata.row_group(index)
                columns = (group.column(i) for i in range(group.num_columns))
                n_bytes = sum(
                    column.total_uncompressed_size
                    for column in columns
                    if column.path_in_schema.partition(".")[0] in wanted
                )
                groups.append((group.num_rows, n_bytes))
    except (pa.ArrowException, OSError):
        # The reader meets it too, and quarantines the file.
        groups = []
    yield from _row_ranges(groups, facts, config)


def _arrow_ranges(found: Found, facts: Facts, config: PagesConfig) -> Iterator[_Range]:
    import pyarrow as pa

    from curate.pages.tables import arrow_rows

    batches: list[tuple[int, int]] = []
    if not is_remote(found.uri) and not facts.packed:
        try:
            _, batches = arrow_rows(found.uri)
        except (pa.ArrowException, OSError):
            batches = []
    yield from _row_ranges(batches, facts, config)


def _row_ranges(
    groups: list[tuple[int, int]], facts: Facts, config: PagesConfig
) -> Iterator[_Range]:
    """Runs of row groups of about a unit; ranges of rows within very large ones."""
    cuts = list(_row_cuts(groups, config.unit_bytes))
    if len(cuts) < 2:
        yield _Range(0, None, sum(n_bytes for _, n_bytes in groups), facts.digest)
        return
    for start, stop, n_bytes in cuts:
        yield _Range(start, stop, n_bytes, facts.digest)


def _row_cuts(groups: list[tuple[int, int]], unit_bytes: int) -> Iterator[tuple[int, int, int]]:
    start = stop = n_bytes = 0
    for n_rows, size in groups:
        if stop > start and n_bytes + size > 1.25 * unit_bytes:
            yield start, stop, n_bytes
            start, n_bytes = stop, 0
        if size > LARGE_GROUP_UNITS * unit_bytes and n_rows > 1:
            n_cuts = min(size // unit_bytes, MAX_GROUP_CUTS, n_rows)
            edges = [stop + n_rows * i // n_cuts for i in range(n_cuts + 1)]
            for low, high in pairwise(edges):
                yield low, high, size // n_cuts
            start = stop = edges[-1]
            n_bytes = 0
            continue
        stop += n_rows
        n_bytes += size
    if stop > start:
        yield start, stop, n_bytes


def _listed_units(found: Found, entry: Entry, config: PagesConfig) -> Iterator[Unit]:
    """Units of each archive that a list (`warc.paths.gz`) names, streamed.

    An archive elsewhere is named, not looked at, and is one unit: Common Crawl never
    changes a published file, and asking for 90,000 sizes takes an hour. Of one here
    the size is asked for: a large one is cut.
    """
    base = config.base_url
    with open_uri(found.uri) as file:
        rest = b""
        for block in blocks(file):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                yield from _listed_unit(line, found, entry, config, base)
        yield from _listed_unit(rest, found, entry, config, base)


def _listed_unit(
    line: bytes, found: Found, entry: Entry, config: PagesConfig, base: str | None
) -> Iterator[Unit]:
    path = line.decode("utf-8", "replace").strip()
    if path:
        uri = _resolve(path, found, base)
        size = -1 if is_remote(uri) else _size_here(uri)
        content = digest("listed", path) if size < 0 else digest("listed", path, str(size))
        ranges: Iterable[_Range] = (_Range(0, None, 0, content),)
        if path.endswith(".gz") and size >= 2 * config.unit_bytes:
            ranges = _cut(size, config.unit_bytes, content)
        for part in ranges:
            yield _unit("warc", Found(path, uri, size), part, entry, config)


def _size_here(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return -1  # the reader tells of it


def _resolve(path: str, found: Found, base: str | None) -> str:
    if "://" in path:
        return path
    if base is not None:
        return f"{base.rstrip('/')}/{path}"
    if path.startswith("crawl-data/"):
        return COMMON_CRAWL + path
    if is_remote(found.uri):
        return urljoin(found.uri, path)
    return f"{found.uri.rpartition('/')[0]}/{path}"


def _field_names(found: Found, kind: Kind) -> list[str] | None:
    if kind.name == "jsonl":
        with open_uri(found.uri) as file, remote(found.uri):
            return first_fields(file)
    import pyarrow as pa
    import pyarrow.parquet as pq

    from curate.pages.tables import open_arrow

    try:
        with open_uri(found.uri) as file, remote(found.uri):
            if kind.name == "parquet":
                return list(pq.ParquetFile(file, pre_buffer=False).schema_arrow.names)
            return list(open_arrow(file)[0].names)
    except (pa.ArrowException, PageError):
        return None
