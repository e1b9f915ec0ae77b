"""What stands around a segment: windows, the page, the elements that it lies in."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Batch, Floats, Ints
from curate.labelers.first import OUTPUTS
from curate.labelers.marks import LAST_KEPT, MAIN, W_MAIN, SegmentMarks
from curate.labelers.profiles import Profile, Sums, profile_names, profile_of
from curate.labelers.sheet import Plan, Sheet
from curate.labelers.tree import Forest

__all__ = [
    "CONTAINER_GROUPS",
    "NEAR_GROUPS",
    "NEAR_NAMES",
    "PLACE_NAMES",
    "WINDOW_GROUPS",
    "put_containers",
    "put_near",
    "put_place",
    "put_windows",
]

WINDOWS = (("before3", -3, 0), ("after3", 1, 4), ("before10", -10, 0), ("after10", 1, 11),
           ("around30", -30, 31))  # fmt: skip

WINDOW_GROUPS = [(name, profile_names(name)) for name, _, _ in WINDOWS]

NEAR_NAMES = ["log_words", "links", "sentence_end", "ellipsis", "closes", "credit_end", "time",
               "title", "digits", *OUTPUTS]  # fmt: skip

STEPS = (("previous", -1), ("next", 1), ("previous2", -2), ("next2", 2))

NEAR_GROUPS = [(where, [f"{where}_{name}" for name in NEAR_NAMES]) for where, _ in STEPS]

PLACE_NAMES = [
    "index",
    "from_end",
    "place",
    "place_words",
    "body_before",
    "body_share",
    "page_words",
]

ELEMENTS = ("self", "parent", "parent2", "parent3", "item", "list", "section", "part")
GROUPS = ("path", "alike")
CONTAINER_GROUPS = [(name, profile_names(name, shares=True)) for name in (*ELEMENTS, *GROUPS)]

_LEAST_BODY = 1e-3

TOGETHER = 1000
"""Segments up to which all windows are worked out at once, what no head reads with the
rest: fewer operations. With more segments the arrays leave the cache."""


def put_near(out: Sheet, batch: Batch, marks: SegmentMarks, base: Floats, last: Floats) -> None:
    """A few features of the segments some steps away; NaN beyond the page."""
    n = len(batch)
    told: Floats = np.empty((len(NEAR_NAMES), n), np.float32)
    told[0] = np.log1p(marks.words)
    told[1] = base[2] / marks.words
    told[2 : 2 + len(LAST_KEPT)] = last[LAST_KEPT]
    told[-3 - len(OUTPUTS)] = base[7]
    np.divide(base[5:7], marks.words, out=told[-2 - len(OUTPUTS) : -len(OUTPUTS)])
    told[-len(OUTPUTS) :] = base[MAIN:W_MAIN]
    here = np.arange(n)
    for name, step in STEPS:
        there = here + step
        inside = (there >= batch.low) & (there < batch.high)
        rows = told[out.plan.of(name)].take(there, axis=1, mode="clip")
        out.rows(name)[:] = np.where(inside, rows, np.float32(np.nan))


def put_windows(out: Sheet, sums: Sums) -> None:
    """Profiles of the segments before, after and around each segment."""
    if out.values.shape[1] > TOGETHER:
        for name, begin, end in WINDOWS:
            if out.wants(name):
                profile = profile_of(out.plan.of(name).tobytes())
                out.rows(name)[:] = profile.of(sums.windows([(begin, end)], profile.rows)[:, 0])
        return
    profile, windows, source, rows = _of_windows(out.plan)
    if len(source):
        told = profile.of(sums.windows(windows, profile.rows))
        out.values[rows] = told.reshape(-1, told.shape[-1]).take(source, axis=0)


@lru_cache(maxsize=16)
def _of_windows(plan: Plan) -> tuple[Profile, list[tuple[int, int]], Ints, slice]:
    """What windows are profiled: their bounds, where the wanted features are, where they go."""
    wanted = {name: (begin, end) for name, begin, end in WINDOWS if len(plan.of(name))}
    told = [plan.of(name) for name in wanted]
    every = np.unique(np.concatenate([np.zeros(0, np.int64), *told]))
    # Features are numbered as they stand in an array [n_features, n_windows].
    source = [np.searchsorted(every, one) * len(wanted) + at for at, one in enumerate(told)]
    rows = slice(plan.rows(WINDOWS[0][0]).start, plan.rows(WINDOWS[-1][0]).stop)
    flat = np.concatenate([np.zeros(0, np.int64), *source])
    return profile_of(every.tobytes()), list(wanted.values()), flat, rows


def put_place(out: Sheet, batch: Batch, base: Floats, sums: Sums) -> None:
    """Where on the page a segment stands, in segments, words and likely body words."""
    here = np.arange(len(batch))
    rows = np.array([0, 1, W_MAIN])
    one, words, main = sums.over(batch.low, here, rows)
    all_one, all_words, all_main = sums.pages[rows][:, batch.page_of]
    body = np.maximum(all_main, _LEAST_BODY)
    out.put_each(
        "place",
        np.log1p(here - batch.low),
        np.log1p(batch.high - here),
        one / all_one,
        words / all_words,
        main / body,
        base[W_MAIN] / body,
        np.log1p(all_words),
    )


def put_containers(out: Sheet, batch: Batch, forest: Forest, sums: Sums, base: Floats) -> None:
    """Profiles of the elements that a segment lies in, and of those that are like its own.

    Each element and each group is worked out once, then handed to its segments.
    """
    node = forest.node
    words, body = sums.pages[1], np.maximum(sums.pages[W_MAIN], _LEAST_BODY)
    every, where_in = _of_elements(out.plan)
    if len(every):
        profile = profile_of(every.tobytes())
        page = batch.page_of[np.minimum(forest.first, len(batch) - 1)]
        rows = profile.of(
            sums.over(forest.first, forest.stop, profile.rows), words[page], body[page]
        )
        up = forest.parent[node]
        up2 = forest.parent[up]
        item = forest.item[node]
        outer = forest.item[forest.parent[item]]
        where = (node, up, up2, forest.parent[up2], item, outer, *(big[node] for big in forest.big))
        for name, wanted, element in zip(ELEMENTS, where_in, where, strict=True):
            out.rows(name)[:] = rows[wanted].take(element, axis=1)
    for name, group in zip(GROUPS, (forest.path[node], forest.alike[node]), strict=True):
        if out.wants(name):
            profile = profile_of(out.plan.of(name).tobytes())
            order, begin, end, number = _grouped(group)
            # One page's segments are no stretch here: sums are taken in the groups' order.
            grouped = np.zeros((len(profile.rows), len(order) + 1), np.float64)
            np.cumsum(base[profile.rows][:, order], axis=1, out=grouped[:, 1:])
            page = batch.page_of[order[begin]]
            rows = profile.of(grouped[:, end] - grouped[:, begin], words[page], body[page])
            out.rows(name)[:] = rows.take(number, axis=1)


@lru_cache(maxsize=16)
def _of_elements(plan: Plan) -> tuple[Ints, list[Ints]]:
    """Features of a profile that any kind of element wants, and places of each kind's own."""
    every = np.unique(np.concatenate([plan.of(name) for name in ELEMENTS]))
    return every, [np.searchsorted(every, plan.of(name)) for name in ELEMENTS]


def _grouped(group: npt.NDArray[np.uint64]) -> tuple[Ints, Ints, Ints, Ints]:
    """An order that brings equal values together, bounds of each group, the group of each."""
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    fresh = np.r_[True, ordered[1:] != ordered[:-1]]
    number = np.empty(len(group), np.int64)
    number[order] = np.cumsum(fresh) - 1
    begin = np.flatnonzero(fresh)
    return order, begin, np.append(begin[1:], len(group)), number
