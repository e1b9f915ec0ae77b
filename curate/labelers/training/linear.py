"""Fitting the first score: logistic regressions on hashed columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Floats, Ints
from curate.labelers.first import BUCKETS, N_OUTPUTS, FirstWeights

__all__ = ["fit_first", "predict_first"]

MIN_SITES = 4
"""Columns met on fewer sites are names of the page's subject, not of its form."""

RIDGE = 20.0
"""Strength of the L2 penalty, in units of rows."""

MAX_ITERATIONS = 30

RARE = 0.05
"""Share of the rows below which a label's own rows are given more weight."""


def fit_first(
    rows: Any,
    targets: Floats,
    weights: Floats,
    sites: Ints,
    *,
    n_word_roles: int,
    ridge: float = RIDGE,
    iterations: int = MAX_ITERATIONS,
) -> FirstWeights:
    """Fit the five outputs of the first score together.

    Args:
        rows: scipy CSR matrix [n_rows, n_columns] of `first.design`.
        targets: float32 [n_rows, 5] in 0..1.
        weights: float32 [n_rows, 5]; 0 leaves a row out of that output.
        sites: int64 [n_rows], for counting on how many sites a column is met.
        n_word_roles: roles of words in the design.
        ridge: strength of the penalty.
        iterations: at most, of L-BFGS.
    """
    from scipy.optimize import minimize

    n_columns = rows.shape[1]
    site_of = np.repeat(sites, np.diff(rows.indptr))
    n_sites = int(sites.max()) + 1
    met = np.unique(rows.indices.astype(np.int64) * n_sites + site_of) // n_sites
    kept = np.flatnonzero(np.bincount(met, minlength=n_columns) >= MIN_SITES)
    inner = rows[:, kept].tocsr().astype(np.float32)
    across = inner.T.tocsr()
    # A rare label would drown in the penalty: its segments count more, up to ten times.
    positive = (weights * targets).sum(axis=0) / np.maximum(weights.sum(axis=0), 1e-9)
    boost = np.clip(RARE / np.maximum(positive, 1e-9), 1.0, 10.0).astype(np.float32)
    weights = weights * (1 + targets * (boost - 1))
    total = weights.sum(axis=0)
    share = (weights * targets).sum(axis=0) / np.maximum(total, 1e-9)
    share = np.clip(share, 1e-4, 1 - 1e-4)
    start_bias = np.log(share / (1 - share))
    scale = weights * (len(targets) / np.maximum(total, 1e-9))
    n_kept = len(kept)

    def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        w = flat.reshape(n_kept + 1, N_OUTPUTS)
        z = inner @ w[:-1].astype(np.float32) + w[-1].astype(np.float32)
        value = float((scale * (np.logaddexp(0, z) - targets * z)).sum(dtype=np.float64))
        error = scale * (1 / (1 + np.exp(-z)) - targets)
        gradient = np.empty_like(w)
        gradient[:-1] = (across @ error) + ridge * w[:-1]
        gradient[-1] = error.sum(axis=0, dtype=np.float64)
        return value + 0.5 * ridge * float((w[:-1] ** 2).sum()), gradient.ravel()

    start = np.zeros((n_kept + 1, N_OUTPUTS))
    start[-1] = start_bias
    found = minimize(
        loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": iterations}
    )
    solved = found.x.reshape(n_kept + 1, N_OUTPUTS).astype(np.float32)
    full = np.zeros((n_columns, N_OUTPUTS), np.float32)
    full[kept] = solved[:-1]
    parts = full.reshape(-1, BUCKETS, N_OUTPUTS)
    words = np.ascontiguousarray(parts[:n_word_roles].transpose(1, 0, 2)).reshape(BUCKETS, -1)
    nodes = np.ascontiguousarray(parts[n_word_roles + 1 :].transpose(1, 0, 2)).reshape(BUCKETS, -1)
    return FirstWeights(words, np.ascontiguousarray(parts[n_word_roles]), nodes, solved[-1])


def predict_first(rows: Any, weights: FirstWeights) -> Floats:
    """Log-odds [n_rows, 5] of design rows; the same sums as `first.first_scores`."""
    n_roles = weights.words.shape[1] // N_OUTPUTS
    words = weights.words.reshape(BUCKETS, n_roles, N_OUTPUTS).transpose(1, 0, 2)
    flat = [words.reshape(-1, N_OUTPUTS), weights.pairs]
    if weights.nodes.size:
        flat.append(
            weights.nodes.reshape(BUCKETS, -1, N_OUTPUTS).transpose(1, 0, 2).reshape(-1, N_OUTPUTS)
        )
    out: Floats = (rows @ np.concatenate(flat) + weights.bias).astype(np.float32)
    return out
