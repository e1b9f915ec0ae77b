"""Features of the lines of bare text, in a fixed order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Batch, Floats, Ints
from curate.labelers.first import OUTPUTS, FirstScores
from curate.labelers.marks import (
    OWN_GROUPS,
    SegmentMarks,
    base_columns,
    last_marks,
    put_own,
    put_scores,
)
from curate.labelers.profiles import Sums, profile_names, profile_of
from curate.labelers.sheet import Plan, Sheet
from curate.labelers.surroundings import (
    NEAR_GROUPS,
    PLACE_NAMES,
    WINDOW_GROUPS,
    put_near,
    put_place,
    put_windows,
)
from curate.labelers.tokens import TokenTable
from curate.labelers.wording import WORDING_GROUPS, put_credits, put_overlaps, put_repeats

__all__ = ["TEXT_GROUPS", "text_features"]

_LAGS = (1, 2, 3, 4, 5, 6)
_RHYTHM_REACH = 8

TEXT_GROUPS = (
    *OWN_GROUPS,
    ("gaps", ("gap_before", "gap_after")),
    *WORDING_GROUPS,
    ("place", PLACE_NAMES),
    *NEAR_GROUPS,
    *WINDOW_GROUPS,
    ("run", profile_names("run")),
    ("in_run", ("prose", "run_index", "run_rest")),
    ("module", ("mark_since", "mark_until", "mark_repeats", *(f"mark_{o}" for o in OUTPUTS))),
    ("rhythm", (*(f"rhythm{lag}" for lag in _LAGS), "rhythm")),
)


def text_features(
    batch: Batch, table: TokenTable, marks: SegmentMarks, first: FirstScores, plan: Plan
) -> Sheet:
    """Features of the lines of bare text, those that are planned of `TEXT_GROUPS`."""
    out = Sheet(plan, len(batch))
    chance = put_scores(out, first)
    base = base_columns(marks, np.zeros(len(batch), np.float32), chance)
    sums = Sums(base, batch)
    last = last_marks(marks)
    ends = last[0] > 0
    put_own(out, batch, marks)
    if out.wants("gaps"):
        out.put("gaps", _gaps(batch))
    put_credits(out, batch, table, marks)
    put_repeats(out, batch)
    put_overlaps(out, batch, table, marks, chance, html=False)
    put_place(out, batch, base, sums)
    put_near(out, batch, marks, base, last)
    put_windows(out, sums)
    _put_runs(out, batch, marks, sums, ends)
    _put_modules(out, batch, marks, first)
    if out.wants("rhythm"):
        size = np.digitize(marks.words, (2, 4, 8, 16, 32))
        shape = size * 8 + ends * 4 + (base[7] > 0) * 2 + (base[6] > 0)
        out.put("rhythm", _rhythm(batch, shape))
    return out


def _put_runs(
    out: Sheet, batch: Batch, marks: SegmentMarks, sums: Sums, ends: npt.NDArray[np.bool_]
) -> None:
    """Runs: neighbouring lines that are all short, or all long enough to be prose."""
    here = np.arange(len(batch))
    prose = (marks.words >= 12) | ((marks.words >= 6) & ends)
    edge = np.r_[True, (prose[1:] != prose[:-1]) | (batch.page_of[1:] != batch.page_of[:-1])]
    run = np.cumsum(edge) - 1
    begin = np.flatnonzero(edge)
    end = np.r_[begin[1:], len(here)]
    profile = profile_of(out.plan.of("run").tobytes())
    out.rows("run")[:] = profile.of(sums.over(begin, end, profile.rows)).take(run, axis=1)
    out.put_each("in_run", prose, np.log1p(here - begin[run]), np.log1p(end[run] - here))


def _put_modules(out: Sheet, batch: Batch, marks: SegmentMarks, first: FirstScores) -> None:
    """Modules: stretches between short lines that recur on the page."""
    here = np.arange(len(batch))
    repeats = np.log(np.bincount(batch.same, minlength=len(here))[batch.same]).astype(np.float32)
    recurs = (repeats > 0) & (marks.words <= 6)
    mark = np.maximum.accumulate(np.where(recurs, here, -1))
    mark = np.where(mark >= batch.low, mark, -1)
    ahead = np.minimum.accumulate(np.where(recurs, here, len(here))[::-1])[::-1]
    ahead = np.r_[ahead[1:], len(here)]
    since = np.where(mark >= 0, here - mark, -1)
    until = np.where(ahead < batch.high, ahead - here, -1)
    under = np.where(mark >= 0, np.concatenate([repeats[None], first.own])[:, mark], np.nan)
    out.put("module", np.concatenate([[np.log1p(since + 1), np.log1p(until + 1)], under]))


def _rhythm(batch: Batch, shape: Ints) -> npt.NDArray[np.float64]:
    """Share of the lines around that have the shape of the line some lines before them.

    The cards of a list come in such lines.
    """
    n = len(batch)
    before = np.zeros((len(_LAGS), n + 1))
    match = before[:, 1:]
    for row, lag in zip(match, _LAGS, strict=True):
        row[lag:] = (shape[lag:] == shape[:-lag]) & (batch.page_of[lag:] == batch.page_of[:-lag])
    np.cumsum(match, axis=1, out=match)
    here = np.arange(n)
    low = np.maximum(here - _RHYTHM_REACH, batch.low)
    high = np.minimum(here + _RHYTHM_REACH + 1, batch.high)
    around = (before[:, high] - before[:, low]) / (high - low)
    return np.concatenate([around, around.max(axis=0, keepdims=True)])


def _gaps(batch: Batch) -> Floats:
    """Line breaks before and after each line, at most three; NaN where all are alike."""
    out: Floats = np.full((2, len(batch)), np.nan, np.float32)
    for number, page in enumerate(batch.pages):
        count = page.text.count
        starts, ends = page.starts.tolist(), page.ends.tolist()
        between = [count("\n", end, start) for end, start in zip(ends, starts[1:], strict=False)]
        if min(between, default=0) == max(between, default=0):
            continue
        gaps = np.minimum(np.array([3, *between, 3], np.float32), 3)
        low, high = int(batch.first[number]), int(batch.stop[number])
        out[0, low:high] = gaps[:-1]
        out[1, low:high] = gaps[1:]
    return out
