"""Readings of pages of plain lines, for tests of agreement and consensus."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from curate.schema import Annotation, Span
from curate.text import text_hash

BEGIN = datetime(2024, 5, 1, 9, 0, tzinfo=UTC)


def reading(
    page_key: str,
    lines: Sequence[str],
    labels: Sequence[str | None],
    annotator: str,
    *,
    minute: float = 0,
    origin: str = "label_studio",
    lead_time_s: float | None = None,
    status: str = "submitted",
    project_id: int | None = None,
) -> Annotation:
    """A reading of a page whose segments are its lines; None: the region was taken away."""
    text = "\n".join(lines)
    spans, start = [], 0
    for line, label in zip(lines, labels, strict=True):
        if label is not None:
            spans.append(Span(start, start + len(line), label, "accepted", f"r{start}", line))
        start += len(line) + 1
    return Annotation(
        annotation_id=f"{page_key}-{annotator}-{origin}-{minute}",
        page_key=page_key,
        text_hash=text_hash(text),
        text=text,
        annotator=annotator,
        status=status,
        spans=tuple(spans),
        updated_at=BEGIN + timedelta(minutes=minute),
        lead_time_s=lead_time_s,
        origin=origin,
        project_id=project_id,
    )


def columns(
    page_key: str, votes: dict[str, str], names: dict[str, str], *, chars: int = 1
) -> list[Annotation]:
    """Readings from one letter a segment (`.`: no label), all segments equally long."""
    n = len(next(iter(votes.values())))
    lines = ["x" * chars for _ in range(n)]
    return [
        reading(page_key, lines, [names.get(letter) for letter in given], who)
        for who, given in votes.items()
    ]
