"""Pages opened once more, for text that their readers left without a label.

The task shows what people said, and the labeler's word on what has no label,
marked. It is a task of its own beside the first one, whose annotation stays: its
key holds what is to be looked at, so that the same is never sent twice, nor
again once it was read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from curate.review.left_over import LeftOver, pages_left_over
from curate.review.seats import Seat
from curate.review.tasks import ReviewTask
from curate.review.votes import latest_readings
from curate.schema import Action, Annotation, LabelSet, segment_id_of

__all__ = ["again_by_reader", "again_task"]

MARK = "no label yet"

FIRST = -1
"""Rank: what one reader has half done comes before what nobody has begun."""

Region = tuple[int, int, str, float, str | None]
"""Start, end, label, probability, next best label."""


def again_task(
    base: ReviewTask, left: LeftOver, readings: Iterable[Annotation], label_set: LabelSet
) -> ReviewTask | None:
    """The page as it is opened once more; None where the text left over is in no segment.

    Args:
        base: the page as it was sent first, with today's prediction.
        readings: of this state of the page.
    """
    assert left.reading is not None
    taken = np.zeros(len(base.text), bool)
    regions: list[Region] = []
    earlier: dict[str, Action] = {}
    # Whose reading it goes back to comes first; the others' fill what that one left out.
    others = [a for a in latest_readings(readings) if a is not left.reading]
    for reading in (left.reading, *others):
        for span in reading.spans:
            label = label_set.label_of(span.label, span.exact)
            if label is None:
                continue
            for start, end in _free(taken, base.text, span.start, span.end):
                regions.append((start, end, label, 1.0, None))
                if span.action != "accepted":
                    earlier[segment_id_of(base.page_id, start, end)] = span.action
            taken[span.start : span.end] = True
    shown = set[tuple[int, int]]()
    for i, (low, high) in enumerate(zip(base.starts, base.ends, strict=True)):
        for left_start, left_end in left.spans:
            start, end = max(low, left_start), min(high, left_end)
            rival = base.rivals[i] if i < len(base.rivals) else None
            for free in _free(taken, base.text, start, end) if start < end else ():
                regions.append((*free, base.labels[i], float(base.scores[i]), rival))
                shown.add(free)
    if not shown:
        return None
    regions.sort(key=lambda region: region[0])
    n = len(left.spans)
    return replace(
        base,
        starts=[region[0] for region in regions],
        ends=[region[1] for region in regions],
        labels=[region[2] for region in regions],
        scores=[region[3] for region in regions],
        rivals=[region[4] for region in regions],
        remarks=[MARK if region[:2] in shown else "" for region in regions],
        reasons=(),
        readings=(),
        score=None,
        why=f"{n} {'line was' if n == 1 else 'lines were'} left without a label: "
        "give one, or delete it again to leave it out",
        rank=FIRST,
        round=left.round,
        earlier=earlier,
    )


def _free(taken: npt.NDArray[np.bool_], text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Parts of a span that no region has yet, blanks off their ends."""
    edges = np.flatnonzero(np.diff(taken[start:end])) + start + 1
    found = []
    for left, right in zip([start, *edges.tolist()], [*edges.tolist(), end], strict=True):
        body = text[left:right]
        if body.strip() and not taken[left]:
            left += len(body) - len(body.lstrip())
            found.append((left, left + len(body.strip())))
    return found


def again_by_reader(
    seats: Sequence[Seat],
    server: str,
    annotations: Iterable[Annotation],
    label_set: LabelSet,
    tasks_of: Callable[[Collection[str]], Mapping[str, ReviewTask]],
    is_ready: Callable[[str], bool],
) -> dict[str, list[ReviewTask]]:
    """The pages to be opened once more, by the reader whose project they go to.

    Work that was imported is left as it is: nobody took a region away in it.

    Args:
        server: the server's name for good.
        tasks_of: builds the tasks of pages of the input.
        is_ready: whether a page's readers are done with it, and nobody else decides.
    """
    rows = list(annotations)
    found = {
        left.page_id: left
        for left in pages_left_over(rows)
        if left.spans and left.server is not None and is_ready(left.page_id)
    }
    out: dict[str, list[ReviewTask]] = defaultdict(list)
    if not found:
        return out
    readings: dict[str, list[Annotation]] = defaultdict(list)
    for row in rows:
        if row.page_id in found:
            readings[row.page_id].append(row)
    for page_id, base in sorted(tasks_of(list(found)).items()):
        task = again_task(base, found[page_id], readings[page_id], label_set)
        if task is not None:
            out[_seat(seats, server, found[page_id], task).reader].append(task)
    return out


def _seat(seats: Sequence[Seat], server: str, left: LeftOver, task: ReviewTask) -> Seat:
    """Where the page was read last; else where it lies already, or who has least open."""
    present = [seat for seat in seats if not seat.former] or list(seats)
    here = [
        seat
        for seat in present
        if (left.server, left.project_id) == (server, seat.project and seat.project.number)
    ]
    held = [seat for seat in present if task.key in seat.again]
    return next(iter(here + held), min(present, key=lambda seat: seat.progress().open))
