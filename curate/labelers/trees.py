"""Boosted trees, loaded and asked directly.

LightGBM's Python layer takes 0.1 ms to prepare a prediction, as long as the trees
of a small page take: its C interface is called with arrays as they are.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Floats

__all__ = ["Trees"]

_FLOAT32 = 0
_RAW_SCORE = 1


class Trees:
    """A LightGBM model in text form, ready to predict.

    Attributes:
        n_outputs: 1 for two classes, else the number of classes.
        n_features: columns that it reads.
    """

    def __init__(self, text: str) -> None:
        import lightgbm
        from lightgbm.basic import _LIB

        self._booster = lightgbm.Booster(model_str=text)
        self._call = _LIB.LGBM_BoosterPredictForMat
        self._handle = self._booster._handle  # noqa: SLF001  # the C interface's only way in
        self.n_outputs = self._booster.num_model_per_iteration()
        self.n_features = self._booster.num_feature()

    def raw(self, rows: Floats, threads: int = 1) -> npt.NDArray[np.float64]:
        """Sums of the trees, float64 [n_rows, n_outputs].

        Args:
            rows: float32 [n_rows, n_features], rows or columns contiguous.
            threads: threads of the trees.
        """
        by_row = rows.flags.c_contiguous
        if not by_row and not rows.flags.f_contiguous:
            rows, by_row = np.ascontiguousarray(rows), True
        if rows.dtype != np.float32 or rows.shape[1] != self.n_features:
            told: Any = self._booster.predict(rows, raw_score=True, num_threads=threads)
            shaped: npt.NDArray[np.float64] = told.reshape(len(rows), self.n_outputs)
            return shaped
        out = np.empty((len(rows), self.n_outputs), np.float64)
        length = ctypes.c_int64(0)
        failed = self._call(
            self._handle,
            rows.ctypes.data_as(ctypes.c_void_p),
            ctypes.c_int(_FLOAT32),
            ctypes.c_int32(rows.shape[0]),
            ctypes.c_int32(rows.shape[1]),
            ctypes.c_int(by_row),
            ctypes.c_int(_RAW_SCORE),
            ctypes.c_int(0),
            ctypes.c_int(-1),
            ctypes.c_char_p(f"num_threads={threads}".encode()),
            ctypes.byref(length),
            out.ctypes.data_as(ctypes.POINTER(ctypes.c_double)),
        )
        if failed or length.value != out.size:
            raise RuntimeError(f"LightGBM predicted {length.value} values, {out.size} expected")
        return out
