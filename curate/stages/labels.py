"""Stage `labels`: predictions and people's work to the final word on each segment."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from curate.errors import LabelerError
from curate.io import read_rows, read_schema
from curate.places import Place
from curate.review.consensus import Consensus
from curate.review.resolve import resolve_labels
from curate.runs.output import Output
from curate.sample.propagate import SiteDecisions, take_over
from curate.schema import (
    LABELED_SCHEMA,
    Annotation,
    FinalLabels,
    LabelSet,
    PagePrediction,
    SegmentedPage,
)
from curate.segments.rows import from_row
from curate.stages.predictions import BATCH_PAGES, LABEL_NAMES_KEY, prediction_of
from curate.stages.unread import UNREAD_COLUMNS, machine_labels

__all__ = ["LabelInputs", "final_labels", "in_label_set"]


@dataclass(frozen=True, slots=True)
class LabelInputs:
    """What one task of the stage reads.

    Attributes:
        segmented, predicted: aligned shards, row by row.
        annotations: people's work on the shard's pages.
        machine_origin: origin of labels that no person gave.
        consensus: how several readings become one label; None: majority.
        decisions: site to what is taken over to its pages from reviewed ones.
    """

    segmented: Place
    predicted: Place
    annotations: tuple[Annotation, ...]
    label_set: LabelSet
    machine_origin: Literal["model", "rule"]
    consensus: Consensus | None = None
    decisions: Mapping[str, SiteDecisions] = field(default_factory=dict)


def final_labels(out: Output, inputs: LabelInputs) -> None:
    """Task body: resolve the labels of one shard's pages."""
    out.write(LABELED_SCHEMA, _labeled(out, inputs))


def _labeled(out: Output, inputs: LabelInputs) -> Iterator[pa.Table]:
    names = label_names_of(inputs.predicted)
    if not (inputs.annotations or inputs.decisions) and _as_told(names, inputs.label_set):
        yield from _unread(out, inputs, names)
        return
    readings: dict[str, list[Annotation]] = defaultdict(list)
    for annotation in inputs.annotations:
        readings[annotation.page_key].append(annotation)
    predicted = (
        row for b in read_rows(inputs.predicted, batch_rows=BATCH_PAGES) for row in b.to_pylist()
    )
    for batch in read_rows(inputs.segmented, batch_rows=BATCH_PAGES):
        rows, finals = [], []
        for segmented in batch.to_pylist():
            row = next(predicted)
            assert row["page_id"] == segmented["page_id"], "shards of two stages are not aligned"
            out.counts.n_in += 1
            page = from_row(segmented)
            prediction, order = in_label_set(
                prediction_of(row, len(names)), names, inputs.label_set, page
            )
            final = resolve_labels(
                page,
                prediction,
                order,
                readings.get(row["page_key"], ()),
                inputs.label_set,
                machine_origin=inputs.machine_origin,
                consensus=inputs.consensus,
            )
            if (site := inputs.decisions.get(segmented["site"])) is not None:
                final = take_over(page, final, site)
            rows.append(row)
            finals.append(final)
        yield _table(rows, finals, inputs.label_set)


def _unread(out: Output, inputs: LabelInputs, names: Sequence[str]) -> Iterator[pa.Table]:
    batches = zip(
        read_rows(inputs.segmented, columns=UNREAD_COLUMNS, batch_rows=BATCH_PAGES),
        read_rows(inputs.predicted, batch_rows=BATCH_PAGES),
        strict=True,
    )
    for segmented, predicted in batches:
        out.counts.n_in += segmented.num_rows
        yield machine_labels(segmented, predicted, names, inputs.machine_origin)


def _as_told(names: Sequence[str], label_set: LabelSet) -> bool:
    """Whether a prediction is in the label set's terms as it stands."""
    return set(names) <= set(label_set.names) and not _split(names, label_set)


def label_names_of(shard: Place) -> tuple[str, ...]:
    """The label order of a predicted shard's scores."""
    metadata = read_schema(shard).metadata or {}
    return tuple(json.loads(metadata[LABEL_NAMES_KEY.encode()]))


def in_label_set(
    prediction: PagePrediction,
    names: Sequence[str],
    label_set: LabelSet,
    page: SegmentedPage | None = None,
) -> tuple[PagePrediction, tuple[str, ...]]:
    """The prediction in the label set's terms, and the order of its scores.

    Args:
        page: what was labelled; needed where a label was split by its words.

    Raises:
        LabelerError: the labeler gives a label that the set doesn't have and
            doesn't map (`schema.from_labels`).
    """
    split = _split(names, label_set) if page is not None else ()
    if set(names) <= set(label_set.names) and not split:
        return prediction, tuple(names)
    order = label_set.names
    n_segments = len(prediction.labels)
    scores = np.zeros((n_segments, len(order)), np.float32)
    for column, name in enumerate(names):
        if page is None or name not in split:
            scores[:, order.index(_mapped(name, label_set))] += prediction.scores[:, column]
            continue
        for n in range(n_segments):
            way = order.index(_mapped(name, label_set, page.segment_text(n)))
            scores[n, way] += prediction.scores[n, column]
    labels = [order[i] for i in scores.argmax(axis=1)]
    return replace(prediction, labels=labels, scores=scores), order


def _split(names: Sequence[str], label_set: LabelSet) -> tuple[str, ...]:
    """Labels that were split since the labeler learned them: it doesn't know the parts."""
    return tuple(
        name
        for name in names
        if isinstance(rules := label_set.from_labels.get(name), tuple)
        and not {rule.label for rule in rules} <= set(names)
    )


def _mapped(name: str, label_set: LabelSet, words: str | None = None) -> str:
    older = None if words is None else ""
    target = label_set.label_of(name, words or "", schema=older)
    if target is None:
        raise LabelerError(
            f"the labeler gives the label {name!r}, and schema={label_set.name} has only "
            f"{', '.join(label_set.names)}; add {name}: <one of these> to schema.from_labels"
        )
    return target


def _table(
    rows: Sequence[Mapping[str, Any]], finals: Sequence[FinalLabels], label_set: LabelSet
) -> pa.Table:
    columns: dict[str, list[Any]] = {
        name: [row[name] for row in rows]
        for name in ("page_key", "page_id", "page_type", "language", "labeler")
    }
    columns["guideline"] = [label_set.guideline_digest if f.reviewed else None for f in finals]
    for name in LABELED_SCHEMA.names:
        if name not in columns:
            columns[name] = [getattr(final, name) for final in finals]
    return pa.table({name: columns[name] for name in LABELED_SCHEMA.names}, schema=LABELED_SCHEMA)
