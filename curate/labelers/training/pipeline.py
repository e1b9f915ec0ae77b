"""From labelled examples to the models of both kinds of input, with honest predictions.

Order: first scores out of fold; HTML features; page types; main trees; the
teacher on gold pages and its silver labels for the others; label trees; the
network; `blend` puts trees and network together. Then the same for bare text, whose
silver labels, and what its network is told besides, come from its HTML through the
lines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Floats, Ints
from curate.labelers.first import N_OUTPUTS, FirstWeights
from curate.labelers.net import NetModel
from curate.labelers.training.calibration import cross_scaled, log_odds, main_scale
from curate.labelers.training.corpus import Example
from curate.labelers.training.fit import KindData, fit_trees, out_of_fold, pick_features
from curate.labelers.training.heads import (
    N_LABELS,
    FitOptions,
    FittedHead,
    FittedTypes,
    Log,
    fit_labels,
    fit_main,
    fit_types,
    known_of,
    page_weight,
    sampled,
)
from curate.labelers.training.net import NetTargets
from curate.labelers.training.networks import fit_nets
from curate.labelers.training.silver import blend_silver, rule_captions

__all__ = ["NET_MAIN_SHARE", "FitOptions", "FittedKind", "fit_html", "fit_text"]

CARD_TYPES = ("listing", "collection")

SMOOTHING = 0.05
"""Share of the network's target spread over all labels: people differ too."""

NET_MAIN_SHARE = 0.5
"""The network's share in the log-odds of main content; even shares are not fitted."""

HTML_SHARE = 0.5
"""On bare text, the share of what the HTML heads say of a line, out of fold, in what
the network is fitted to; the rest is the silver label. With elements the heads are
right far more often (0.88 of macro-F1 against 0.73), and they tell where they doubt."""

HTML_TRUST = 0.3
"""Weight of a line of which only the HTML heads tell something."""

Silver = tuple[Ints, Floats]


@dataclass(slots=True, eq=False)
class FittedKind:
    """Models of one kind of input, and what they say of rows they have not seen.

    Attributes:
        first: weights of the first score.
        main, labels, types: trees, with raw out-of-fold probabilities.
        net: the network.
        oof_net: float32 [n_rows, 5], its out-of-fold log-odds.
        silver: labels and weights used for rows without gold.
        temperature: what the blended label log-probabilities are multiplied by.
        bias: float [4], what is added to them.
        main_scale: slope and offset of the blended main log-odds.
        shares: of trees, network and rules in the labels' log-probabilities.
        sure_shares: the same where the rules are sure.
        rules: their weights, measured on the same pages; None where they take no part.
        decision: what each label's probability counts when the label is chosen.
        oof_main: float32 [n_rows], out-of-fold probability of main content,
            scaled by the other folds.
        oof_labels: float32 [n_rows, 4], out-of-fold, calibrated by the other folds.
        oof_choice: int64 [n_rows], labels chosen with weights of the other folds.

    The fields from `temperature` on are those of the trees alone until `blend_labels`
    has filled them in; `main_scale` and `oof_main` are final.
    """

    first: FirstWeights
    main: FittedHead
    labels: FittedHead
    types: FittedTypes
    net: NetModel
    oof_net: Floats
    silver: Silver
    temperature: float
    bias: npt.NDArray[np.float64]
    main_scale: tuple[float, float]
    shares: tuple[float, float, float]
    sure_shares: tuple[float, float, float]
    rules: Mapping[str, Any] | None
    decision: tuple[float, ...]
    oof_main: Floats
    oof_labels: Floats
    oof_choice: Ints

    @property
    def label_columns(self) -> Ints:
        """Features that the label trees read."""
        return self.labels.columns


