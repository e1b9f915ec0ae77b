"""Pages whose reviewed text changed come first in the queue."""

from __future__ import annotations

from collections.abc import Sequence

from curate.review.standing import PageStanding
from curate.sample.base import Choice

__all__ = ["first_again"]


def first_again(
    choices: Sequence[Choice], again: Sequence[PageStanding], limit: int
) -> list[Choice]:
    """The choices with the pages to be reviewed again before all others."""
    first = []
    for page in again:
        n = page.count("partial") + page.count("orphan")
        why = f"{n} reviewed passage{'s' if n > 1 else ''} changed since"
        first.append(Choice(page.page_key, page.page_id or "", 0, why))
    named = {choice.page_id for choice in first}
    rest = [choice for choice in choices if choice.page_id not in named]
    opened = {choice.page_id for choice in rest if choice.why == "already open"}
    room = max(0, limit - len(opened))
    first = first[:room]
    room -= len(first)
    kept = []
    for choice in rest:
        if choice.page_id in opened:
            kept.append(choice)
        elif room > 0:
            kept.append(choice)
            room -= 1
    return [
        Choice(choice.page_key, choice.page_id, rank, choice.why)
        for rank, choice in enumerate([*first, *kept])
    ]
