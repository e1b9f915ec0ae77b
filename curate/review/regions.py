"""Regions of a submitted annotation to spans, with what dragging by words spoils repaired.

A server stores what it is given: regions may overlap, stand twice, or leave
gaps. The rules, in this order:

1. A region drawn by hand beats one that was only relabelled, and that one a
   region left untouched; among equals the later in the annotation wins. The
   loser keeps what is left of it.
2. Punctuation of a loser that is glued to the drawn region beside it (a lost
   full stop), or all that is left of it, goes to the drawn region.
3. Text without a region beside a drawn one, on the same line and without a
   letter or digit (punctuation, emoji, combining marks), is drawn in: a token
   goes to the region it touches, else to the one before, else the one after.
4. White space at either end of a span is cut off; blank spans are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.errors import ReviewError
from curate.review.anchor import quoted
from curate.review.interface import LABEL_CONTROL, PAGE_CONTROL
from curate.review.tasks import REGION_TYPE
from curate.schema import ACTIONS, Action, LabelSet, Span, segment_id_of

__all__ = ["spans_of"]

NOBODY = -1

_TOKEN = re.compile(r"\S+")
_GLUED_AFTER = re.compile(r"[^\s\w]+(?=\s|$)")
_GLUED_BEFORE = re.compile(r"(?:(?<=\s)|^)[^\s\w]+$")
_LINE = re.compile(r"[^\r\n]+")


@dataclass(frozen=True, slots=True)
class _Region:
    start: int
    end: int
    label: str
    action: Action
    region_id: str


def spans_of(
    result: Sequence[Mapping[str, Any]], text: str, page_id: str, label_set: LabelSet
) -> tuple[tuple[Span, ...], str | None]:
    """The spans of an annotation, ordered and disjoint, and its page-level choice.

    Raises:
        ReviewError: a region's offsets or label can't be; names the region.
    """
    regions: list[_Region] = []
    verdict: str | None = None
    for item in result:
        if item.get("type") == REGION_TYPE and item.get("from_name") == LABEL_CONTROL:
            regions.append(_region(item, text, page_id, label_set))
        elif item.get("from_name") == PAGE_CONTROL:
            chosen = (item.get("value") or {}).get("choices") or []
            verdict = str(chosen[0]) if chosen else None
    owner = _painted(regions, text)
    _give_back_remains(owner, regions, text)
    _close_gaps(owner, regions, text)
    return tuple(_spans(owner, regions, text)), verdict


def _region(item: Mapping[str, Any], text: str, page_id: str, label_set: LabelSet) -> _Region:
    value = item.get("value") or {}
    start, end, labels = value.get("start"), value.get("end"), value.get("labels") or []
    name = f"region {item.get('id')}"
    if not (isinstance(start, int) and isinstance(end, int)) or isinstance(start, bool):
        raise ReviewError(f"{name}: its offsets {start!r}-{end!r} are no numbers")
    if not 0 <= start < end <= len(text):
        raise ReviewError(
            f"{name}: its span {start}-{end} does not lie within the text's {len(text)} characters"
        )
    if len(labels) != 1:
        raise ReviewError(f"{name} ({text[start:end][:40]!r}) has {len(labels)} labels, not one")
    label = str(labels[0])
    label = label_set.label_of(label, text[start:end]) or label
    if label not in label_set.names:
        raise ReviewError(
            f"{name} ({text[start:end][:40]!r}) has the label {label!r}, which is not one of "
            f"{', '.join(label_set.names)}; map it in schema.from_labels, or correct it there"
        )
    region_id = str(item.get("id") or "")
    ours = region_id == segment_id_of(page_id, start, end)
    return _Region(start, end, label, _action(item.get("origin"), ours), region_id)


def _action(origin: object, ours: bool) -> Action:
    """What was done to a region: one that has our id and another place was redrawn."""
    if not ours or origin == "manual":
        return "drawn"
    return "relabelled" if origin == "prediction-changed" else "accepted"


def _painted(regions: Sequence[_Region], text: str) -> npt.NDArray[np.int32]:
    """For each character the region that has it."""
    owner = np.full(len(text), NOBODY, np.int32)
    order = sorted(range(len(regions)), key=lambda i: (ACTIONS.index(regions[i].action), i))
    for i in order:
        owner[regions[i].start : regions[i].end] = i
    return owner


def _runs(owner: npt.NDArray[np.int32]) -> Iterator[tuple[int, int, int]]:
    """(start, end, region) of each stretch of one owner, in order."""
    if not len(owner):
        return
    edges = np.flatnonzero(np.diff(owner)) + 1
    starts = [0, *edges.tolist()]
    for start, end in zip(starts, [*starts[1:], len(owner)], strict=True):
        yield start, end, int(owner[start])


def _is_wordless(text: str) -> bool:
    return not any(char.isalnum() for char in text)


def _give_back_remains(owner: npt.NDArray[np.int32], regions: Sequence[_Region], text: str) -> None:
    """Rule 2."""
    runs = list(_runs(owner))

    def drawn(n: int) -> int:
        if 0 <= n < len(runs) and (i := runs[n][2]) != NOBODY and regions[i].action == "drawn":
            return i
        return NOBODY

    for n, (start, end, i) in enumerate(runs):
        if i == NOBODY or (start, end) == (regions[i].start, regions[i].end):
            continue
        before, after = drawn(n - 1), drawn(n + 1)
        if before != NOBODY and (match := _GLUED_AFTER.match(text, start, end)):
            owner[start : match.end()] = before
            start = match.end()
        if after != NOBODY and (match := _GLUED_BEFORE.search(text[start:end])):
            owner[start + match.start() : end] = after
            end = start + match.start()
        rest = next((j for j in (before, after) if j != NOBODY), NOBODY)
        if rest != NOBODY and _is_wordless(text[start:end]):
            owner[start:end] = rest


def _close_gaps(owner: npt.NDArray[np.int32], regions: Sequence[_Region], text: str) -> None:
    """Rule 3: tokens that no region has, line by line from the left."""
    drawn = np.array([region.action == "drawn" for region in regions] + [False])
    if not drawn.any():
        return
    for line in _LINE.finditer(text):
        if not drawn[owner[line.start() : line.end()]].any():
            continue
        for token in _TOKEN.finditer(text, line.start(), line.end()):
            for start, end, i in list(_runs(owner[token.start() : token.end()])):
                if i == NOBODY:
                    place = (token.start() + start, token.start() + end)
                    _draw_in(owner, drawn, text, line.span(), place)


def _draw_in(
    owner: npt.NDArray[np.int32],
    drawn: npt.NDArray[np.bool_],
    text: str,
    line: tuple[int, int],
    place: tuple[int, int],
) -> None:
    """Give a token without a region to the drawn region beside it, if it has no word."""
    start, end = place
    if not _is_wordless(text[start:end]):
        return
    before, after = start - 1, end
    while before >= line[0] and text[before].isspace():
        before -= 1
    while after < line[1] and text[after].isspace():
        after += 1
    left = int(owner[before]) if before >= line[0] else NOBODY
    right = int(owner[after]) if after < line[1] else NOBODY
    touches_right = after == end and before != start - 1
    if drawn[left] and not (touches_right and drawn[right]):
        owner[before:end] = left
    elif drawn[right]:
        owner[start : after + 1] = right


def _spans(owner: npt.NDArray[np.int32], regions: Sequence[_Region], text: str) -> Iterator[Span]:
    for start, end, i in _runs(owner):
        if i == NOBODY:
            continue
        body = text[start:end]
        left = start + len(body) - len(body.lstrip())
        right = left + len(body.strip())
        if left < right:
            region = regions[i]
            exact, prefix, suffix = quoted(text, left, right)
            yield Span(
                left, right, region.label, region.action, region.region_id, exact, prefix, suffix
            )
