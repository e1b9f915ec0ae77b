"""Stage `predictions`: segments to labels with scores and reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curate.io import canonical_json, read_rows
from curate.labelers.base import Labeler
from curate.runs.output import Output
from curate.schema import PREDICTED_SCHEMA, PagePrediction
from curate.segments.rows import from_row

__all__ = ["LABEL_NAMES_KEY", "label_pages", "prediction_of"]

BATCH_PAGES = 32
"""Pages labelled at a time: enough for the labeler to work in bulk."""

LABEL_NAMES_KEY = "curate.label_names"
"""Key of a shard's metadata: JSON list, the order of the columns of `scores`."""


def label_pages(out: Output, shard: Path, labeler: Labeler) -> None:
    """Task body: label the pages of one shard."""
    names = canonical_json(list(labeler.label_names))
    out.write(PREDICTED_SCHEMA, _predicted(out, shard, labeler), metadata={LABEL_NAMES_KEY: names})


def _predicted(out: Output, shard: Path, labeler: Labeler) -> Iterator[pa.Table]:
    for batch in read_rows(shard, batch_rows=BATCH_PAGES):
        rows = batch.to_pylist()
        out.counts.n_in += len(rows)
        predictions = labeler.label([from_row(row) for row in rows])
        yield _table(rows, predictions, f"{labeler.name}@{labeler.version}")


def _table(
    rows: Sequence[dict[str, Any]], predictions: Sequence[PagePrediction], labeler: str
) -> pa.Table:
    columns = {
        "page_key": [row["page_key"] for row in rows],
        "page_id": [row["page_id"] for row in rows],
        "labels": [list(p.labels) for p in predictions],
        "scores": [np.asarray(p.scores, np.float32).ravel() for p in predictions],
        "main": [np.asarray(p.main, bool) for p in predictions],
        "reasons": [[list(reasons) for reasons in p.reasons] for p in predictions],
        "page_type": [p.page_type for p in predictions],
        "page_type_score": [p.page_type_score for p in predictions],
        "language": [p.language for p in predictions],
        "labeler": [labeler] * len(rows),
    }
    return pa.table(columns, schema=PREDICTED_SCHEMA)


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
