"""Labels of pages that nobody has read: the labeler's word, column by column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.schema import LABELED_SCHEMA

__all__ = ["UNREAD_COLUMNS", "machine_labels"]

UNREAD_COLUMNS = ["page_key", "page_id", "starts", "ends", "kinds"]
"""Of a segmented page: no text, no layout."""

_TAKEN = ("page_key", "page_id", "page_type", "language", "labeler", "labels", "main")


def machine_labels(
    segmented: pa.RecordBatch, predicted: pa.RecordBatch, names: Sequence[str], origin: str
) -> pa.Table:
    """Rows of LABELED_SCHEMA for aligned rows of pages without any human label.

    What `resolve_labels` gives for each segment where there are no annotations.

    Args:
        names: order of the predicted scores; all of them names of the label set.
    """
    labels = predicted.column("labels")
    counts = labels.value_lengths().to_numpy()
    assert segmented.column("page_id").equals(predicted.column("page_id")), "not aligned"
    assert np.array_equal(counts, segmented.column("starts").value_lengths().to_numpy())
    n = int(counts.sum())
    edges = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)

    def lists(values: pa.Array) -> pa.ListArray:
        return pa.ListArray.from_arrays(pa.array(edges), values)

    nobody = pa.ListArray.from_arrays(
        pa.array(np.zeros(n + 1, np.int32)), pa.array([], pa.string())
    )
    rows = predicted.num_rows
    columns = {
        **{name: predicted.column(name) for name in _TAKEN},
        **{name: segmented.column(name) for name in ("starts", "ends", "kinds")},
        "origins": lists(pa.repeat(origin, n)),
        "actions": lists(pa.nulls(n, pa.string())),
        "scores": lists(_scores(labels.flatten(), predicted.column("scores").flatten(), names)),
        "n_annotators": lists(pa.array(np.zeros(n, np.int32))),
        "agreement": lists(pa.nulls(n, pa.float32())),
        "adjudicated": lists(pa.array(np.zeros(n, bool))),
        "annotators": lists(nobody),
        "guideline": pa.nulls(rows, pa.string()),
        "reviewed": pa.array(np.zeros(rows, bool)),
        "verdict": pa.nulls(rows, pa.string()),
    }
    return pa.table([columns[name] for name in LABELED_SCHEMA.names], schema=LABELED_SCHEMA)


def _scores(labels: pa.Array, scores: pa.Array, names: Sequence[str]) -> pa.Array:
    """The score of each label given, none where the label has no score."""
    at = pc.fill_null(pc.index_in(labels, pa.array(list(names))), -1).to_numpy()
    table: npt.NDArray[np.float32] = scores.to_numpy().reshape(len(labels), len(names))
    return pa.array(table[np.arange(len(labels)), at], pa.float32(), mask=at < 0)
