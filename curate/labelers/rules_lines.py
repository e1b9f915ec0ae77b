"""What is counted in a page's lines before any rule looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curate.labelers.lexicon import MARKS
from curate.labelers.patterns import UNSPACED_TIME
from curate.labelers.tokens import Tokens, TokenTable
from curate.schema import SegmentedPage

__all__ = ["PROSE_WORDS", "Bools", "Floats", "Lines", "TokenMarks", "read_lines", "read_marks"]

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

PROSE_WORDS = 18
"""Words from which a line with function words reads as prose: shorter ones are
mostly headlines, list items, captions."""

_COLUMN = {name: at for at, name in enumerate(MARKS)}
_STAMPS = [_COLUMN[name] for name in ("time", "month", "number", "clock", "year")]


@dataclass(frozen=True, eq=False)
class Lines:
    """Counts over the tokens of each segment.

    Attributes:
        sums: float32 [n, n_marks], marks summed over the segment's tokens.
        first, last: float32 [n, n_marks], marks of its first and last token.
        two: float32 [n, 2, n_marks], marks of its first two tokens.
        words: float32 [n].
        prose: bool [n], long and with function words.
        headline: bool [n], a headline by its shape.
        moment: bool [n], a time or date and little else.
        times: int64 [n], how often its text stands on the page.
        same: int64 [n], equal for equal texts.
        run: the stretch of prose that the page has most of, half-open.
        kin: float32 [n], share of its telling words that the run (without the
            line itself) holds too.
    """

    sums: Floats
    first: Floats
    last: Floats
    two: Floats
    words: Floats
    prose: Bools
    headline: Bools
    moment: Bools
    times: npt.NDArray[np.int64]
    same: npt.NDArray[np.int64]
    run: tuple[int, int]
    kin: Floats

    def sum(self, mark: str) -> Floats:
        """Tokens of a segment that carry a mark."""
        return self.sums[:, _COLUMN[mark]]

    def begins(self, mark: str) -> Bools:
        """Segments whose first token carries a mark."""
        return self.first[:, _COLUMN[mark]] > 0

    def begin2(self, marks: tuple[str, ...]) -> Bools:
        """Segments where one of the first two tokens carries all of the marks."""
        columns = [_COLUMN[mark] for mark in marks]
        carries: Bools = np.all(self.two[:, :, columns] > 0, axis=2)
        return carries[:, 0] | carries[:, 1]

    def ends(self, mark: str) -> Bools:
        """Segments whose last token carries a mark."""
        return self.last[:, _COLUMN[mark]] > 0


class TokenMarks(NamedTuple):
    """Tokens of a page, their marks, and the marks summed by segment.

    Attributes:
        tokens: of each segment.
        marks: float32 [n_tokens, n_marks].
        sums: float32 [n_segments, n_marks].
    """

    tokens: Tokens
    marks: Floats
    sums: Floats


def read_marks(page: SegmentedPage, table: TokenTable) -> TokenMarks:
    """Read a page's tokens and sum their marks."""
    tokens = table.read(page.text, page.starts, page.ends)
    marks = table.marks[tokens.rows]
    sums = np.add.reduceat(marks, tokens.offsets[:-1], axis=0) * tokens.scale[:, None]
    return TokenMarks(tokens, marks, sums)


def read_lines(page: SegmentedPage, table: TokenTable, told: TokenMarks | None = None) -> Lines:
    """Count tokens and tell lines of prose, headlines, times, repeats, the main run."""
    tokens, marks, sums = told or read_marks(page, table)
    begin = tokens.offsets[:-1]
    first, last = marks[begin], marks[tokens.offsets[1:] - 1]
    second = marks[np.minimum(begin + 1, tokens.offsets[1:] - 1)]
    two = np.stack([first, second], axis=1)
    words = np.maximum(sums[:, _COLUMN["words"]], 1)
    function = sums[:, _COLUMN["function"]]
    prose = (words >= PROSE_WORDS) & (function >= 0.18 * words)
    ends_sentence = last[:, _COLUMN["sentence_end"]] > 0
    # "What comes next?" asks as a headline does; a full stop ends prose.
    asks = np.array([page.text[end - 1] in "?？؟" for end in page.ends.tolist()], bool)
    headline = (words >= 3) & (words <= 24) & (~ends_sentence | asks) & ~prose
    stamp = marks[:, _STAMPS].any(axis=1)
    n_stamp = np.add.reduceat(stamp.astype(np.float32), begin)
    dated = sums[:, _COLUMN["time"]] + sums[:, _COLUMN["month"]] + sums[:, _COLUMN["clock"]]
    n_tokens = np.diff(tokens.offsets)
    moment = (words <= 9) & (dated >= 1) & (n_stamp >= 0.6 * n_tokens)
    if not page.text.isascii():
        for at in np.flatnonzero((words <= 9) & (sums[:, _COLUMN["digits"]] > 0) & ~moment):
            line = page.segment_text(int(at))
            moment[at] = len(line) <= 30 and UNSPACED_TIME.fullmatch(line) is not None
    texts: dict[str, int] = {}
    ids = [
        texts.setdefault(page.text[start:end].casefold(), len(texts))
        for start, end in zip(page.starts.tolist(), page.ends.tolist(), strict=True)
    ]
    same = np.array(ids, np.int64)
    times = np.bincount(same)[same]
    run = _main_run(words, prose, times, ends_sentence)
    kin = _kinship(table.hashes[tokens.rows], tokens, marks, run)
    return Lines(sums, first, last, two, words, prose, headline, moment, times, same, run, kin)


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


def _kinship(
    keys: npt.NDArray[np.uint32], tokens: Tokens, marks: Floats, run: tuple[int, int]
) -> Floats:
    """Share of each line's telling words that stand in the run, outside the line."""
    telling = (marks[:, _COLUMN["function"]] == 0) & (marks[:, _COLUMN["chars"]] > 4)
    low, high = tokens.offsets[run[0]], tokens.offsets[run[1]]
    _, word = np.unique(keys, return_inverse=True)
    counts = np.bincount(word[low:high], minlength=int(word.max()) + 1)
    in_run = np.zeros(len(word), np.int64)
    in_run[low:high] = 1
    found = counts[word] > in_run
    begin = tokens.offsets[:-1]
    n_found = np.add.reduceat((found & telling).astype(np.float32), begin)
    n_telling = np.add.reduceat(telling.astype(np.float32), begin)
    kin: Floats = n_found / np.maximum(n_telling, 1)
    return kin
