"""Why the trees chose a label, in words: worked out only when somebody asks.

Along a segment's way down each tree of its label the expected score changes at
every split; the changes are added up by feature (Saabas 2014). That is a few
milliseconds a page, against seconds for exact Shapley values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Floats, Ints
from curate.labelers.phrases import phrase
from curate.labelers.trees import read_trees

__all__ = ["JoinedReasons", "LazyReasons", "TreePaths"]


class TreePaths:
    """Trees of a multi-class LightGBM model as flat arrays.

    Inner nodes of all trees stand one after the other, then all leaves.
    """

    def __init__(self, model: str, columns: Sequence[str]) -> None:
        self.columns = list(columns)
        trees, n_classes = read_trees(model)
        feature = [number for tree in trees for number in tree.feature]
        threshold = [value for tree in trees for value in tree.threshold]
        values = [value for tree in trees for value in tree.value]
        leaves = [value for tree in trees for value in tree.leaves]
        left: list[int] = []
        right: list[int] = []
        roots: list[int] = []
        base = leaf_base = 0
        for tree in trees:
            roots.append(base if tree.feature else -leaf_base - 1)
            for target, children in ((left, tree.left), (right, tree.right)):
                target.extend(c + base if c >= 0 else c - leaf_base for c in children)
            base += len(tree.feature)
            leaf_base += len(tree.leaves)
        n_inner = len(feature)

        def resolved(nodes: Sequence[int]) -> Ints:
            at = np.array(nodes, np.int64)
            return np.where(at >= 0, at, n_inner - 1 - at)

        n_leaves = len(leaves)
        self.feature = np.array(feature + [-1] * n_leaves, np.int64)
        self.threshold = np.array(threshold + [0.0] * n_leaves)
        no = [False] * n_leaves
        self.default_left = np.array([way for tree in trees for way in tree.nan_left] + no)
        self.nan_missing = np.array([way for tree in trees for way in tree.nan_missing] + no)
        leaves_at = np.arange(n_inner, n_inner + n_leaves)
        self.left = np.r_[resolved(left), leaves_at]
        self.right = np.r_[resolved(right), leaves_at]
        self.value = np.array(values + leaves)
        self.roots = [resolved(roots[number::n_classes]) for number in range(n_classes)]
        sums = np.bincount(self.feature[:n_inner], self.threshold[:n_inner], len(self.columns))
        counts = np.bincount(self.feature[:n_inner], minlength=len(self.columns))
        self.usual = sums / np.maximum(counts, 1)

    def contributions(self, rows: Floats, label: int) -> npt.NDArray[np.float64]:
        """What each feature adds to the score of one label, float64 [n_rows, n_features]."""
        n, n_features = rows.shape
        roots = self.roots[label]
        at = np.broadcast_to(roots, (n, len(roots))).copy()
        out = np.zeros(n * n_features)
        row = np.broadcast_to(np.arange(n)[:, None], at.shape)
        while True:
            feature = self.feature[at]
            alive = feature >= 0
            if not alive.any():
                return out.reshape(n, n_features)
            value = rows[row, np.maximum(feature, 0)]
            missing = np.isnan(value)
            goes_left = np.where(missing, 0.0, value) <= self.threshold[at]
            goes_left = np.where(missing & self.nan_missing[at], self.default_left[at], goes_left)
            to = np.where(goes_left, self.left[at], self.right[at])
            change = self.value[to] - self.value[at]
            index = (row * n_features + feature)[alive]
            out += np.bincount(index, change[alive], len(out))
            at = to


class JoinedReasons(Sequence[Sequence[str]]):
    """Reasons of consecutive parts of one page."""

    def __init__(self, parts: Sequence[Sequence[Sequence[str]]]) -> None:
        self._parts = parts

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    @overload
    def __getitem__(self, index: int) -> Sequence[str]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Sequence[str]]: ...
    def __getitem__(self, index: int | slice) -> Sequence[str] | Sequence[Sequence[str]]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = index + len(self) if index < 0 else index
        for part in self._parts:
            if at < len(part):
                return part[at]
            at -= len(part)
        raise IndexError(index)

    def __reduce__(self) -> tuple[type[list[Sequence[str]]], tuple[list[Sequence[str]]]]:
        return list, (list(self),)


class LazyReasons(Sequence[Sequence[str]]):
    """For each segment of a page its strongest features in words, made on first look."""

    def __init__(
        self, paths: Callable[[], TreePaths], rows: Floats, labels: Ints, count: int
    ) -> None:
        self._make = paths
        self._rows = rows
        self._labels = labels
        self._count = count
        self._told: list[tuple[str, ...]] | None = None

    def __len__(self) -> int:
        return len(self._labels)

    @overload
    def __getitem__(self, index: int) -> Sequence[str]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Sequence[str]]: ...
    def __getitem__(self, index: int | slice) -> Sequence[str] | Sequence[Sequence[str]]:
        return self._all()[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._all() == [tuple(row) for row in other]

    __hash__ = None  # type: ignore[assignment]  # equal by content, which is made late

    def __reduce__(self) -> tuple[type[list[tuple[str, ...]]], tuple[list[tuple[str, ...]]]]:
        return list, (self._all(),)

    def _all(self) -> list[tuple[str, ...]]:
        if self._told is None:
            self._told = self._explain() if self._count else [()] * len(self)
        return self._told

    def _explain(self) -> list[tuple[str, ...]]:
        paths = self._make()
        told: list[tuple[str, ...]] = [()] * len(self)
        for label in np.unique(self._labels).tolist():
            index = np.flatnonzero(self._labels == label)
            for begin in range(0, len(index), 2000):
                part = index[begin : begin + 2000]
                rows = self._rows[part]
                moved = paths.contributions(rows, label)
                order = np.argsort(-moved, axis=1, kind="stable")[:, : 3 * self._count]
                for at, row, best in zip(part.tolist(), rows, order, strict=True):
                    words: list[str] = []
                    for feature in best.tolist():
                        if moved[np.searchsorted(part, at), feature] <= 0:
                            break
                        said = phrase(
                            paths.columns[feature], float(row[feature]), float(paths.usual[feature])
                        )
                        if said not in words:
                            words.append(said)
                        if len(words) == self._count:
                            break
                    told[at] = tuple(words)
        return told
