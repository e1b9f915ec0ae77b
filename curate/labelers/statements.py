"""Statements of the rules: collected in order, told by bins, looked up among neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from curate.labelers.rules_lines import Bools, Floats

__all__ = ["StatementList", "Statements", "bin_names", "bins", "shifted", "window_sum"]


@dataclass(frozen=True)
class Statements:
    """Rules and where they hold.

    Attributes:
        names: n_rules names.
        holds: bool [n_segments, n_rules].
    """

    names: tuple[str, ...]
    holds: Bools


class StatementList:
    """Collects statements in order."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.names: list[str] = []
        self.blocks: list[Bools] = []

    def add(self, name: str, column: Bools) -> None:
        """One statement and where it holds."""
        self.names.append(name)
        self.blocks.append(column)

    def add_all(self, names: Sequence[str], block: Bools) -> None:
        """Several statements, block [n_statements, n_segments]."""
        self.names.extend(names)
        self.blocks.append(block)

    def bins(
        self, what: str, value: Floats, edges: tuple[float, ...], where: Bools | None = None
    ) -> None:
        """One statement a bin: below the first edge, between two, from the last on."""
        block = bins(value, edges)
        self.add_all(bin_names(what, edges), block if where is None else block & where)

    def done(self) -> Statements:
        """What was collected."""
        holds = np.empty((len(self.names), self.n), bool)
        at = 0
        for block in self.blocks:
            stop = at + (1 if block.ndim == 1 else len(block))
            holds[at:stop] = block
            at = stop
        return Statements(tuple(self.names), holds.T)


def bins(value: Floats, edges: tuple[float, ...]) -> Bools:
    """Whether a value [..., n] lies in each bin, bool [..., n_edges + 1, n]."""
    over = value[..., None, :] >= np.asarray(edges, np.float32)[:, None]
    out: Bools = np.empty((*value.shape[:-1], len(edges) + 1, value.shape[-1]), bool)
    out[..., 1:, :] = over
    out[..., 0, :] = True
    # In a bin lies what has reached its lower edge and not the next one.
    out[..., :-1, :] &= ~over
    return out


@cache
def bin_names(what: str, edges: tuple[float, ...]) -> tuple[str, ...]:
    """What the bins between edges are called."""
    between = (f"{what} {low:g} to {high:g}" for low, high in pairwise(edges))
    return (f"{what} below {edges[0]:g}", *between, f"{what} {edges[-1]:g} or more")


def shifted(column: Bools, by: int) -> Bools:
    """The column (or columns, bool [..., n]) of the line `by` places on; False past the ends."""
    out = np.zeros_like(column)
    if by > 0:
        out[..., :-by] = column[..., by:]
    else:
        out[..., -by:] = column[..., :by]
    return out


def window_sum(value: Floats, reach: int) -> Floats:
    """Sum over the lines up to `reach` places away, the line itself included.

    Args:
        value: float [..., n].
        reach: lines to each side.
    """
    n = value.shape[-1]
    total = np.zeros((*value.shape[:-1], n + 1))
    np.cumsum(value, axis=-1, dtype=np.float64, out=total[..., 1:])
    low, high = _reach(n, reach)
    out: Floats = (total[..., high] - total[..., low]).astype(np.float32)
    return out


@lru_cache(maxsize=64)
def _reach(n: int, reach: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    at = np.arange(n)
    return np.maximum(at - reach, 0), np.minimum(at + reach + 1, n)
