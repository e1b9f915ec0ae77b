"""What the rules see of a page's text: each rule a plain statement that holds or not.

The statements are named in the words that a reviewer reads as reasons. None of
them knows a language: words are told by the tables in `lexicon`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from curate.labelers.rules_lines import PROSE_WORDS, Bools, Floats, Lines

__all__ = [
    "ALONE",
    "StatementList",
    "Statements",
    "describe_text",
    "neighbour_statements",
    "shifted",
    "window_sum",
]

ALONE = "taken alone"
"""How statements begin that tell what the first reading made of a line itself."""

REACHES = (1, 3, 8)
"""Lines to each side that neighbours are looked for in: the card, the module, the part."""


@dataclass(frozen=True)
class Statements:
    """Rules and where they hold.

    Attributes:
        names: n_rules names.
        holds: bool [n_segments, n_rules].
    """

    names: tuple[str, ...]
    holds: Bools


class StatementList:
    """Collects statements in order."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.names: list[str] = []
        self.blocks: list[Bools] = []

    def add(self, name: str, column: Bools) -> None:
        """One statement and where it holds."""
        self.names.append(name)
        self.blocks.append(column)

    def add_all(self, names: Sequence[str], block: Bools) -> None:
        """Several statements, block [n_statements, n_segments]."""
        self.names.extend(names)
        self.blocks.append(block)

    def bins(
        self, what: str, value: Floats, edges: tuple[float, ...], where: Bools | None = None
    ) -> None:
        """One statement a bin: below the first edge, between two, from the last on."""
        bin_of = np.searchsorted(np.asarray(edges, np.float32), value, side="right")
        block = bin_of == np.arange(len(edges) + 1)[:, None]
        self.add_all(_bin_names(what, edges), block if where is None else block & where)

    def done(self) -> Statements:
        """What was collected."""
        holds = np.empty((len(self.names), self.n), bool)
        at = 0
        for block in self.blocks:
            stop = at + (1 if block.ndim == 1 else len(block))
            holds[at:stop] = block
            at = stop
        return Statements(tuple(self.names), holds.T)


@cache
def _bin_names(what: str, edges: tuple[float, ...]) -> tuple[str, ...]:
    between = (f"{what} {low:g} to {high:g}" for low, high in pairwise(edges))
    return (f"{what} below {edges[0]:g}", *between, f"{what} {edges[-1]:g} or more")


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
    for mark, what in (
        ("action", "a call to action"),
        ("social", "share or follow"),
        ("legal", "legal words"),
        ("comment", "words of comments and votes"),
        ("author", "words of authorship"),
        ("related", "words of related stories"),
        ("site", "words of menus and accounts"),
    ):
        number = lines.sum(mark)
        found.add(f"{what}, in up to 8 words", brief & (number >= 1))
        found.add(f"{what}, and little else", (words <= 10) & (number >= 0.5 * words))
        found.add(f"{what}, twice in a longer line", (words > 8) & (words <= 60) & (number >= 2))
        found.add(f"begins with {what}", lines.begins(mark))


def shifted(column: Bools, by: int) -> Bools:
    """The column of the line `by` places on; False past the ends."""
    out = np.zeros_like(column)
    if by > 0:
        out[:-by] = column[by:]
    else:
        out[-by:] = column[:by]
    return out


def window_sum(value: Floats, reach: int) -> Floats:
    """Sum over the lines up to `reach` places away, the line itself included.

    Args:
        value: float [..., n].
        reach: lines to each side.
    """
    n = value.shape[-1]
    total = np.zeros((*value.shape[:-1], n + 1))
    np.cumsum(value, axis=-1, dtype=np.float64, out=total[..., 1:])
    low, high = _reach(n, reach)
    out: Floats = (total[..., high] - total[..., low]).astype(np.float32)
    return out


