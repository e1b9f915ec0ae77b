"""Where a passage that was changed stands now: alignment of words.

Only tells a place. What stands there are other words than a person read, so
nothing is ever labelled in their name by it: it is shown, and suggested.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

__all__ = ["Words", "aligned", "between"]

_WORD = re.compile(r"\w+|[^\w\s]")

GRAM = 3
"""Words that vote together for a place: fewer stand everywhere by chance."""

MIN_WORDS = 6
"""A shorter passage has too few words to be told by them; see `between`."""

MIN_SHARED_RATIO = 0.5
"""Characters of the old passage that must stand in the new one, in order. Half:
below it two sentences on one subject pass for versions of each other."""

MAX_GROWTH = 2.0
"""The new passage may be this many times as long as the old one."""

MAX_GRAM_PLACES = 32
"""Places that one group of words votes for: more tell nothing."""

MIN_EDGE_CHARS = 8
"""Letters and digits of the neighbourhood on either side that hold a short passage."""

MAX_GAP_CHARS = 80
"""What may have come in between them."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a text, their places, and where groups of them stand."""

    spans: tuple[tuple[int, int], ...]
    words: tuple[str, ...]
    places: dict[tuple[str, ...], list[int]]

    @classmethod
    def of(cls, text: str) -> Words:
        """Those of `text`."""
        spans = tuple(match.span() for match in _WORD.finditer(text))
        words = tuple(text[start:end] for start, end in spans)
        places: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for n in range(len(words) - GRAM + 1):
            places[words[n : n + GRAM]].append(n)
        return cls(spans, words, dict(places))


def aligned(old: str, new: Words) -> tuple[int, int] | None:
    """The span of the new text that is the old passage, changed; None where none is.

    Groups of three words vote for where the passage begins; around the best
    place the two are matched word by word. Two places that are equally good
    are no answer.
    """
    words = _WORD.findall(old)
    if len(words) < MIN_WORDS:
        return None
    votes: Counter[int] = Counter()
    band = max(4, len(words) // 4)
    for n in range(len(words) - GRAM + 1):
        here = new.places.get(tuple(words[n : n + GRAM]), ())
        if len(here) <= MAX_GRAM_PLACES:
            votes.update({(place - n) // band for place in here})
    found = []
    for bucket, _ in sorted(votes.items(), key=lambda pair: (-pair[1], pair[0]))[:3]:
        place = _matched(words, new, bucket * band, band)
        if place is not None:
            found.append(place)
    if not found:
        return None
    best = max(ratio for ratio, _ in found)
    spans = {span for ratio, span in found if ratio >= best - 0.05}
    return spans.pop() if len(spans) == 1 else None


def _matched(
    words: Sequence[str], new: Words, begin: int, band: int
) -> tuple[float, tuple[int, int]] | None:
    """(share of the old characters that stand there, span) around one place."""
    low = max(0, begin - band)
    high = min(len(new.words), begin + int(len(words) * MAX_GROWTH) + 2 * band)
    window = new.words[low:high]
    blocks = [
        block
        for block in SequenceMatcher(None, words, window, autojunk=False).get_matching_blocks()
        if block.size >= 2
    ]
    if not blocks:
        return None
    shared = sum(len(word) for b in blocks for word in words[b.a : b.a + b.size])
    ratio = shared / sum(map(len, words))
    first, last = blocks[0], blocks[-1]
    # What was cut off at the ends stands before the first and after the last match.
    left = max(low, low + first.b - first.a)
    right = min(high, low + last.b + last.size + len(words) - last.a - last.size) - 1
    start, end = new.spans[left][0], new.spans[right][1]
    if ratio < MIN_SHARED_RATIO or right - left + 1 > MAX_GROWTH * len(words):
        return None
    return ratio, (start, end)


def between(text: str, prefix: str, suffix: str) -> tuple[int, int] | None:
    """The span between two neighbours that still stand close together, once.

    For short passages ("2 hours ago"): their words tell nothing, what stood
    around them does.
    """
    before, after = prefix.strip(), suffix.strip()
    if min(_letters(before), _letters(after)) < MIN_EDGE_CHARS:
        return None
    if text.count(before) != 1:
        return None
    start = text.index(before) + len(before)
    end = text.find(after, start, start + MAX_GAP_CHARS + len(after))
    if end < 0 or text.count(after) != 1:
        return None
    body = text[start:end]
    if not body.strip():
        return None
    left = start + len(body) - len(body.lstrip())
    return left, left + len(body.strip())


def _letters(text: str) -> int:
    return sum(char.isalnum() for char in text)
