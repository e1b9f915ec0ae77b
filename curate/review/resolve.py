"""The final word on each segment: people's work over the labeler's.

Rules, in this order:

1. A submitted annotation speaks for the whole page: its regions carry its
   labels, text without a region was deleted on purpose and gets no label.
2. On text that changed since, an annotation speaks only for the spans that are
   found again word by word (`anchor`); the rest is the labeler's.
3. Of one annotator's annotations of a page the latest counts.
4. An adjudicator's word ends it, for the text that the adjudicator read.
5. Several annotators: what `consensus` makes of the labels given; by default the
   majority, on a tie the label that the labeler finds most probable, then the
   one that stands first in the label set. One who deleted the region abstains.
6. Segments that a region's edge cuts are split there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.review.anchor import APPLIED, Anchored, quoted, reanchor
from curate.review.consensus import Consensus
from curate.review.votes import ADJUDICATION, NO_VOTE, latest_readings, vote_index
from curate.schema import (
    ACTIONS,
    Annotation,
    FinalLabels,
    LabelSet,
    Origin,
    PagePrediction,
    SegmentedPage,
    Span,
)
from curate.text import text_hash

__all__ = ["Resolution", "anchored_spans", "resolve_labels", "resolve_page"]

UNSEEN = -1  # the labeler's word stands
DELETED = -2  # the annotator took the region away

VERDICTS = ("bad extraction", "unsure", "ok")
"""Page-level choices, the gravest first: it wins a tie."""


@dataclass(frozen=True, slots=True, eq=False)
class Resolution:
    """The final labels of a page, and what became of work on an older text.

    Attributes:
        anchored: for each annotation of another state of the page (by its id)
            the outcome of each of its spans.
    """

    labels: FinalLabels
    anchored: dict[str, list[Anchored]]


@dataclass(frozen=True, slots=True, eq=False)
class _Reading:
    """One annotator's labels, character by character.

    Attributes:
        ends_it: an adjudicator's.
    """

    annotator: str
    ends_it: bool
    label: npt.NDArray[np.int16]  # index into names, UNSEEN, DELETED
    action: npt.NDArray[np.int8]  # index into ACTIONS
    verdict: str | None


def resolve_labels(
    page: SegmentedPage,
    prediction: PagePrediction,
    label_order: Sequence[str],
    annotations: Sequence[Annotation],
    label_set: LabelSet,
    *,
    machine_origin: Origin = "model",
    main_label: str = "article",
    consensus: Consensus | None = None,
) -> FinalLabels:
    """The final word on each segment; see `resolve_page`."""
    return resolve_page(
        page,
        prediction,
        label_order,
        annotations,
        label_set,
        machine_origin=machine_origin,
        main_label=main_label,
        consensus=consensus,
    ).labels


def resolve_page(
    page: SegmentedPage,
    prediction: PagePrediction,
    label_order: Sequence[str],
    annotations: Sequence[Annotation],
    label_set: LabelSet,
    *,
    machine_origin: Origin = "model",
    main_label: str = "article",
    consensus: Consensus | None = None,
) -> Resolution:
    """Put people's work over a page's prediction.

    Args:
        label_order: label names of the columns of `prediction.scores`.
        annotations: people's work on this page (its `page_key`), on any state
            of its text; skipped and deleted ones are left aside.
        machine_origin: origin of labels that no person gave.
        main_label: a label that a person gave against the labeler's puts the
            text into the main content if it is this one, else out of it.
        consensus: how several readings become one label; None: majority.
    """
    consensus = consensus or Consensus("majority", label_set.names)
    anchored: dict[str, list[Anchored]] = {}
    cuts: set[int] = set()
    readings = [
        reading
        for annotation in latest_readings(annotations)
        if (reading := _reading(annotation, page.text, label_set, anchored, cuts)) is not None
    ]
    pieces = _pieces(page, cuts) if readings else [(i, s, e) for i, (s, e) in _segments(page)]
    rows = [
        _decide(
            prediction,
            label_order,
            label_set,
            readings,
            piece,
            machine_origin=machine_origin,
            main_label=main_label,
            consensus=consensus,
        )
        for piece in pieces
    ]
    columns = list(zip(*rows, strict=True)) if rows else [()] * 9
    labels = FinalLabels(
        starts=np.array([start for _, start, _ in pieces], np.int32),
        ends=np.array([end for _, _, end in pieces], np.int32),
        kinds=[page.kinds[i] for i, _, _ in pieces],
        labels=columns[0],
        origins=columns[1],
        actions=columns[2],
        scores=columns[3],
        n_annotators=columns[4],
        agreement=columns[5],
        adjudicated=columns[6],
        annotators=columns[7],
        main=columns[8],
        reviewed=bool(readings),
        verdict=_verdict(readings),
    )
    return Resolution(labels, anchored)


def _segments(page: SegmentedPage) -> list[tuple[int, tuple[int, int]]]:
    return list(enumerate(zip(page.starts.tolist(), page.ends.tolist(), strict=True)))


def anchored_spans(annotation: Annotation, text: str) -> list[Anchored]:
    """What became of each span of an annotation on the page's text of today.

    Text that was left without a label on purpose holds its place too, so that
    no span is put there.
    """
    if annotation.text_hash == text_hash(text):
        return [Anchored(span, "kept", (span,)) for span in annotation.spans]
    outcomes = reanchor([*annotation.spans, *_holes(annotation)], text)
    return outcomes[: len(annotation.spans)]


def _reading(
    annotation: Annotation,
    text: str,
    label_set: LabelSet,
    anchored: dict[str, list[Anchored]],
    cuts: set[int],
) -> _Reading | None:
    """Labels by character; None where nothing of the annotation applies to `text`."""
    same = annotation.text_hash == text_hash(text)
    label = np.full(len(text), DELETED if same else UNSEEN, np.int16)
    action = np.zeros(len(text), np.int8)
    spans: Sequence[Span] = annotation.spans
    if not same:
        outcomes = reanchor([*annotation.spans, *_holes(annotation)], text)
        anchored[annotation.annotation_id] = outcomes[: len(annotation.spans)]
        spans = [span for o in outcomes if o.outcome in APPLIED for span in o.found]
        if not any(span.label for span in spans):
            return None
    for span in spans:
        label[span.start : span.end] = _index(span.label, label_set)
        action[span.start : span.end] = ACTIONS.index(span.action)
        cuts.update((span.start, span.end))
    ends_it = annotation.origin == ADJUDICATION
    return _Reading(annotation.annotator, ends_it, label, action, annotation.verdict)


def _index(name: str, label_set: LabelSet) -> int:
    """Index of a label, by its name of today; a label that is gone is no label."""
    found = vote_index(name, label_set)
    return DELETED if found == NO_VOTE else found


def _holes(annotation: Annotation) -> list[Span]:
    """What the annotator left without a label, as spans without a label."""
    text, spans = annotation.text, []
    edges = sorted((span.start, span.end) for span in annotation.spans)
    position = 0
    for start, end in [*edges, (len(text), len(text))]:
        for line_start, line_end in _lines(text, position, start):
            exact, prefix, suffix = quoted(text, line_start, line_end)
            spans.append(
                Span(line_start, line_end, "", "accepted", "", exact, prefix, suffix),
            )
        position = max(position, end)
    return spans


def _lines(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The lines of `text[start:end]` that aren't blank, without blanks at their ends."""
    found, position = [], start
    for line in text[start:end].splitlines(keepends=True):
        if line.strip():
            left = position + len(line) - len(line.lstrip())
            found.append((left, left + len(line.strip())))
        position += len(line)
    return found


