"""Stage `predictions`: segments to labels with scores and reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from curate.io import canonical_json, read_json, read_rows, write_json
from curate.labelers.base import Labeler
from curate.limits import Fault
from curate.places import Place
from curate.runs.output import Output
from curate.schema import (
    PREDICTED_SCHEMA,
    SEGMENTED_SCHEMA,
    PagePrediction,
    Quarantined,
    SegmentedPage,
)
from curate.segments.rows import from_batch, list_slices

__all__ = [
    "HEAD_COLUMNS",
    "LABEL_NAMES_KEY",
    "label_pages",
    "prediction_of",
    "prediction_table",
    "predictions_of",
    "with_reasons",
]

BATCH_PAGES = 64
"""Pages labelled at a time: enough for the labeler to work in bulk."""

LABEL_NAMES_KEY = "curate.label_names"
"""Key of a shard's metadata: JSON list, the order of the columns of `scores`."""

HEAD_COLUMNS = ["page_key", "page_id", "labeler"]
"""What a predicted row holds besides the prediction."""


def label_pages(out: Output, shard: Place, labeler: Labeler) -> None:
    """Task body: label the pages of one shard.

    Where pages had to be left out, the shard without them is written beside
    the predictions, so that both stay aligned row by row.
    """
    names = canonical_json(list(labeler.label_names))
    lost: set[int] = set()
    rows = _predicted(out, shard, labeler, lost)
    out.write(PREDICTED_SCHEMA, rows, metadata={LABEL_NAMES_KEY: names})
    if lost:
        out.write_kept(SEGMENTED_SCHEMA, _without(shard, lost))


def _predicted(out: Output, shard: Place, labeler: Labeler, lost: set[int]) -> Iterator[pa.Table]:
    first = 0
    for batch in read_rows(shard, batch_rows=BATCH_PAGES):
        rows = batch.select(["page_key", "page_id", "source"]).to_pylist()
        out.counts.n_in += len(rows)
        kept, predictions = [], []
        found = _labelled(out, labeler, from_batch(batch))
        for number, (row, prediction) in enumerate(zip(rows, found, strict=True), first):
            if isinstance(prediction, Fault):
                lost.add(number)
                out.quarantine(
                    Quarantined(
                        row["source"],
                        "predictions",
                        prediction.reason,
                        prediction.detail,
                        row["page_key"],
                    )
                )
            else:
                kept.append(row)
                predictions.append(prediction)
        first += len(rows)
        if kept:
            # Working reasons out costs as much as labelling; only pages that people
            # will read need them (`with_reasons`).
            told = [replace(p, reasons=[()] * len(p.labels)) for p in predictions]
            yield prediction_table(kept, told, [f"{labeler.name}@{labeler.version}"] * len(kept))


def _labelled(
    out: Output, labeler: Labeler, pages: Sequence[SegmentedPage]
) -> Sequence[PagePrediction | Fault]:
    """All at once; where that fails, or a page is known to kill, one by one."""
    if not out.watch.careful:
        found = out.watch.run(labeler.label, pages)
        if not isinstance(found, Fault):
            return found
    singles = (out.watch.run(labeler.label, [page]) for page in pages)
    return [found if isinstance(found, Fault) else found[0] for found in singles]


def _without(shard: Place, lost: set[int]) -> Iterator[pa.RecordBatch]:
    first = 0
    for batch in read_rows(shard, batch_rows=BATCH_PAGES):
        here = [row for row in range(batch.num_rows) if first + row not in lost]
        yield batch.take(pa.array(here, pa.int64()))
        first += batch.num_rows


def prediction_table(
    heads: Sequence[Mapping[str, Any]],
    predictions: Sequence[PagePrediction],
    labelers: Sequence[str],
) -> pa.Table:
    """Rows of `PREDICTED_SCHEMA`.

    Args:
        heads: `page_key` and `page_id` of each page.
        labelers: who gave each prediction.
    """
    columns = {
        "page_key": [head["page_key"] for head in heads],
        "page_id": [head["page_id"] for head in heads],
        "labels": [list(p.labels) for p in predictions],
        "scores": [np.asarray(p.scores, np.float32).ravel() for p in predictions],
        "main": [np.asarray(p.main, bool) for p in predictions],
        "reasons": [list(p.reasons) for p in predictions],
        "page_type": [p.page_type for p in predictions],
        "page_type_score": [p.page_type_score for p in predictions],
        "language": [p.language for p in predictions],
        "labeler": list(labelers),
    }
    return pa.table(columns, schema=PREDICTED_SCHEMA)


def with_reasons(
    labeler: Labeler, page: SegmentedPage, prediction: PagePrediction, known: Place
) -> PagePrediction:
    """A stored prediction with the labeler's reasons behind those that it holds already.

    Args:
        known: where the reasons are kept, so that they are worked out once.
    """
    try:
        fresh = read_json(known)
    except FileNotFoundError:
        fresh = [list(reasons) for reasons in labeler.label([page])[0].reasons]
        write_json(known, fresh)
    told = [
        (*kept, *(reason for reason in new if reason not in kept))
        for kept, new in zip(prediction.reasons, fresh, strict=True)
    ]
    return replace(prediction, reasons=told)


def prediction_of(row: dict[str, Any], n_labels: int) -> PagePrediction:
    """The prediction that a row of `PREDICTED_SCHEMA` holds."""
    return PagePrediction(
        labels=row["labels"],
        scores=np.asarray(row["scores"], np.float32).reshape(-1, n_labels),
        main=np.asarray(row["main"], bool),
        reasons=row["reasons"],
        page_type=row["page_type"],
        page_type_score=row["page_type_score"],
        language=row["language"],
    )


def predictions_of(batch: pa.RecordBatch, n_labels: int) -> list[PagePrediction]:
    """The predictions of rows of `PREDICTED_SCHEMA`; numbers stay arrays."""
    scores = list_slices(batch.column("scores"))
    plain = ("main", "labels", "reasons", "page_type", "page_type_score", "language")
    columns = (batch.column(name).to_pylist() for name in plain)
    return [
        PagePrediction(
            labels=labels,
            scores=np.asarray(numbers, np.float32).reshape(-1, n_labels),
            main=np.asarray(is_main, bool),
            reasons=reasons,
            page_type=page_type,
            page_type_score=score,
            language=language,
        )
        for numbers, is_main, labels, reasons, page_type, score, language in zip(
            scores, *columns, strict=True
        )
    ]
