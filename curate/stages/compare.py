"""Labels of several runs on the same pages, compared character by character."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.io import read_rows
from curate.places import Place
from curate.schema import Annotation
from curate.stages.context import Context
from curate.stages.labels import in_label_set, label_names_of
from curate.stages.predictions import prediction_of
from curate.text import digest, text_hash

__all__ = ["Compared", "Side", "compare_sides", "side_of"]

NONE = -1


@dataclass(frozen=True, slots=True)
class Side:
    """One run's shards.

    Attributes:
        shards: (segmented, predicted, labelled), aligned.
        names: of the label set.
    """

    shards: tuple[tuple[Place, Place, Place], ...]
    names: tuple[str, ...]
    context: Context

    def pages(self) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any], Place]]:
        """Rows of the three shards, page by page."""
        for segmented, predicted, labelled in self.shards:
            columns = ["page_key", "page_id", "text_hash", "starts", "ends", "text"]
            rows = zip(
                _rows(segmented, columns),
                _rows(predicted, None),
                _rows(labelled, ["starts", "ends", "labels", "scores"]),
                strict=True,
            )
            for first, second, third in rows:
                yield first, second, third, predicted


@dataclass(slots=True)
class Compared:
    """What a job's row of the table tells.

    Attributes:
        chars: characters with a label, blanks aside; label_chars: of each label.
        score: mean probability of the labels given, None without scores.
        shared, differing: characters that the first side has on the same words,
            and those of them with another label than there.
        reviewed, right: characters that people labelled on the same text, and
            those to which the labeler gave their label.
    """

    segments: int = 0
    chars: int = 0
    label_chars: dict[str, int] = field(default_factory=dict)
    score: float | None = None
    shared: int = 0
    differing: int = 0
    reviewed: int = 0
    right: int = 0


def side_of(context: Context) -> Side | None:
    """A finished run's labels; None where it made none."""
    outcomes = [context.outcomes.get(name) for name in ("segments", "predictions", "labels")]
    if any(o is None or not o.shards for o in outcomes):
        return None
    paths = [[shard.path for shard in o.shards] for o in outcomes if o is not None]
    return Side(tuple(zip(*paths, strict=True)), context.settings.label_set.names, context)


def compare_sides(sides: Sequence[Side]) -> list[Compared]:
    """Each side against the first and against people's work."""
    first: dict[str, tuple[int, npt.NDArray[np.int32]]] = {}
    names: list[str] = []
    work = _work(sides[0].context) if sides else {}
    return [_compared(side, n == 0, first, names, work) for n, side in enumerate(sides)]


def _compared(
    side: Side,
    is_first: bool,
    first: dict[str, tuple[int, npt.NDArray[np.int32]]],
    names: list[str],
    work: dict[str, list[Annotation]],
) -> Compared:
    row, total, scored = Compared(), 0.0, 0
    order: dict[Place, tuple[str, ...]] = {}
    for page, predicted, labelled, shard in side.pages():
        row.segments += len(labelled["starts"])
        read_chars = _not_blank(page["text"])
        painted = _painted(len(page["text"]), labelled, names)[read_chars]
        for index in np.unique(painted[painted != NONE]):
            n = int((painted == index).sum())
            row.label_chars[names[index]] = row.label_chars.get(names[index], 0) + n
            row.chars += n
        known = [score for score in labelled["scores"] if score is not None]
        total, scored = total + sum(known), scored + len(known)
        # Another splitter breaks lines elsewhere: the same words are the same page.
        key = digest(page["page_key"], "".join(page["text"].split()))
        if is_first:
            first[key] = _packed(painted)
        elif key in first:
            other = _unpacked(first[key])
            both = (painted != NONE) & (other != NONE)
            row.shared += int(both.sum())
            row.differing += int((both & (painted != other)).sum())
        for annotation in work.get(page["page_key"], ()):
            if annotation.text_hash != text_hash(page["text"]):
                continue
            if shard not in order:
                order[shard] = label_names_of(shard)
            read = prediction_of(predicted, len(order[shard]))
            machine, _ = in_label_set(read, order[shard], side.context.settings.label_set)
            mine = _painted(
                len(page["text"]),
                {"starts": page["starts"], "ends": page["ends"], "labels": machine.labels},
                names,
            )
            for span in annotation.spans:
                row.reviewed += span.end - span.start
                if span.label in names:
                    here = mine[span.start : span.end] == names.index(span.label)
                    row.right += int(here.sum())
    row.score = total / scored if scored else None
    return row


def _not_blank(text: str) -> npt.NDArray[np.bool_]:
    return np.array([not char.isspace() for char in text], bool)


def _painted(n: int, spans: dict[str, Any], names: list[str]) -> npt.NDArray[np.int16]:
    """For each character the number of its label in `names`, which grows."""
    painted = np.full(n, NONE, np.int16)
    for start, end, label in zip(spans["starts"], spans["ends"], spans["labels"], strict=True):
        if label is None:
            continue
        if label not in names:
            names.append(label)
        painted[start:end] = names.index(label)
    return painted


def _packed(painted: npt.NDArray[np.int16]) -> tuple[int, npt.NDArray[np.int32]]:
    """Runs of one label: a page of thousands of characters holds some hundred."""
    edges = np.flatnonzero(np.diff(painted)) + 1
    starts = np.concatenate([[0], edges]).astype(np.int32)
    values = painted[starts] if len(painted) else np.zeros(0, np.int16)
    starts = starts if len(painted) else starts[:0]
    return len(painted), np.stack([starts, values.astype(np.int32)])


def _unpacked(packed: tuple[int, npt.NDArray[Any]]) -> npt.NDArray[np.int16]:
    n, (starts, values) = packed
    lengths = np.diff(np.append(starts, n))
    return np.repeat(values, lengths).astype(np.int16)


def _rows(shard: Place, columns: list[str] | None) -> Iterator[dict[str, Any]]:
    for batch in read_rows(shard, columns=columns):
        yield from batch.to_pylist()


def _work(context: Context) -> dict[str, list[Annotation]]:
    from curate.stages.review_tasks import annotations_of

    return annotations_of(context.settings.export_folder, context.settings.label_set)