@lru_cache(maxsize=64)
def _reach(n: int, reach: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    at = np.arange(n)
    return np.maximum(at - reach, 0), np.minimum(at + reach + 1, n)


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
    for reach in (3, 10):
        near = window_sum(prose_words, reach) - prose_words
        all_near = np.maximum(window_sum(words, reach) - words, 1)
        found.bins(
            f"share of prose within {reach} lines:",
            (near / all_near).astype(np.float32),
            (0.05, 0.35, 0.65, 0.9),
        )
    found.bins(
        "lines of up to 3 words within 5 lines:",
        window_sum(short.astype(np.float32), 5),
        (1, 3, 6, 9),
    )
    found.bins("headlines within 5 lines:", window_sum(headline.astype(np.float32), 5), (2, 4, 7))
    found.bins("times and dates within 6 lines:", window_sum(moment.astype(np.float32), 6), (1, 3))
    heading = short & (lines.times >= 3)
    for by, where in ((-1, "before"), (1, "after")):
        found.add(f"a time or date in the line {where}", shifted(moment, by))
        found.add(f"prose in the line {where}", shifted(prose, by))
        found.add(f"a headline in the line {where}", shifted(headline, by))
        found.add(f"up to 3 words in the line {where}", shifted(short, by))
        found.add(f"a repeated heading in the line {where}", shifted(heading, by))
        found.add(
            f"a headline, with a time or date {where}",
            headline & (shifted(moment, by) | shifted(moment, 2 * by)),
        )
        found.add(
            f"a headline, with a sentence {where}",
            headline & shifted(~short & ~headline & ~moment, by),
        )
        found.add(f"prose, with a headline {where}", prose & shifted(headline, by))
    found.add(
        "a line beside a repeated heading", ~short & (shifted(heading, -1) | shifted(heading, 1))
    )
    set_in = shifted(prose, 1) & shifted(prose, -1) & ~prose & inside
    found.add("a line set between prose", set_in)
    found.add("a sentence set between prose", set_in & lines.ends("sentence_end"))
    found.add("a line set between prose, with a name", set_in & (lines.sum("title_case") >= 2))
    found.add("prose alone between short lines", prose & ~shifted(prose, 1) & ~shifted(prose, -1))
    found.add("a headline that stands twice or more", headline & (lines.times >= 2))
    away = ~inside & (words >= 3)
    found.bins("shared words with the main run:", lines.kin, (0.15, 0.4, 0.7), away & big)
    found.bins(
        "shared words with the rest of the main run:",
        lines.kin,
        (0.15, 0.4, 0.7),
        inside & (words >= 3) & big,
    )


def neighbour_statements(scores: Floats, lines: Lines, names: tuple[str, ...]) -> Statements:
    """What the lines around look like, by the scores of the first reading.

    Args:
        scores: float32 [n_segments, n_labels].
        lines: of the same page.
        names: n_labels label names.
    """
    n = len(scores)
    found = StatementList(n)
    words = np.sqrt(lines.words)
    alone = np.ascontiguousarray(scores.T)
    weighted = alone * words
    near: list[Floats] = []
    for reach in REACHES:
        weight = np.maximum(window_sum(words, reach) - words, 1e-6)
        near.append(((window_sum(weighted, reach) - weighted) / weight).astype(np.float32))
    whole = (weighted.sum(axis=1) / words.sum()).astype(np.float32)
    repeated = lines.times > 1
    for label, name in enumerate(names):
        found.bins(f"{ALONE}, {name}:", alone[label], (0.1, 0.3, 0.5, 0.7, 0.9))
        for reach, share in zip(REACHES, near, strict=True):
            found.bins(f"{name} within {reach} lines:", share[label], (0.15, 0.35, 0.6, 0.85))
        found.bins(f"{name} on the whole page:", np.full(n, whole[label]), (0.1, 0.3, 0.6))
        group = (np.bincount(lines.same, alone[label])[lines.same] / lines.times).astype(np.float32)
        found.bins(f"{name} where its text stands:", group, (0.2, 0.5, 0.8), repeated)
    return found.done()
