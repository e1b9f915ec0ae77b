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
from curate.schema import SEGMENTED_SCHEMA, Quarantined, SegmentedPage, page_id_of
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
        for row in batch.to_pylist():
            number += 1
            if number in skip:
                continue
            out.counts.n_in += 1
            try:
                page = out.watch.run(
                    segmenter.segment,
                    row["content"],
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
    return {
        "page_key": row["page_key"],
        "page_id": page_id_of(row["page_key"], page.text),
        "url": row["url"],
        "site": row["site"],
        "source": row["source"],
        "media_type": row["media_type"],
        "title": row["title"] or page.title,
        "fetched_at": row["fetched_at"],
        "text_hash": text_hash(page.text),
    }


def _quarantined(row: dict[str, Any], reason: str, detail: str) -> Quarantined:
    return Quarantined(row["source"], "segments", reason, detail, row["page_key"])
