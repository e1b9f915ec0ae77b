"""Columns that are published only where the config asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.dataset.base import ShardPair
from curate.errors import DatasetError
from curate.io import read_rows, read_schema
from curate.places import Place

__all__ = ["html_column", "paths_column", "scores_column"]

Ints = npt.NDArray[np.int64]


def paths_column(pages: pa.Table, starts: pa.Array, counts: Ints) -> pa.Array:
    """DOM path of each final segment: that of the split segment it lies in."""
    paths: list[str | None] = []
    edges = np.concatenate([[0], np.cumsum(counts)])
    final_starts = starts.to_numpy()
    for page, row in enumerate(
        pages.select(["starts", "node_parent", "node_tag", "segment_node"]).to_pylist()
    ):
        inside = final_starts[edges[page] : edges[page + 1]]
        if row["segment_node"] is None:
            paths += [None] * len(inside)
            continue
        told: list[str] = []
        for parent, tag in zip(row["node_parent"], row["node_tag"], strict=True):
            told.append(f"{told[parent]}>{tag}" if parent >= 0 else tag)
        holders = np.searchsorted(np.array(row["starts"]), inside, side="right") - 1
        paths += [told[row["segment_node"][max(0, int(holder))]] for holder in holders]
    return pa.array(paths, pa.string())


def scores_column(
    pair: ShardPair,
    pages: pa.Table,
    flat: dict[str, pa.Array],
    counts: Ints,
    names: Sequence[str],
) -> pa.Array:
    """Probabilities of all labels for each final segment, in published label order.

    A piece of a segment that a reviewer cut has the whole segment's scores.
    """
    if pair.predicted is None:
        raise DatasetError(
            "dataset.scores=true, but the run keeps no predictions for this shard; "
            "run again with force=[predictions], or set dataset.scores=false"
        )
    wanted = pages.column("page_id").to_pylist()
    n_labels, order = _label_order(pair, names)
    told = _rows_by(pair.predicted, "page_id", "scores", set(wanted))
    segmented = _rows_by(pair.segmented, "page_id", "starts", set(wanted))
    edges = np.concatenate([[0], np.cumsum(counts)])
    starts = flat["starts"].to_numpy()
    found: list[list[float] | None] = []
    for page, page_id in enumerate(wanted):
        inside = starts[edges[page] : edges[page + 1]]
        if page_id not in told:
            found += [None] * len(inside)
            continue
        table = np.asarray(told[page_id], np.float32).reshape(-1, n_labels)[:, order]
        holders = np.searchsorted(np.array(segmented[page_id]), inside, side="right") - 1
        found += table[np.maximum(holders, 0)].tolist()
    return pa.array(found, pa.list_(pa.float32()))


def html_column(pair: ShardPair, pages: pa.Table) -> list[str | None]:
    """HTML of each page as it was read; None for plain text."""
    if pair.pages is None:
        raise DatasetError(
            "dataset.html=true, but the run keeps no pages for this shard; "
            "run again with force=[pages], or set dataset.html=false"
        )
    keys = pages.column("page_key").to_pylist()
    types = _rows_by(pair.pages, "page_key", "media_type", set(keys))
    held = _rows_by(pair.pages, "page_key", "content", set(keys))
    return [held.get(key) if types.get(key) == "text/html" else None for key in keys]


def _label_order(pair: ShardPair, names: Sequence[str]) -> tuple[int, list[int]]:
    """Labels in the predictions, and where each published label stands among them."""
    assert pair.predicted is not None
    metadata = read_schema(pair.predicted).metadata or {}
    raw = metadata.get(b"labels")
    told = raw.decode().split(",") if raw and not raw.startswith(b"[") else _json(raw)
    told = told or list(names)
    missing = [name for name in names if name not in told]
    if missing:
        raise DatasetError(
            f"{pair.predicted}: no score for label {missing[0]!r}, only for {', '.join(told)}; "
            "set dataset.scores=false, or run again with force=[predictions]"
        )
    return len(told), [told.index(name) for name in names]


def _json(raw: bytes | None) -> list[str]:
    import json

    return [str(name) for name in json.loads(raw)] if raw else []


def _rows_by(path: Place, key: str, field: str, wanted: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for batch in read_rows(path, columns=[key, field]):
        names, held = (batch.column(at).to_pylist() for at in (0, 1))
        pairs = zip(names, held, strict=True)
        found |= {name: value for name, value in pairs if name in wanted}
    return found
