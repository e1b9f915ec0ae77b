"""Find a reviewed span again on changed text: by position, quote, then alignment.

What a person read is only ever labelled in their name where the very same
characters stand (blanks and line breaks aside, which a splitter sets). A place
where other words stand now is told and suggested, never applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from curate.review.align import Words, aligned, between
from curate.schema import Span

__all__ = ["APPLIED", "CONTEXT_CHARS", "Anchored", "Outcome", "quoted", "reanchor"]

Outcome = Literal["kept", "moved", "partial", "orphan"]

APPLIED: tuple[Outcome, ...] = ("kept", "moved")
"""Outcomes in which the whole of what was read stands, word by word."""

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
            whole lines of it stand, or a changed version of it does; `orphan`:
            nothing of it was found.
        found: where it stands now, one span, several when partial, none if orphan.
            Of a partial one it is only a suggestion.
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
    neighbourhood, then by its position, where there are several), then the same
    with other blanks and line breaks, then whole lines of it, then the passage
    that its words align with. No two spans are put on the same characters: the
    one found with more certainty keeps them, the other is an orphan.
    """
    new = _New(text)
    first = [_find(span, new) for span in spans]
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


class _New:
    """The changed text, and what is derived of it when it is first asked for."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def places(self) -> list[int]:
        """Of each character that is not blank, where it stands."""
        return [n for n, char in enumerate(self.text) if not char.isspace()]

    @cached_property
    def solid(self) -> str:
        """The text without its blanks."""
        return "".join(self.text.split())

    @cached_property
    def words(self) -> Words:
        """Its words, to align with."""
        return Words.of(self.text)


def _find(span: Span, new: _New) -> Anchored:
    text = new.text
    place = _place(span, text)
    if place is not None:
        outcome: Outcome = "kept" if place == span.start else "moved"
        return Anchored(span, outcome, (_at(span, text, place, place + len(span.exact)),))
    if any(map(str.isspace, span.exact)) and (solid := _solid_place(span, new)) is not None:
        outcome = "kept" if solid == (span.start, span.end) else "moved"
        return Anchored(span, outcome, (_at(span, text, *solid),))
    parts = _lines(span, text)
    if not parts and span.exact.strip():
        near = aligned(span.exact, new.words) or between(text, span.prefix, span.suffix)
        parts = [] if near is None else [_at(span, text, *near)]
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


def _solid_place(span: Span, new: _New) -> tuple[int, int] | None:
    """The place where the quote stands beyond doubt but for its blanks, else None."""
    exact, prefix, suffix = (
        "".join(part.split()) for part in (span.exact, span.prefix, span.suffix)
    )
    same = replace(span, start=-1, exact=exact, prefix=prefix, suffix=suffix)
    place = _place(same, new.solid)
    if place is None:
        return None
    return new.places[place], new.places[place + len(exact) - 1] + 1


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
