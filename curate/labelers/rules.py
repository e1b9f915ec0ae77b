"""A labeler of plain rules: statements about a segment, each with a measured weight.

A statement ("a headline, with a time or date after") holds or does not. Each
one adds its weights to the four labels, and the sums become probabilities. A
second reading adds statements on what the first one made of the lines around.
The weights are measured on labelled pages (`rules_fit`); nothing is hidden in
them: `reasons` names the statements that spoke most for the label. Where a
pattern over several lines settles the matter (`rules_cards`), its measured
shares replace the sums.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Annotated, Any, NamedTuple, overload

import numpy as np
import numpy.typing as npt
from annotated_types import Interval

from curate.errors import LabelerError
from curate.labelers.base import LABEL_NAMES
from curate.labelers.language import page_language
from curate.labelers.patterns import MACHINERY
from curate.labelers.products import product
from curate.labelers.rules_cards import SETTLING, VERDICTS, verdicts
from curate.labelers.rules_layout import describe_layout
from curate.labelers.rules_lines import Floats, Lines, TokenMarks, read_lines
from curate.labelers.rules_neighbours import ALONE, neighbour_statements
from curate.labelers.rules_page import main_segments, page_type
from curate.labelers.rules_text import describe_text
from curate.labelers.slices import MAX_SEGMENTS, join_predictions, slices
from curate.labelers.statements import Statements
from curate.labelers.tokens import TokenTable
from curate.schema import PagePrediction, SegmentedPage
from curate.text import digest

__all__ = [
    "Reading",
    "RulesLabeler",
    "Weights",
    "describe",
    "probabilities",
    "read_weights",
    "rule_scores",
    "settle",
    "shipped_weights",
]

WEIGHTS_FILE = "rules_weights.json"

_VERDICT_NUMBERS = np.arange(len(VERDICTS))
_SETTLES = np.isin(np.arange(len(VERDICTS) + 1), SETTLING)  # the last is for no verdict


@dataclass(frozen=True)
class Weights:
    """Weights of the two readings of one kind of input.

    Attributes:
        names: statements of the first reading, then those the second adds.
        first: float32 [n_first + 1, 4], the last row holds what speaks without
            any statement.
        second: float32 [n_first + n_added + 1, 4].
        verdicts: float32 [n_verdicts, 4], probabilities where a verdict settles it.
    """

    names: tuple[str, ...]
    first: Floats
    second: Floats
    verdicts: Floats


class Reading(NamedTuple):
    """A page as the rules see it.

    Attributes:
        lines: counts over tokens.
        found: the statements of the first reading.
        verdicts: int64 [n_segments], the verdict on each, `NONE` without one.
    """

    lines: Lines
    found: Statements
    verdicts: npt.NDArray[np.int64]


def describe(page: SegmentedPage, table: TokenTable, told: TokenMarks | None = None) -> Reading:
    """The statements of the first reading; every verdict is one of them too.

    Args:
        page: with at least one segment.
        table: where tokens are looked up.
        told: its tokens and their marks, where they have been read from that table before.
    """
    lines = read_lines(page, table, told)
    found = describe_text(lines)
    settled = verdicts(page, lines)
    names, rows = found.names + VERDICTS, [found.rows, _VERDICT_NUMBERS[:, None] == settled]
    if page.layout is not None:
        more = describe_layout(page, lines)
        names += more.names
        rows.append(more.rows)
    return Reading(lines, Statements(names, np.concatenate(rows)), settled)


def probabilities(holds: npt.NDArray[np.bool_], weights: Floats) -> Floats:
    """Softmax of the summed weights, float32 [n_segments, n_labels].

    Weights have two decimals: counted in hundredths, their sums are whole numbers
    that float32 holds exactly, in whatever order a machine's product adds them.
    """
    hundredths = np.rint(weights * 100)
    sums = product(holds.astype(np.float32), hundredths[:-1])
    # A row a label from here on: sums over few long rows are cheap, over many short ones not.
    z = np.add(sums.T, hundredths[-1, :, None], order="C", dtype=np.float32).astype(np.float64)
    z /= 100
    z -= z.max(axis=0)
    odds = np.exp(z)
    scores: Floats = (odds / odds.sum(axis=0)).astype(np.float32)
    return np.ascontiguousarray(scores.T)


def settle(scores: Floats, settled: npt.NDArray[np.int64], table: Floats) -> Floats:
    """The scores, with those of settled segments from the table of verdicts."""
    return np.where(_SETTLES[settled][:, None], table[settled], scores)


@lru_cache(maxsize=1)
def shipped_weights() -> tuple[dict[str, Weights], str]:
    """The weights of the package by media type, and their digest."""
    raw = (resources.files("curate.labelers") / WEIGHTS_FILE).read_bytes()
    tables: dict[str, Any] = json.loads(raw)["weights"]
    weights = {
        kind: read_weights(table, f"{WEIGHTS_FILE}, {kind}") for kind, table in tables.items()
    }
    return weights, digest(raw, chars=16)


def read_weights(table: Mapping[str, Mapping[str, list[float]]], where: str) -> Weights:
    """Weights as `rules_fit` measures them.

    Args:
        table: rows by statement, for `first`, `second` and `verdicts`.
        where: what an error names.

    Raises:
        LabelerError: the table was measured for other rules.
    """
    first = np.array(list(table["first"].values()), np.float32)
    second = np.array(list(table["second"].values()), np.float32)
    names = tuple(table["second"])[:-1]
    if tuple(table["first"])[:-1] != names[: len(first) - 1]:
        raise LabelerError(
            f"{where}: the two readings begin with different rules; measure the weights anew"
        )
    verdict_table = np.array([table["verdicts"][name] for name in VERDICTS], np.float32)
    return Weights(names, first, second, verdict_table)


@lru_cache(maxsize=1)
def _table() -> TokenTable:
    return TokenTable(watched=MACHINERY)


class _Seen(NamedTuple):
    scores: Floats
    holds: npt.NDArray[np.bool_]
    lines: Lines
    settled: npt.NDArray[np.int64]
    weights: Weights


def _see(
    page: SegmentedPage,
    table: TokenTable,
    told: TokenMarks | None,
    weights: Weights | None = None,
) -> _Seen:
    """Both readings of a page; with the package's weights where none are given."""
    weights = weights or shipped_weights()[0]["text" if page.layout is None else "html"]
    lines, found, settled = describe(page, table, told)
    scores = probabilities(found.holds, weights.first)
    more = neighbour_statements(scores, lines)
    holds = np.concatenate([found.rows, more.rows]).T
    if found.names + more.names != weights.names:
        raise LabelerError(
            "the rules' weights were measured for other rules than these; run "
            "tests/labelers/measure_rules.py, or train the model again"
        )
    scores = settle(probabilities(holds, weights.second), settled, weights.verdicts)
    return _Seen(scores, holds, lines, settled, weights)


