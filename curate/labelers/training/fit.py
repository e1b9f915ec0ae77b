"""Fitting one kind of input (HTML or bare text): first score, features, trees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.labelers import features as feature_module
from curate.labelers import first as first_module
from curate.labelers.batch import Batch, Floats, Ints, make_batch
from curate.labelers.first import BUCKETS, N_OUTPUTS, FirstScores, FirstWeights
from curate.labelers.nodes import NodeTable
from curate.labelers.sheet import Plan
from curate.labelers.tokens import TokenTable
from curate.labelers.training.linear import fit_first, predict_first
from curate.labelers.tree import Forest, grow_forest, read_names
from curate.schema import SegmentedPage

__all__ = ["KindData", "TreeOptions", "fit_trees", "out_of_fold", "pick_features"]

CHUNK_PAGES = 40


@dataclass(frozen=True)
class TreeOptions:
    """Size of a boosted model.

    Attributes:
        trees: boosting rounds.
        leaves: leaves of a tree.
        learning_rate: step of a round.
        min_rows: rows in a leaf, at least.
        features: columns kept by a quick first model.
    """

    trees: int = 100
    leaves: int = 40
    learning_rate: float = 0.1
    min_rows: int = 50
    features: int = 160


class KindData:
    """Pages of one kind as arrays that don't depend on any weights."""

    def __init__(
        self,
        pages: Sequence[SegmentedPage],
        html: bool,
        log: Callable[[str], None] = lambda _: None,
    ) -> None:
        import scipy.sparse as sp

        self.html = html
        self.table = TokenTable(max_rows=1 << 40)
        self.nodes = NodeTable(max_rows=1 << 40) if html else None
        self.chunks: list[tuple[Batch, feature_module.SegmentMarks, Forest | None, list[Ints]]] = []
        self.sizes = np.array([len(page) for page in pages], np.int64)
        designs = []
        at = 0
        for begin in range(0, len(pages), CHUNK_PAGES):
            batch = make_batch(pages[begin : begin + CHUNK_PAGES], self.table)
            marks = feature_module.segment_marks(batch, self.table)
            forest = grow_forest(batch, self.nodes, marks.words) if self.nodes is not None else None
            roles = first_module.neighbours(batch, html)
            self.chunks.append((batch, marks, forest, roles))
            self.n_roles = len(roles)
            indptr, columns, values = first_module.design(
                batch, self.table, roles, forest, self.nodes
            )
            n_columns = BUCKETS * (self.n_roles + 1 + (3 if html else 0))
            matrix = sp.csr_matrix(
                (values, columns.astype(np.int32), indptr), shape=(len(batch), n_columns)
            )
            designs.append(matrix)
            at += len(batch)
        self.rows: Any = sp.vstack(designs).tocsr()
        log(f"{len(pages)} pages, {at} segments, {self.rows.nnz} entries")
        self.page = np.repeat(np.arange(len(pages)), self.sizes)
        self.words: Floats = np.concatenate([marks.words for _, marks, _, _ in self.chunks])
        self.same: Ints = np.concatenate([batch.same for batch, _, _, _ in self.chunks])

    def __len__(self) -> int:
        return len(self.page)

    def first(self, weights: FirstWeights, index: Ints) -> tuple[Floats, Floats, Floats]:
        """Total, own and element parts of the first score of some rows."""
        rows = self.rows[index]
        n, roles = N_OUTPUTS, self.n_roles
        total = predict_first(rows, weights)
        own = rows[:, :BUCKETS] @ np.ascontiguousarray(weights.words[:, :n])
        own = own + rows[:, roles * BUCKETS : (roles + 1) * BUCKETS] @ weights.pairs
        nodes = np.zeros_like(own)
        if self.html:
            flat = weights.nodes.reshape(BUCKETS, -1, n).transpose(1, 0, 2).reshape(-1, n)
            nodes = rows[:, (roles + 1) * BUCKETS :] @ flat
        return total, own.astype(np.float32), nodes.astype(np.float32)

    def features(self, total: Floats, own: Floats, nodes: Floats) -> Floats:
        """Columns of the trees for all rows, float32 [n_rows, n_features]."""
        plan = Plan(feature_module.feature_groups(self.html))
        out: Floats = np.empty((len(self), len(plan.names)), np.float32)
        at = 0
        for batch, marks, forest, roles in self.chunks:
            to = at + len(batch)
            first = FirstScores(total[at:to].T, own[at:to].T, nodes[at:to].T)
            if forest is not None and self.nodes is not None:
                names = read_names(forest, self.nodes)
                sheet = feature_module.html_features(
                    batch, self.table, marks, first, forest, names, roles[3], plan
                )
            else:
                sheet = feature_module.text_features(batch, self.table, marks, first, plan)
            out[at:to] = sheet.values.T
            at = to
        return out


