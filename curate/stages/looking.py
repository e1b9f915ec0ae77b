"""A second look at predictions: task bodies that read aligned shards and write them anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.errors import LabelerError
from curate.io import kept_here, read_rows, read_schema, read_table
from curate.labelers.base import LABEL_NAMES
from curate.labelers.recurrence import LineCounts, SiteEvidence, evidence_of
from curate.labelers.second import SecondLook, read_look
from curate.labelers.second_columns import Look
from curate.places import Place
from curate.runs.output import Output
from curate.schema import PREDICTED_SCHEMA
from curate.segments.rows import from_batch
from curate.stages.labels import label_names_of
from curate.stages.predictions import (
    BATCH_PAGES,
    HEAD_COLUMNS,
    LABEL_NAMES_KEY,
    prediction_table,
    predictions_of,
)

__all__ = ["LookInputs", "look_again", "look_at", "looks_of"]


_PLAIN = ["page_id", "site", "media_type", "text", "starts", "ends", "kinds", "link_chars"]


@dataclass(frozen=True, slots=True)
class LookInputs:
    """What one task reads.

    Attributes:
        segmented, predicted: aligned shards, row by row.
        folder: the second look.
        name: what is added to the labeler's name, e.g. `site`.
        lines: tables of recurring lines of the shard's sites, where the look reads them.
        site_pages: int32, pages of each row's site; 0 where it is the only one.
        left_alone: page ids whose prediction stays as it is.
    """

    segmented: Place
    predicted: Place
    folder: Place
    name: str
    lines: tuple[Place, ...] = ()
    site_pages: npt.NDArray[np.int32] | None = None
    left_alone: frozenset[str] = frozenset()


def look_at(folder: Place) -> SecondLook:
    """The second look in a folder.

    Raises:
        LabelerError: there is none, or it can't be read.
    """
    look = read_look(str(kept_here(folder)))
    if look is None:
        raise LabelerError(f"{folder}: no second.json; train the look again")
    return look


def look_again(out: Output, inputs: LookInputs) -> None:
    """Task body: a second look at one shard's predictions."""
    metadata = read_schema(inputs.predicted).metadata or {}
    names = metadata[LABEL_NAMES_KEY.encode()].decode()
    out.write(PREDICTED_SCHEMA, _looked(out, inputs), metadata={LABEL_NAMES_KEY: names})


def _looked(out: Output, inputs: LookInputs) -> Iterator[pa.Table]:
    look = look_at(inputs.folder)
    tag = f"+{inputs.name}@{look.name}"
    # What recurs is told by the lines alone: their places in the tree needn't be read.
    for rows, looks in looks_of(inputs, whole=not look.model.evidence):
        out.counts.n_in += len(rows)
        found = look.apply(looks)
        predictions = [
            before.prediction if row["page_id"] in inputs.left_alone else after
            for row, before, after in zip(rows, looks, found, strict=True)
        ]
        tags = [
            row["labeler"] if after is before.prediction else row["labeler"] + tag
            for row, before, after in zip(rows, looks, predictions, strict=True)
        ]
        yield prediction_table(rows, predictions, tags)


def looks_of(
    inputs: LookInputs, *, whole: bool = True
) -> Iterator[tuple[list[dict[str, Any]], list[Look]]]:
    """The shard's predicted rows without their lists, and pages, a batch at a time.

    Args:
        whole: read the pages in full; else what `SITE_COLUMNS` are made of.

    Raises:
        LabelerError: the labeler gives other labels than a second look reads.
    """
    names = label_names_of(inputs.predicted)
    if names != LABEL_NAMES:
        raise LabelerError(
            f"the labeler gives {', '.join(names)}; a second look needs "
            f"{', '.join(LABEL_NAMES)}: set labeler.site_evidence=false and train.on_review=false"
        )
    sites = _Sites(inputs)
    batches = zip(
        read_rows(inputs.segmented, columns=None if whole else _PLAIN, batch_rows=BATCH_PAGES),
        read_rows(inputs.predicted, batch_rows=BATCH_PAGES),
        strict=True,
    )
    for segmented, predicted in batches:
        rows = predicted.select(HEAD_COLUMNS).to_pylist()
        told = predictions_of(predicted, len(names))
        looks = []
        heads = segmented.select(["page_id", "site"]).to_pylist()
        pages = from_batch(segmented)
        for head, page, row, prediction in zip(heads, pages, rows, told, strict=True):
            assert head["page_id"] == row["page_id"], "shards of two stages are not aligned"
            evidence = sites.evidence(head["site"], page)
            looks.append(Look(page, prediction, evidence))
        yield rows, looks


_NONE = LineCounts(0, np.zeros(0, np.uint64), np.zeros(0, np.int32), np.zeros(0, np.float32))


class _Sites:
    """What recurs on the sites of one shard; rows are asked for in order."""

    def __init__(self, inputs: LookInputs) -> None:
        self._pages = inputs.site_pages
        self._row = -1
        self._counts: dict[str, LineCounts] = {}
        for lines in inputs.lines:
            table = read_table(lines)
            names = table["site"].to_pylist()
            keys, seen = table["key"].to_numpy(), table["seen"].to_numpy()
            spread = table["spread"].to_numpy()
            begin = 0
            for at in range(1, len(names) + 1):
                if at == len(names) or names[at] != names[begin]:
                    part = slice(begin, at)
                    self._counts[names[begin]] = LineCounts(0, keys[part], seen[part], spread[part])
                    begin = at

    def evidence(self, site: str, page: Any) -> SiteEvidence | None:
        """Evidence on the next row's page; None where its site has no other page."""
        self._row += 1
        if self._pages is None or self._pages[self._row] < 2:
            return None
        known = self._counts.get(site, _NONE)
        n = int(self._pages[self._row])
        return evidence_of(page, LineCounts(n, known.keys, known.seen, known.spread))
