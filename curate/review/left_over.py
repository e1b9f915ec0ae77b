"""Text that reviewers left without a label: it goes back to review, once.

A submitted page speaks for all of its text, so what no region covers was left
out: mostly a region taken away by mistake, sometimes on purpose. The page is
opened once more, with the labels people gave and with the labeler's word on what
has none. What is left out there too is left out for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.review.votes import ADJUDICATION, AGAIN, latest_readings
from curate.schema import Annotation, page_id_from
from curate.text import digest

__all__ = ["LeftOver", "left_over", "pages_left_over"]

Spans = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class LeftOver:
    """A page that holds text to which no reader gave a label.

    Attributes:
        spans: (start, end) in the page's text: lines or parts of lines with a
            letter or digit in them, left out for the first time.
        settled: those that were left out again when they were shown again.
        server, project_id, task_id: where the latest reading that came from
            Label Studio was made.
        reading: that reading; None where all were imported.
    """

    page_key: str
    text_hash: str
    spans: tuple[tuple[int, int], ...]
    settled: tuple[tuple[int, int], ...] = ()
    server: str | None = None
    project_id: int | None = None
    task_id: int | None = None
    reading: Annotation | None = None

    @property
    def page_id(self) -> str:
        """Of the state of the page that was read."""
        return page_id_from(self.page_key, self.text_hash)

    @property
    def round(self) -> str:
        """Names what is to be looked at again: the same text makes the same name."""
        return digest(self.page_id, repr(self.spans), chars=8)


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
        told = _page(readings[key, last.text_hash])
        if told is not None:
            found.append(told)
    return found


def _page(readings: Sequence[Annotation]) -> LeftOver | None:
    """What the readings of one state of a page left out; None where they left out nothing."""
    text = readings[0].text
    counts = latest_readings(readings)
    now = left_over(text, _spans(counts))
    if not now:
        return None
    # Each time the page was shown: first to its readers, then again, then to an adjudicator.
    first = [a for a in readings if a.origin not in (AGAIN, ADJUDICATION)]
    shown = [[a] for a in readings if a.origin in (AGAIN, ADJUDICATION)]
    times = np.zeros(len(text), np.int32)
    for together in ([first] if first else []) + shown:
        times += ~_covered(text, _spans(together))
    fresh, settled = list[tuple[int, int]](), list[tuple[int, int]]()
    for start, end in now:
        # Cut where a part of a line was left out before and the rest was not.
        edges = np.flatnonzero(np.diff(times[start:end] > 1)) + start + 1
        for left, right in zip([start, *edges], [*edges, end], strict=True):
            parts = settled if times[left] > 1 else fresh
            parts += [(left + a, left + b) for a, b in left_over(text[left:right], ())]
    here = max(
        (a for a in counts if a.project_id is not None and a.task_id is not None),
        key=lambda a: (a.updated_at, a.annotation_id),
        default=None,
    )
    return LeftOver(
        readings[0].page_key,
        readings[0].text_hash,
        tuple((int(a), int(b)) for a, b in fresh),
        tuple((int(a), int(b)) for a, b in settled),
        here.server if here else None,
        here.project_id if here else None,
        here.task_id if here else None,
        here,
    )


def _spans(readings: Iterable[Annotation]) -> list[tuple[int, int]]:
    return [(span.start, span.end) for reading in readings for span in reading.spans]


def _covered(text: str, spans: Spans) -> npt.NDArray[np.bool_]:
    covered = np.zeros(len(text), bool)
    for start, end in spans:
        covered[start:end] = True
    return covered
