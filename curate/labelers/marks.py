"""Token marks summed by segment, and the base columns that stretches are averages of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Batch, Floats
from curate.labelers.first import OUTPUTS, FirstScores
from curate.labelers.lexicon import MARKS
from curate.labelers.sheet import Sheet
from curate.labelers.tokens import FACTS, TokenTable

__all__ = [
    "BASE",
    "COLUMN",
    "LAST_KEPT",
    "MAIN",
    "MEDIA",
    "OWN_GROUPS",
    "SHORT_WORDS",
    "W_MAIN",
    "SegmentMarks",
    "base_columns",
    "last_marks",
    "put_own",
    "put_scores",
    "segment_marks",
]

COLUMN = {name: index for index, name in enumerate(MARKS)}
_FIRST_MARKS = ("title_case", "lower_case", "upper_case", "digits", "symbol", "separator", "opens",
                "quote", "function", "action", "credit", "author", "time", "related")  # fmt: skip
_LAST_MARKS = ("sentence_end", "clause_end", "ellipsis", "closes", "digits", "upper_case",
               "title_case", "separator", "credit", "time", "year")  # fmt: skip
_FIRST = np.array([COLUMN[name] for name in _FIRST_MARKS])
_LAST = np.array([COLUMN[name] for name in _LAST_MARKS])
LAST_KEPT = [_LAST_MARKS.index(n) for n in ("sentence_end", "ellipsis", "closes", "credit")]
_RATIOS = 2  # marks from here on are told as shares of the tokens

BASE = ("one", "words", "link", "sentence", "function", "title", "digits", "time", "short",
        "action", "credit", "media", "story", *OUTPUTS, "w_main", "w_article")  # fmt: skip
MAIN = BASE.index("main")
MEDIA = BASE.index("media")
W_MAIN = BASE.index("w_main")
_SUMMED = [COLUMN[name] for name in ("sentence_end", "function", "title_case", "digits")]

SHORT_WORDS = 4

QUANTUM = np.float32(1024)


@dataclass(frozen=True, slots=True, eq=False)
class SegmentMarks:
    """Sums over the tokens of each segment.

    Attributes:
        first, last: float32 [len(MARKS), n_segments], marks of the first and last token.
        sums: float32 [len(MARKS), n_segments].
        words: float32 [n_segments], at least a half, so that it can divide.
        n_tokens: float32 [n_segments].
        weights: float32 [n_weights, n_segments], sums of the tokens' weights.
        extras: float32 [len(EXTRAS), n_segments], sums of `tokens.EXTRAS`, unscaled.
    """

    first: Floats
    last: Floats
    sums: Floats
    words: Floats
    n_tokens: Floats
    weights: Floats
    extras: Floats


CHUNK_TOKENS = 4096
"""Tokens whose facts are summed at once: a megabyte stays in the cache. With many
pages at a time that takes half as long as all at once."""


def segment_marks(batch: Batch, table: TokenTable) -> SegmentMarks:
    """Sum the marks and weights of each segment's tokens."""
    tokens, facts = batch.tokens, table.facts
    offsets = tokens.offsets
    each = np.empty((len(batch), facts.shape[1]), np.float32)
    low = 0
    while low < len(batch):
        begin = offsets[low]
        high = max(low + 1, int(np.searchsorted(offsets, begin + CHUNK_TOKENS, "right")) - 1)
        rows = tokens.rows[begin : offsets[high]]
        held = facts.take(rows, axis=0)
        np.add.reduceat(held, offsets[low:high] - begin, axis=0, out=each[low:high])
        low = high
    every = np.ascontiguousarray(each.T)
    sums, weights = every[: len(MARKS)], every[FACTS:]
    n_tokens = np.diff(offsets).astype(np.float32)
    if tokens.scale.max() > 1:
        sums *= tokens.scale
        n_tokens *= tokens.scale
    words = np.maximum(sums[1], 0.5)
    first = facts.take(tokens.rows[offsets[:-1]], axis=0)[:, : len(MARKS)].T
    last = facts.take(tokens.rows[offsets[1:] - 1], axis=0)[:, : len(MARKS)].T
    return SegmentMarks(first, last, sums, words, n_tokens, weights, every[len(MARKS) : FACTS])


def put_own(out: Sheet, batch: Batch, marks: SegmentMarks) -> None:
    """Length, shares of marks, marks of the first and of the last token (`OWN_GROUPS`)."""
    total = marks.sums
    if out.wants("own"):
        chars = (batch.ends - batch.starts).astype(np.float32)
        out.put_each(
            "own",
            np.log1p(chars),
            np.log1p(marks.words),
            chars / marks.words,
            np.log1p(total[COLUMN["sentence_end"]]),
            np.log1p(total[COLUMN["credit"]]),
        )
    if out.wants("shares"):
        wanted = out.plan.of("shares") + _RATIOS
        np.divide(total[wanted], marks.n_tokens, out=out.rows("shares"))
    if out.wants("first"):
        out.rows("first")[:] = marks.first[_FIRST[out.plan.of("first")]]
    if out.wants("last"):
        out.put("last", last_marks(marks))


def last_marks(marks: SegmentMarks) -> Floats:
    """Marks of each segment's last token that features tell of, float32 [n, n_segments]."""
    last: Floats = marks.last[_LAST]
    return last


OWN_GROUPS = (
    ("own", ("log_chars", "log_words", "chars_per_word", "log_sentences", "log_credit")),
    ("shares", [f"share_{name}" for name in MARKS[_RATIOS:]]),
    ("first", [f"first_{name}" for name in _FIRST_MARKS]),
    ("last", [f"last_{name}" for name in _LAST_MARKS]),
    ("scores", [f"score_{output}" for output in OUTPUTS]),
    ("words", [f"words_{output}" for output in OUTPUTS]),
)


def put_scores(out: Sheet, first: FirstScores) -> Floats:
    """The first score as features; returns it as probabilities."""
    out.put("scores", first.total)
    out.put("words", first.own)
    clipped = np.clip(first.total, -12, 12)
    chance: Floats = (1.0 / (1.0 + np.exp(-clipped))).astype(np.float32)
    return chance


def base_columns(marks: SegmentMarks, links: Floats, chance: Floats) -> npt.NDArray[np.float32]:
    """What stretches of segments are summed and averaged over (`profiles`), [n_base, n]."""
    total, words = marks.sums, marks.words
    out = np.zeros((len(BASE), len(words)), np.float32)
    out[0] = 1.0
    out[1] = words
    out[2] = links * words
    out[3:7] = total[_SUMMED]
    out[7] = total[COLUMN["month"]] + total[COLUMN["time"]] + total[COLUMN["clock"]] > 0
    out[8] = words <= SHORT_WORDS
    out[9] = total[COLUMN["action"]] > 0
    out[10] = total[COLUMN["credit"]] > 0
    out[MAIN:W_MAIN] = chance
    np.multiply(chance[:2], words, out=out[W_MAIN:])
    # Multiples of a power of two: sums are exact, so a page's features don't
    # depend on what stands beside it in the batch.
    out *= QUANTUM
    np.rint(out, out=out)
    out /= QUANTUM
    return out
