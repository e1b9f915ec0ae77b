"""What is counted in a page's lines before any rule looks at them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import make_batch
from curate.labelers.lexicon import MARKS
from curate.labelers.marks import segment_marks
from curate.labelers.patterns import MACHINERY, UNSPACED_TIME
from curate.labelers.tokens import STAMP, TELLING, Tokens, TokenTable
from curate.schema import SegmentedPage

__all__ = ["PROSE_WORDS", "Bools", "Floats", "Lines", "TokenMarks", "read_lines", "read_marks"]

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

PROSE_WORDS = 18
"""Words from which a line with function words reads as prose: shorter ones are
mostly headlines, list items, captions."""

_COLUMN = {name: at for at, name in enumerate(MARKS)}
_CREDIT, _CLAUSE_END = _COLUMN["credit"], _COLUMN["clause_end"]

MOMENT_CHARS = 30
"""Characters of a line that may be a time in a script without blanks."""


@dataclass(frozen=True, eq=False)
class Lines:
    """Counts over the tokens of each segment.

    Attributes:
        sums: float32 [n_marks, n], marks summed over the segment's tokens.
        first, last: float32 [n_marks, n], marks of its first and last token.
        colon: bool [n], whether one of the first two tokens is a credit word with a colon.
        words: float32 [n].
        prose: bool [n], long and with function words.
        headline: bool [n], a headline by its shape.
        moment: bool [n], a time or date and little else.
        machinery: bool [n], two words about scripts, cookies, the browser.
        times: int64 [n], how often its text stands on the page.
        same: int64 [n], equal for equal texts.
        run: the stretch of prose that the page has most of, half-open.
        kin: float32 [n], share of its telling words that the run (without the
            line itself) holds too.
    """

    sums: Floats
    first: Floats
    last: Floats
    colon: Bools
    words: Floats
    prose: Bools
    headline: Bools
    moment: Bools
    machinery: Bools
    times: npt.NDArray[np.int64]
    same: npt.NDArray[np.int64]
    run: tuple[int, int]
    kin: Floats

    def sum(self, mark: str) -> Floats:
        """Tokens of a segment that carry a mark."""
        row: Floats = self.sums[_COLUMN[mark]]
        return row

    def ends(self, mark: str) -> Bools:
        """Segments whose last token carries a mark."""
        held: Bools = self.last[_COLUMN[mark]] > 0
        return held


class TokenMarks(NamedTuple):
    """Tokens of a page and what their marks come to by segment.

    Attributes:
        tokens: of each segment.
        first, last, sums, extras: see `SegmentMarks`.
    """

    tokens: Tokens
    first: Floats
    last: Floats
    sums: Floats
    extras: Floats


def read_marks(page: SegmentedPage, table: TokenTable) -> TokenMarks:
    """Read a page's tokens and sum their marks."""
    batch = make_batch([page], table)
    marks = segment_marks(batch, table)
    return TokenMarks(batch.tokens, marks.first, marks.last, marks.sums, marks.extras)


def read_lines(page: SegmentedPage, table: TokenTable, told: TokenMarks | None = None) -> Lines:
    """Count tokens and tell lines of prose, headlines, times, repeats, the main run."""
    tokens, first, last, sums, extras = told or read_marks(page, table)
    begin, stop = tokens.offsets[:-1], tokens.offsets[1:]
    words = np.maximum(sums[_COLUMN["words"]], 1)
    prose = (words >= PROSE_WORDS) & (sums[_COLUMN["function"]] >= 0.18 * words)
    ends_sentence = last[_COLUMN["sentence_end"]] > 0
    headline = (words >= 3) & (words <= 24) & ~prose
    # "What comes next?" asks as a headline does; a full stop ends prose.
    ended = np.flatnonzero(headline & ends_sentence)
    if len(ended):
        text = page.text
        headline[ended] = [text[end - 1] in "?？؟" for end in page.ends[ended].tolist()]
    dated = sums[_COLUMN["time"]] + sums[_COLUMN["month"]] + sums[_COLUMN["clock"]]
    moment = (words <= 9) & (dated >= 1) & (extras[STAMP - len(MARKS)] >= 0.6 * (stop - begin))
    if not page.text.isascii():
        brief = (words <= 9) & (page.ends - page.starts <= MOMENT_CHARS)
        for at in np.flatnonzero(brief & (sums[_COLUMN["digits"]] > 0) & ~moment).tolist():
            line = page.segment_text(at)
            moment[at] = not line.isascii() and UNSPACED_TIME.fullmatch(line) is not None
    second = table.facts[tokens.rows[np.minimum(begin + 1, stop - 1)]]
    colon = (first[_CREDIT] > 0) & (first[_CLAUSE_END] > 0)
    colon |= (second[:, _CREDIT] > 0) & (second[:, _CLAUSE_END] > 0)
    same = _same_lines(page)
    times = np.bincount(same)[same]
    run = _main_run(words, prose, times, ends_sentence)
    return Lines(
        sums=sums,
        first=first,
        last=last,
        colon=colon,
        words=words,
        prose=prose,
        headline=headline,
        moment=moment,
        machinery=_machinery(page, table, tokens),
        times=times,
        same=same,
        run=run,
        kin=_kinship(table, tokens, extras[TELLING - len(MARKS)], run),
    )


