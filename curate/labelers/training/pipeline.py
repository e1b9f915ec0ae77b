"""From labelled examples to the models of both kinds of input, with honest predictions.

Order: first scores out of fold; HTML features; the teacher on gold pages and
its silver labels for the others; label and main trees for HTML; then the same
for bare text, whose labels come from its HTML through the lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Floats, Ints
from curate.labelers.features import PAGE_LEVEL, feature_names
from curate.labelers.first import N_OUTPUTS, FirstWeights
from curate.labelers.pagetype import PAGE_TYPES, page_columns, page_feature_names
from curate.labelers.training.corpus import LABELS, Example
from curate.labelers.training.fit import (
    KindData,
    TreeOptions,
    fit_trees,
    out_of_fold,
    pick_features,
)
from curate.labelers.training.silver import blend_silver, rule_captions

__all__ = [
    "FitOptions",
    "FittedKind",
    "calibrate",
    "cross_calibrated",
    "fit_html",
    "fit_text",
    "softened",
]

N_LABELS = len(LABELS)
CARD_TYPES = ("listing", "collection")

Log = Callable[[str], None]


@dataclass(frozen=True)
class FitOptions:
    """How the models are fitted.

    Attributes:
        seed: of every sample and every tree.
        page_rows: segments of one page that are fitted on, at most.
        silver_rows: segments without gold labels in the label models, at most.
        silver_weight: weight of a sure silver segment against a gold one.
        first_rows: segments of one page that the first score is fitted on, at most.
        main, labels, teacher, types: sizes of the trees.
    """

    seed: int = 7
    page_rows: int = 250
    first_rows: int = 150
    silver_rows: int = 120_000
    silver_weight: float = 0.3
    main: TreeOptions = field(default_factory=lambda: TreeOptions(trees=100, leaves=40))
    labels: TreeOptions = field(
        default_factory=lambda: TreeOptions(trees=100, leaves=12, min_rows=150)
    )
    teacher: TreeOptions = field(
        default_factory=lambda: TreeOptions(trees=40, leaves=24, min_rows=30)
    )
    types: TreeOptions = field(default_factory=lambda: TreeOptions(trees=40, leaves=8, min_rows=15))


@dataclass(slots=True, eq=False)
class FittedKind:
    """Models of one kind of input, and what they say of rows they have not seen.

    Attributes:
        first: weights of the first score.
        main, labels: LightGBM boosters.
        main_columns, label_columns: the features each of them reads.
        temperature: what the label head's log-odds are multiplied by.
        bias: float [4], what is added to them.
        main_scale: slope and offset of the main head's log-odds.
        oof_main: float32 [n_rows], out-of-fold probability of main content.
        oof_labels: float32 [n_rows, 4], out-of-fold, calibrated across folds.
        silver: labels and weights used for rows without gold, or None.
    """

    first: FirstWeights
    main: Any
    labels: Any
    main_columns: Ints
    label_columns: Ints
    temperature: float
    bias: npt.NDArray[np.float64]
    main_scale: tuple[float, float]
    oof_main: Floats
    oof_labels: Floats
    raw_labels: Floats
    silver: tuple[Ints, Floats]
    types: FittedTypes
    rules_share: float = 0.0
    decision: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)


def softened(chance: npt.NDArray[Any], temperature: float, bias: npt.NDArray[Any]) -> Floats:
    """Probabilities after vector scaling of their logarithms."""
    z = np.log(np.maximum(chance, 1e-7)) * temperature + bias
    z -= z.max(axis=1, keepdims=True)
    e = np.exp(z)
    out: Floats = (e / e.sum(axis=1, keepdims=True)).astype(np.float32)
    return out


def calibrate(chance: Floats, gold: Floats) -> tuple[float, npt.NDArray[np.float64]]:
    """Temperature and biases that make out-of-fold probabilities mean what they say.

    Args:
        chance: float [n, 4].
        gold: float [n, 4], shares of the labels; each row counts once.
    """
    from scipy.optimize import minimize

    logs = np.log(np.maximum(chance.astype(np.float64), 1e-7))

    def loss(x: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        z = logs * x[0] + np.r_[x[1:], 0.0]
        z = z - z.max(axis=1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        error = (np.exp(log_p) - gold) / len(gold)
        gradient = np.r_[(error * logs).sum(), error[:, :-1].sum(axis=0)]
        value = -(gold * log_p).sum() / len(gold) + 1e-3 * (x[1:] ** 2).sum()
        return float(value), gradient + np.r_[0.0, 2e-3 * x[1:]]

    found = minimize(loss, np.r_[1.0, np.zeros(N_LABELS - 1)], jac=True, method="L-BFGS-B")
    return float(found.x[0]), np.r_[found.x[1:], 0.0]


def cross_calibrated(chance: Floats, gold: Floats, fold: Ints, rows: Ints) -> Floats:
    """Each fold's probabilities, calibrated on the other folds."""
    out = chance.copy()
    for number in np.unique(fold):
        other = rows[fold[rows] != number]
        temperature, bias = calibrate(chance[other], gold[other])
        here = fold == number
        out[here] = softened(chance[here], temperature, bias)
    return out


