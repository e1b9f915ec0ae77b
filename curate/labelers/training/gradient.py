"""The network's arithmetic while it is fitted: there, back, and a step of Adam."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from annotated_types import Interval

from curate.labelers.batch import Floats, Ints
from curate.labelers.net import N_NET_OUTPUTS, N_VIEWS

__all__ = [
    "Kept",
    "NetOptions",
    "PageRows",
    "Parameters",
    "backward",
    "descend",
    "forward",
    "overlap_slope",
    "softmax",
    "start",
]

Parameters = dict[str, Floats]


@dataclass(frozen=True)
class NetOptions:
    """Size of the network and how it is fitted.

    Attributes:
        hidden: numbers that a layer makes of a segment.
        steps: how far back and ahead each layer looks, in segments.
        epochs: passes over the pages.
        rate: step of a batch, falling to zero.
        decay: share of the weights taken off, times the rate.
        drop, input_drop: share of activations and inputs left out at random.
        batch: segments of a batch, at least.
        main: what the log-loss of main content counts beside that of the labels.
        overlap: what the expected word-F1 of a page's main content, which is what
            counts in the end, counts beside them; it decides sections as a whole.
        caption: what a caption counts more than another label's segment.
    """

    hidden: Annotated[int, Interval(ge=4, le=256)] = 48
    steps: tuple[int, ...] = (1, 2, 4, 8)
    epochs: Annotated[int, Interval(ge=1, le=100)] = 5
    rate: Annotated[float, Interval(gt=0, le=0.1)] = 0.003
    decay: Annotated[float, Interval(ge=0, le=1)] = 0.1
    drop: Annotated[float, Interval(ge=0, lt=1)] = 0.35
    input_drop: Annotated[float, Interval(ge=0, lt=1)] = 0.15
    batch: Annotated[int, Interval(ge=100)] = 3000
    main: Annotated[float, Interval(ge=0)] = 0.5
    overlap: Annotated[float, Interval(ge=0)] = 0.0
    caption: Annotated[float, Interval(ge=1)] = 3.0


def start(n_inputs: int, options: NetOptions, rng: np.random.Generator) -> Parameters:
    """Weights drawn at random, of a size that keeps activations level."""
    h = options.hidden

    def draw(height: int, width: int, gain: float) -> Floats:
        size = gain / np.sqrt(height)
        drawn: Floats = (rng.standard_normal((height, width)) * size).astype(np.float32)
        return drawn

    model = {"dense": draw(n_inputs, h, 1.0), "dense_bias": np.zeros(h, np.float32)}
    for number in range(len(options.steps)):
        model[f"layer{number}"] = draw(N_VIEWS * h, h, 0.7)
        model[f"layer{number}_bias"] = np.zeros(h, np.float32)
    model["out"] = draw(h, N_NET_OUTPUTS, 0.3)
    model["out_bias"] = np.zeros(N_NET_OUTPUTS, np.float32)
    return model


class PageRows:
    """Where the pages of a batch begin and end."""

    def __init__(self, sizes: Ints) -> None:
        self.first = np.cumsum(sizes) - sizes
        self.page = np.repeat(np.arange(len(sizes)), sizes)
        self.low = self.first[self.page]
        self.high = self.low + sizes[self.page]
        self.per = (1 / sizes).astype(np.float32)[:, None]
        self.here = np.arange(len(self.page))

    def mean(self, h: npt.NDArray[np.floating]) -> Floats:
        """Means over the page of each row."""
        means = (np.add.reduceat(h, self.first, axis=0) * self.per).astype(np.float32)
        out: Floats = means[self.page]
        return out

    def back(self, step: int) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """The row some steps before, and whether it is of the same page."""
        there = self.here - step
        return np.maximum(there, 0), (there >= self.low)[:, None]

    def ahead(self, step: int) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """The row some steps after, and whether it is of the same page."""
        there = self.here + step
        return np.minimum(there, len(there) - 1), (there < self.high)[:, None]


@dataclass(slots=True, eq=False)
class Kept:
    """What the way back needs of the way there."""

    x: Floats
    dense: Floats
    dense_mask: Floats
    views: list[tuple[Floats, Floats, Floats]]
    h: Floats
    out: Floats


def _mask(shape: tuple[int, ...], drop: float, rng: np.random.Generator) -> Floats:
    kept = rng.random(shape, np.float32) >= drop
    return kept.astype(np.float32) / np.float32(1 - drop)


def forward(
    model: Parameters, x: Floats, batch: PageRows, options: NetOptions, rng: np.random.Generator
) -> Kept:
    """Outputs of a batch, with activations left out at random."""
    dense = x @ model["dense"] + model["dense_bias"]
    dense_mask = _mask(dense.shape, options.drop, rng)
    h = np.maximum(dense, 0) * dense_mask
    views = []
    for number, step in enumerate(options.steps):
        before, has_before = batch.back(step)
        after, has_after = batch.ahead(step)
        view = np.concatenate(
            [h, h[before] * has_before, h[after] * has_after, batch.mean(h)], axis=1
        )
        z = view @ model[f"layer{number}"] + model[f"layer{number}_bias"]
        mask = _mask(z.shape, options.drop, rng)
        views.append((view, z, mask))
        h = h + np.maximum(z, 0) * mask
    return Kept(x, dense, dense_mask, views, h, h @ model["out"] + model["out_bias"])


def backward(
    model: Parameters, error: Floats, kept: Kept, batch: PageRows, options: NetOptions
) -> Parameters:
    """Slopes of the loss in all weights, from its slopes in the outputs."""
    gradient: Parameters = {"out": kept.h.T @ error, "out_bias": error.sum(axis=0)}
    up = error @ model["out"].T
    n = options.hidden
    for number in reversed(range(len(options.steps))):
        step = options.steps[number]
        view, z, mask = kept.views[number]
        inner = up * mask * (z > 0)
        gradient[f"layer{number}"] = view.T @ inner
        gradient[f"layer{number}_bias"] = inner.sum(axis=0)
        spread = inner @ model[f"layer{number}"].T
        up = up + spread[:, :n]
        if len(up) > step:
            up[:-step] += (spread[:, n : 2 * n] * batch.back(step)[1])[step:]
            up[step:] += (spread[:, 2 * n : 3 * n] * batch.ahead(step)[1])[:-step]
        up += batch.mean(spread[:, 3 * n :])
    inner = up * kept.dense_mask * (kept.dense > 0)
    gradient["dense"] = kept.x.T @ inner
    gradient["dense_bias"] = inner.sum(axis=0)
    return gradient


def descend(
    model: Parameters,
    moments: list[Parameters],
    gradient: Parameters,
    rate: float,
    decay: float,
    count: int,
) -> None:
    """One step of Adam with decoupled decay."""
    mean, square = moments
    for name, value in gradient.items():
        mean[name] = np.float32(0.9) * mean[name] + np.float32(0.1) * value
        square[name] = np.float32(0.98) * square[name] + np.float32(0.02) * value * value
        move = (mean[name] / (1 - 0.9**count)) / (np.sqrt(square[name] / (1 - 0.98**count)) + 1e-8)
        if value.ndim == 2:
            move = move + decay * model[name]
        model[name] = (model[name] - rate * move).astype(np.float32)


def softmax(z: Floats) -> Floats:
    """Probabilities of each row."""
    odds = np.exp(z - z.max(axis=1, keepdims=True))
    out: Floats = odds / odds.sum(axis=1, keepdims=True)
    return out


def overlap_slope(chance: Floats, main: Floats, words: Floats, batch: PageRows) -> Floats:
    """Slopes of the mean loss `1 - F1` of a batch's pages in the log-odds.

    F1 is that of expected words: twice those rightly taken, over those taken and
    those of the reference; one more below the line keeps tiny pages from ruling.

    Args:
        chance: float32 [n], probability of main content.
        main: float32 [n], 1 for main content.
        words: float32 [n].
        batch: the pages.
    """
    right = np.add.reduceat(words * chance * main, batch.first)[batch.page]
    both = (np.add.reduceat(words * (chance + main), batch.first) + 1.0)[batch.page]
    slope = -2 * words * (main * both - right) / both**2 * chance * (1 - chance)
    out: Floats = (slope / len(batch.first)).astype(np.float32)
    return out
