"""Stage `pages`: input units to shards of decoded pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from curate.pages import PagesConfig, Unit, read_unit
from curate.places import Place
from curate.runs.output import Output
from curate.schema import PAGE_SCHEMA, Dropped, Page, Quarantined
from curate.sql import aggregating

__all__ = ["read_pages", "superseded"]

SHARD_MIN_BYTES = 6_000_000
SHARD_MAX_BYTES = 16_000_000
SHARD_MAX_ROWS = 4_096
CUT_MODULUS = 16
"""A shard is cut at the first page whose key is divisible by 16 once it holds
6 MB, at 16 MB, or at 4,096 pages. Cutting by content keeps the shards behind an
inserted or changed record as they were, so only one or two are redone: some forty
pages, less than a second of work, small enough to spread and to lose. Of 2 MB,
opening and closing them costs a fourteenth of the stages' time."""

_COLUMNS = tuple(PAGE_SCHEMA.names)


def read_pages(out: Output, unit: Unit, config: PagesConfig) -> None:
    """Task body: read one unit of input."""
    held: list[Page] = []
    n_bytes = 0
    for item in read_unit(unit, config):
        out.counts.n_in += 1
        if isinstance(item, Dropped):
            out.drop(item)
        elif isinstance(item, Quarantined):
            out.quarantine(item)
        else:
            held.append(item)
            n_bytes += len(item.content)
            cut = n_bytes >= SHARD_MIN_BYTES and int(item.page_key[:8], 16) % CUT_MODULUS == 0
            if cut or n_bytes >= SHARD_MAX_BYTES or len(held) >= SHARD_MAX_ROWS:
                out.write(PAGE_SCHEMA, _tables(held))
                held, n_bytes = [], 0
    if held:
        out.write(PAGE_SCHEMA, _tables(held))


def _tables(pages: Sequence[Page]) -> Iterator[pa.Table]:
    columns = {name: [getattr(page, name) for page in pages] for name in _COLUMNS}
    # Bytes are taken as they are: Arrow would encode each page again.
    columns["content"] = [page.utf8 or page.content for page in pages]
    yield pa.table(columns, schema=PAGE_SCHEMA)


def superseded(
    shards: Sequence[Place], memory_limit: str, near: Place | None = None
) -> list[tuple[int, int]]:
    """Records that another record of the same page replaces: (shard, row) pairs.

    The newest stays; records without a time are older than all others, and of
    equally old ones the last in reading order stays. Runs in DuckDB, which
    keeps to `memory_limit` and spills to disk.
    """
    with aggregating(memory_limit, shards, near=near) as connection:
        rows = connection.execute(
            """
            WITH records AS (
                SELECT page_key, fetched_at, file_index AS shard,
                       file_row_number AS row
                FROM read_parquet($files, file_row_number = true)
            )
            SELECT shard, row FROM records
            QUALIFY row_number() OVER (
                PARTITION BY page_key ORDER BY fetched_at DESC NULLS LAST, shard DESC, row DESC
            ) > 1
            ORDER BY shard, row
            """,
            {"files": [str(path) for path in shards]},
        ).fetchall()
    return [(int(shard), int(row)) for shard, row in rows]
