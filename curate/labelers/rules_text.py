"""What the rules see of a page's text: each rule a plain statement that holds or not.

The statements are named in the words that a reviewer reads as reasons. None of
them knows a language: words are told by the tables in `lexicon`.
"""

from __future__ import annotations

import numpy as np

from curate.labelers.lexicon import MARKS
from curate.labelers.rules_lines import PROSE_WORDS, Floats, Lines
from curate.labelers.statements import (
    Statements,
    StatementTable,
    bin_statements,
    shifted,
    window_sums,
)

__all__ = ["describe_text"]

LONG_RUN_WORDS = 250
"""Words from which the main run is a long one."""

_TOPICS = {
    "action": "a call to action",
    "social": "share or follow",
    "legal": "legal words",
    "comment": "words of comments and votes",
    "author": "words of authorship",
    "related": "words of related stories",
    "site": "words of menus and accounts",
}

# Shares of a line's words that a mark's tokens are compared with.
_SHARES = {"upper_case": 0.8, "digits": 0.5, "credit": 0.3} | dict.fromkeys(_TOPICS, 0.5)
_SHARE_MARKS = [MARKS.index(mark) for mark in _SHARES]
_LEAST_SHARES = np.array(list(_SHARES.values()), np.float32)[:, None]

_REACHED = ("prose words", "all words", "short lines", "headlines", "moments")
_NEAR = (3, 5, 6, 10)

_VALUES = (
    *(f"sum of {mark}" for mark in MARKS),
    *(f"{mark} over its share" for mark in _SHARES),
    "words",
    "times",
    "dated",
    "share of function words",
    "share of capitals",
    "kin",
    "share of the run",
    "prose within 3",
    "prose within 10",
    "short within 5",
    "headlines within 5",
    "moments within 6",
)
_BESIDE = ("moment", "prose", "headline", "short", "heading", "plain")
_FLAGS = (
    *(f"begins with {mark}" for mark in MARKS),
    *(f"ends with {mark}" for mark in MARKS),
    "colon",
    *_BESIDE,
    "inside",
    "above",
    "below",
    "outside",
    "big",
    "first five",
    "first tenth",
    "last tenth",
    "last quarter",
    "within 10",
    "right above",
    "right below",
    *(f"{kind} before" for kind in _BESIDE),
    *(f"{kind} after" for kind in _BESIDE),
    "moment two before",
    "moment two after",
    "moment near before",
    "moment near after",
    "beside a heading",
    "set in",
)


