"""Lines that recur over a site's pages: task bodies that count and add them up.

They stand apart from the stage that hands them out, which imports the whole pipeline:
a worker loads what it does only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.io import read_rows
from curate.labelers.recurrence import first_places
from curate.places import Place
from curate.runs.output import Counts, Output
from curate.segments.rows import list_slices
from curate.sql import aggregating
from curate.text import digest

__all__ = ["COUNT_SCHEMA", "SitePages", "add_up", "count_lines"]

BATCH_PAGES = 64

PLACES = 1000
"""Places on the page are counted in thousandths: sums of integers don't depend on
the order in which shards are added up."""

COUNT_SCHEMA = pa.schema(
    [
        pa.field("site", pa.string(), nullable=False),
        pa.field("key", pa.uint64(), nullable=False),
        pa.field("seen", pa.int64(), nullable=False),
        pa.field("total", pa.int64(), nullable=False),
        pa.field("squares", pa.int64(), nullable=False),
    ]
)

_LINE_COLUMNS = ["site", "text", "starts", "ends"]

LINE_ROWS = 32_768
"""Rows of a table of lines in one row group: they are narrow, unlike pages."""

LINES_SCHEMA = pa.schema(
    [
        pa.field("site", pa.string(), nullable=False),
        pa.field("key", pa.uint64(), nullable=False),
        pa.field("seen", pa.int32(), nullable=False),
        pa.field("spread", pa.float32(), nullable=False),
    ]
)

SitePages = npt.NDArray[np.int32]


def count_lines(out: Output, shard: Place, site_pages: SitePages, parts: int = 1) -> None:
    """Task body: on how many pages of one shard each line of a site stands, and where.

    Args:
        parts: number of tables to deal the sites to, by their name.
    """
    counted = _counted(shard, site_pages)
    sites = counted.column("site").chunk(0)
    part_of = [int(digest(name, chars=8), 16) % parts for name in sites.dictionary.to_pylist()]
    rows = np.array(part_of, np.int64).take(sites.indices.to_numpy())
    for part in range(parts):
        here = counted.filter(pa.array(rows == part)) if parts > 1 else counted
        out.write(COUNT_SCHEMA, [here.cast(COUNT_SCHEMA)], row_group_rows=LINE_ROWS)
    # What is told while it goes is pages, as in every stage, not the lines of the tables.
    n_pages = int(np.count_nonzero(site_pages))
    out.counts = Counts(n_pages, n_pages)


def _counted(shard: Place, site_pages: SitePages) -> pa.Table:
    """The lines by site and key."""
    keys: list[npt.NDArray[np.uint64]] = []
    sums: list[npt.NDArray[np.int64]] = []
    sites: list[str] = []
    first = 0
    for batch in read_rows(shard, columns=_LINE_COLUMNS, batch_rows=BATCH_PAGES):
        wanted = np.flatnonzero(site_pages[first : first + batch.num_rows])
        here = batch.take(pa.array(wanted))
        texts, starts, ends = here.columns[1].to_pylist(), *map(list_slices, here.columns[2:])
        n_pages = site_pages[first + wanted].tolist()
        for text, start, end, n in zip(texts, starts, ends, n_pages, strict=True):
            found, place = first_places(text, start, end)
            # Copies of a page count nothing, but want to know what recurs on them.
            once = int(n > 0)
            at = np.rint(place * PLACES).astype(np.int64) * once
            keys.append(found)
            sums.append(np.stack([np.full(len(found), once), at, at * at]))
        sites += here.column("site").to_pylist()
        first += batch.num_rows
    names = sorted(set(sites))
    number = {name: at for at, name in enumerate(names)}
    sizes = [len(part) for part in keys]
    site_of = np.repeat(np.array([number[site] for site in sites], np.int32), sizes)
    key_of = np.concatenate([np.zeros(0, np.uint64), *keys])
    order = np.lexsort((key_of, site_of))
    site_of, key_of = site_of[order], key_of[order]
    fresh = np.ones(len(order), bool)
    fresh[1:] = (site_of[1:] != site_of[:-1]) | (key_of[1:] != key_of[:-1])
    begin = np.flatnonzero(fresh)
    total = np.concatenate([np.zeros((3, 0), np.int64), *sums], axis=1)[:, order]
    if len(begin):
        total = np.add.reduceat(total, begin, axis=1)
    return pa.table(
        {
            "site": pa.DictionaryArray.from_arrays(site_of[begin], pa.array(names, pa.string())),
            "key": key_of[begin],
            "seen": total[0],
            "total": total[1],
            "squares": total[2],
        }
    )


def add_up(out: Output, counts: Sequence[Place], memory_limit: str) -> None:
    """Task body: the lines on two pages or more, a shard for each shard that has them."""
    with aggregating(memory_limit, counts, near=out.folder) as connection:
        rows = connection.sql(
            """
            WITH parts AS (
                SELECT file_index::INT AS shard, site, key, seen, total, squares
                FROM read_parquet($files)
            ),
            lines AS (
                SELECT site, key, sum(seen) AS seen, sum(total) AS total, sum(squares) AS squares
                FROM parts GROUP BY site, key HAVING sum(seen) > 1
            )
            SELECT parts.shard, site, key, lines.seen::BIGINT AS seen,
                   lines.total::BIGINT AS total, lines.squares::BIGINT AS squares
            FROM parts JOIN lines USING (site, key) ORDER BY parts.shard, site, key
            """,
            params={"files": [str(path) for path in counts]},
        ).to_arrow_reader(50_000)
        pending = _Split(rows)
        for shard in range(len(counts)):
            found = (_lines(part) for part in pending.of(shard))
            out.write(LINES_SCHEMA, found, row_group_rows=LINE_ROWS)
    out.counts = Counts()  # it reads tables: no page comes in


class _Split:
    """A stream of batches ordered by shard, taken apart by shard."""

    def __init__(self, batches: Any) -> None:
        self._batches = iter(batches)
        self._held: pa.RecordBatch | None = None

    def of(self, shard: int) -> Iterator[pa.RecordBatch]:
        """The next rows, as long as they are of this shard."""
        while True:
            batch = self._held if self._held is not None else next(self._batches, None)
            self._held = None
            if batch is None:
                return
            shards = batch.column("shard").to_numpy()
            n = int(np.searchsorted(shards, shard, side="right"))
            if n:
                yield batch.slice(0, n)
            if n < batch.num_rows:
                self._held = batch.slice(n)
                return


def _lines(batch: pa.RecordBatch) -> pa.Table:
    seen = batch.column("seen").to_numpy().astype(np.float64)
    mean = batch.column("total").to_numpy() / seen / PLACES
    square = batch.column("squares").to_numpy() / seen / PLACES**2
    spread = np.sqrt(np.maximum(square - mean * mean, 0.0)).astype(np.float32)
    return pa.table(
        {
            "site": batch.column("site"),
            "key": batch.column("key"),
            "seen": seen.astype(np.int32),
            "spread": spread,
        },
        schema=LINES_SCHEMA,
    )
