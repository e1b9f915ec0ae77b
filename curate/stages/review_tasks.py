"""Pages of a run as review tasks, and people's work on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from curate.places import Place
from curate.review.annotations import load
from curate.review.migrate import migrated
from curate.review.standing import suggested
from curate.review.tasks import ReviewTask, make_task
from curate.sample.base import Choice
from curate.schema import Annotation, LabelSet
from curate.segments.rows import from_row
from curate.stages.context import Outcome, ShardRef
from curate.stages.labels import in_label_set, label_names_of
from curate.stages.predictions import prediction_of, with_reasons
from curate.stages.settings import Settings
from curate.stages.shards import column, take

__all__ = ["Pair", "annotations_of", "pairs_of", "review_tasks", "states_of"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A segmented shard and its predicted one, aligned row by row."""

    segmented: ShardRef
    predicted: ShardRef


def pairs_of(segments: Outcome, predictions: Outcome) -> list[Pair]:
    """The shards of two stages, side by side."""
    return [Pair(s, p) for s, p in zip(segments.shards, predictions.shards, strict=True)]


def states_of(pairs: Sequence[Pair]) -> Iterator[tuple[str, str]]:
    """(page_key, page_id) of every page of the input."""
    for pair in pairs:
        keys, ids = (column(pair.segmented.path, name) for name in ("page_key", "page_id"))
        yield from zip(keys, ids, strict=True)


def review_tasks(
    pairs: Sequence[Pair],
    chosen: Mapping[str, Choice],
    settings: Settings,
    changed: Mapping[str, Sequence[Annotation]],
    reasons: Place,
) -> Iterator[ReviewTask]:
    """The chosen pages as tasks.

    Args:
        chosen: by page id.
        changed: work on an earlier text of pages, by page key.
        reasons: folder where reasons lie that were worked out for pages people read.
    """
    label_set = settings.label_set
    for pair in pairs:
        ids = column(pair.segmented.path, "page_id")
        wanted = [row for row, page_id in enumerate(ids) if page_id in chosen]
        if not wanted:
            continue
        names = label_names_of(pair.predicted.path)
        predicted = take(pair.predicted.path, wanted).to_pylist()
        for row, made in zip(take(pair.segmented.path, wanted).to_pylist(), predicted, strict=True):
            page, key = from_row(row), row["page_key"]
            machine = with_reasons(
                settings.labeler,
                page,
                prediction_of(made, len(names)),
                reasons / f"{row['page_id']}.json",
            )
            prediction, order = in_label_set(machine, names, label_set, page)
            if work := changed.get(key):
                # What people said of the earlier text is the better first guess.
                prediction = suggested(page, prediction, work, label_set)
            choice = chosen[row["page_id"]]
            yield make_task(
                key,
                page,
                prediction,
                order,
                made["labeler"],
                why=choice.why,
                rank=choice.rank,
                doubt_below=settings.review.doubt_below,
            )


def annotations_of(export_folder: Path, label_set: LabelSet) -> dict[str, list[Annotation]]:
    """People's work of a dataset that counts today, by page key, under today's labels."""
    found: dict[str, list[Annotation]] = defaultdict(list)
    for annotation in load(export_folder / "annotations"):
        if annotation.status == "submitted":
            found[annotation.page_key].append(migrated(annotation, label_set))
    return dict(found)
