"""The element tree of HTML pages as arrays: containers, repeated items, paths.

A segment's ancestors are what tells its role best. Every element covers one
stretch of consecutive segments, so sums over an element are one subtraction
(`profiles.Sums`); sums over a segment's ancestors take a few doubling steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Batch, Floats, Ints
from curate.labelers.nodes import N_OUTPUTS, TAG_FLAGS, NodeTable

__all__ = ["Forest", "Names", "grow_forest", "read_names"]

REPEATED = 3
"""Siblings of one kind from which an element counts as an item of a list."""

BIG_RATIOS = (0.04, 0.2)
"""Shares of the page's words from which an element counts as a section."""

_MIX = np.uint64(0x9E3779B97F4A7C15)
_MIX2 = np.uint64(0xBF58476D1CE4E5B9)


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """Trees of a batch of HTML pages.

    Attributes:
        rows: int64 [n_nodes], rows of the node table.
        parent: int64 [n_nodes]; a root is its own parent.
        first, stop: int64 [n_nodes], the stretch of segments an element covers.
        depth: int64 [n_nodes].
        path: uint64 [n_nodes], equal for elements of one page with the same tags
            and classes all the way up.
        alike: uint64 [n_nodes], equal for elements of one page whose own and whose
            parent's tag and classes are the same.
        repeats: int64 [n_nodes], siblings of the same kind, itself included.
        item: int64 [n_nodes], nearest element at or above that is repeated at
            least three times among its siblings, else the root.
        big: for each of `BIG_RATIOS`, int64 [n_nodes]: nearest element at or
            above that holds that share of the page's words.
        node: int64 [n_segments], the element of each segment.
        jumps: int64 [n_nodes + 1] each, for sums over all elements above: the element
            1, 2, 4, ... levels up; `n_nodes` beyond the root.
    """

    rows: Ints
    parent: Ints
    first: Ints
    stop: Ints
    depth: Ints
    path: npt.NDArray[np.uint64]
    alike: npt.NDArray[np.uint64]
    repeats: Ints
    item: Ints
    big: Sequence[Ints]
    node: Ints
    jumps: Sequence[Ints]


class Names(NamedTuple):
    """What the names of elements say.

    Attributes:
        each: float32 [n_nodes, n_values], rows of the node table's facts.
        above: float32 [n_above, n_segments], the first of them summed up over a
            segment's element and all above it.
    """

    each: Floats
    above: Floats


def grow_forest(batch: Batch, table: NodeTable, words: Floats) -> Forest:
    """Read the trees of a batch of HTML pages.

    Args:
        batch: its pages all have a layout.
        table: where elements are looked up.
        words: float [n_segments], words of each segment.
    """
    layouts = [page.layout for page in batch.pages if page.layout is not None]
    # All tags at once: a table that starts anew in between would mix up rows.
    tags = layouts[0].node_tag if len(layouts) == 1 else _joined(x.node_tag for x in layouts)
    attrs = layouts[0].node_attrs if len(layouts) == 1 else _joined(x.node_attrs for x in layouts)
    rows = np.array(table.read(tags, attrs), np.int64)
    sizes = np.array([len(layout.node_parent) for layout in layouts], np.int64)
    base = np.cumsum(sizes) - sizes
    page_of = np.repeat(np.arange(len(layouts)), sizes)
    ups = np.concatenate([layout.node_parent for layout in layouts]).astype(np.int64)
    roots = ups < 0
    here = np.arange(len(ups))
    parent = np.where(roots, here, ups + base[page_of])
    nodes = np.concatenate([layout.segment_node for layout in layouts])
    nodes = nodes + base[batch.page_of]
    kind = _mixed(rows.astype(np.uint64) + np.uint64(1))
    jumps = _jumps(parent, roots)
    depth, path = _depths_and_paths(jumps, roots, kind, page_of)
    up_row = np.where(roots, 0, rows[parent] + 1)
    alike = _mixed(_pair(up_row, rows)) + _mixed(page_of.astype(np.uint64))
    group = np.where(roots, -1 - page_of, parent)
    _, which, count = np.unique(_pair(group, rows), return_inverse=True, return_counts=True)
    repeats = count[which]
    first, stop = _stretches(parent, nodes)
    total = np.concatenate([[0.0], np.cumsum(words, dtype=np.float64)])
    held = total[stop] - total[first]
    whole = (total[batch.stop] - total[batch.first])[page_of]
    item, *big = _nearest(
        np.stack([repeats >= REPEATED, *(held >= ratio * whole for ratio in BIG_RATIOS)]) | roots,
        parent,
    )
    return Forest(
        rows=rows,
        parent=parent,
        first=first,
        stop=stop,
        depth=depth,
        path=path,
        alike=alike,
        repeats=repeats,
        item=item,
        big=big,
        node=nodes,
        jumps=jumps,
    )


