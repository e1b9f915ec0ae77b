"""How people's work stands on today's pages: what was kept, moved, changed, lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from curate.review.anchor import APPLIED
from curate.review.resolve import anchored_spans
from curate.review.votes import latest_readings
from curate.schema import Annotation, LabelSet, PagePrediction, SegmentedPage
from curate.text import text_hash

__all__ = [
    "ABSENT",
    "OUTCOMES",
    "PageStanding",
    "SpanFate",
    "of_json",
    "page_standing",
    "suggested",
    "to_json",
    "totals",
]

OUTCOMES = ("kept", "moved", "partial", "orphan")

ABSENT = "absent"
"""Of spans whose page is not in the input: they wait for it to come back."""


@dataclass(frozen=True, slots=True)
class SpanFate:
    """What became of one reviewed span.

    Attributes:
        outcome: see `anchor.Anchored`.
        start, end: where it stood; found: where it, or what it became, stands.
        exact: the words that were read.
    """

    annotation_id: str
    annotator: str
    label: str
    outcome: str
    start: int
    end: int
    exact: str
    found: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class PageStanding:
    """A page that people reviewed and whose text changed since, or that is gone.

    Attributes:
        page_id: of its state today, None if it is not in the input.
        reviewed_again: somebody has read today's text too.
        kept: spans that stand where they stood; `fates` tells of all others.
        new_chars: characters of today's text, blanks aside, that nobody's span
            covers: what was read stands elsewhere or not at all.
    """

    page_key: str
    page_id: str | None
    reviewed_again: bool
    kept: int
    fates: tuple[SpanFate, ...]
    new_chars: int = 0

    @property
    def is_whole(self) -> bool:
        """All that was read stands, and nothing else does: there is nothing to review."""
        return self.new_chars == 0 and all(fate.outcome in APPLIED for fate in self.fates)

    def count(self, outcome: str) -> int:
        """Number of spans with this outcome."""
        if outcome == "kept":
            return self.kept
        return sum(fate.outcome == outcome for fate in self.fates)


def page_standing(
    page_key: str, page_id: str | None, text: str | None, annotations: Iterable[Annotation]
) -> PageStanding:
    """How each annotator's latest reading of a page stands.

    Args:
        page_id, text: of the page today; None where it is not in the input.
    """
    latest = latest_readings(list(annotations))
    kept, fates, again = 0, list[SpanFate](), False
    covered = np.zeros(len(text or ""), bool)
    for annotation in latest:
        if text is None:
            outcomes: list[tuple[Any, str, tuple[Any, ...]]] = [
                (span, ABSENT, ()) for span in annotation.spans
            ]
        else:
            again = again or annotation.text_hash == text_hash(text)
            outcomes = [(a.span, a.outcome, a.found) for a in anchored_spans(annotation, text)]
        for span, outcome, found in outcomes:
            for place in found if outcome in APPLIED else ():
                covered[place.start : place.end] = True
            if outcome == "kept":
                kept += 1
                continue
            fates.append(
                SpanFate(
                    annotation.annotation_id,
                    annotation.annotator,
                    span.label,
                    outcome,
                    span.start,
                    span.end,
                    span.exact,
                    tuple((s.start, s.end) for s in found),
                )
            )
    bare = sum(
        not char.isspace() for char, under in zip(text or "", covered, strict=True) if not under
    )
    return PageStanding(page_key, page_id, again, kept, tuple(fates), bare)


def totals(pages: Iterable[PageStanding], unchanged: int) -> dict[str, int]:
    """Spans by outcome; `unchanged` ones are on pages whose text is as it was."""
    counts = Counter({"kept": unchanged})
    for page in pages:
        for outcome in (*OUTCOMES, ABSENT):
            counts[outcome] += page.count(outcome)
    return {outcome: counts[outcome] for outcome in (*OUTCOMES, ABSENT)}


def suggested(
    page: SegmentedPage,
    prediction: PagePrediction,
    annotations: Sequence[Annotation],
    label_set: LabelSet,
) -> PagePrediction:
    """The prediction with what people said of an earlier text put over it.

    A segment gets the label of the span that covers at least half of it, with
    the reason why; its probability stays the labeler's, so that it is marked
    where the two differ.
    """
    best = np.zeros(len(page.starts), np.int64)
    labels, reasons = list(prediction.labels), [list(told) for told in prediction.reasons]
    sizes = page.ends - page.starts
    for annotation in latest_readings(list(annotations)):
        for anchored in anchored_spans(annotation, page.text):
            label = label_set.label_of(anchored.span.label, anchored.span.exact)
            if label is None:
                continue
            for span in anchored.found:
                shared = np.minimum(page.ends, span.end) - np.maximum(page.starts, span.start)
                for n in np.flatnonzero((shared * 2 >= sizes) & (shared > best)):
                    best[n] = shared[n]
                    labels[n] = label
                    said = {
                        "kept": "a person said so",
                        "moved": "a person said so where it stood before",
                        "partial": "a person said so of its earlier words",
                    }[anchored.outcome]
                    reasons[n] = [said, *[r for r in reasons[n] if r != said]]
    return replace(prediction, labels=labels, reasons=reasons)


def to_json(page: PageStanding) -> dict[str, Any]:
    """Plain values, for the store."""
    return {
        "page_key": page.page_key,
        "page_id": page.page_id,
        "reviewed_again": page.reviewed_again,
        "kept": page.kept,
        "new_chars": page.new_chars,
        "fates": [
            {name: getattr(fate, name) for name in SpanFate.__slots__} for fate in page.fates
        ],
    }


def of_json(value: Mapping[str, Any]) -> PageStanding:
    """The inverse of `to_json`."""
    fates = tuple(
        SpanFate(**{**fate, "found": tuple((s, e) for s, e in fate["found"])})
        for fate in value["fates"]
    )
    return PageStanding(
        value["page_key"],
        value["page_id"],
        value["reviewed_again"],
        value["kept"],
        fates,
        value["new_chars"],
    )
