"""Columns of the lines of bare text, in a fixed order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Batch, Floats, Stretch
from curate.labelers.first import OUTPUTS, FirstScores
from curate.labelers.marks import (
    OWN_NAMES,
    SCORE_NAMES,
    SegmentMarks,
    base_columns,
    own_columns,
    profile,
    profile_names,
    score_columns,
)
from curate.labelers.surroundings import (
    NEAR_NAMES,
    PLACE_NAMES,
    near_columns,
    place_columns,
    window_columns,
    window_names,
)
from curate.labelers.tokens import TokenTable
from curate.labelers.wording import (
    CREDIT_NAMES,
    OVERLAP_NAMES,
    REPEAT_NAMES,
    credit_columns,
    overlap_columns,
    repeat_columns,
    title_keys,
)

__all__ = ["text_features", "text_names"]

_STEPS = (-1, 1, -2, 2)
_STEP_NAMES = ("previous", "next", "previous2", "next2")
_LAGS = (1, 2, 3, 4, 5, 6)


def text_features(
    batch: Batch, table: TokenTable, marks: SegmentMarks, first: FirstScores
) -> Floats:
    """Columns of the lines of bare text, float32 [n_segments, len(feature_names(False))]."""
    n = len(batch)
    scores, chance = score_columns(first)
    base = base_columns(marks, np.zeros(n, np.float32), chance)
    stretch = Stretch(base)
    own = own_columns(batch, marks)
    last = own[3]
    parts: list[npt.NDArray[np.floating]] = []
    parts.extend(own)
    parts.extend(scores)
    parts.append(_gaps(batch))
    repeats = repeat_columns(batch)
    parts.append(credit_columns(batch, marks))
    parts.append(repeats)
    parts.append(overlap_columns(batch, table, marks, chance, title_keys(batch, table, False)))
    parts.append(place_columns(batch, base, stretch))
    parts.extend(near_columns(batch, marks, base, last, _STEPS))
    parts.extend(window_columns(batch, stretch))
    here = np.arange(n)
    # Runs: neighbouring lines that are all short, or all long enough to be prose.
    prose = (marks.words >= 12) | ((marks.words >= 6) & (last[:, 0] > 0))
    edge = np.r_[True, (prose[1:] != prose[:-1]) | (batch.page_of[1:] != batch.page_of[:-1])]
    run = np.cumsum(edge) - 1
    begin = np.flatnonzero(edge)
    end = np.r_[begin[1:], n]
    parts.append(profile(stretch.sums(begin[run], end[run])))
    parts.append(np.column_stack([prose, np.log1p(here - begin[run]), np.log1p(end[run] - here)]))
    # Modules: stretches between short lines that recur on the page.
    recurs = (repeats[:, 0] > 0) & (marks.words <= 6)
    mark = np.maximum.accumulate(np.where(recurs, here, -1))
    mark = np.where(mark >= batch.low, mark, -1)
    ahead = np.minimum.accumulate(np.where(recurs, here, n)[::-1])[::-1]
    ahead = np.r_[ahead[1:], n]
    since = np.where(mark >= 0, here - mark, -1)
    until = np.where(ahead < batch.high, ahead - here, -1)
    parts.append(
        np.column_stack(
            [
                np.log1p(since + 1),
                np.log1p(until + 1),
                np.where(mark >= 0, repeats[mark, 0], np.nan),
            ]
        )
    )
    parts.append(np.where((mark >= 0)[:, None], first.own[mark], np.nan))
    # Rhythm: lines of one shape at a fixed distance, as the cards of a list have.
    size = np.digitize(marks.words, (2, 4, 8, 16, 32))
    shape = (size * 8 + (last[:, 0] > 0) * 4 + (base[:, 7] > 0) * 2 + (base[:, 6] > 0)).astype(
        np.int64
    )
    rhythm = []
    for lag in _LAGS:
        match = np.zeros(n, np.float32)
        if n > lag:
            match[lag:] = (shape[lag:] == shape[:-lag]) & (
                batch.page_of[lag:] == batch.page_of[:-lag]
            )
        rhythm.append(match)
    match_columns = np.column_stack(rhythm)
    around = Stretch(match_columns).sums(
        np.maximum(here - 8, batch.low), np.minimum(here + 9, batch.high)
    )
    around /= (np.minimum(here + 9, batch.high) - np.maximum(here - 8, batch.low))[:, None]
    parts.append(around)
    parts.append(around.max(axis=1, keepdims=True))
    out: Floats = np.concatenate(parts, axis=1, dtype=np.float32, casting="unsafe")
    return out


def _gaps(batch: Batch) -> npt.NDArray[np.float32]:
    """Line breaks before and after each line, at most three; NaN where all are alike."""
    out = np.full((len(batch), 2), np.nan, np.float32)
    for number, page in enumerate(batch.pages):
        count = page.text.count
        starts, ends = page.starts.tolist(), page.ends.tolist()
        between = [count("\n", end, start) for end, start in zip(ends, starts[1:], strict=False)]
        if min(between, default=0) == max(between, default=0):
            continue
        gaps = np.minimum(np.array([3, *between, 3], np.float32), 3)
        low, high = int(batch.first[number]), int(batch.stop[number])
        out[low:high, 0] = gaps[:-1]
        out[low:high, 1] = gaps[1:]
    return out


def text_names() -> list[str]:
    """Names of `text_features`, in order."""
    names = [
        *OWN_NAMES,
        *SCORE_NAMES,
        "gap_before",
        "gap_after",
        *CREDIT_NAMES,
        *REPEAT_NAMES,
        *OVERLAP_NAMES,
        *PLACE_NAMES,
    ]
    names += [f"{where}_{column}" for where in _STEP_NAMES for column in NEAR_NAMES]
    names += window_names()
    names += [*profile_names("run"), "prose", "run_index", "run_rest"]
    names += ["mark_since", "mark_until", "mark_repeats", *(f"mark_{o}" for o in OUTPUTS)]
    return [*names, *(f"rhythm{lag}" for lag in _LAGS), "rhythm"]
