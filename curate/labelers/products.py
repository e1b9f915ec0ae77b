"""Matrix products that stay in the calling thread."""

from __future__ import annotations

import numpy as np

from curate.labelers.batch import Floats

__all__ = ["product"]

ONE_THREAD = 1 << 18
"""Multiplications up to which OpenBLAS uses one thread. With more it wakes its
others, which wait in a loop: on a busy machine a page took three times as long."""


def product(rows: Floats, weights: Floats) -> Floats:
    """`rows @ weights`, some rows at a time; for numbers whose sums are exact."""
    n = len(rows)
    step = max(1, ONE_THREAD // max(1, weights.size))
    if n <= step:
        whole: Floats = rows @ weights
        return whole
    out = np.empty((n, weights.shape[1]), np.float32)
    for begin in range(0, n, step):
        np.matmul(rows[begin : begin + step], weights, out=out[begin : begin + step])
    return out
