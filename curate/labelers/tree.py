"""The element tree of HTML pages as arrays: containers, repeated items, paths.

A segment's ancestors are what tells its role best. Every element covers one
stretch of consecutive segments, so sums over an element are one subtraction
(`batch.Stretch`), and sums over a segment's ancestors are a difference array.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Batch, Floats, Ints
from curate.labelers.nodes import NodeTable

__all__ = ["Forest", "above_sums", "grow_forest"]

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
        bounds: see `_bounds`, for `above_sums`.
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
    bounds: tuple[Ints, Ints, Ints, Ints, Ints]


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
    depth, path = _depths_and_paths(parent, roots, kind, page_of)
    up_row = np.where(roots, 0, rows[parent] + 1)
    alike = _mixed(_pair(up_row, rows)) + _mixed(page_of.astype(np.uint64))
    group = np.where(roots, -1 - page_of, parent)
    _, which, count = np.unique(_pair(group, rows), return_inverse=True, return_counts=True)
    repeats = count[which]
    first, stop = _stretches(parent, nodes)
    total = np.concatenate([[0.0], np.cumsum(words, dtype=np.float64)])
    held = total[stop] - total[first]
    whole = (total[batch.stop] - total[batch.first])[page_of]
    return Forest(
        rows=rows,
        parent=parent,
        first=first,
        stop=stop,
        depth=depth,
        path=path,
        alike=alike,
        repeats=repeats,
        item=_nearest((repeats >= REPEATED) | roots, parent),
        big=tuple(_nearest((held >= ratio * whole) | roots, parent) for ratio in BIG_RATIOS),
        node=nodes,
        bounds=_bounds(first, stop),
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


def _depths_and_paths(
    parent: Ints,
    roots: npt.NDArray[np.bool_],
    kind: npt.NDArray[np.uint64],
    page_of: Ints,
) -> tuple[Ints, npt.NDArray[np.uint64]]:
    """Depth of each element, and the hash of the kinds on its way to the root.

    Each step doubles how far up an element has looked, so that even a tree of
    50,000 levels takes sixteen.
    """
    n = len(parent)
    end = n  # one more element above all roots
    jump = np.append(np.where(roots, end, parent), end)
    depth = np.ones(n + 1, np.int64)
    depth[end] = 0
    path = np.append(kind, np.uint64(0))
    path[:n][roots] += _mixed(page_of[roots].astype(np.uint64))
    power = np.full(n + 1, _MIX)
    while True:
        path += power * path[jump]
        depth += depth[jump]
        power *= power[jump]
        jump = jump[jump]
        if (jump == end).all():
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
    """For each element the nearest chosen one at or above it; roots are all chosen."""
    jump = np.where(chosen, np.arange(len(parent)), parent)
    while True:
        after = jump[jump]
        if np.array_equal(after, jump):
            return jump
        jump = after


def above_sums(forest: Forest, values: Floats, n_segments: int) -> Floats:
    """For each segment the sum of `values` over its element and all above it.

    Args:
        forest: the trees.
        values: float [n_nodes, n_columns].
        n_segments: of the batch.

    Returns:
        float32 [n_segments, n_columns].
    """
    change = np.zeros((n_segments + 1, values.shape[1]), np.float32)
    starts, at_start, order, stops, at_stop = forest.bounds
    change[at_start] = np.add.reduceat(values, starts, axis=0)
    change[at_stop] -= np.add.reduceat(values[order], stops, axis=0)
    return np.cumsum(change[:-1], axis=0, dtype=np.float32)


def _bounds(first: Ints, stop: Ints) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Runs of elements with one first segment, and of those with one end.

    Returns:
        Where the first begin, and their segments; an order of the elements by
        end (by beginning they are in order), where the second begin in it, and
        their ends.
    """
    starts, at_start = _runs(first)
    order = np.argsort(stop, kind="stable")
    stops, at_stop = _runs(stop[order])
    return starts, at_start, order, stops, at_stop


def _runs(places: Ints) -> tuple[Ints, Ints]:
    """Where runs of equal numbers begin, and the number of each."""
    begins = np.flatnonzero(np.r_[True, places[1:] != places[:-1]])
    return begins, places[begins]
