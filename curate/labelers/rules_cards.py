"""Verdicts: patterns over several lines of bare text that settle what a line is.

A single line of a card ("2 hours ago", a headline) says little; the pattern that
repeats down the page does. Each verdict's probabilities are the shares measured
on labelled pages where it fires.
"""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from curate.labelers.lexicon import MARKS, marks_of
from curate.labelers.rules_lines import Bools, Lines
from curate.labelers.statements import shifted, window_sums
from curate.schema import SegmentedPage

__all__ = ["NONE", "OPINIONS", "SETTLING", "VERDICTS", "verdicts"]

VERDICTS = (
    "text that describes a picture and ends with a credit",
    "headline above the byline, with the words of the text",
    "a few words between the headline and the text",
    "between the headline and the text",
    "heading of a module, repeated over different headlines",
    "headline under a repeated module heading",
    "time or date of a card in a list",
    "headline of a card, beside its time or date",
    "summary of a card, beside its time or date",
    "headline that stands elsewhere as a card",
    "about scripts, cookies or the browser",
    "at the foot of the page, after the last card",
)
"""In order of precedence: the first that holds decides."""

SETTLING = tuple(
    number for number, name in enumerate(VERDICTS) if name != "between the headline and the text"
)
"""Verdicts that replace the sums; the others only add their weights. All of these
were right more often than the weighted statements on the same segments of sites
the weights had not seen (characters: 0.91-1.00 against 0.36-0.96); longer lines
between headline and text were not (0.79 against 0.87)."""

OPINIONS = (3, 0, 1, 1, 1, 2, 2, 2, 2, 2, 1, 1)
"""The label each verdict is meant for, as a column of the scores: what counts
beside the measurement, since some patterns are rare on the labelled pages."""

NONE = -1
_CREDIT = MARKS.index("credit")

# "(Ada Olin/Northern Press)", "(Northern Press File)", "/Handout via NORTHERN".
_NAME = r"[^\W\d_][\w.'’-]*"
_CREDIT_END = re.compile(
    rf"[(\[（]{_NAME}(?:\s{_NAME}){{1,4}}\s?/\s?{_NAME}(?:\s{_NAME}){{0,5}}[)\]）]\.?$"
    rf"|/\s?(?:{_NAME}\s+)?via\s+{_NAME}(?:\s{_NAME}){{0,3}}$"
)
_BRACKET_END = re.compile(r"[(\[（]([^()\[\]（）]{2,60})[)\]）]\.?$")

TAIL_CHARS = 120
"""Characters at a line's end in which a credit is looked for."""

CARD_TIMES = 3
"""Times or dates within 8 lines from which they belong to a list of cards."""

HEADING_TIMES = 3
"""Appearances from which a short line is a module's heading."""

MIN_KIN = 0.5
"""Share of a headline's telling words that its text holds too."""

ABOVE_LINES = 14
"""Lines between a page's headline and its text at most: byline, dates, share."""


def verdicts(page: SegmentedPage, lines: Lines) -> npt.NDArray[np.int64]:
    """For each segment the verdict that settles it, `NONE` where none does."""
    n = len(page)
    low, high = lines.run
    at = np.arange(n)
    outside = (at < low) | (at >= high)
    words = lines.words
    stamped = lines.sum("time") + lines.sum("month") + lines.sum("clock") >= 0.4 * words
    titled = lines.headline & (words >= 4) & ~stamped
    heading = _module_headings(lines)
    under = titled & shifted(heading, -1) & outside
    moment = lines.moment & (words <= 6) & outside
    crowd = window_sums(moment[None].astype(np.float32), (8,))[0, 0] >= CARD_TIMES
    beside = shifted(titled | lines.prose, -1) | shifted(titled | lines.prose, 1)
    time = moment & crowd & beside
    card = titled & outside & (shifted(time, -1) | shifted(time, 1))
    summary = (words >= 8) & ~titled & outside
    summary &= shifted(card | under, -1) | shifted(card | under, 1)
    summary &= shifted(time, 1) | shifted(time, -1) | lines.ends("ellipsis")
    cards = np.zeros(int(lines.same.max()) + 1, bool)
    cards[lines.same[card | under]] = True
    echo = titled & (words >= 5) & outside & cards[lines.same]
    own = _own_headline(lines, under | (echo & (lines.times > 1)))
    between = (at > own) & (at < low) & (own >= 0)
    columns = (
        _captions(page, lines),
        at == own,
        between & (words <= 4) & (low - own <= 9),
        between & (words <= 6),
        heading & outside,
        under,
        time,
        card,
        summary,
        echo,
        lines.machinery & (words <= 45) & (outside | ~lines.prose),
        _foot(lines, time | card | under | heading),
    )
    out = np.full(n, NONE, np.int64)
    for number in range(len(columns) - 1, -1, -1):
        out[columns[number]] = number
    return out