def out_of_fold(
    data: KindData,
    targets: Floats,
    weights: Floats,
    fold: Ints,
    site: Ints,
    usable: npt.NDArray[np.bool_],
    log: Callable[[str], None],
) -> tuple[tuple[Floats, Floats, Floats], FirstWeights]:
    """First scores of every row by a model that has not seen its fold, and the model of all.

    Args:
        data: the pages.
        targets, weights: float32 [n_rows, 5].
        fold, site: int64 [n_rows].
        usable: rows that may be fitted on.
        log: told of progress.
    """
    parts = tuple(np.zeros((len(data), N_OUTPUTS), np.float32) for _ in range(3))
    usable = usable & (weights.sum(axis=1) > 0)

    def fit(index: Ints) -> FirstWeights:
        return fit_first(
            data.rows[index], targets[index], weights[index], site[index], n_word_roles=data.n_roles
        )

    for number in range(int(fold.max()) + 1):
        fitted = fit(np.flatnonzero(usable & (fold != number)))
        index = np.flatnonzero(fold == number)
        for part, value in zip(parts, data.first(fitted, index), strict=True):
            part[index] = value
        log(f"first score: fold {number + 1}")
    total, own, nodes = parts
    return (total, own, nodes), fit(np.flatnonzero(usable))


def _parameters(options: TreeOptions, n_classes: int, seed: int) -> dict[str, object]:
    shape = {"objective": "binary"} if n_classes == 2 else {
        "objective": "multiclass", "num_class": n_classes}  # fmt: skip
    return {
        **shape,
        "num_leaves": options.leaves,
        "learning_rate": options.learning_rate,
        "min_data_in_leaf": options.min_rows,
        "feature_fraction": 0.3,
        "lambda_l2": 5.0,
        "max_bin": 127,
        "verbose": -1,
        "num_threads": 1,
        "seed": seed,
        "deterministic": True,
        "force_col_wise": True,
    }


def pick_features(
    columns: Floats, target: Ints, weight: Floats, n_classes: int, options: TreeOptions, seed: int
) -> Ints:
    """Columns that a quick small model uses most, in ascending order."""
    import lightgbm

    if columns.shape[1] <= options.features:
        return np.arange(columns.shape[1])
    rng = np.random.default_rng(seed)
    index = np.sort(rng.choice(len(columns), min(len(columns), 50_000), replace=False))
    parameters = _parameters(options, n_classes, seed) | {
        "num_leaves": 31, "learning_rate": 0.2, "max_bin": 63, "feature_fraction": 0.5}  # fmt: skip
    booster = lightgbm.train(
        parameters,
        lightgbm.Dataset(columns[index], target[index], weight=weight[index]),
        30 if n_classes == 2 else 15,
    )
    gain = booster.feature_importance("gain")
    return np.sort(np.argsort(-gain, kind="stable")[: options.features])


def fit_trees(
    columns: Floats, target: Ints, weight: Floats, n_classes: int, options: TreeOptions, seed: int
) -> Any:
    """A LightGBM booster; single-threaded and seeded, so that it can be rebuilt bit for bit."""
    import lightgbm

    return lightgbm.train(
        _parameters(options, n_classes, seed),
        lightgbm.Dataset(columns, target, weight=weight / weight.mean()),
        options.trees,
    )
