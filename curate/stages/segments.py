"""Stage `segments`: decoded pages to text and segments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from curate.errors import SegmentError
from curate.io import read_rows
from curate.limits import Fault
from curate.places import Place
from curate.runs.output import Output
from curate.schema import SEGMENTED_SCHEMA, Quarantined, SegmentedPage, page_id_from
from curate.segments.rows import to_batch
from curate.text import text_hash

__all__ = ["segment_pages"]

BATCH_PAGES = 64
"""Pages converted to Arrow at a time: bounds memory, costs nothing."""


def segment_pages(out: Output, shard: Place, skip: tuple[int, ...], segmenter: Any) -> None:
    """Task body: split the pages of one shard, except the superseded rows `skip`."""
    out.write(SEGMENTED_SCHEMA, _segmented(out, shard, frozenset(skip), segmenter))


def _segmented(
    out: Output, shard: Place, skip: frozenset[int], segmenter: Any
) -> Iterator[pa.RecordBatch]:
    number = -1
    for batch in read_rows(shard, batch_rows=BATCH_PAGES):
        records: list[tuple[dict[str, Any], SegmentedPage]] = []
        # As bytes, which is what the parser takes: no way to characters and back.
        contents = batch.column("content").view(pa.large_binary())
        for row, content in zip(batch.drop_columns("content").to_pylist(), contents, strict=True):
            number += 1
            if number in skip:
                continue
            out.counts.n_in += 1
            try:
                page = out.watch.run(
                    segmenter.segment,
                    content.as_py(),
                    media_type=row["media_type"],
                    url=row["url"],
                    site=row["site"],
                )
            except SegmentError as error:
                out.quarantine(_quarantined(row, "can't be split", str(error)))
                continue
            if isinstance(page, Fault):
                out.quarantine(_quarantined(row, page.reason, page.detail))
                continue
            if not len(page):
                out.quarantine(_quarantined(row, "no text", "the page has no visible text"))
                continue
            records.append((_head(row, page), page))
        if records:
            yield to_batch(records)


def _head(row: dict[str, Any], page: SegmentedPage) -> dict[str, Any]:
    whole = text_hash(page.text)
    return {
        "page_key": row["page_key"],
        "page_id": page_id_from(row["page_key"], whole),
        "url": row["url"],
        "site": row["site"],
        "source": row["source"],
        "media_type": row["media_type"],
        "title": row["title"] or page.title,
        "fetched_at": row["fetched_at"],
        "text_hash": whole,
    }


def _quarantined(row: dict[str, Any], reason: str, detail: str) -> Quarantined:
    return Quarantined(row["source"], "segments", reason, detail, row["page_key"])