def _fit_kind(
    examples: Sequence[Example],
    data: KindData,
    fold: Ints,
    site: Ints,
    silver_of: Callable[[Floats, Floats, Floats], Silver] | Silver,
    heard: Floats | None,
    scored: npt.NDArray[np.bool_],
    options: FitOptions,
    log: Log,
) -> FittedKind:
    rng = np.random.default_rng(options.seed)
    main, known, gold = known_of(examples)
    words, page = data.words, data.page
    has_gold = gold.sum(axis=1) > 0
    share = gold / np.maximum(gold.sum(axis=1, keepdims=True), 1e-9)
    sure = np.minimum(gold.sum(axis=1) / np.maximum(words, 1), 1).astype(np.float32)
    weight = page_weight(words, page)
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
    usable = sampled(page, options.first_rows, rng) | (has_gold & scored)
    parts, first = out_of_fold(data, targets, weights, fold, site, usable, log)
    columns = data.features(*parts)
    log(f"features: {columns.shape}")
    page_fold = np.zeros(len(examples), np.int64)
    page_fold[page] = fold
    types = fit_types(examples, data, columns, page_fold, options, log)
    columns = np.concatenate([columns, types.chance[page]], axis=1)
    main_head = fit_main(columns, data, target_main, known, fold, options, rng, log)

    if isinstance(silver_of, tuple):
        silver = silver_of
    else:
        silver = silver_of(columns, gold, main_head.chance)
    labels, trust = silver
    hard = np.where(has_gold, gold.argmax(axis=1), labels)
    # Lines are scored by characters or words; small ones still matter for review.
    by_size = np.minimum(np.sqrt(words), 6.0).astype(np.float32)
    silver_weight = options.silver_weight if data.html else options.text_silver_weight
    tree_weight = by_size * np.where(has_gold, sure, silver_weight * trust)
    label_head = fit_labels(
        columns,
        data,
        hard,
        tree_weight.astype(np.float32),
        has_gold,
        has_gold | scored,
        fold,
        options,
        rng,
        log,
    )
    believed = np.eye(N_LABELS)[labels]
    net_trust = trust
    if heard is not None:
        told = ~np.isnan(heard[:, 0])
        both = (1 - HTML_SHARE) * believed + HTML_SHARE * heard
        believed = np.where(told[:, None], both, believed)
        net_trust = np.where(told, HTML_TRUST + (1 - HTML_TRUST) * trust, trust)
    soft = np.where(has_gold[:, None], share, believed)
    fitted_to = NetTargets(
        ((1 - SMOOTHING) * soft + SMOOTHING / N_LABELS).astype(np.float32),
        (by_size * np.where(has_gold, sure, net_trust)).astype(np.float32),
        target_main,
        (weight * known).astype(np.float32),
        (words * known).astype(np.float32),
    )
    net, oof_net = fit_nets(
        columns, data, fitted_to, page_fold, main_head, label_head, options, log
    )
    # The choice weighs words, so the probability is made to fit words.
    by_word = (words / np.bincount(page, words)[page]).astype(np.float32) * known
    odds = (1 - NET_MAIN_SHARE) * log_odds(main_head.chance) + NET_MAIN_SHARE * oof_net[:, -1]
    return FittedKind(
        first,
        main_head,
        label_head,
        types,
        net,
        oof_net,
        silver,
        1.0,
        np.zeros(N_LABELS),
        main_scale(odds, target_main, by_word),
        (1.0, 0.0, 0.0),
        (1.0, 0.0, 0.0),
        None,
        (1.0,) * N_LABELS,
        cross_scaled(odds, target_main, by_word, fold),
        label_head.chance,
        np.zeros(len(data), np.int64),
    )


def fit_html(
    examples: Sequence[Example], fold: Ints, site: Ints, options: FitOptions, log: Log
) -> FittedKind:
    """Fit all heads for HTML.

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
    main, known, _ = known_of(examples)

    def silver_of(columns: Floats, gold: Floats, oof_main: Floats) -> Silver:
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
        log("teacher")
        labels, trust = blend_silver(chance, main, captions, cards, heading)
        return labels, np.where(known, trust, 0).astype(np.float32)

    every = np.ones(len(data), bool)
    return _fit_kind(examples, data, row_fold, row_site, silver_of, None, every, options, log)


def fit_text(
    examples: Sequence[Example],
    html: Sequence[Example],
    silver: Silver,
    html_labels: Floats,
    fold: Ints,
    site: Ints,
    scored: Sequence[bool],
    options: FitOptions,
    log: Log,
) -> FittedKind:
    """Fit all heads for bare text.

    Args:
        examples: lines, tied to the segments of `html` where they come from it.
        html: the HTML examples, in the order that `silver` was made in.
        silver: labels and weights of the HTML segments.
        html_labels: float32 [n_html_rows, 4], what the HTML heads say of them, out of fold.
        fold, site: int64 [n_pages] of the text examples.
        scored: pages whose lines themselves are gold, not projected.
        options, log: as for `fit_html`.
    """
    data = KindData([example.page for example in examples], False, log=log)
    begin = np.concatenate([[0], np.cumsum([len(example.page) for example in html])])
    number_of = {example.key: number for number, example in enumerate(html)}
    labels = np.zeros(len(data), np.int64)
    trust = np.zeros(len(data), np.float32)
    heard = np.full((len(data), N_LABELS), np.nan, np.float32)
    at = 0
    for example in examples:
        to = at + len(example.page)
        source = number_of.get(example.key)
        if source is not None and example.to_html is not None:
            known = example.to_html >= 0
            where = begin[source] + np.maximum(example.to_html, 0)
            labels[at:to] = silver[0][where]
            trust[at:to] = np.where(known, silver[1][where], 0)
            heard[at:to][known] = html_labels[where[known]]
        at = to
    rows_scored = np.asarray(scored)[data.page]
    return _fit_kind(
        examples,
        data,
        fold[data.page],
        site[data.page],
        (labels, trust),
        heard,
        rows_scored,
        options,
        log,
    )
