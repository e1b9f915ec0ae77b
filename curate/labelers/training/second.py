"""Fitting a second look: few, small trees, and as many as help on sites not fitted on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from annotated_types import Interval

from curate.errors import LabelerError
from curate.labelers.base import LABEL_NAMES
from curate.labelers.batch import Floats, Ints
from curate.labelers.second import SecondLook, SecondModel, added, moved_scores
from curate.labelers.second_columns import (
    Look,
    columns_of,
    log_scores,
    token_columns,
    tokens_of,
    without_evidence,
)
from curate.labelers.training.corpus import folds_by_site
from curate.schema import PagePrediction

__all__ = ["LookOptions", "LookPage", "cross_fitted", "fit_look", "folds_of"]

Log = Callable[[str], None]

STEPS = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96)
"""Numbers of trees that are compared; each is a model of its own."""


@dataclass(frozen=True)
class LookOptions:
    """Size of a second look.

    Attributes:
        trees: boosting rounds, at most; cross-validation says how many.
        leaves: leaves of a tree.
        learning_rate: step of a round.
        min_rows: rows in a leaf, at least.
        l2: strength of the penalty on a leaf's value, in rows.
        vocabulary: tokens that become columns, at most.
        folds: parts of the cross-validation by site.
        page_rows: segments of one page that are fitted on, at most, evenly spread.
        seed: of the trees.
    """

    trees: Annotated[int, Interval(ge=1, le=96)] = 64
    leaves: Annotated[int, Interval(ge=2, le=64)] = 6
    learning_rate: Annotated[float, Interval(gt=0, le=1)] = 0.15
    min_rows: Annotated[int, Interval(ge=1)] = 5
    l2: Annotated[float, Interval(ge=0)] = 1.0
    vocabulary: Annotated[int, Interval(ge=0, le=1000)] = 64
    folds: Annotated[int, Interval(ge=2, le=20)] = 5
    page_rows: Annotated[int, Interval(ge=10)] = 300
    seed: int = 7


@dataclass(slots=True, eq=False)
class LookPage:
    """A page to fit a second look on.

    Attributes:
        look: the page with the labeler's prediction.
        truth: float32 [n_segments, n_labels], weight of each label; a row of
            zeros is not known.
        group: pages of one group (a site) stay in one fold.
    """

    look: Look
    truth: Floats
    group: str


@dataclass(slots=True, eq=False)
class _Rows:
    """Pages as rows for the trees: one for each segment and label that it may have."""

    columns: Floats
    logs: Floats
    label: Ints
    weight: Floats
    page: Ints
    tokens: list[list[set[str]]]
    picked: list[Ints]
    evidence: bool


def folds_of(groups: Sequence[str], n_folds: int) -> Ints:
    """A fold for each page by its group; by page where there are too few groups."""
    if len(set(groups)) < 2:
        groups = [f"{group}#{number}" for number, group in enumerate(groups)]
    n = min(n_folds, len(set(groups)))
    return folds_by_site([[group] for group in groups], n, [1.0] * len(groups))


def fit_look(
    pages: Sequence[LookPage],
    options: LookOptions,
    *,
    evidence: bool = False,
    decision: dict[str, Sequence[float]] | None = None,
    about: dict[str, Any] | None = None,
    log: Log = lambda _: None,
) -> SecondModel:
    """Fit a second look; the same pages and options give the same trees.

    The number of trees is the one with the smallest log-loss on pages of sites
    that were not fitted on; it may be none, and then nothing is changed.
    With evidence, each page is fitted on as one of its site and as a site's only
    one; only the difference is used (`second.added`).

    Raises:
        LabelerError: fewer than two pages have labels.
    """
    pages = [page for page in pages if page.truth.any()]
    if len(pages) < 2:
        raise LabelerError(
            f"{len(pages)} labelled page(s) to train on; at least 2 are needed, 20 or more help"
        )
    rows = _rows(pages, evidence, options)
    fold = folds_of([page.group for page in pages], options.folds)
    steps = [step for step in STEPS if step <= options.trees]
    loss = np.zeros((len(steps), len(pages)))
    for number in range(int(fold.max()) + 1):
        here = fold == number
        vocabulary = _vocabulary(pages, rows, ~here, options.vocabulary)
        booster = _fit(pages, rows, np.flatnonzero(~here[rows.page]), vocabulary, steps, options)
        loss += _losses(pages, rows, here, vocabulary, booster, steps)
    total = loss.sum(axis=1) / max(float(rows.weight.sum()), 1e-9)
    best = int(total.argmin())
    log(f"{steps[best]} trees: log-loss {total[0]:.4f} → {total[best]:.4f} over {len(pages)} pages")
    trees, vocabulary = "", ()
    if steps[best]:
        every = np.ones(len(pages), bool)
        vocabulary = _vocabulary(pages, rows, every, options.vocabulary)
        booster = _fit(pages, rows, np.arange(len(rows.page)), vocabulary, steps, options)
        text: str = booster.model_to_string(num_iteration=steps[best])
        trees = text.split("\nparameters:", 1)[0] + "\n"
    told = {
        **(about or {}),
        "pages": len(pages),
        "sites": len({page.group for page in pages}),
        "trees": steps[best],
        "log_loss": [round(float(total[0]), 4), round(float(total[best]), 4)],
    }
    return SecondModel(LABEL_NAMES, evidence, trees, vocabulary, decision or {}, told)


def cross_fitted(
    pages: Sequence[LookPage], options: LookOptions, **told: Any
) -> list[PagePrediction]:
    """Each page after a second look that was fitted without its site, number of trees and all."""
    fold = folds_of([page.group for page in pages], options.folds)
    out = [page.look.prediction for page in pages]
    for number in range(int(fold.max()) + 1):
        other = [page for page, at in zip(pages, fold, strict=True) if at != number]
        if sum(bool(page.truth.any()) for page in other) < 2:
            continue
        look = SecondLook(fit_look(other, options, **told))
        held = np.flatnonzero(fold == number).tolist()
        for at, prediction in zip(held, look.apply([pages[h].look for h in held]), strict=True):
            out[at] = prediction
    return out


def _rows(pages: Sequence[LookPage], evidence: bool, options: LookOptions) -> _Rows:
    columns, logs, label, weight, owner = [], [], [], [], []
    tokens, picked = [], []
    for number, page in enumerate(pages):
        known = np.flatnonzero(page.truth.any(axis=1))
        if len(known) > options.page_rows:
            known = known[np.linspace(0, len(known) - 1, options.page_rows).astype(np.int64)]
        at, which = np.nonzero(page.truth[known])
        every = columns_of(page.look, with_evidence=evidence)
        columns.append(every[known[at]])
        logs.append(log_scores(page.look.prediction)[known[at]])
        label.append(which)
        weight.append(page.truth[known[at], which])
        owner.append(np.full(len(at), number))
        picked.append(known[at])
        tokens.append(list(tokens_of(page.look.page)) if options.vocabulary else [])
    return _Rows(
        np.concatenate(columns),
        np.concatenate(logs),
        np.concatenate(label).astype(np.int64),
        np.concatenate(weight).astype(np.float32),
        np.concatenate(owner),
        tokens,
        picked,
        evidence,
    )


def _vocabulary(
    pages: Sequence[LookPage], rows: _Rows, wanted: npt.NDArray[np.bool_], most: int
) -> tuple[str, ...]:
    """Tokens whose segments the labeler is wrong about in one direction, on two pages or more."""
    if not most:
        return ()
    chance = np.exp(rows.logs)
    truth = np.eye(chance.shape[1], dtype=np.float32)[rows.label]
    error = (truth - chance) * rows.weight[:, None]
    room = (chance * (1 - chance)) * rows.weight[:, None]
    errors: dict[str, npt.NDArray[Any]] = {}
    n_pages: Counter[str] = Counter()
    begin = 0
    for number in range(len(pages)):
        picked = rows.picked[number]
        here = slice(begin, begin + len(picked))
        begin += len(picked)
        if not wanted[number]:
            continue
        met: set[str] = set()
        both = np.hstack([error[here], room[here]]).astype(np.float64)
        for row, segment in enumerate(picked.tolist()):
            for token in rows.tokens[number][segment]:
                met.add(token)
                if token in errors:
                    errors[token] += both[row]
                else:
                    errors[token] = both[row].copy()
        n_pages.update(met)
    n = chance.shape[1]
    score = {
        token: float((sums[:n] ** 2 / (sums[n:] + 1.0)).sum())
        for token, sums in errors.items()
        if n_pages[token] >= 2
    }
    best = sorted(score, key=lambda token: (-score[token], token))[:most]
    return tuple(sorted(token for token in best if score[token] > 1.0))


def _with_tokens(
    pages: Sequence[LookPage], rows: _Rows, index: Ints, vocabulary: Sequence[str]
) -> Floats:
    if not vocabulary:
        return rows.columns[index]
    parts = [
        token_columns(page.look.page, vocabulary)[picked]
        for page, picked in zip(pages, rows.picked, strict=True)
    ]
    return np.hstack([rows.columns[index], np.concatenate(parts)[index]])


def _fit(
    pages: Sequence[LookPage],
    rows: _Rows,
    index: Ints,
    vocabulary: Sequence[str],
    steps: Sequence[int],
    options: LookOptions,
) -> Any:
    import lightgbm

    columns = _with_tokens(pages, rows, index, vocabulary)
    parameters = {
        "objective": "multiclass",
        "num_class": len(LABEL_NAMES),
        "num_leaves": options.leaves,
        "learning_rate": options.learning_rate,
        "min_data_in_leaf": options.min_rows,
        "min_sum_hessian_in_leaf": 0.05,
        "lambda_l2": options.l2,
        "feature_fraction": 0.5,
        "max_bin": 63,
        "verbose": -1,
        "num_threads": 1,
        "seed": options.seed,
        "deterministic": True,
        "force_col_wise": True,
    }
    label, weight = rows.label[index], rows.weight[index]
    logs = rows.logs[index].astype(np.float64)
    if rows.evidence:
        columns = np.concatenate([columns, without_evidence(columns)])
        label, weight, logs = np.tile(label, 2), np.tile(weight, 2), np.tile(logs, (2, 1))
    weight = weight / max(float(weight.mean()), 1e-9)
    data = lightgbm.Dataset(columns, label, weight=weight, init_score=logs)
    return lightgbm.train(parameters, data, max(steps))


def _losses(
    pages: Sequence[LookPage],
    rows: _Rows,
    here: npt.NDArray[np.bool_],
    vocabulary: Sequence[str],
    booster: Any,
    steps: Sequence[int],
) -> npt.NDArray[np.float64]:
    """Weighted log-loss of each number of trees on each held-out page."""
    index = np.flatnonzero(here[rows.page])
    columns = _with_tokens(pages, rows, index, vocabulary)
    out = np.zeros((len(steps), len(pages)))
    for number, step in enumerate(steps):
        moved = np.zeros(rows.logs[index].shape)
        if step:
            moved = added(
                partial(booster.predict, raw_score=True, num_iteration=step, num_threads=1),
                columns,
                rows.evidence,
            )
        chance = moved_scores(rows.logs[index], moved)
        said = np.maximum(chance[np.arange(len(index)), rows.label[index]], 1e-6)
        out[number] = np.bincount(
            rows.page[index], -np.log(said) * rows.weight[index], minlength=len(pages)
        )
    return out
