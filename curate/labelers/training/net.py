"""Fitting the network: plain numpy, seeded, the same weights for the same data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from curate.labelers.batch import Floats, Ints
from curate.labelers.net import (
    ACTIVATION_LIMIT,
    N_NET_OUTPUTS,
    WEIGHT_STEP,
    NetLayer,
    NetModel,
    encode,
)
from curate.labelers.training.gradient import (
    NetOptions,
    PageRows,
    Parameters,
    backward,
    descend,
    forward,
    overlap_slope,
    softmax,
    start,
)

__all__ = ["NetOptions", "NetTargets", "fit_net"]

MAIN = N_NET_OUTPUTS - 1

LEVEL_SHARES = (0.1, 0.3, 0.5, 0.7, 0.9, 0.97)
"""Quantiles of a feature whose levels become inputs."""

RARE_SHARES = (0.0, 0.5, 0.9)
"""The same for features that are mostly at their least value, over the other rows."""

EVERY = 5
"""Levels and scales are measured on every so many segments."""

MAX_WEIGHT = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class NetTargets:
    """What the network is fitted to.

    Attributes:
        labels: float32 [n, 4], shares of the labels.
        label_weight: float32 [n].
        main: float32 [n], 1 for main content.
        main_weight: float32 [n].
        main_words: float32 [n], words; 0 where main content is unknown.
    """

    labels: Floats
    label_weight: Floats
    main: Floats
    main_weight: Floats
    main_words: Floats


def fit_net(
    columns: Floats,
    names: tuple[str, ...],
    with_levels: Ints,
    targets: NetTargets,
    first: Ints,
    stop: Ints,
    pages: Ints,
    options: NetOptions,
    seed: int,
) -> NetModel:
    """Fit a network to some pages.

    Args:
        columns: float32 [n, n_columns], features of all pages.
        names: of the columns.
        with_levels: columns whose levels become inputs.
        targets: of all rows.
        first, stop: int64 [n_pages].
        pages: the pages to fit.
        options, seed: size and chance.
    """
    rng = np.random.default_rng(seed)
    rows = np.concatenate([np.arange(first[p], stop[p]) for p in pages])
    seen = columns[rows[::EVERY]]
    shift, scale = _spread(seen)
    level_of, levels = _levels(seen, with_levels)
    shape = (shift, scale, level_of, levels)
    model = start(columns.shape[1] + len(levels), options, rng)
    moments: list[Parameters] = [{k: np.zeros_like(v) for k, v in model.items()} for _ in range(2)]
    label_weight = targets.label_weight / _mean(targets.label_weight[rows])
    caption = 1 + (options.caption - 1) * targets.labels[:, 3]
    label_weight = (label_weight * caption).astype(np.float32)
    main_weight = targets.main_weight / _mean(targets.main_weight[rows]) * options.main
    sizes = stop - first
    n_batches = options.epochs * max(int(np.ceil(sizes[pages].sum() / options.batch)), 1)
    done = 0
    for _ in range(options.epochs):
        order = rng.permutation(pages)
        ends = np.cumsum(sizes[order])
        cuts = np.searchsorted(ends, np.arange(options.batch, ends[-1], options.batch))
        for part in np.split(order, np.unique(cuts)):
            if not len(part):
                continue
            index = np.concatenate([np.arange(first[p], stop[p]) for p in part])
            x = np.ascontiguousarray(encode(columns[index].T, *shape).T)
            if options.input_drop:
                x *= rng.random(x.shape, np.float32) > options.input_drop
            batch = PageRows(sizes[part])
            kept = forward(model, x, batch, options, rng)
            error = np.empty((len(index), N_NET_OUTPUTS), np.float32)
            error[:, :MAIN] = softmax(kept.out[:, :MAIN]) - targets.labels[index]
            error[:, :MAIN] *= label_weight[index, None]
            odds = np.clip(kept.out[:, MAIN], -20, 20)
            chance = (1 / (1 + np.exp(-odds))).astype(np.float32)
            error[:, MAIN] = (chance - targets.main[index]) * main_weight[index]
            error /= len(index)
            if options.overlap:
                slope = overlap_slope(chance, targets.main[index], targets.main_words[index], batch)
                error[:, MAIN] += options.overlap * slope
            gradient = backward(model, error, kept, batch, options)
            done += 1
            rate = options.rate * min(1.0, done / 50) * max(1 - done / n_batches, 0.002) ** 0.7
            descend(model, moments, gradient, rate, options.decay, done)
    return _finished(model, names, shape, options)


def _spread(seen: Floats) -> tuple[Floats, Floats]:
    """Means of columns, and one over their standard deviations; NaN is left out."""
    held = ~np.isnan(seen)
    count = np.maximum(held.sum(axis=0), 1)
    mean = np.where(held, seen, 0).sum(axis=0, dtype=np.float64) / count
    apart = np.where(held, seen - mean, 0)
    deviation = np.sqrt((apart**2).sum(axis=0) / count)
    return mean.astype(np.float32), (1.0 / (deviation + 1e-3)).astype(np.float32)


def _mean(weight: Floats) -> float:
    known = weight[weight > 0]
    return float(known.mean()) if len(known) else 1.0


def _levels(seen: Floats, with_levels: Ints) -> tuple[Ints, Floats]:
    at: list[int] = []
    levels: list[float] = []
    for column in with_levels.tolist():
        values = seen[:, column]
        values = values[~np.isnan(values)]
        if not len(values):
            continue
        above = values[values > values.min()]
        if len(above) < 10:
            continue
        shares = LEVEL_SHARES if len(above) > 0.3 * len(values) else RARE_SHARES
        found = np.unique(np.quantile(above, shares).astype(np.float32).round(4))
        at.extend([column] * len(found))
        levels.extend(found.tolist())
    return np.array(at, np.int64), np.array(levels, np.float32)


def _finished(
    model: Parameters,
    names: tuple[str, ...],
    shape: tuple[Floats, Floats, Ints, Floats],
    options: NetOptions,
) -> NetModel:
    def rounded(value: Any) -> Floats:
        whole = np.rint(np.clip(value, -MAX_WEIGHT, MAX_WEIGHT) / WEIGHT_STEP)
        out: Floats = (whole * WEIGHT_STEP).astype(np.float32)
        return out

    def layer(name: str) -> NetLayer:
        return NetLayer(rounded(model[name]), rounded(model[f"{name}_bias"]))

    assert ACTIVATION_LIMIT < 1 / WEIGHT_STEP
    return NetModel(
        names,
        *shape,
        layer("dense"),
        tuple(layer(f"layer{number}") for number in range(len(options.steps))),
        options.steps,
        layer("out"),
    )
