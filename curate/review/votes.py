"""Who said what of each piece of a page: the table that agreement and consensus start from.

A page's pieces are its segments, cut wherever any reader cut one. A reader who
took a region away said nothing of it: no vote, as in the final labels.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from curate.schema import Annotation, LabelSet, Span

__all__ = [
    "ADJUDICATION",
    "AGAIN",
    "NO_VOTE",
    "PageVotes",
    "latest_readings",
    "page_votes",
    "vote_index",
]

ADJUDICATION = "adjudication"
"""`Annotation.origin` of the reading that ends a disagreement."""

AGAIN = "again"
"""`Annotation.origin` of the reading of a page that was opened once more for text
without a label. It began with what was said in its project before and replaces it."""

NO_VOTE = -1

Votes = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True, eq=False)
class PageVotes:
    """The readings of one state of a page, piece by piece.

    Attributes:
        starts, ends: n_pieces half-open spans, ordered and disjoint, none blank.
        chars: code points of each that are not white space.
        annotators: n_readers pseudonyms, sorted.
        votes: int16 [n_pieces, n_readers], index into the label set's names, or `NO_VOTE`.
        readings: the annotations, one a reader, in that order.
        final: n_pieces labels of the adjudicator, `NO_VOTE` where there is none.
    """

    page_key: str
    text_hash: str
    starts: Sequence[int]
    ends: Sequence[int]
    chars: npt.NDArray[np.int64]
    annotators: tuple[str, ...]
    votes: Votes
    readings: tuple[Annotation, ...]
    final: npt.NDArray[np.int16] = field(default_factory=lambda: np.zeros(0, np.int16))

    @property
    def disputed(self) -> npt.NDArray[np.bool_]:
        """Pieces on which two readers' labels differ."""
        nobody = np.iinfo(np.int16).max
        lowest = np.where(self.votes == NO_VOTE, nobody, self.votes).min(axis=1, initial=nobody)
        found: npt.NDArray[np.bool_] = lowest < self.votes.max(axis=1, initial=NO_VOTE)
        return found

    @property
    def shared(self) -> npt.NDArray[np.bool_]:
        """Pieces that two or more readers labelled."""
        found: npt.NDArray[np.bool_] = (self.votes != NO_VOTE).sum(axis=1) > 1
        return found


def latest_readings(annotations: Iterable[Annotation]) -> list[Annotation]:
    """The latest submitted annotation of each person, by person, and the latest adjudication.

    An adjudicator who also read the page first has both words. A page read again
    has the word of whoever read it then, not also those it began with.
    """
    latest: dict[tuple[str, bool], Annotation] = {}
    again: dict[tuple[object, ...], tuple[float, str]] = {}
    for annotation in annotations:
        if annotation.status != "submitted":
            continue
        if annotation.origin == AGAIN:
            place = _place(annotation)
            again[place] = max(again.get(place, _age(annotation)), _age(annotation))
        ends_it = annotation.origin == ADJUDICATION
        key = ("" if ends_it else annotation.annotator, ends_it)
        known = latest.get(key)
        if known is None or _age(known) < _age(annotation):
            latest[key] = annotation
    return [
        reading
        for key in sorted(latest)
        if (reading := latest[key]).origin == ADJUDICATION
        or again.get(_place(reading), _age(reading)) <= _age(reading)
    ]


def _place(annotation: Annotation) -> tuple[object, ...]:
    """The project, and the state of the page."""
    where = (annotation.server, annotation.project_id)
    return (*where, annotation.page_key, annotation.text_hash)


def _age(annotation: Annotation) -> tuple[float, str]:
    return annotation.updated_at.timestamp(), annotation.annotation_id


def vote_index(name: str, label_set: LabelSet) -> int:
    """Index of a label by its name of today; `NO_VOTE` for one that is gone."""
    names = label_set.names
    today = label_set.label_of(name)
    return NO_VOTE if today is None else names.index(today)


def page_votes(
    annotations: Iterable[Annotation], label_set: LabelSet, *, at_least: int = 1
) -> list[PageVotes]:
    """The votes on every state of a page that people read, by page key and text.

    Args:
        annotations: of any pages; skipped and deleted ones are left aside.
        at_least: readers that a page must have, the adjudicator not counted.
    """
    groups: dict[tuple[str, str], list[Annotation]] = defaultdict(list)
    for annotation in annotations:
        groups[annotation.page_key, annotation.text_hash].append(annotation)
    found = []
    for key in sorted(groups):
        latest = latest_readings(groups[key])
        readings = [a for a in latest if a.origin != ADJUDICATION]
        if len(readings) >= max(1, at_least):
            words = [a for a in latest if a.origin == ADJUDICATION]
            found.append(_votes(readings, max(words, key=_age, default=None), label_set))
    return found


def _votes(
    readings: Sequence[Annotation], adjudication: Annotation | None, label_set: LabelSet
) -> PageVotes:
    text = readings[0].text
    cuts = sorted({edge for a in readings for s in a.spans for edge in (s.start, s.end)})
    starts: list[int] = []
    ends: list[int] = []
    chars: list[int] = []
    for left, right in itertools.pairwise(cuts):
        part = text[left:right]
        body = part.strip()
        if body:
            left += len(part) - len(part.lstrip())
            starts.append(left)
            ends.append(left + len(body))
            chars.append(sum(not c.isspace() for c in body))
    at = np.array(starts, np.int64)
    votes = np.stack([_labels_at(a.spans, at, label_set) for a in readings], axis=1)
    read = (votes != NO_VOTE).any(axis=1)
    final: Votes = np.full(len(at), NO_VOTE, np.int16)
    if adjudication is not None:
        final = _labels_at(adjudication.spans, at, label_set)
    return PageVotes(
        page_key=readings[0].page_key,
        text_hash=readings[0].text_hash,
        starts=[s for s, keep in zip(starts, read, strict=True) if keep],
        ends=[e for e, keep in zip(ends, read, strict=True) if keep],
        chars=np.array(chars, np.int64)[read],
        annotators=tuple(a.annotator for a in readings),
        votes=votes[read],
        readings=tuple(readings),
        final=final[read],
    )


def _labels_at(spans: Sequence[Span], at: npt.NDArray[np.int64], label_set: LabelSet) -> Votes:
    """The label of the span that holds each position."""
    found = np.full(len(at), NO_VOTE, np.int16)
    for span in spans:
        low, high = np.searchsorted(at, [span.start, span.end])
        found[low:high] = vote_index(span.label, label_set)
    return found