def _kinds() -> list[tuple[str, str]]:
    """A line's length and how often it stands on the page."""
    told = bin_statements("words:", "words", (2, 4, 7, 13, 21, 41, 81))
    told += [
        ("ends like a sentence", "ends with sentence_end & words >= 3"),
        ("two sentences or more", "sum of sentence_end >= 2"),
        (
            "a sentence of less than 18 words",
            f"ends with sentence_end & words >= 3 & words < {PROSE_WORDS}",
        ),
        ("ends in three dots", "ends with ellipsis"),
        ("ends in a comma or colon", "ends with clause_end"),
        ("no small words at all", "words >= 3 & share of function words <= 0"),
        ("many small words", "words >= 3 & share of function words >= 0.3"),
        (
            "words capitalised as in a headline",
            "words >= 4 & words <= 24 & share of capitals >= 0.65",
        ),
        (
            "a line capitalised as running text",
            "words >= 5 & words <= 24 & share of capitals < 0.4",
        ),
        ("all capitals", "upper_case over its share >= 0 & words <= 10"),
        ("begins with a small letter", "begins with lower_case"),
        ("begins with a number", "begins with number"),
        ("begins with a quotation mark", "begins with quote"),
        ("quotes somebody", "sum of quote >= 2 & words > 12"),
        ("ends with a bracket", "ends with closes & words >= 3"),
        ("mostly numbers", "digits over its share >= 0"),
        ("no word in it", "sum of words <= 0"),
        ("separators between words", "sum of separator >= 1 & words <= 20"),
        ("a mail or web address", "sum of address >= 1"),
        ("a price, short", "sum of currency >= 1 & words <= 8"),
        ("a price in prose", "sum of currency >= 1 & words > 8"),
        ("a time or date and little else", "moment"),
        ("a time or date among other words", "words <= 8 & not moment & dated >= 1"),
        ("a year in a longer line", "sum of year >= 1 & words > 8"),
        ("copyright sign", "sum of copyright >= 1"),
        (
            "ends naming a photographer or agency",
            "ends with credit & not begins with action",
        ),
        ("ends with a credit in brackets", "ends with closes & sum of credit >= 1"),
        ("begins with a credit word", "begins with credit"),
        ("a credit and little else", "words <= 12 & credit over its share >= 0"),
        ("begins with a credit word and a colon", "colon & words <= 25"),
        ("a short credit", "words <= 8 & sum of credit >= 1"),
        ("credit words in a sentence", "words > 8 & words <= 70 & sum of credit >= 1"),
        ("two credit words or more", "sum of credit >= 2 & words <= 70"),
        ("says where in a picture", "words > 8 & words <= 70 & sum of picture >= 1"),
    ]
    for mark, what in _TOPICS.items():
        told += [
            (f"{what}, in up to 8 words", f"words <= 8 & sum of {mark} >= 1"),
            (f"{what}, and little else", f"words <= 10 & {mark} over its share >= 0"),
            (
                f"{what}, twice in a longer line",
                f"words > 8 & words <= 60 & sum of {mark} >= 2",
            ),
            (f"begins with {what}", f"begins with {mark}"),
        ]
    for name, size in (
        ("up to 3 words", "short"),
        ("a line", "not short & not prose"),
        ("prose", "prose"),
    ):
        told += [
            (f"{name}, twice on the page", f"{size} & times >= 2 & times < 3"),
            (f"{name}, three times or more on the page", f"{size} & times >= 3"),
        ]
    return told


def _places() -> list[tuple[str, str]]:
    """Where a line stands, and what stands around it."""
    told = [
        ("among the first 5 lines", "first five"),
        ("in the first tenth", "first tenth"),
        ("in the last tenth", "last tenth"),
        ("in the last quarter", "last quarter"),
        ("the page has a long run of prose", "big"),
    ]
    for name, kind in (
        ("prose", "prose"),
        ("a headline", "headline"),
        ("up to 3 words", "short"),
        ("a short sentence", "not prose & not headline & not short"),
    ):
        told += [
            (f"{name} inside the main run", f"{kind} & inside"),
            (f"{name} above the main run", f"{kind} & above & big"),
            (f"{name} below the main run", f"{kind} & below & big"),
            (f"{name} on a page without a long run", f"{kind} & outside & not big"),
        ]
    told += [
        ("prose within 10 lines of the main run", "prose & outside & within 10"),
        ("right above the main run", "right above & big"),
        ("right below the main run", "right below & big"),
    ]
    told += bin_statements(
        "share of the page in its main run:", "share of the run", (0.2, 0.5, 0.8), "headline"
    )
    for reach in (3, 10):
        told += bin_statements(
            f"share of prose within {reach} lines:",
            f"prose within {reach}",
            (0.05, 0.35, 0.65, 0.9),
        )
    told += bin_statements("lines of up to 3 words within 5 lines:", "short within 5", (1, 3, 6, 9))
    told += bin_statements("headlines within 5 lines:", "headlines within 5", (2, 4, 7))
    told += bin_statements("times and dates within 6 lines:", "moments within 6", (1, 3))
    for where in ("before", "after"):
        told += [
            (f"a time or date in the line {where}", f"moment {where}"),
            (f"prose in the line {where}", f"prose {where}"),
            (f"a headline in the line {where}", f"headline {where}"),
            (f"up to 3 words in the line {where}", f"short {where}"),
            (f"a repeated heading in the line {where}", f"heading {where}"),
            (f"a headline, with a time or date {where}", f"headline & moment near {where}"),
            (f"a headline, with a sentence {where}", f"headline & plain {where}"),
            (f"prose, with a headline {where}", f"prose & headline {where}"),
        ]
    told += [
        ("a line beside a repeated heading", "not short & beside a heading"),
        ("a line set between prose", "set in"),
        ("a sentence set between prose", "set in & ends with sentence_end"),
        ("a line set between prose, with a name", "set in & sum of title_case >= 2"),
        (
            "prose alone between short lines",
            "prose & not prose after & not prose before",
        ),
        ("a headline that stands twice or more", "headline & times >= 2"),
    ]
    edges = (0.15, 0.4, 0.7)
    told += bin_statements(
        "shared words with the main run:", "kin", edges, "outside & words >= 3 & big"
    )
    told += bin_statements(
        "shared words with the rest of the main run:", "kin", edges, "inside & words >= 3 & big"
    )
    return told


