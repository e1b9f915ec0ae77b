"""Find a reviewed span again on changed text, by position and quote.

Text that a person read is only ever matched to the very same characters:
what changed is not labelled in that person's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from curate.schema import Span

__all__ = ["CONTEXT_CHARS", "Anchored", "Outcome", "quoted", "reanchor"]

Outcome = Literal["kept", "moved", "partial", "orphan"]

CONTEXT_CHARS = 32
"""Code points of neighbourhood kept on each side of a quote."""

SHORT_CHARS = 16
"""Quotes below this ("Share", "22 hours ago") may stand on a page by chance:
they are only found where some of their neighbourhood stands too."""

MIN_CONTEXT_CHARS = 4
"""Matching neighbourhood that a short quote, or one of several, needs."""

MIN_PART_CHARS = 24
"""Shortest line of a longer quote that is looked for by itself."""


@dataclass(frozen=True, slots=True)
class Anchored:
    """What became of one span.

    Attributes:
        span: as the person left it, on the text that was reviewed.
        outcome: `kept` stands where it stood; `moved` found elsewhere; `partial`:
            whole lines of it were found; `orphan`: nothing was.
        found: where it stands now, one span, several when partial, none if orphan.
    """

    span: Span
    outcome: Outcome
    found: tuple[Span, ...]


def quoted(text: str, start: int, end: int) -> tuple[str, str, str]:
    """The quote and up to 32 code points before and after it."""
    return (
        text[start:end],
        text[max(0, start - CONTEXT_CHARS) : start],
        text[end : end + CONTEXT_CHARS],
    )


def reanchor(spans: Sequence[Span], text: str) -> list[Anchored]:
    """Find each span on `text`.

    First the one place where the whole quote stands (told apart by its
    neighbourhood, then by its position, where there are several), then whole
    lines of it. No two spans are put on the same characters: the
    one found with more certainty keeps them, the other is an orphan.
    """
    first = [_find(span, text) for span in spans]
    rank = {"kept": 0, "moved": 1, "partial": 2, "orphan": 3}
    taken: list[tuple[int, int]] = []
    result = list(first)
    for i in sorted(range(len(first)), key=lambda i: (rank[first[i].outcome], i)):
        entry = first[i]
        free = tuple(s for s in entry.found if not _hits(s, taken))
        taken += [(s.start, s.end) for s in free]
        if len(free) < len(entry.found):
            result[i] = replace(entry, outcome="partial" if free else "orphan", found=free)
    return result


def _hits(span: Span, taken: Sequence[tuple[int, int]]) -> bool:
    return any(span.start < end and start < span.end for start, end in taken)


def _find(span: Span, text: str) -> Anchored:
    place = _place(span, text)
    if place is not None:
        outcome: Outcome = "kept" if place == span.start else "moved"
        return Anchored(span, outcome, (_at(span, text, place, place + len(span.exact)),))
    parts = _lines(span, text)
    return Anchored(span, "partial" if parts else "orphan", tuple(parts))


def _at(span: Span, text: str, start: int, end: int) -> Span:
    exact, prefix, suffix = quoted(text, start, end)
    return replace(span, start=start, end=end, exact=exact, prefix=prefix, suffix=suffix)


def _place(span: Span, text: str) -> int | None:
    """Start of the place where the quote stands beyond doubt, else None.

    Of several places the one with most of the old neighbourhood; the old
    position only breaks a tie, since after an insertion another copy of a
    repeated line may stand exactly there.
    """
    if not span.exact.strip():
        return None
    places: list[int] = []
    at = text.find(span.exact)
    while at >= 0:
        places.append(at)
        at = text.find(span.exact, at + 1)
    if len(places) == 1 and len(span.exact) >= SHORT_CHARS:
        return places[0]
    scores = {place: _context(span, text, place) for place in places}
    best = max(scores.values(), default=0)
    if best < MIN_CONTEXT_CHARS:
        return None
    tied = [place for place, score in scores.items() if score == best]
    if span.start in tied:
        return span.start
    return tied[0] if len(tied) == 1 else None


def _context(span: Span, text: str, start: int) -> int:
    """Characters of the neighbourhood that stand around `start` as they stood."""
    before = text[max(0, start - len(span.prefix)) : start]
    end = start + len(span.exact)
    after = text[end : end + len(span.suffix)]
    same = 0
    for old, new in zip(reversed(span.prefix), reversed(before), strict=False):
        if old != new:
            break
        same += not old.isspace()
    for old, new in zip(span.suffix, after, strict=False):
        if old != new:
            break
        same += not old.isspace()
    if not span.prefix and start == 0:
        same += MIN_CONTEXT_CHARS  # both at the very beginning
    if not span.suffix and end == len(text):
        same += MIN_CONTEXT_CHARS  # both at the very end
    return same


def _lines(span: Span, text: str) -> list[Span]:
    """The span's lines that stand once in `text`, as spans of their own."""
    lines = [line.strip() for line in span.exact.splitlines()]
    if len(lines) < 2:
        return []
    found = []
    for line in lines:
        if len(line) < MIN_PART_CHARS or text.count(line) != 1:
            continue
        start = text.index(line)
        found.append(_at(span, text, start, start + len(line)))
    return found
