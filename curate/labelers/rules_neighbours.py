"""What the rules see around a line once they have read the page for the first time."""

from __future__ import annotations

import numpy as np

from curate.labelers.base import LABEL_NAMES
from curate.labelers.rules_lines import Floats, Lines
from curate.labelers.statements import (
    Statements,
    StatementTable,
    bin_statements,
    window_sums,
)

__all__ = ["ALONE", "neighbour_statements"]

ALONE = "taken alone"
"""How statements begin that tell what the first reading made of a line itself."""

REACHES = (1, 3, 8)
"""Lines to each side that neighbours are looked for in: the card, the module, the part."""

ALONE_EDGES = (0.1, 0.3, 0.5, 0.7, 0.9)
NEAR_EDGES = (0.15, 0.35, 0.6, 0.85)
PAGE_EDGES = (0.1, 0.3, 0.6)
SAME_EDGES = (0.2, 0.5, 0.8)


def _neighbourhood(labels: tuple[str, ...]) -> list[tuple[str, str]]:
    return [
        statement
        for label in labels
        for what, edges, where in (
            (f"{ALONE}, {label}:", ALONE_EDGES, ""),
            *((f"{label} within {reach} lines:", NEAR_EDGES, "") for reach in REACHES),
            (f"{label} on the whole page:", PAGE_EDGES, ""),
            (f"{label} where its text stands:", SAME_EDGES, "repeated"),
        )
        for statement in bin_statements(what, what, edges, where)
    ]


_NEIGHBOURS = StatementTable(
    _neighbourhood(LABEL_NAMES),
    [
        what
        for parts in (
            (ALONE + ", ", ":"),
            *(("", f" within {reach} lines:") for reach in REACHES),
            ("", " on the whole page:"),
            ("", " where its text stands:"),
        )
        for what in (f"{parts[0]}{label}{parts[1]}" for label in LABEL_NAMES)
    ],
    ("repeated",),
)


def neighbour_statements(scores: Floats, lines: Lines) -> Statements:
    """What the lines around look like, by the scores of the first reading.

    Args:
        scores: float32 [n_segments, n_labels], of `LABEL_NAMES`.
        lines: of the same page.
    """
    n, n_labels = scores.shape
    values: Floats = np.empty((len(REACHES) + 3, n_labels, n), np.float32)
    alone = values[0]
    alone[:] = scores.T
    counted: Floats = np.empty((n_labels + 1, n), np.float32)
    weighted, words = counted[:-1], counted[-1]
    np.sqrt(lines.words, out=words)
    np.multiply(alone, words, out=weighted)
    around = window_sums(counted, REACHES)
    around -= counted
    least = np.maximum(around[:, -1:], 1e-6)
    np.divide(around[:, :-1], least, out=values[1 : 1 + len(REACHES)])
    values[-2] = (weighted.sum(axis=1) / words.sum())[:, None]
    for row, of_label in zip(values[-1], alone, strict=True):
        row[:] = np.bincount(lines.same, of_label)[lines.same] / lines.times
    flat = values.reshape(-1, n)
    return Statements(_NEIGHBOURS.names, _NEIGHBOURS.read(flat, (lines.times > 1,)))