def _same_lines(page: SegmentedPage) -> npt.NDArray[np.int64]:
    """A number for each line, equal for texts that differ in case at most."""
    texts: dict[str, int] = {}
    tell, text = texts.setdefault, page.text
    spans = zip(page.starts.tolist(), page.ends.tolist(), strict=True)
    if text.isascii():
        text = text.lower()
        return np.array([tell(text[start:end], len(texts)) for start, end in spans], np.int64)
    lines = [text[start:end] for start, end in spans]
    folded = [line.lower() if line.isascii() else line.casefold() for line in lines]
    return np.array([tell(line, len(texts)) for line in folded], np.int64)


def _main_run(
    words: Floats, prose: Bools, times: npt.NDArray[np.int64], ends: Bools
) -> tuple[int, int]:
    """The stretch of lines with the highest sum: prose adds, what is not prose takes away."""
    gain = np.where(prose, np.minimum(words, 120), np.where(ends, -1.0, -4.0))
    gain = np.where(prose & (times > 1), 0.0, gain)
    best, best_span, total, start = 0.0, (0, 0), 0.0, 0
    for at, value in enumerate(gain.tolist()):
        total += value
        if total <= 0:
            total, start = 0.0, at + 1
        elif total > best:
            best, best_span = total, (start, at + 1)
    return best_span


def _machinery(page: SegmentedPage, table: TokenTable, tokens: Tokens) -> Bools:
    """Lines with two of the words about machinery."""
    if table.watched == MACHINERY and tokens.whole.all():
        # Each stands within a token, and the table knows which tokens hold one.
        held = np.bitwise_or.reduceat(table.parts.take(tokens.rows), tokens.offsets[:-1])
        two: Bools = held & (held - np.uint32(1)) > 0
        return two
    found = np.zeros(len(page), bool)
    whole = page.text.casefold()
    present = [word for word in MACHINERY if word in whole]
    if len(present) < 2:
        return found
    if len(whole) != len(page.text):  # places have moved
        for at in range(len(page)):
            line = page.segment_text(at).casefold()
            found[at] = sum(word in line for word in present) >= 2
        return found
    count = np.zeros(len(page), np.int64)
    for word in present:
        places = [place.start() for place in re.finditer(re.escape(word), whole)]
        lines = np.searchsorted(page.starts, places, side="right") - 1
        count[np.unique(lines[lines >= 0])] += 1
    return np.asarray(count >= 2)


def _kinship(table: TokenTable, tokens: Tokens, n_telling: Floats, run: tuple[int, int]) -> Floats:
    """Share of each line's telling words that stand in the run, outside the line."""
    low, high = tokens.offsets[run[0]], tokens.offsets[run[1]]
    if low == high:
        return np.zeros(len(n_telling), np.float32)
    counts = np.bincount(tokens.alike[low:high], minlength=len(tokens.rows))
    counts = counts.take(tokens.alike)
    counts[low:high] -= 1
    telling = table.column(TELLING, tokens.rows)
    telling *= counts > 0
    kin: Floats = np.add.reduceat(telling, tokens.offsets[:-1]) / np.maximum(n_telling, 1)
    return kin