_TEXT = StatementTable([*_kinds(), *_places()], _VALUES, _FLAGS)


def describe_text(lines: Lines) -> Statements:
    """All statements about text, in a fixed order."""
    words, times, prose = lines.words, lines.times, lines.prose
    headline, moment = lines.headline, lines.moment
    n = len(words)
    at = np.arange(n)
    low, high = lines.run
    above, below = at < low, at >= high
    outside = above | below
    short = words <= 3
    run_words = float(words[low:high].sum())
    big = np.full(n, run_words >= LONG_RUN_WORDS)

    counted = np.empty((len(_REACHED), n), np.float32)
    counted[0] = prose * words
    counted[1] = words
    counted[2], counted[3], counted[4] = short, headline, moment
    near3, near5, near6, near10 = window_sums(counted, _NEAR)
    values: Floats = np.empty((len(_VALUES), n), np.float32)
    values[: len(MARKS)] = lines.sums
    shares = values[len(MARKS) : len(MARKS) + len(_SHARES)]
    np.subtract(lines.sums.take(_SHARE_MARKS, axis=0), _LEAST_SHARES * words, out=shares)
    rest = values[len(MARKS) + len(_SHARES) :]
    rest[0] = words
    rest[1] = times
    rest[2] = lines.sum("time") + lines.sum("month") + lines.sum("clock")
    rest[3] = lines.sum("function") / words
    rest[4] = (lines.sum("title_case") + lines.sum("upper_case")) / words
    rest[5] = lines.kin
    rest[6] = run_words / max(float(words.sum()), 1.0)
    for row, near in ((7, near3), (8, near10)):
        around = near[:2] - counted[:2]
        rest[row] = around[0] / np.maximum(around[1], 1)
    rest[9], rest[10], rest[11] = near5[2], near5[3], near6[4]

    heading = short & (times >= 3)
    kinds = np.stack([moment, prose, headline, short, heading, ~short & ~headline & ~moment])
    before, after = shifted(kinds, -1), shifted(kinds, 1)
    two_before, two_after = shifted(moment, -2), shifted(moment, 2)
    flags = (
        lines.first > 0,
        lines.last > 0,
        lines.colon,
        kinds,
        ~outside,
        above,
        below,
        outside,
        big,
        at < 5,
        at < 0.1 * n,
        at >= 0.9 * n,
        at >= 0.75 * n,
        (at >= low - 10) & (at < high + 10),
        (at >= low - 3) & above,
        below & (at < high + 3),
        before,
        after,
        two_before,
        two_after,
        before[0] | two_before,
        after[0] | two_after,
        before[4] | after[4],
        after[1] & before[1] & ~prose & ~outside,
    )
    return Statements(_TEXT.names, _TEXT.read(values, flags))
