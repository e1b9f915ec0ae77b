"""Disputed pages as tasks that show both readings, for one person to end it.

A task's regions are the page's pieces, cut wherever a reader cut. Where the
readers agree a region carries their label; where they differ it carries the
consensus and is marked with what each of them said. Readers are called A, B,
C in an order drawn for each page: it is the text that is judged, not a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from curate.io import json_digest
from curate.review.consensus import Consensus
from curate.review.tasks import ReviewTask
from curate.review.votes import NO_VOTE, PageVotes
from curate.text import digest

__all__ = ["adjudication_task", "disputed_share", "is_disputed"]

LETTERS = "ABCDEFGHIJKLMNOPQRST"

NO_LABEL = "no label"


def disputed_share(page: PageVotes) -> float:
    """Share of the characters read by two or more whose labels differ."""
    shared = int(page.chars[page.shared].sum())
    return float(page.chars[page.disputed].sum() / shared) if shared else 0.0


def is_disputed(page: PageVotes, above: float | None) -> bool:
    """Whether the page's readers differ on more than the share allowed; None: never."""
    return above is not None and bool(page.disputed.any()) and disputed_share(page) > above


def adjudication_task(
    page: PageVotes, base: ReviewTask, consensus: Consensus, *, rank: int = 0
) -> ReviewTask:
    """The page as the adjudicator sees it.

    Args:
        base: the page as readers see it, of the same text.
        consensus: gives the label that a disputed region carries at first.
    """
    names = consensus.labels
    order = sorted(
        range(len(page.annotators)), key=lambda i: digest(page.page_key, page.annotators[i])
    )
    starts: list[int] = []
    ends: list[int] = []
    labels: list[str] = []
    scores: list[float] = []
    remarks: list[str] = []
    disputed = page.disputed
    for i, (start, end) in enumerate(zip(page.starts, page.ends, strict=True)):
        votes = page.votes[i]
        given = [(page.annotators[r], int(votes[r])) for r in order if int(votes[r]) != NO_VOTE]
        label, sure = consensus.decide(given, _machine(base, start, names))
        differ = bool(disputed[i]) or len(given) < len(order)
        starts.append(start)
        ends.append(end)
        labels.append(names[label])
        scores.append(round(float(sure), 4) if differ else 1.0)
        remarks.append(
            ", ".join(
                f"{LETTERS[n]}: {NO_LABEL if votes[r] == NO_VOTE else names[int(votes[r])]}"
                for n, r in enumerate(order)
            )
            if differ
            else ""
        )
    told = json_digest([starts, ends, remarks], chars=8)
    return replace(
        base,
        starts=starts,
        ends=ends,
        labels=labels,
        scores=scores,
        remarks=remarks,
        readings=[(f"reading {LETTERS[n]}", _spans(page, r, names)) for n, r in enumerate(order)],
        rivals=(),
        reasons=[(f"readings: {remark}",) if remark else () for remark in remarks],
        model_version=f"{len(order)} readings {told}",
        score=round(1 - disputed_share(page), 4),
        why=f"readers differ on {disputed_share(page):.0%} of the text",
        rank=rank,
    )


def _spans(page: PageVotes, reader: int, names: Sequence[str]) -> list[tuple[int, int, str]]:
    """One reader's regions, as they drew them."""
    at = np.asarray(page.starts)
    found = []
    for span in page.readings[reader].spans:
        first = int(np.searchsorted(at, span.start))
        vote = int(page.votes[first, reader]) if first < len(at) else NO_VOTE
        if vote != NO_VOTE:
            found.append((span.start, span.end, names[vote]))
    return found


def _machine(base: ReviewTask, start: int, names: Sequence[str]) -> list[float | None]:
    """The labeler's probability of its label at a place, for ties."""
    found: list[float | None] = [None] * len(names)
    at = int(np.searchsorted(np.asarray(base.starts), start, side="right")) - 1
    if at >= 0 and start < base.ends[at] and base.labels[at] in names:
        found[list(names).index(base.labels[at])] = float(base.scores[at])
    return found
