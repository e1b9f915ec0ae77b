"""What stands around a segment: windows, the page, the elements that it lies in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Batch, Floats, Stretch
from curate.labelers.first import OUTPUTS
from curate.labelers.marks import (
    LAST_KEPT,
    MAIN,
    W_MAIN,
    SegmentMarks,
    profile,
    profile_names,
)
from curate.labelers.tree import Forest

__all__ = [
    "CONTAINERS",
    "NEAR_NAMES",
    "PLACE_NAMES",
    "WINDOWS",
    "container_columns",
    "container_names",
    "near_columns",
    "place_columns",
    "window_columns",
    "window_names",
]

WINDOWS = (("before3", -3, 0), ("after3", 1, 4), ("before10", -10, 0), ("after10", 1, 11),
           ("around30", -30, 31))  # fmt: skip

NEAR_NAMES = ["log_words", "links", "sentence_end", "ellipsis", "closes", "credit_end", "time",
               "title", "digits", *OUTPUTS]  # fmt: skip


def near_columns(
    batch: Batch, marks: SegmentMarks, base: Floats, last: Floats, steps: tuple[int, ...]
) -> list[Floats]:
    """A few columns of the segments some steps away; NaN beyond the page."""
    n = len(batch)
    columns = np.column_stack(
        [
            np.log1p(marks.words),
            base[:, 2] / marks.words,
            last[:, LAST_KEPT],
            base[:, 7],
            base[:, 5] / marks.words,
            base[:, 6] / marks.words,
            base[:, MAIN:W_MAIN],
        ]
    ).astype(np.float32)
    here = np.arange(n)
    out = []
    for step in steps:
        there = here + step
        inside = (there >= batch.low) & (there < batch.high)
        out.append(np.where(inside[:, None], columns[np.clip(there, 0, n - 1)], np.float32(np.nan)))
    return out


def window_columns(batch: Batch, stretch: Stretch) -> list[Floats]:
    """Profiles of the segments before, after and around each segment."""
    here = np.arange(len(batch))
    begins = np.stack([here + start for _, start, _ in WINDOWS])
    ends = np.stack([here + stop for _, _, stop in WINDOWS])
    low = np.clip(begins, batch.low, batch.high)
    high = np.clip(ends, batch.low, batch.high)
    rows = profile(stretch.sums(low.ravel(), high.ravel()))
    return list(rows.reshape(len(WINDOWS), len(batch), -1))


def place_columns(batch: Batch, base: Floats, stretch: Stretch) -> npt.NDArray[np.float32]:
    """Where on the page a segment stands, in segments, words and likely body words."""
    here = np.arange(len(batch))
    before = stretch.sums(batch.low, here)
    whole = stretch.sums(batch.low, batch.high)
    body = np.maximum(whole[:, W_MAIN], 1e-3)
    return np.column_stack(
        [
            np.log1p(here - batch.low),
            np.log1p(batch.high - here),
            before[:, 0] / whole[:, 0],
            before[:, 1] / whole[:, 1],
            before[:, W_MAIN] / body,
            base[:, W_MAIN] / body,
            np.log1p(whole[:, 1]),
        ]
    ).astype(np.float32)


PLACE_NAMES = [
    "index",
    "from_end",
    "place",
    "place_words",
    "body_before",
    "body_share",
    "page_words",
]


CONTAINERS = (
    "self",
    "parent",
    "parent2",
    "parent3",
    "item",
    "list",
    "section",
    "part",
    "path",
    "alike",
)


def container_columns(
    batch: Batch,
    forest: Forest,
    stretch: Stretch,
    base: Floats,
    whole: npt.NDArray[np.float64],
) -> Floats:
    """Profiles of the elements that a segment lies in, in the order of `CONTAINERS`.

    Each element and each group is worked out once, then handed to its segments.
    """
    node = forest.node
    up = forest.parent[node]
    up2 = forest.parent[up]
    item = forest.item[node]
    where = [node, up, up2, forest.parent[up2], item, forest.item[forest.parent[item]]]
    where.extend(big[node] for big in forest.big)
    at = np.minimum(forest.first, len(batch) - 1)
    rows = _shares(stretch.sums(forest.first, forest.stop), whole[at])
    parts: list[Floats] = [rows[np.stack(where, axis=1)].reshape(len(batch), -1)]
    wide = base.astype(np.float64)
    for group in (forest.path[node], forest.alike[node]):
        order = np.argsort(group, kind="stable")
        ordered = group[order]
        fresh = np.r_[True, ordered[1:] != ordered[:-1]]
        begins = np.flatnonzero(fresh)
        number = np.empty(len(group), np.int64)
        number[order] = np.cumsum(fresh) - 1
        sums = np.add.reduceat(wide[order], begins, axis=0)
        parts.append(_shares(sums, whole[order[begins]])[number])
    return np.concatenate(parts, axis=1)


def _shares(
    sums: npt.NDArray[np.float64], whole: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """Profiles, and shares of the page's words and likely body."""
    body = np.maximum(whole[:, W_MAIN], 1e-3)
    more = np.column_stack([sums[:, 1] / whole[:, 1], sums[:, W_MAIN] / body])
    return np.concatenate([profile(sums), more], axis=1, dtype=np.float32, casting="unsafe")


def window_names() -> list[str]:
    """Names of `window_columns`."""
    return [name for where, _, _ in WINDOWS for name in profile_names(where)]


def container_names() -> list[str]:
    """Names of `container_columns`."""
    names: list[str] = []
    for where in CONTAINERS:
        names += [*profile_names(where), f"{where}_share", f"{where}_body_share"]
    return names
