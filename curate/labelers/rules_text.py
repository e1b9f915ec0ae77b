"""What the rules see of a page's text: each rule a plain statement that holds or not.

The statements are named in the words that a reviewer reads as reasons. None of
them knows a language: words are told by the tables in `lexicon`.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from curate.labelers.lexicon import MARKS
from curate.labelers.rules_lines import PROSE_WORDS, Bools, Floats, Lines
from curate.labelers.statements import (
    StatementList,
    Statements,
    bin_names,
    bins,
    shifted,
    window_sum,
)

__all__ = ["ALONE", "describe_text", "neighbour_statements"]

ALONE = "taken alone"
"""How statements begin that tell what the first reading made of a line itself."""

REACHES = (1, 3, 8)
"""Lines to each side that neighbours are looked for in: the card, the module, the part."""

ALONE_EDGES = (0.1, 0.3, 0.5, 0.7, 0.9)
NEAR_EDGES = (0.15, 0.35, 0.6, 0.85)
PAGE_EDGES = (0.1, 0.3, 0.6)
SAME_EDGES = (0.2, 0.5, 0.8)


def describe_text(lines: Lines) -> Statements:
    """All statements about text, in a fixed order."""
    n = len(lines.words)
    found = StatementList(n)
    words, times = lines.words, lines.times
    short, brief = words <= 3, words <= 8
    found.bins("words:", words, (2, 4, 7, 13, 21, 41, 81))
    _wording(found, lines)
    _meaning(found, lines, brief)
    for size, name in (
        (short, "up to 3 words"),
        (~short & ~lines.prose, "a line"),
        (lines.prose, "prose"),
    ):
        found.add(f"{name}, twice on the page", size & (times == 2))
        found.add(f"{name}, three times or more on the page", size & (times >= 3))
    _place(found, lines)
    return found.done()


def _wording(found: StatementList, lines: Lines) -> None:
    words = lines.words
    several = words >= 3
    sentence = lines.ends("sentence_end")
    function = lines.sum("function") / words
    found.add("ends like a sentence", sentence & several)
    found.add("two sentences or more", lines.sum("sentence_end") >= 2)
    found.add("a sentence of less than 18 words", sentence & several & (words < PROSE_WORDS))
    found.add("ends in three dots", lines.ends("ellipsis"))
    found.add("ends in a comma or colon", lines.ends("clause_end"))
    found.add("no small words at all", several & (function == 0))
    found.add("many small words", several & (function >= 0.3))
    capital = (lines.sum("title_case") + lines.sum("upper_case")) / words
    found.add(
        "words capitalised as in a headline", (words >= 4) & (words <= 24) & (capital >= 0.65)
    )
    found.add("a line capitalised as running text", (words >= 5) & (words <= 24) & (capital < 0.4))
    found.add("all capitals", (lines.sum("upper_case") >= 0.8 * words) & (words <= 10))
    found.add("begins with a small letter", lines.begins("lower_case"))
    found.add("begins with a number", lines.begins("number"))
    found.add("begins with a quotation mark", lines.begins("quote"))
    found.add("quotes somebody", (lines.sum("quote") >= 2) & (words > 12))
    found.add("ends with a bracket", lines.ends("closes") & several)
    found.add("mostly numbers", lines.sum("digits") >= 0.5 * words)
    found.add("no word in it", lines.sum("words") == 0)
    found.add("separators between words", (lines.sum("separator") >= 1) & (words <= 20))
    found.add("a mail or web address", lines.sum("address") >= 1)
    found.add("a price, short", (lines.sum("currency") >= 1) & (words <= 8))
    found.add("a price in prose", (lines.sum("currency") >= 1) & (words > 8))


def _meaning(found: StatementList, lines: Lines, brief: Bools) -> None:
    words = lines.words
    middle = (words > 8) & (words <= 70)
    found.add("a time or date and little else", lines.moment)
    found.add(
        "a time or date among other words",
        brief
        & ~lines.moment
        & ((lines.sum("time") + lines.sum("month") + lines.sum("clock")) >= 1),
    )
    found.add("a year in a longer line", (lines.sum("year") >= 1) & (words > 8))
    found.add("copyright sign", lines.sum("copyright") >= 1)
    found.add(
        "ends naming a photographer or agency", lines.ends("credit") & ~lines.begins("action")
    )
    found.add("ends with a credit in brackets", lines.ends("closes") & (lines.sum("credit") >= 1))
    found.add("begins with a credit word", lines.begins("credit"))
    found.add("a credit and little else", (words <= 12) & (lines.sum("credit") >= 0.3 * words))
    colon = lines.begin2(("credit", "clause_end"))
    found.add("begins with a credit word and a colon", colon & (words <= 25))
    found.add("a short credit", brief & (lines.sum("credit") >= 1))
    found.add("credit words in a sentence", middle & (lines.sum("credit") >= 1))
    found.add("two credit words or more", (lines.sum("credit") >= 2) & (words <= 70))
    found.add("says where in a picture", middle & (lines.sum("picture") >= 1))
    number = lines.sums[:, _TOPIC_MARKS].T
    told = np.stack(
        [
            brief & (number >= 1),
            (words <= 10) & (number >= 0.5 * words),
            (words > 8) & (words <= 60) & (number >= 2),
            lines.first[:, _TOPIC_MARKS].T > 0,
        ],
        axis=1,
    )
    found.add_all(_TOPIC_NAMES, told.reshape(-1, found.n))


_TOPICS = {
    "action": "a call to action",
    "social": "share or follow",
    "legal": "legal words",
    "comment": "words of comments and votes",
    "author": "words of authorship",
    "related": "words of related stories",
    "site": "words of menus and accounts",
}
_TOPIC_MARKS = [MARKS.index(mark) for mark in _TOPICS]
_TOPIC_NAMES = [
    name
    for what in _TOPICS.values()
    for name in (
        f"{what}, in up to 8 words",
        f"{what}, and little else",
        f"{what}, twice in a longer line",
        f"begins with {what}",
    )
]


def _place(found: StatementList, lines: Lines) -> None:
    n = len(lines.words)
    at = np.arange(n)
    low, high = lines.run
    inside = (at >= low) & (at < high)
    words, prose, headline, moment = lines.words, lines.prose, lines.headline, lines.moment
    short = words <= 3
    found.add("among the first 5 lines", at < 5)
    found.add("in the first tenth", at < 0.1 * n)
    found.add("in the last tenth", at >= 0.9 * n)
    found.add("in the last quarter", at >= 0.75 * n)
    run_words = float(words[low:high].sum())
    share = run_words / max(float(words.sum()), 1.0)
    big = run_words >= 250
    found.add("the page has a long run of prose", np.full(n, big))
    for name, kind in (
        ("prose", prose),
        ("a headline", headline),
        ("up to 3 words", short),
        ("a short sentence", ~prose & ~headline & ~short),
    ):
        found.add(f"{name} inside the main run", kind & inside)
        found.add(f"{name} above the main run", kind & (at < low) & big)
        found.add(f"{name} below the main run", kind & (at >= high) & big)
        found.add(f"{name} on a page without a long run", kind & ~inside & (not big))
    found.add(
        "prose within 10 lines of the main run",
        prose & ~inside & (at >= low - 10) & (at < high + 10),
    )
    found.add("right above the main run", (at >= low - 3) & (at < low) & big)
    found.add("right below the main run", (at >= high) & (at < high + 3) & big)
    found.bins(
        "share of the page in its main run:",
        np.full(n, share, np.float32),
        (0.2, 0.5, 0.8),
        headline,
    )
    prose_words = np.where(prose, words, 0).astype(np.float32)
    both = np.stack([prose_words, words])
    for reach in (3, 10):
        near, all_near = window_sum(both, reach) - both
        found.bins(
            f"share of prose within {reach} lines:",
            (near / np.maximum(all_near, 1)).astype(np.float32),
            (0.05, 0.35, 0.65, 0.9),
        )
    n_short, n_headlines = window_sum(np.stack([short, headline]).astype(np.float32), 5)
    found.bins("lines of up to 3 words within 5 lines:", n_short, (1, 3, 6, 9))
    found.bins("headlines within 5 lines:", n_headlines, (2, 4, 7))
    found.bins("times and dates within 6 lines:", window_sum(moment.astype(np.float32), 6), (1, 3))
    heading = short & (lines.times >= 3)
    plain = ~short & ~headline & ~moment
    kinds = np.stack([moment, prose, headline, short, heading, plain])
    beside = {by: shifted(kinds, by) for by in (-1, 1)}
    for by, where in ((-1, "before"), (1, "after")):
        there = beside[by]
        found.add_all(
            [f"{kind} in the line {where}" for kind in _KINDS_BESIDE], there[: len(_KINDS_BESIDE)]
        )
        found.add(
            f"a headline, with a time or date {where}",
            headline & (there[0] | shifted(moment, 2 * by)),
        )
        found.add(f"a headline, with a sentence {where}", headline & there[5])
        found.add(f"prose, with a headline {where}", prose & there[2])
    before, after = beside[-1], beside[1]
    found.add("a line beside a repeated heading", ~short & (before[4] | after[4]))
    set_in = after[1] & before[1] & ~prose & inside
    found.add("a line set between prose", set_in)
    found.add("a sentence set between prose", set_in & lines.ends("sentence_end"))
    found.add("a line set between prose, with a name", set_in & (lines.sum("title_case") >= 2))
    found.add("prose alone between short lines", prose & ~after[1] & ~before[1])
    found.add("a headline that stands twice or more", headline & (lines.times >= 2))
    away = ~inside & (words >= 3)
    found.bins("shared words with the main run:", lines.kin, (0.15, 0.4, 0.7), away & big)
    found.bins(
        "shared words with the rest of the main run:",
        lines.kin,
        (0.15, 0.4, 0.7),
        inside & (words >= 3) & big,
    )


_KINDS_BESIDE = (
    "a time or date",
    "prose",
    "a headline",
    "up to 3 words",
    "a repeated heading",
)


def neighbour_statements(scores: Floats, lines: Lines, names: tuple[str, ...]) -> Statements:
    """What the lines around look like, by the scores of the first reading.

    Args:
        scores: float32 [n_segments, n_labels].
        lines: of the same page.
        names: n_labels label names.
    """
    n = len(scores)
    words = np.sqrt(lines.words)
    alone = np.ascontiguousarray(scores.T)
    weighted = alone * words
    both = np.concatenate([weighted, words[None]])
    values: list[tuple[Floats, tuple[float, ...]]] = [(alone, ALONE_EDGES)]
    for reach in REACHES:
        around = window_sum(both, reach) - both
        near = around[:-1] / np.maximum(around[-1], 1e-6)
        values.append((near.astype(np.float32), NEAR_EDGES))
    whole = (weighted.sum(axis=1) / words.sum()).astype(np.float32)
    values.append((np.repeat(whole[:, None], n, axis=1), PAGE_EDGES))
    group = np.stack([np.bincount(lines.same, of_label)[lines.same] for of_label in alone])
    values.append(((group / lines.times).astype(np.float32), SAME_EDGES))
    blocks = [bins(value, edges) for value, edges in values]
    blocks[-1] &= lines.times > 1
    holds = np.concatenate(blocks, axis=1).reshape(-1, n)
    return Statements(_neighbour_names(names), holds.T)


@cache
def _neighbour_names(labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        name
        for label in labels
        for what, edges in (
            (f"{ALONE}, {label}:", ALONE_EDGES),
            *((f"{label} within {reach} lines:", NEAR_EDGES) for reach in REACHES),
            (f"{label} on the whole page:", PAGE_EDGES),
            (f"{label} where its text stands:", SAME_EDGES),
        )
        for name in bin_names(what, edges)
    )
