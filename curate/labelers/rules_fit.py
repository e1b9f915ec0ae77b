"""Measure the rules' weights on labelled pages.

Two softmax regressions with a penalty on large weights: the first on what a
segment shows by itself, the second on that and on what the first made of the
lines around, where "made" is told by weights from the other sites only. The
same pages give the same weights (up to the last digit of the linear algebra).

The shipped weights are written by `tests/labelers/measure_rules.py`.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from annotated_types import Interval

from curate.labelers.base import LABEL_NAMES
from curate.labelers.patterns import MACHINERY
from curate.labelers.rules import describe, probabilities, settle
from curate.labelers.rules_cards import NONE, OPINIONS, VERDICTS
from curate.labelers.rules_lines import Floats
from curate.labelers.rules_neighbours import neighbour_statements
from curate.labelers.tokens import TokenTable
from curate.schema import SegmentedPage

__all__ = ["Measured", "RuleFit", "RuleSample"]

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RuleSample:
    """One labelled page.

    Attributes:
        page: as the splitter made it; all pages of a fit of one media type.
        counts: float [n_segments, 4], characters or words of each label in each
            segment, zero where nothing is known.
        group: its site; pages of one group stay in one fold.
    """

    page: SegmentedPage
    counts: Doubles
    group: str


@dataclass(frozen=True, eq=False)
class Measured:
    """Weights, and what they give on pages of sites they were not measured on.

    Attributes:
        table: as a reading of `rules_weights.json`.
        scores: for each sample its cross-validated probabilities.
    """

    table: dict[str, dict[str, list[float]]]
    scores: list[Floats]


@dataclass(frozen=True)
class RuleFit:
    """How weights are measured.

    Attributes:
        penalty: of the squared weights, against the mean log loss. Of 1e-5 to
            1e-3, 3e-5 had the best macro-F1 by site-grouped cross-validation.
        size_power: a segment counts as its size to this power: 0 counts
            segments, 1 characters.
        folds: sites are dealt into so many parts.
        opinion: segments that the opinion behind a verdict (nine in ten are
            what it says) counts as, beside those it was measured on.
    """

    penalty: Annotated[float, Interval(gt=0)] = 3e-5
    size_power: Annotated[float, Interval(ge=0, le=1)] = 0.5
    folds: Annotated[int, Interval(ge=2)] = 5
    opinion: Annotated[float, Interval(gt=0)] = 10.0

    def measure(self, samples: Sequence[RuleSample]) -> Measured:
        """Weights from labelled pages of one media type."""
        table = TokenTable(watched=MACHINERY)
        read = [describe(sample.page, table) for sample in samples]
        names = read[0].found.names
        first = [one.found.holds for one in read]
        counts = [sample.counts for sample in samples]
        fold = np.array([zlib.crc32(s.group.encode()) % self.folds for s in samples])
        settled = [one.verdicts for one in read]
        alone = self._cross(first, counts, fold)
        second: list[npt.NDArray[np.bool_]] = []
        added: tuple[str, ...] = ()
        for holds, guess, one in zip(first, alone, read, strict=True):
            more = neighbour_statements(guess, one.lines)
            added = more.names
            second.append(np.concatenate([holds, more.holds], axis=1))
        scores = self._cross(second, counts, fold, settled)
        tables = {
            "first": _named(names, self._fit(first, counts)),
            "second": _named(names + added, self._fit(second, counts)),
            "verdicts": dict(zip(VERDICTS, self._shares(settled, counts).tolist(), strict=True)),
        }
        return Measured(tables, scores)

    def _cross(
        self,
        holds: Sequence[npt.NDArray[np.bool_]],
        counts: Sequence[Doubles],
        fold: npt.NDArray[np.int64],
        settled: Sequence[npt.NDArray[np.int64]] | None = None,
    ) -> list[Floats]:
        """Probabilities of each page by weights and shares from the other folds."""
        scores: list[Floats] = [np.zeros((0, 0), np.float32)] * len(holds)
        for k in np.unique(fold):
            others = np.flatnonzero(fold != k)
            weights = self._fit([holds[at] for at in others], [counts[at] for at in others])
            for at in np.flatnonzero(fold == k):
                scores[at] = probabilities(holds[at], weights)
            if settled is None:
                continue
            shares = self._shares([settled[at] for at in others], [counts[at] for at in others])
            for at in np.flatnonzero(fold == k):
                scores[at] = settle(scores[at], settled[at], shares)
        return scores

    def _shares(
        self, settled: Sequence[npt.NDArray[np.int64]], counts: Sequence[Doubles]
    ) -> Floats:
        """Share of each label among the segments that a verdict settles, with its opinion."""
        found = np.full((len(VERDICTS), len(LABEL_NAMES)), 0.1 / (len(LABEL_NAMES) - 1))
        found[np.arange(len(VERDICTS)), OPINIONS] = 0.9
        found *= self.opinion
        for verdict, count in zip(settled, counts, strict=True):
            size = count.sum(axis=1)
            at = np.flatnonzero((verdict != NONE) & (size > 0))
            np.add.at(found, verdict[at], count[at] / size[at, None])
        shares: Floats = (found / found.sum(axis=1, keepdims=True)).round(3).astype(np.float32)
        return shares

    def _fit(self, holds: Sequence[npt.NDArray[np.bool_]], counts: Sequence[Doubles]) -> Floats:
        """Weights [n_rules + 1, n_labels] of least penalised log loss."""
        from scipy.optimize import minimize

        seen = np.concatenate(counts)
        known = seen.sum(axis=1) > 0
        matrix = np.concatenate(holds)[known].astype(np.float32)
        matrix = np.concatenate([matrix, np.ones((len(matrix), 1), np.float32)], axis=1)
        size = seen[known].sum(axis=1)
        truth = seen[known] / size[:, None]
        share = size**self.size_power
        share /= share.sum()
        shape = (matrix.shape[1], truth.shape[1])

        def loss(flat: Doubles) -> tuple[float, Doubles]:
            weights = flat.reshape(shape)
            scores = _dense(matrix, weights)
            held = weights.copy()
            held[-1] = 0
            log_loss = -(share * (truth * np.log(scores + 1e-12)).sum(axis=1)).sum()
            slope = matrix.T @ (share[:, None] * (scores - truth)) + self.penalty * held
            return float(log_loss + self.penalty * (held**2).sum() / 2), slope.ravel()

        start = np.zeros(shape).ravel()
        options: dict[str, Any] = {"maxiter": 200}
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
        # Two decimals: more would be noise, and people read the table.
        weights: Floats = np.round(found.x.reshape(shape), 2).astype(np.float32)
        return weights


def _dense(matrix: Floats, weights: Doubles) -> Doubles:
    """`probabilities` as one product, for many segments."""
    sums = (matrix @ weights.astype(np.float32)).astype(np.float64)
    odds: Doubles = np.exp(sums - sums.max(axis=1, keepdims=True))
    scores: Doubles = odds / odds.sum(axis=1, keepdims=True)
    return scores


def _named(names: Sequence[str], weights: Floats) -> dict[str, list[float]]:
    rows = [[round(float(value), 2) for value in row] for row in weights]
    return dict(zip([*names, "whatever holds"], rows, strict=True))
