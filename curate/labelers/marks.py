"""Token marks summed by segment, and the base columns that stretches are averages of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Batch, Floats
from curate.labelers.first import OUTPUTS, FirstScores
from curate.labelers.lexicon import MARKS
from curate.labelers.tokens import TokenTable

__all__ = [
    "COLUMN",
    "LAST_KEPT",
    "MAIN",
    "MEDIA",
    "OWN_NAMES",
    "SCORE_NAMES",
    "SHORT_WORDS",
    "W_MAIN",
    "SegmentMarks",
    "base_columns",
    "own_columns",
    "profile",
    "profile_names",
    "score_columns",
    "segment_marks",
]

COLUMN = {name: index for index, name in enumerate(MARKS)}
_FIRST_MARKS = ("title_case", "lower_case", "upper_case", "digits", "symbol", "separator", "opens",
                "quote", "function", "action", "credit", "author", "time", "related")  # fmt: skip
_LAST_MARKS = ("sentence_end", "clause_end", "ellipsis", "closes", "digits", "upper_case",
               "title_case", "separator", "credit", "time", "year")  # fmt: skip
_FIRST = [COLUMN[name] for name in _FIRST_MARKS]
_LAST = [COLUMN[name] for name in _LAST_MARKS]
LAST_KEPT = [_LAST_MARKS.index(n) for n in ("sentence_end", "ellipsis", "closes", "credit")]
_RATIOS = list(range(2, len(MARKS)))

_BASE = ("one", "words", "link", "sentence", "function", "title", "digits", "time", "short",
         "action", "credit", "media", "story", *OUTPUTS, "w_main", "w_article")  # fmt: skip
N_BASE = len(_BASE)
MAIN = _BASE.index("main")
MEDIA = _BASE.index("media")
W_MAIN = _BASE.index("w_main")
_PROFILE = ("segments", "length", *_BASE[2:])

SHORT_WORDS = 4

QUANTUM = np.float32(1024)


@dataclass(frozen=True, slots=True, eq=False)
class SegmentMarks:
    """Sums of token marks by segment.

    Attributes:
        tokens: float32 [n_tokens, len(MARKS)], marks of each token.
        sums: float32 [n_segments, len(MARKS)].
        words: float32 [n_segments], at least a half, so that it can divide.
        n_tokens: float32 [n_segments].
    """

    tokens: Floats
    sums: Floats
    words: Floats
    n_tokens: Floats


def segment_marks(batch: Batch, table: TokenTable) -> SegmentMarks:
    """Sum the marks of each segment's tokens."""
    tokens = batch.tokens
    each = table.marks[tokens.rows]
    sums = np.add.reduceat(each, tokens.offsets[:-1], axis=0)
    sums *= tokens.scale[:, None]
    n_tokens = np.diff(tokens.offsets).astype(np.float32) * tokens.scale
    return SegmentMarks(each, sums, np.maximum(sums[:, 1], 0.5), n_tokens)


def own_columns(batch: Batch, marks: SegmentMarks) -> list[Floats]:
    """Length, shares of marks, marks of the first and of the last token (`OWN_NAMES`)."""
    tokens = batch.tokens
    chars = (batch.ends - batch.starts).astype(np.float32)
    head = marks.tokens[tokens.offsets[:-1]][:, _FIRST]
    last = marks.tokens[tokens.offsets[1:] - 1][:, _LAST]
    total = marks.sums
    columns = np.column_stack(
        [
            np.log1p(chars),
            np.log1p(marks.words),
            chars / marks.words,
            np.log1p(total[:, COLUMN["sentence_end"]]),
            np.log1p(total[:, COLUMN["credit"]]),
        ]
    )
    return [columns, total[:, _RATIOS] / marks.n_tokens[:, None], head, last]


OWN_NAMES = [
    "log_chars", "log_words", "chars_per_word", "log_sentences", "log_credit",
    *(f"share_{name}" for name in MARKS[2:]),
    *(f"first_{name}" for name in _FIRST_MARKS),
    *(f"last_{name}" for name in _LAST_MARKS),
]  # fmt: skip


def score_columns(first: FirstScores) -> tuple[list[Floats], npt.NDArray[np.float32]]:
    """The first score as columns (`SCORE_NAMES`), and as probabilities."""
    clipped = np.clip(first.total, -12, 12)
    chance = (1.0 / (1.0 + np.exp(-clipped))).astype(np.float32)
    return [first.total, first.own], chance


SCORE_NAMES = [*(f"score_{o}" for o in OUTPUTS), *(f"words_{o}" for o in OUTPUTS)]


def base_columns(marks: SegmentMarks, links: Floats, chance: Floats) -> npt.NDArray[np.float32]:
    """What stretches of segments are summed and averaged over (`profile`)."""
    total, words = marks.sums, marks.words
    out = np.zeros((len(words), N_BASE), np.float32)
    out[:, 0] = 1.0
    out[:, 1] = words
    out[:, 2] = links * words
    for at, name in ((3, "sentence_end"), (4, "function"), (5, "title_case"), (6, "digits")):
        out[:, at] = total[:, COLUMN[name]]
    out[:, 7] = total[:, COLUMN["month"]] + total[:, COLUMN["time"]] + total[:, COLUMN["clock"]] > 0
    out[:, 8] = words <= SHORT_WORDS
    out[:, 9] = total[:, COLUMN["action"]] > 0
    out[:, 10] = total[:, COLUMN["credit"]] > 0
    out[:, MAIN:W_MAIN] = chance
    out[:, W_MAIN] = chance[:, 0] * words
    out[:, W_MAIN + 1] = chance[:, 1] * words
    # Multiples of a power of two: sums are exact, so a page's features don't
    # depend on what stands beside it in the batch.
    out *= QUANTUM
    np.rint(out, out=out)
    out /= QUANTUM
    return out


def profile(sums: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Means of the base columns over a stretch; NaN where the stretch is empty."""
    out = np.empty(sums.shape, np.float32)
    one = sums[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        per_one = 1.0 / one
        per_word = 1.0 / sums[:, 1]
        np.log1p(one, out=out[:, 0], casting="same_kind")
        np.log1p(sums[:, 1] * per_one, out=out[:, 1], casting="same_kind")
        out[:, 2:7] = sums[:, 2:7] * per_word[:, None]
        out[:, 7:W_MAIN] = sums[:, 7:W_MAIN] * per_one[:, None]
        out[:, W_MAIN:] = sums[:, W_MAIN:] * per_word[:, None]
    return out


def profile_names(name: str) -> list[str]:
    """Names of the columns of a `profile`."""
    return [f"{name}_{column}" for column in _PROFILE]