def _main_scale(chance: Floats, target: Floats, weight: Floats) -> tuple[float, float]:
    """Slope and offset of log-odds that fit the target best (Platt)."""
    from scipy.optimize import minimize

    z = np.log(np.clip(chance, 1e-6, 1 - 1e-6) / np.clip(1 - chance, 1e-6, 1)).astype(np.float64)

    def loss(x: npt.NDArray[np.float64]) -> float:
        s = z * x[0] + x[1]
        return float((weight * (np.logaddexp(0, s) - target * s)).sum() / weight.sum())

    found = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead")
    # On a handful of pages all are right and the slope has no end.
    return float(np.clip(found.x[0], 0.2, 3.0)), float(np.clip(found.x[1], -3.0, 3.0))


def scaled(chance: Floats, scale: tuple[float, float]) -> Floats:
    """Probabilities after slope and offset of their log-odds."""
    z = np.log(np.clip(chance, 1e-6, 1 - 1e-6) / np.clip(1 - chance, 1e-6, 1))
    out: Floats = (1.0 / (1.0 + np.exp(-np.clip(z * scale[0] + scale[1], -30, 30)))).astype(
        np.float32
    )
    return out


def _sampled(page: Ints, at_most: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """A sample of rows with at most so many of each page, on average."""
    size = np.bincount(page)[page]
    out: npt.NDArray[np.bool_] = rng.random(len(page)) < at_most / size
    return out


def _page_weight(words: Floats, page: Ints) -> Floats:
    """Square root of the words, each page with the same sum: scores are means over pages."""
    root = np.sqrt(words)
    out: Floats = (root / np.bincount(page, root)[page]).astype(np.float32)
    return out


def _known(examples: Sequence[Example]) -> tuple[Floats, npt.NDArray[np.bool_], Floats]:
    """Main shares, whether they are known, and gold words, of all rows."""
    main = [e.main if e.main is not None else np.zeros(len(e.page), np.float32) for e in examples]
    known = [np.full(len(e.page), e.main is not None) for e in examples]
    gold = [
        e.gold if e.gold is not None else np.zeros((len(e.page), N_LABELS), np.float32)
        for e in examples
    ]
    return np.concatenate(main), np.concatenate(known), np.concatenate(gold)


def _fit_kind(
    examples: Sequence[Example],
    data: KindData,
    fold: Ints,
    site: Ints,
    silver_of: Callable[[Floats, Floats, Floats], tuple[Ints, Floats]] | tuple[Ints, Floats],
    scored: npt.NDArray[np.bool_],
    options: FitOptions,
    log: Log,
) -> FittedKind:
    rng = np.random.default_rng(options.seed)
    main, known, gold = _known(examples)
    words, page = data.words, data.page
    has_gold = gold.sum(axis=1) > 0
    share = gold / np.maximum(gold.sum(axis=1, keepdims=True), 1e-9)
    sure = np.minimum(gold.sum(axis=1) / np.maximum(words, 1), 1).astype(np.float32)
    weight = _page_weight(words, page)
    target_main = (main > 0).astype(np.float32)

    targets = np.zeros((len(data), N_OUTPUTS), np.float32)
    weights = np.zeros_like(targets)
    targets[:, 0] = target_main
    weights[:, 0] = weight * known
    targets[:, 1:] = share
    weights[:, 1:] = (weight * has_gold * sure)[:, None]
    if isinstance(silver_of, tuple):
        labels, trust = silver_of
        fill = ~has_gold & (trust > 0)
        targets[fill, 1:] = np.eye(N_LABELS, dtype=np.float32)[labels[fill]]
        weights[fill, 1:] = (weight * trust)[fill, None] * options.silver_weight
    usable = _sampled(page, options.first_rows, rng) | (has_gold & scored)
    parts, first = out_of_fold(data, targets, weights, fold, site, usable, log)
    columns = data.features(*parts)
    log(f"features: {columns.shape}")
    page_fold = np.zeros(len(examples), np.int64)
    page_fold[page] = fold
    types = _fit_types(examples, data, columns, page_fold, options, log)
    columns = np.concatenate([columns, types.chance[page]], axis=1)

    # Main content.
    rows = np.flatnonzero(_sampled(page, options.page_rows, rng) & known)
    size = np.bincount(page)[page]
    row_weight = (weight * np.maximum(1.0, size / options.page_rows)).astype(np.float32)
    binary = target_main.astype(np.int64)
    main_columns = pick_features(
        columns[rows], binary[rows], row_weight[rows], 2, options.main, options.seed
    )
    narrow = np.ascontiguousarray(columns[:, main_columns])
    oof_main = np.zeros(len(data), np.float32)
    for number in range(int(fold.max()) + 1):
        index = rows[fold[rows] != number]
        booster = fit_trees(
            narrow[index], binary[index], row_weight[index], 2, options.main, options.seed
        )
        there = np.flatnonzero(fold == number)
        oof_main[there] = booster.predict(narrow[there], num_threads=1)
        log(f"main trees: fold {number + 1}")
    main_booster = fit_trees(
        narrow[rows], binary[rows], row_weight[rows], 2, options.main, options.seed
    )
    # The choice weighs words, so the probability is made to fit words.
    by_word = (data.words / np.bincount(page, data.words)[page]).astype(np.float32) * known
    main_scale = _main_scale(oof_main, target_main, by_word)

    silver = silver_of if isinstance(silver_of, tuple) else silver_of(columns, gold, oof_main)
    labels, trust = silver
    hard = np.where(has_gold, gold.argmax(axis=1), labels)
    tree_weight = np.where(has_gold, sure, options.silver_weight * trust).astype(np.float32)
    # Lines are scored by characters or words; small ones still matter for review.
    tree_weight *= np.minimum(np.sqrt(words), 6.0)
    candidates = np.flatnonzero(~has_gold & (trust > 0) & _sampled(page, options.page_rows, rng))
    if len(candidates) > options.silver_rows:
        candidates = np.sort(rng.choice(candidates, options.silver_rows, replace=False))
    gold_rows = np.flatnonzero(has_gold)
    rows = np.sort(np.r_[gold_rows, candidates])
    log(f"label rows: {len(gold_rows)} gold, {len(candidates)} silver")
    allowed = np.array(
        [at for at, name in enumerate(feature_names(data.html)) if name not in PAGE_LEVEL]
    )
    label_columns = pick_features(
        columns[rows][:, allowed],
        hard[rows],
        tree_weight[rows],
        N_LABELS,
        options.labels,
        options.seed,
    )
    label_columns = allowed[label_columns]
    narrow = np.ascontiguousarray(columns[:, label_columns])
    raw = np.zeros((len(data), N_LABELS), np.float32)
    for number in range(int(fold.max()) + 1):
        index = rows[fold[rows] != number]
        booster = fit_trees(
            narrow[index], hard[index], tree_weight[index], N_LABELS, options.labels, options.seed
        )
        there = np.flatnonzero((fold == number) & (has_gold | scored))
        raw[there] = booster.predict(narrow[there], num_threads=1)
        log(f"label trees: fold {number + 1}")
    label_booster = fit_trees(
        narrow[rows], hard[rows], tree_weight[rows], N_LABELS, options.labels, options.seed
    )
    judged = np.flatnonzero(has_gold & scored)
    temperature, bias = calibrate(raw[judged], share[judged])
    return FittedKind(
        first,
        main_booster,
        label_booster,
        main_columns,
        label_columns,
        temperature,
        bias,
        main_scale,
        oof_main,
        cross_calibrated(raw, share, fold, judged),
        raw,
        silver,
        types,
    )


@dataclass(slots=True, eq=False)
class FittedTypes:
    """The page-type head: booster, features, and out-of-fold probabilities by page."""

    booster: Any
    columns: Ints
    chance: Floats


def _fit_types(
    examples: Sequence[Example],
    data: KindData,
    columns: Floats,
    page_fold: Ints,
    options: FitOptions,
    log: Log,
) -> FittedTypes:
    names = feature_names(data.html)
    wanted = np.array([names.index(name) for name in page_feature_names(names)], np.int64)
    parts = []
    at = 0
    for batch, *_ in data.chunks:
        parts.append(page_columns(columns[at : at + len(batch)], batch, wanted))
        at += len(batch)
    rows = np.concatenate(parts)
    kinds = np.array(
        [PAGE_TYPES.index(e.page_type) if e.page_type in PAGE_TYPES else -1 for e in examples]
    )
    weight = np.ones(len(rows), np.float32)
    chance = np.zeros((len(rows), len(PAGE_TYPES)), np.float32)
    for number in range(int(page_fold.max()) + 1):
        index = np.flatnonzero((kinds >= 0) & (page_fold != number))
        there = np.flatnonzero(page_fold == number)
        booster = fit_trees(
            rows[index], kinds[index], weight[index], len(PAGE_TYPES), options.types, options.seed
        )
        chance[there] = booster.predict(rows[there], num_threads=1)
    index = np.flatnonzero(kinds >= 0)
    booster = fit_trees(
        rows[index], kinds[index], weight[index], len(PAGE_TYPES), options.types, options.seed
    )
    right = float((chance[index].argmax(axis=1) == kinds[index]).mean())
    log(f"page types: {rows.shape}, {right:.3f} right")
    return FittedTypes(booster, wanted, chance)


def fit_html(
    examples: Sequence[Example], fold: Ints, site: Ints, options: FitOptions, log: Log
) -> FittedKind:
    """Fit both heads for HTML.

    Args:
        examples: pages with a layout, none of them empty.
        fold, site: int64 [n_pages].
        options: sizes, weights and seed.
        log: told of progress.
    """
    data = KindData([example.page for example in examples], True, log=log)
    row_fold, row_site = fold[data.page], site[data.page]
    captions = np.concatenate([rule_captions(example.page) for example in examples])
    cards = np.concatenate([np.full(len(e.page), e.page_type in CARD_TYPES) for e in examples])
    heading = np.concatenate(
        [np.fromiter((k == "h1" for k in e.page.kinds), bool, len(e.page)) for e in examples]
    )
    main, known, _ = _known(examples)

    def silver_of(columns: Floats, gold: Floats, oof_main: Floats) -> tuple[Ints, Floats]:
        rows = np.flatnonzero(gold.sum(axis=1) > 0)
        hard = gold.argmax(axis=1)
        weight = np.minimum(np.sqrt(data.words), 6.0).astype(np.float32)
        seen = np.column_stack([columns, oof_main, main > 0, captions, cards]).astype(np.float32)
        picked = pick_features(
            seen[rows], hard[rows], weight[rows], N_LABELS, options.teacher, options.seed
        )
        seen = np.ascontiguousarray(seen[:, picked])
        chance = np.zeros((len(data), N_LABELS), np.float32)
        for number in range(int(row_fold.max()) + 1):
            index = rows[row_fold[rows] != number]
            teacher = fit_trees(
                seen[index], hard[index], weight[index], N_LABELS, options.teacher, options.seed
            )
            there = np.flatnonzero(row_fold == number)
            chance[there] = teacher.predict(seen[there], num_threads=1)
            log(f"teacher: fold {number + 1}")
        labels, trust = blend_silver(chance, main, captions, cards, heading)
        return labels, np.where(known, trust, 0).astype(np.float32)

    every = np.ones(len(data), bool)
    return _fit_kind(examples, data, row_fold, row_site, silver_of, every, options, log)


def fit_text(
    examples: Sequence[Example],
    html: Sequence[Example],
    silver: tuple[Ints, Floats],
    fold: Ints,
    site: Ints,
    scored: Sequence[bool],
    options: FitOptions,
    log: Log,
) -> FittedKind:
    """Fit both heads for bare text.

    Args:
        examples: lines, tied to the segments of `html` where they come from it.
        html: the HTML examples, in the order that `silver` was made in.
        silver: labels and weights of the HTML segments.
        fold, site: int64 [n_pages] of the text examples.
        scored: pages whose lines themselves are gold, not projected.
        options, log: as for `fit_html`.
    """
    data = KindData([example.page for example in examples], False, log=log)
    begin = np.concatenate([[0], np.cumsum([len(example.page) for example in html])])
    number_of = {example.key: number for number, example in enumerate(html)}
    labels = np.zeros(len(data), np.int64)
    trust = np.zeros(len(data), np.float32)
    at = 0
    for example in examples:
        to = at + len(example.page)
        source = number_of.get(example.key)
        if source is not None and example.to_html is not None:
            known = example.to_html >= 0
            where = begin[source] + np.maximum(example.to_html, 0)
            labels[at:to] = silver[0][where]
            trust[at:to] = np.where(known, silver[1][where], 0)
        at = to
    rows_scored = np.asarray(scored)[data.page]
    return _fit_kind(
        examples, data, fold[data.page], site[data.page], (labels, trust), rows_scored, options, log
    )
