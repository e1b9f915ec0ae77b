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

__all__ = ["JoinedReasons", "LazyReasons", "TreePaths"]

_NAN_MISSING = 2
_DEFAULT_LEFT = 2


class TreePaths:
    """Trees of a multi-class LightGBM model as flat arrays.

    Inner nodes of all trees stand one after the other, then all leaves.
    """

    def __init__(self, model: str, n_classes: int, columns: Sequence[str]) -> None:
        self.columns = list(columns)
        feature: list[int] = []
        threshold: list[float] = []
        decision: list[int] = []
        left: list[int] = []
        right: list[int] = []
        inner_value: list[float] = []
        leaf_value: list[float] = []
        roots: list[int] = []
        for block in model.split("\nTree=")[1:]:
            fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
            leaves = [float(value) for value in fields["leaf_value"].split()]
            base, leaf_base = len(feature), len(leaf_value)
            leaf_value.extend(leaves)
            if "split_feature" not in fields or not fields["split_feature"].strip():
                roots.append(-leaf_base - 1)
                continue
            roots.append(base)
            feature.extend(int(value) for value in fields["split_feature"].split())
            threshold.extend(float(value) for value in fields["threshold"].split())
            decision.extend(int(value) for value in fields["decision_type"].split())
            inner_value.extend(float(value) for value in fields["internal_value"].split())
            for target, key in ((left, "left_child"), (right, "right_child")):
                for child in map(int, fields[key].split()):
                    target.append(child + base if child >= 0 else child - leaf_base)
        n_inner = len(feature)

        def resolved(nodes: Sequence[int]) -> Ints:
            at = np.array(nodes, np.int64)
            return np.where(at >= 0, at, n_inner - 1 - at)

        n_leaves = len(leaf_value)
        self.feature = np.array(feature + [-1] * n_leaves, np.int64)
        self.threshold = np.array(threshold + [0.0] * n_leaves)
        kind = np.array(decision + [0] * n_leaves, np.int64)
        self.default_left = (kind & _DEFAULT_LEFT) > 0
        self.nan_missing = (kind >> 2 & 3) == _NAN_MISSING
        leaves_at = np.arange(n_inner, n_inner + n_leaves)
        self.left = np.r_[resolved(left), leaves_at]
        self.right = np.r_[resolved(right), leaves_at]
        self.value = np.array(inner_value + leaf_value)
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
