"""Text that reviewers left without a label: not published, to be looked at again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from curate.schema import Annotation

__all__ = ["LeftOver", "left_over", "pages_left_over"]


@dataclass(frozen=True, slots=True)
class LeftOver:
    """A page that holds text to which no reader gave a label.

    Attributes:
        spans: (start, end) in the page's text: lines or parts of lines with a
            letter or digit in them.
        project_id, task_id: where it can be opened again, of the latest reading
            that came from Label Studio.
    """

    page_key: str
    spans: tuple[tuple[int, int], ...]
    project_id: int | None
    task_id: int | None


def left_over(text: str, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Parts of lines outside the spans that hold a letter or digit, blanks off their ends."""
    found = []
    at = 0
    for start, end in [*sorted(spans), (len(text), len(text))]:
        position = at
        for line in text[at:start].splitlines(keepends=True):
            if any(char.isalnum() for char in line):
                left = position + len(line) - len(line.lstrip())
                found.append((left, left + len(line.strip())))
            position += len(line)
        at = max(at, end)
    return found


def pages_left_over(annotations: Iterable[Annotation]) -> list[LeftOver]:
    """Pages with text that nobody who read their present state labelled, by page key.

    Args:
        annotations: the latest of each; skipped and deleted ones don't count.
    """
    readings: dict[tuple[str, str], list[Annotation]] = {}
    newest: dict[str, Annotation] = {}
    for annotation in annotations:
        if annotation.status != "submitted":
            continue
        readings.setdefault((annotation.page_key, annotation.text_hash), []).append(annotation)
        known = newest.get(annotation.page_key)
        if known is None or known.updated_at < annotation.updated_at:
            newest[annotation.page_key] = annotation
    found = []
    for key, last in sorted(newest.items()):
        together = [(s.start, s.end) for a in readings[key, last.text_hash] for s in a.spans]
        spans = left_over(last.text, together)
        if spans:
            found.append(LeftOver(key, tuple(spans), last.project_id, last.task_id))
    return found
