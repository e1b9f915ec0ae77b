"""Final labels of a shard as flat columns, checked against their pages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.dataset.base import ShardPair
from curate.errors import DatasetError

__all__ = ["LISTS", "check_labels", "check_spans", "flat_column", "list_column", "segment_counts"]

Ints = npt.NDArray[np.int64]

LISTS = (
    "starts",
    "ends",
    "kinds",
    "labels",
    "origins",
    "actions",
    "scores",
    "n_annotators",
    "agreement",
    "adjudicated",
    "annotators",
    "main",
)
"""List columns of a page's final labels, one item a segment."""


def segment_counts(finals: pa.Table, pair: ShardPair) -> Ints:
    """Final segments of each page; every list column has as many items."""
    lengths = pc.list_value_length(finals.column("starts")).to_numpy()
    counts: Ints = lengths.astype(np.int64)
    for name in LISTS:
        other = pc.list_value_length(finals.column(name)).to_numpy()
        wrong = np.flatnonzero(other != counts)
        if len(wrong):
            page = finals.column("page_id")[int(wrong[0])].as_py()
            raise DatasetError(
                f"{pair.labeled}: page {page} has {counts[wrong[0]]} segments but "
                f"{other[wrong[0]]} {name}; the store is damaged: run again with force=[labels]"
            )
    return counts


def flat_column(finals: pa.Table, name: str) -> pa.Array:
    """All items of a list column, page after page."""
    column = finals.column(name).combine_chunks()
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return array.flatten()


def list_column(values: pa.Array, counts: Ints) -> pa.ListArray:
    """Items as a list column again, `counts` of them a page."""
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values)


def check_spans(
    pages: pa.Table, texts: Sequence[str], flat: dict[str, pa.Array], counts: Ints
) -> None:
    """Spans are ordered, disjoint, not empty, and lie inside their page's text."""
    starts, ends = flat["starts"].to_numpy(), flat["ends"].to_numpy()
    if not len(starts):
        return
    lengths = np.repeat(np.array([len(text) for text in texts]), counts)
    page_of = np.repeat(np.arange(len(counts)), counts)
    bad = (starts < 0) | (starts >= ends) | (ends > lengths)
    same_page = page_of[1:] == page_of[:-1]
    bad[1:] |= same_page & (starts[1:] < ends[:-1])
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        page = pages.column("page_id")[int(page_of[at])].as_py()
        raise DatasetError(
            f"page {page}: segment [{starts[at]}, {ends[at]}) is empty, overlaps the one "
            f"before, or leaves the text of {lengths[at]} characters; run again with "
            "force=[segments,labels]"
        )


def check_labels(labels: pa.Array, names: Sequence[str], pair: ShardPair) -> None:
    """Refuse labels outside the label set."""
    unknown = pc.unique(labels).drop_null().to_pylist()
    wrong = sorted(set(unknown) - set(names))
    if wrong:
        raise DatasetError(
            f"{pair.labeled}: label {wrong[0]!r} is not one of {', '.join(names)}; "
            "name it in the label set's from_labels, or run again with force=[labels]"
        )
