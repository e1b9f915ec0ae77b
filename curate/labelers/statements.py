"""Statements of the rules: tables of conditions, collected in order, told by bins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from curate.labelers.rules_lines import Bools, Floats

__all__ = [
    "StatementList",
    "StatementTable",
    "Statements",
    "bin_names",
    "bin_statements",
    "bins",
    "shifted",
    "window_sums",
]


@dataclass(frozen=True)
class Statements:
    """Rules and where they hold.

    Attributes:
        names: n_rules names.
        rows: bool [n_rules, n_segments].
    """

    names: tuple[str, ...]
    rows: Bools

    @property
    def holds(self) -> Bools:
        """The same a row a segment, bool [n_segments, n_rules]."""
        return self.rows.T


_COMPARISON = re.compile(r"(.+?) (>=|<=|>|<) ([\d.]+)")


class StatementTable:
    """Statements that hold where all of their conditions do.

    A condition is a flag, or compares a value with a number: "prose", "not prose",
    "words >= 3". All comparisons are made at once, then all statements: some ten
    array operations for two hundred statements, where each by itself took two or
    three (a third of the time).

    Attributes:
        names: of the statements, in order.
    """

    def __init__(
        self,
        statements: Sequence[tuple[str, str]],
        values: Sequence[str],
        flags: Sequence[str],
    ) -> None:
        """Lay the table out.

        Args:
            statements: name, and conditions joined by " & ".
            values: names of the rows of values.
            flags: names of the rows of flags.
        """
        self.names = tuple(name for name, _ in statements)
        value_of = {name: row for row, name in enumerate(values)}
        asked: dict[tuple[int, float], int] = {}
        # Each condition as (kind, row, negated); comparisons are all ">=".
        told: list[list[tuple[bool, int, bool]]] = []
        for _, text in statements:
            terms = []
            for term in text.split(" & "):
                found = _COMPARISON.fullmatch(term)
                if found is None:
                    terms.append(
                        (False, flags.index(term.removeprefix("not ")), term[:4] == "not ")
                    )
                    continue
                name, sign, number = found.groups()
                edge = np.float32(number)
                if sign in (">", "<="):
                    edge = np.nextafter(edge, np.float32(np.inf))
                key = value_of[name], float(edge)
                terms.append((True, asked.setdefault(key, len(asked)), sign in ("<", "<=")))
            told.append(terms)
        self._value_of = np.array([row for row, _ in asked], np.int64)
        self._edges = np.array([edge for _, edge in asked], np.float32)[:, None]
        n_rows = 1 + len(asked) + len(flags)
        self._n_rows = n_rows
        # The first row is always true, and stands for conditions that a statement lacks.
        self._terms = np.zeros((max(map(len, told)), len(told)), np.int64)
        for number, terms in enumerate(told):
            for at, (compared, row, negated) in enumerate(terms):
                place = 1 + row + (0 if compared else len(asked))
                self._terms[at, number] = place + n_rows * negated

    def read(self, values: Floats, flags: Iterable[Bools]) -> Bools:
        """Where each statement holds, bool [n_statements, n_segments].

        Args:
            values: float32 [n_values, n_segments].
            flags: bool [n_segments] or [n, n_segments], one after the other the rows of flags.
        """
        rows: Bools = np.empty((2 * self._n_rows, values.shape[1]), bool)
        rows[0] = True
        at = 1 + len(self._edges)
        np.greater_equal(values.take(self._value_of, axis=0), self._edges, out=rows[1:at])
        for block in flags:
            stop = at + (1 if block.ndim == 1 else len(block))
            rows[at:stop] = block
            at = stop
        np.logical_not(rows[: self._n_rows], out=rows[self._n_rows :])
        out: Bools = rows.take(self._terms[0], axis=0)
        for terms in self._terms[1:]:
            out &= rows.take(terms, axis=0)
        return out


def bin_statements(
    what: str, value: str, edges: Sequence[float], where: str = ""
) -> list[tuple[str, str]]:
    """Statements for a `StatementTable`, one a bin: below the first edge, between two, above."""
    inner = [f"{value} >= {low:g} & {value} < {high:g}" for low, high in pairwise(edges)]
    told = [f"{value} < {edges[0]:g}", *inner, f"{value} >= {edges[-1]:g}"]
    names = bin_names(what, tuple(edges))
    return [
        (name, f"{term} & {where}" if where else term)
        for name, term in zip(names, told, strict=True)
    ]


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
        return Statements(tuple(self.names), holds)


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


def window_sums(values: Floats, reaches: Sequence[int]) -> Floats:
    """Sums over the lines up to so many places away, the line itself included.

    Args:
        values: float32 [n_rows, n].
        reaches: lines to each side.

    Returns:
        float32 [n_reaches, n_rows, n].
    """
    n_rows, n = values.shape
    most = max(reaches)
    # Beyond both ends nothing is added: sums stay what they are.
    before = np.zeros((n_rows, n + 2 * most + 1))
    np.cumsum(values, axis=1, dtype=np.float64, out=before[:, most + 1 : most + 1 + n])
    before[:, most + 1 + n :] = before[:, most + n, None]
    out: Floats = np.empty((len(reaches), n_rows, n), np.float32)
    for row, reach in zip(out, reaches, strict=True):
        high, low = most + reach + 1, most - reach
        np.subtract(
            before[:, high : high + n], before[:, low : low + n], out=row, casting="same_kind"
        )
    return out