def _joined(lists: Iterable[Sequence[str]]) -> list[str]:
    return [name for one in lists for name in one]


def _mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    out = values * _MIX
    out ^= out >> np.uint64(29)
    out *= _MIX2
    return out


def _pair(high: Ints, low: Ints) -> npt.NDArray[np.uint64]:
    """Two numbers below 2^32 as one."""
    return (high << 32 | low).astype(np.uint64)


def _jumps(parent: Ints, roots: npt.NDArray[np.bool_]) -> list[Ints]:
    """The element 1, 2, 4, ... levels above each, `n_nodes` beyond the root.

    Each step doubles how far up an element looks, so that even a tree of 50,000
    levels takes sixteen.
    """
    end = len(parent)  # one more element above all roots
    jumps = [np.append(np.where(roots, end, parent), end)]
    while True:
        after = jumps[-1][jumps[-1]]
        if after.min() == end:
            return jumps
        jumps.append(after)


def _depths_and_paths(
    jumps: Sequence[Ints],
    roots: npt.NDArray[np.bool_],
    kind: npt.NDArray[np.uint64],
    page_of: Ints,
) -> tuple[Ints, npt.NDArray[np.uint64]]:
    """Depth of each element, and the hash of the kinds on its way to the root."""
    n = len(kind)
    depth = np.ones(n + 1, np.int64)
    depth[n] = 0
    path = np.append(kind, np.uint64(0))
    path[:n][roots] += _mixed(page_of[roots].astype(np.uint64))
    power = np.full(n + 1, _MIX)
    for jump in jumps:
        path += power * path[jump]
        depth += depth[jump]
        power *= power[jump]
    return depth[:n] - 1, path[:n]


def _stretches(parent: Ints, nodes: Ints) -> tuple[Ints, Ints]:
    """First segment of each element, and the one after its last.

    Elements are numbered in the order in which they first hold text, each with
    all below it in one run. An element without segments gets an empty stretch.
    """
    n = len(parent)
    size = [1] * n
    ups = parent.tolist()
    for at in range(n - 1, -1, -1):
        up = ups[at]
        if up != at:
            size[up] += size[at]
    own = np.bincount(nodes, minlength=n)
    before = np.concatenate([[0], np.cumsum(own)])
    here = np.arange(n)
    count = before[here + np.array(size, np.int64)] - before[here]
    first = np.searchsorted(np.maximum.accumulate(nodes), here)
    first = np.minimum(first, len(nodes) - 1)
    return first, first + count


def _nearest(chosen: npt.NDArray[np.bool_], parent: Ints) -> Ints:
    """For each element the nearest chosen one at or above it; roots are all chosen.

    Args:
        chosen: bool [n_questions, n_nodes].
        parent: int64 [n_nodes].

    Returns:
        int64 [n_questions, n_nodes].
    """
    n = len(parent)
    begin = np.arange(0, chosen.size, n)[:, None]
    jump = (np.where(chosen, np.arange(n), parent) + begin).ravel()
    while True:
        after = jump[jump]
        if np.array_equal(after, jump):
            out: Ints = after.reshape(chosen.shape) - begin
            return out
        jump = after


def read_names(forest: Forest, table: NodeTable) -> Names:
    """What the names of elements say, by element and summed up over a segment's elements."""
    each = table.facts.take(forest.rows, axis=0)
    n_above = len(TAG_FLAGS) + (N_OUTPUTS if each.shape[1] > len(TAG_FLAGS) else 0)
    above: Floats = np.zeros((len(each) + 1, n_above), np.float32)
    above[:-1] = each[:, :n_above]
    for jump in forest.jumps:
        above += above.take(jump, axis=0)
    return Names(each, np.ascontiguousarray(above.take(forest.node, axis=0).T))
