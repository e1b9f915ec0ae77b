"""Matrix products that stay in the calling thread."""

from __future__ import annotations

import os

import numpy as np

from curate.labelers.batch import Floats

__all__ = ["product"]

ONE_THREAD = 1 << 18
"""Multiplications up to which OpenBLAS uses one thread. With more it wakes its
others, which wait in a loop: on a busy machine a page took three times as long."""


WIDE, BLOCK_ROWS = 128, 256
"""Columns from which rows are cut up too: on 184 rows of 388 columns that takes 101 µs
instead of 169, on narrow ones longer. And rows at a time, so that pieces stay large."""


def _has_one_thread() -> bool:
    """Whether OpenBLAS was told to use one thread, or has one processor to run on."""
    if os.environ.get("OPENBLAS_NUM_THREADS", os.environ.get("OMP_NUM_THREADS")) == "1":
        return True
    affinity = getattr(os, "sched_getaffinity", None)
    return (len(affinity(0)) if affinity else os.cpu_count()) == 1


_LIMIT = 1 << 62 if _has_one_thread() else ONE_THREAD
"""Where there is but one thread, whole products take half the time of many small ones."""


def product(rows: Floats, weights: Floats) -> Floats:
    """`rows @ weights`, some rows at a time; for numbers whose sums are exact."""
    n, width = rows.shape
    step = max(1, _LIMIT // max(1, weights.size))
    if n <= step:
        whole: Floats = rows @ weights
        return whole
    out: Floats = np.empty((n, weights.shape[1]), np.float32)
    if width >= WIDE:
        for begin in range(0, n, BLOCK_ROWS):
            block = rows[begin : begin + BLOCK_ROWS]
            out[begin : begin + BLOCK_ROWS] = _by_columns(block, weights)
        return out
    even = n - n % step
    # A stack of small products is one call, and each stays below the limit.
    stack = out[:even].reshape(-1, step, weights.shape[1])
    np.matmul(rows[:even].reshape(-1, step, width), weights, out=stack)
    np.matmul(rows[even:], weights, out=out[even:])
    return out


def _by_columns(rows: Floats, weights: Floats) -> Floats:
    """The same, some columns of wide rows at a time: each takes only its own weights along."""
    n, width = rows.shape
    step = max(1, ONE_THREAD // max(1, n * weights.shape[1]))
    even = width - width % step
    columns = rows.T[:even].reshape(-1, step, n).transpose(0, 2, 1)
    parts = np.matmul(columns, weights[:even].reshape(-1, step, weights.shape[1]))
    out: Floats = parts.sum(axis=0)
    if even < width:
        out += rows[:, even:] @ weights[even:]
    return out