def rule_scores(
    page: SegmentedPage, table: TokenTable, told: TokenMarks, weights: Weights | None = None
) -> Floats:
    """The rules' probabilities of a page whose tokens have been read, float32 [n_segments, 4].

    Args:
        page: with at least one segment.
        table, told: its tokens and their marks.
        weights: the package's where none are given.
    """
    return _see(page, table, told, weights).scores


@dataclass(frozen=True)
class RulesLabeler:
    """Labels by weighted rules, on HTML and on bare text.

    Attributes:
        max_reasons: statements told for each segment.
    """

    max_reasons: Annotated[int, Interval(ge=0, le=20)] = 3

    @property
    def name(self) -> str:
        """`rules`."""
        return "rules"

    @property
    def version(self) -> str:
        """Digest of the weights and of the options."""
        return digest(shipped_weights()[1], str(self.max_reasons), chars=16)

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels of `web4`."""
        return LABEL_NAMES

    def label(self, pages: Sequence[SegmentedPage]) -> list[PagePrediction]:
        """One prediction a page, in order."""
        return [
            self._label(page)
            if len(page) <= MAX_SEGMENTS
            else join_predictions([self._label(part) for part in slices(page, MAX_SEGMENTS)])
            for page in pages
        ]

    def _label(self, page: SegmentedPage) -> PagePrediction:
        if not len(page):
            empty = np.zeros((0, len(LABEL_NAMES)), np.float32)
            return PagePrediction([], empty, np.zeros(0, bool), [])
        seen = _see(page, _table(), None)
        scores = seen.scores
        best = scores.argmax(axis=1)
        kind, kind_score = page_type(page, scores, seen.lines)
        return PagePrediction(
            labels=[LABEL_NAMES[at] for at in best.tolist()],
            scores=scores,
            main=main_segments(scores, kind),
            reasons=_Reasons(seen.holds, seen.weights, best, seen.settled, self.max_reasons),
            page_type=kind,
            page_type_score=kind_score,
            language=page_language(page),
        )


class _Reasons(Sequence[tuple[str, ...]]):
    """For each segment what spoke most for its label; worked out when first asked for."""

    def __init__(
        self,
        holds: npt.NDArray[np.bool_],
        weights: Weights,
        best: npt.NDArray[np.int64],
        settled: npt.NDArray[np.int64],
        count: int,
    ) -> None:
        self._args = (holds, weights, best, settled, count)
        self._told: list[tuple[str, ...]] | None = None

    def __len__(self) -> int:
        return len(self._args[0])

    @overload
    def __getitem__(self, index: int) -> tuple[str, ...]: ...
    @overload
    def __getitem__(self, index: slice) -> list[tuple[str, ...]]: ...
    def __getitem__(self, index: int | slice) -> tuple[str, ...] | list[tuple[str, ...]]:
        if self._told is None:
            self._told = _reasons(*self._args)
        return self._told[index]


def _reasons(
    holds: npt.NDArray[np.bool_],
    weights: Weights,
    best: npt.NDArray[np.int64],
    settled: npt.NDArray[np.int64],
    count: int,
) -> list[tuple[str, ...]]:
    """The verdict, and the statements that spoke most for the label against the others."""
    if not count:
        return [()] * len(best)
    rows = weights.second[:-1]
    speaks = (rows - rows.mean(axis=1, keepdims=True)).T  # [n_labels, n_rules]
    # What the first reading made of the segment itself sums up the others: no reason.
    speaks[:, [name.startswith(ALONE) for name in weights.names]] = 0
    for_label = np.where(holds, speaks[best], 0.0)
    top = np.argpartition(-for_label, count - 1, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(for_label, top, axis=1), axis=1, kind="stable")
    top = np.take_along_axis(top, order, axis=1)
    told = np.take_along_axis(for_label, top, axis=1) > 0
    names = weights.names
    reasons: list[tuple[str, ...]] = []
    for row, sure, verdict in zip(top.tolist(), told.tolist(), settled.tolist(), strict=True):
        said = [names[at] for at, positive in zip(row, sure, strict=True) if positive]
        if verdict in SETTLING and VERDICTS[verdict] not in said:
            said = [VERDICTS[verdict], *said]
        reasons.append(tuple(said[:count]))
    return reasons
