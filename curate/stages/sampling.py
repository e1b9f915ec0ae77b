"""Part of stage `sample`: what the shards tell of every page that could be reviewed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.io import read_rows
from curate.sample.base import Candidate
from curate.sample.facts import Shape, candidate_of
from curate.schema import LabelSet
from curate.stages.context import ShardRef
from curate.stages.labels import in_label_set, label_names_of
from curate.stages.predictions import prediction_of

__all__ = ["candidates", "in_order"]

SHAPE_COLUMNS = ["page_id", "site", "starts", "ends", "kinds", "link_chars", "media_before"]
PREDICTED_COLUMNS = ["page_key", "page_id", "labels", "scores", "page_type", "language"]


def candidates(
    pairs: Sequence[tuple[ShardRef, ShardRef]], label_set: LabelSet
) -> Iterator[Candidate]:
    """Every page with what sampling weighs, streamed from the shards.

    Args:
        pairs: segmented and predicted shards, aligned row by row.
    """
    for segmented, predicted in pairs:
        names = label_names_of(predicted.path)
        shapes = _rows(segmented, SHAPE_COLUMNS)
        for row, made in zip(shapes, _rows(predicted, PREDICTED_COLUMNS), strict=True):
            assert row["page_id"] == made["page_id"], "shards of two stages are not aligned"
            whole = {**made, "main": [], "reasons": [], "page_type_score": None}
            told, order = in_label_set(prediction_of(whole, len(names)), names, label_set)
            yield candidate_of(
                made["page_key"],
                made["page_id"],
                row["site"],
                _shape(row),
                in_order(told.scores, order, label_set.names),
                page_type=told.page_type,
                language=told.language,
            )


def in_order(
    scores: npt.NDArray[np.float32], order: Sequence[str], names: Sequence[str]
) -> npt.NDArray[np.float32]:
    """Scores with their columns in the order of `names`; a label without scores gets 0."""
    if tuple(order) == tuple(names):
        return scores
    out = np.zeros((len(scores), len(names)), np.float32)
    for column, name in enumerate(order):
        out[:, list(names).index(name)] = scores[:, column]
    return out


def _shape(row: dict[str, Any]) -> Shape:
    links, media = row["link_chars"], row["media_before"]
    return Shape(
        np.asarray(row["starts"], np.int32),
        np.asarray(row["ends"], np.int32),
        row["kinds"],
        None if links is None else np.asarray(links, np.int32),
        None if media is None else np.asarray(media, np.int32),
    )


def _rows(shard: ShardRef, columns: list[str]) -> Iterator[dict[str, Any]]:
    for batch in read_rows(shard.path, columns=columns):
        yield from batch.to_pylist()
