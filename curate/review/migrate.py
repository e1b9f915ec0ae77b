"""People's work under a label set that has changed: renamed, merged, split labels.

Nothing on disk is rewritten: annotations keep the label that was given, and the
name of the label set it was given under. They are read under today's labels.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from curate.schema import Annotation, LabelSet

__all__ = ["Move", "migrated", "plan_migration"]


@dataclass(frozen=True, slots=True)
class Move:
    """What becomes of one label of an earlier set.

    Attributes:
        old: its name; new: today's, None where it has none.
        spans, annotations: stored ones that it concerns.
    """

    old: str
    new: str | None
    spans: int
    annotations: int


def migrated(annotation: Annotation, label_set: LabelSet) -> Annotation:
    """The annotation under today's labels; a label that is gone keeps its name.

    Its spans stay what and where they are.
    """
    spans = tuple(
        span if new is None or new == span.label else replace(span, label=new)
        for span in annotation.spans
        for new in (label_set.label_of(span.label, span.exact, schema=annotation.schema),)
    )
    return annotation if spans == annotation.spans else replace(annotation, spans=spans)


def plan_migration(annotations: Iterable[Annotation], label_set: LabelSet) -> list[Move]:
    """What today's label set makes of stored work: labels that change or have no name."""
    spans: Counter[tuple[str, str | None]] = Counter()
    holders: dict[tuple[str, str | None], set[str]] = defaultdict(set)
    for annotation in annotations:
        for span in annotation.spans:
            new = label_set.label_of(span.label, span.exact, schema=annotation.schema)
            if new != span.label:
                spans[span.label, new] += 1
                holders[span.label, new].add(annotation.annotation_id)
    return [
        Move(old, new, n, len(holders[old, new]))
        for (old, new), n in sorted(spans.items(), key=lambda row: (row[0][0], row[0][1] or ""))
    ]