def _captions(page: SegmentedPage, lines: Lines) -> Bools:
    """Lines of 6 to 120 words that end with who took the picture."""
    found = np.zeros(len(page), bool)
    agency = lines.sum("credit") >= 1
    likely = (lines.words >= 6) & (lines.words <= 120)
    for at in np.flatnonzero(likely & (agency | lines.ends("closes"))).tolist():
        end = int(page.ends[at])
        tail = page.text[max(int(page.starts[at]), end - TAIL_CHARS) : end]
        if tail[-1] not in ")]）" and tail[-2:-1] not in tuple(")]）") and "via" not in tail:
            continue  # neither pattern can match
        if "://" in tail or ".com" in tail:
            continue
        if _CREDIT_END.search(tail):
            found[at] = True
        elif bracket := _BRACKET_END.search(tail):
            named = [word for word in re.split(r"[\s/|,]+", bracket[1]) if word]
            capital = all(word[:1].isupper() or not word[:1].isalpha() for word in named[:2])
            found[at] = capital and any(marks_of(word)[_CREDIT] for word in named)
    return found


def _module_headings(lines: Lines) -> Bools:
    """Short lines that recur, each time over another headline."""
    short = (lines.words <= 4) & (lines.times >= HEADING_TIMES) & ~lines.moment
    short &= (lines.sum("digits") == 0) & (lines.sum("currency") == 0)
    found = np.zeros_like(short)
    places: dict[int, list[int]] = {}
    for at in np.flatnonzero(short).tolist():
        places.setdefault(int(lines.same[at]), []).append(at)
    titled = lines.headline & (lines.words >= 4)
    for where in places.values():
        after = [at + 1 for at in where if at + 1 < len(short) and titled[at + 1]]
        if len(after) < 0.8 * len(where) or len({int(lines.same[at]) for at in after}) < 4:
            continue
        alternating = sum(later - at == 2 for at, later in pairwise(where))
        if alternating >= 0.6 * (len(where) - 1):
            found[where] = True
    return found


def _own_headline(lines: Lines, cards: Bools) -> int:
    """The line above the main run that is its headline, -1 where none is sure.

    Sure is one that shares its words with the text and has the byline or the
    date between them.
    """
    low, high = lines.run
    if high - low < 3 or lines.words[low:high].sum() < 150:
        return -1
    meta = lines.moment | ((lines.words <= 6) & (lines.sum("author") >= 1))
    plain = lines.headline & (lines.words >= 4) & ~lines.moment & ~cards
    plain &= (lines.sum("author") + lines.sum("site") + lines.sum("action")) < 2
    best, best_kin, dated = -1, MIN_KIN, False
    for at in range(low - 1, max(low - 1 - ABOVE_LINES, -1), -1):
        if lines.prose[at]:
            break
        if dated and plain[at] and lines.kin[at] > best_kin:
            best, best_kin = at, float(lines.kin[at])
        dated |= bool(meta[at])
    return best


def _foot(lines: Lines, anchors: Bools) -> Bools:
    """What stands after the last of many cards, to the end of the page."""
    n = len(anchors)
    found = np.zeros(n, bool)
    places = np.flatnonzero(anchors)
    if len(places) >= 6 and n - places[-1] <= 7 and places[-1] > lines.run[1]:
        found[places[-1] + 1 :] = lines.words[places[-1] + 1 :] <= 60
    return found
