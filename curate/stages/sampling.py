"""Part of stage `sample`: what the shards tell of every page that could be reviewed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.sample.base import Candidate
from curate.sample.facts import Shape, candidate_of
from curate.sample.lines import page_lines
from curate.sample.propagate import SiteDecisions, propagated
from curate.schema import LabelSet, SegmentedPage
from curate.segments.rows import from_row
from curate.stages.context import ShardRef
from curate.stages.labels import in_label_set, label_names_of
from curate.stages.predictions import prediction_of
from curate.stages.shards import column, rows_of

__all__ = ["candidates", "in_order"]

SHAPE_COLUMNS = ["page_id", "site", "starts", "ends", "kinds", "link_chars", "media_before"]
PREDICTED_COLUMNS = ["page_key", "page_id", "labels", "scores", "page_type", "language"]


def candidates(
    pairs: Sequence[tuple[ShardRef, ShardRef]],
    label_set: LabelSet,
    decisions: Mapping[str, SiteDecisions] | None = None,
) -> Iterator[Candidate]:
    """Every page with what sampling weighs, streamed from the shards.

    Args:
        pairs: segmented and predicted shards, aligned row by row.
        decisions: site to what is taken over from its reviewed pages.
    """
    decided = {site for site, found in (decisions or {}).items() if found.decisions}
    for segmented, predicted in pairs:
        names = label_names_of(predicted.path)
        # Text is read only where it matters: for another page's decisions, and for
        # labels that were split by their words.
        near = bool(decided) and not decided.isdisjoint(column(segmented.path, "site"))
        near = near or any(not isinstance(to, str) for to in label_set.from_labels.values())
        shapes = rows_of(segmented.path, None if near else SHAPE_COLUMNS)
        for row, made in zip(shapes, rows_of(predicted.path, PREDICTED_COLUMNS), strict=True):
            assert row["page_id"] == made["page_id"], "shards of two stages are not aligned"
            whole = {**made, "main": [], "reasons": [], "page_type_score": None}
            page = from_row(row) if near else None
            told, order = in_label_set(prediction_of(whole, len(names)), names, label_set, page)
            yield candidate_of(
                made["page_key"],
                made["page_id"],
                row["site"],
                _shape(row),
                in_order(told.scores, order, label_set.names),
                page_type=told.page_type,
                language=told.language,
                propagated=_propagated(page, (decisions or {}).get(row["site"])),
            )


def in_order(
    scores: npt.NDArray[np.float32], order: Sequence[str], names: Sequence[str]
) -> npt.NDArray[np.float32]:
    """Scores with their columns in the order of `names`; a label without scores gets 0."""
    if tuple(order) == tuple(names):
        return scores
    out = np.zeros((len(scores), len(names)), np.float32)
    for at, name in enumerate(order):
        out[:, list(names).index(name)] = scores[:, at]
    return out


def _propagated(page: SegmentedPage | None, site: SiteDecisions | None) -> int:
    """Lines of the page that carry another page's decision."""
    if page is None or site is None:
        return 0
    return sum(label is not None for label in propagated(page_lines(page), site))


def _shape(row: dict[str, Any]) -> Shape:
    links, media = row["link_chars"], row["media_before"]
    return Shape(
        np.asarray(row["starts"], np.int32),
        np.asarray(row["ends"], np.int32),
        row["kinds"],
        None if links is None else np.asarray(links, np.int32),
        None if media is None else np.asarray(media, np.int32),
    )