def _pieces(page: SegmentedPage, cuts: set[int]) -> list[tuple[int, int, int]]:
    """Segments split at `cuts`: (segment, start, end), none blank, blanks off the ends."""
    ordered = np.array(sorted(cuts), np.int64)
    pieces = []
    for index, (start, end) in _segments(page):
        low, high = np.searchsorted(ordered, [start + 1, end])
        inner = [int(cut) for cut in ordered[low:high]]
        if not inner:
            pieces.append((index, start, end))
            continue
        for left, right in zip([start, *inner], [*inner, end], strict=True):
            part = page.text[left:right]
            body = part.strip()
            if body:
                left += len(part) - len(part.lstrip())
                pieces.append((index, left, left + len(body)))
    return pieces


def _decide(
    prediction: PagePrediction,
    label_order: Sequence[str],
    label_set: LabelSet,
    readings: Sequence[_Reading],
    piece: tuple[int, int, int],
    *,
    machine_origin: Origin,
    main_label: str,
    consensus: Consensus,
) -> tuple[object, ...]:
    """One row: label, origin, action, score, n_annotators, agreement, adjudicated, who, main."""
    index, start, _ = piece
    machine = prediction.labels[index]
    main = bool(prediction.main[index])
    votes = [(reading, int(reading.label[start])) for reading in readings]
    final = [vote for reading, vote in votes if reading.ends_it and vote != UNSEEN]
    given = [(reading, vote) for reading, vote in votes if vote >= 0]
    if final[-1:] == [DELETED] or (not given and any(vote == DELETED for _, vote in votes)):
        return None, "human", None, None, 0, None, False, (), False
    if not given:
        score = _score(prediction, label_order, index, machine)
        return machine, machine_origin, None, score, 0, None, False, (), main
    names = label_set.names
    said = [(reading.annotator, vote) for reading, vote in given if not reading.ends_it]
    if final:
        winner = final[-1]
    else:
        scores = [_score(prediction, label_order, index, name) for name in names]
        winner, _ = consensus.decide(said, scores)
    label = names[winner]
    same = sum(vote == winner for _, vote in said)
    who = sorted({reading.annotator for reading, _ in given})
    actions = [int(reading.action[start]) for reading, vote in given if vote == winner]
    return (
        label,
        "human",
        ACTIONS[max(actions, default=ACTIONS.index("relabelled"))],
        _score(prediction, label_order, index, label),
        len(who),
        same / len(said) if len(said) > 1 else None,
        bool(final) and same < len(said),
        tuple(who),
        main if label == machine else label == main_label,
    )


def _score(
    prediction: PagePrediction, label_order: Sequence[str], index: int, label: str
) -> float | None:
    if label not in label_order:
        return None
    return float(prediction.scores[index, list(label_order).index(label)])


def _verdict(readings: Sequence[_Reading]) -> str | None:
    """The adjudicator's, where given, else the most frequent."""
    last = [reading.verdict for reading in readings if reading.ends_it and reading.verdict]
    given = Counter(last[-1:] or [reading.verdict for reading in readings if reading.verdict])
    if not given:
        return None
    order = {name: i for i, name in enumerate(VERDICTS)}
    return min(given, key=lambda name: (-given[name], order.get(name, len(order)), name))
