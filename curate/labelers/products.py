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
    n, width = rows.shape
    step = max(1, ONE_THREAD // max(1, weights.size))
    if n <= step:
        whole: Floats = rows @ weights
        return whole
    out: Floats = np.empty((n, weights.shape[1]), np.float32)
    even = n - n % step
    # A stack of small products is one call, and each stays below the limit.
    stack = out[:even].reshape(-1, step, weights.shape[1])
    np.matmul(rows[:even].reshape(-1, step, width), weights, out=stack)
    np.matmul(rows[even:], weights, out=out[even:])
    return out
