"""A small network over a page's segments in their order: what trees miss.

Trees see a segment and averages around it; the network sees which segment
stands beside which: a dense layer, layers that look some segments back and
ahead and at the page's mean, and five numbers (the labels, main content).

Every activation and weight is a multiple of a power of two, so that the sums
of float32 products are exact: a page's scores don't depend on the pages in its
batch, the order of summation or the processor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Floats, Ints
from curate.labelers.products import product

__all__ = ["N_NET_OUTPUTS", "NetLayer", "NetModel", "encode", "net_arrays", "net_from", "run_net"]

N_NET_OUTPUTS = 5
"""The four labels, then main content."""

ACTIVATION_STEP = np.float32(1 / 32)
"""Inputs and activations are multiples of it."""

WEIGHT_STEP = np.float32(1 / 128)

INPUT_LIMIT = np.float32(4)
"""Standard deviations from the mean at which inputs are cut."""

ACTIVATION_LIMIT = np.float32(31)
"""Where activations are cut: with 24 bits for a float32's digits, sums of products
are exact below 4,096."""

N_VIEWS = 4
"""What a layer sees of a segment's surroundings: itself, one back, one ahead, the page."""


@dataclass(frozen=True, eq=False)
class NetLayer:
    """One layer of the network.

    Attributes:
        weights: float32 [n_inputs, n_outputs], multiples of `WEIGHT_STEP`.
        bias: float32 [n_outputs], multiples of `WEIGHT_STEP`.
    """

    weights: Floats
    bias: Floats

    @cached_property
    def near(self) -> Floats:
        """Weights of the first three views side by side, [hidden, 3 * hidden]."""
        hidden = self.weights.shape[1]
        views = (self.weights[at * hidden : (at + 1) * hidden] for at in range(N_VIEWS - 1))
        return np.concatenate(list(views), axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class NetModel:
    """The network of one kind of input.

    Attributes:
        columns: names of the features it reads.
        shift, scale: float32 [n_columns]; an input is `(feature - shift) * scale`.
        level_of: int64 [n_levels], the column that a level is on.
        levels: float32 [n_levels]; whether a feature reaches a level is an input too.
        dense: the first layer, [n_columns + n_levels, hidden].
        layers: [N_VIEWS * hidden, hidden] each.
        steps: how far back and ahead each of the layers looks.
        out: [hidden, N_NET_OUTPUTS].
    """

    columns: tuple[str, ...]
    shift: Floats
    scale: Floats
    level_of: Ints
    levels: Floats
    dense: NetLayer
    layers: tuple[NetLayer, ...]
    steps: tuple[int, ...]
    out: NetLayer


def encode(
    features: Floats, shift: Floats, scale: Floats, level_of: Ints, levels: Floats
) -> Floats:
    """Inputs of the first layer, float32 [n_columns + n_levels, n]; NaN becomes the mean.

    Args:
        features: float32 [n_columns, n].
        shift, scale, level_of, levels: see `NetModel`.
    """
    n_columns, n = features.shape
    out: Floats = np.empty((n_columns + len(levels), n), np.float32)
    x = out[:n_columns]
    np.subtract(features, shift[:, None], out=x)
    x *= (scale / ACTIVATION_STEP)[:, None]
    np.copyto(x, 0, where=np.isnan(x))
    np.clip(x, -INPUT_LIMIT / ACTIVATION_STEP, INPUT_LIMIT / ACTIVATION_STEP, out=x)
    np.rint(x, out=x)
    x *= ACTIVATION_STEP
    with np.errstate(invalid="ignore"):
        np.greater_equal(features[level_of], levels[:, None], out=out[n_columns:])
    return out


def _round(x: Floats) -> None:
    """To multiples of the step, in place."""
    x *= 1 / ACTIVATION_STEP
    np.rint(x, out=x)
    x *= ACTIVATION_STEP


def _rectified(z: Floats) -> Floats:
    """Negative values cut to zero, the rest rounded, in place."""
    np.clip(z, 0, ACTIVATION_LIMIT, out=z)
    _round(z)
    return z


def run_net(net: NetModel, features: Floats, first: Ints, stop: Ints) -> Floats:
    """Log-odds of each segment, float32 [n_segments, N_NET_OUTPUTS].

    Args:
        net: the network.
        features: float32 [n_columns, n_segments], its columns in order.
        first, stop: int64 [n_pages], bounds of the pages, which follow each other.
    """
    n = features.shape[1]
    sizes = stop - first
    inputs = encode(features, net.shift, net.scale, net.level_of, net.levels)
    h = product(inputs.T, net.dense.weights)
    h += net.dense.bias
    h = _rectified(h)
    hidden = h.shape[1]
    here = np.arange(n)
    low, high = np.repeat(first, sizes), np.repeat(stop, sizes)
    for layer, step in zip(net.layers, net.steps, strict=True):
        mean: Floats = (np.add.reduceat(h, first, axis=0) / sizes[:, None]).astype(np.float32)
        _round(mean)
        z: Floats = np.repeat(product(mean, layer.weights[-hidden:]) + layer.bias, sizes, axis=0)
        parts = product(h, layer.near)
        z += parts[:, :hidden]
        if n > step:
            back, ahead = parts[:-step, hidden : 2 * hidden], parts[step:, 2 * hidden :]
            if len(first) > 1:
                back = np.where((here - step >= low)[step:, None], back, np.float32(0))
                ahead = np.where((here + step < high)[:-step, None], ahead, np.float32(0))
            z[step:] += back
            z[:-step] += ahead
        h += _rectified(z)
        np.minimum(h, ACTIVATION_LIMIT, out=h)
    out: Floats = product(h, net.out.weights) + net.out.bias
    return out


def net_arrays(net: NetModel) -> tuple[npt.NDArray[np.int16], Floats, dict[str, Any]]:
    """The network as stored: whole numbers, real numbers, and what tells them apart."""
    layers = [net.dense, *net.layers, net.out]
    whole = [np.concatenate([layer.weights, layer.bias[None]]).ravel() for layer in layers]
    packed = np.rint(np.concatenate(whole) / WEIGHT_STEP).astype(np.int16)
    told = {
        "columns": list(net.columns),
        "level_of": net.level_of.tolist(),
        "steps": list(net.steps),
        "hidden": net.dense.weights.shape[1],
    }
    return packed, np.concatenate([net.shift, net.scale, net.levels]), told


def net_from(packed: npt.NDArray[np.int16], real: Floats, told: Mapping[str, Any]) -> NetModel:
    """The network from what is stored.

    Raises:
        ValueError: the arrays are not of the sizes told.
    """
    columns: Sequence[str] = told["columns"]
    level_of = np.array(told["level_of"], np.int64)
    hidden, steps = int(told["hidden"]), tuple(map(int, told["steps"]))
    n = len(columns)
    rows = [n + len(level_of), *(N_VIEWS * hidden for _ in steps), hidden]
    widths = [hidden] * (len(steps) + 1) + [N_NET_OUTPUTS]
    if len(real) != 2 * n + len(level_of):
        raise ValueError("the network's inputs are not of the size told")
    flat = packed.astype(np.float32) * WEIGHT_STEP
    layers = []
    at = 0
    for height, width in zip(rows, widths, strict=True):
        block = flat[at : at + (height + 1) * width].reshape(height + 1, width)
        layers.append(NetLayer(np.ascontiguousarray(block[:-1]), block[-1].copy()))
        at += (height + 1) * width
    if at != len(flat):
        raise ValueError("the network's weights are not of the size told")
    return NetModel(
        tuple(columns),
        real[:n],
        real[n : 2 * n],
        level_of,
        real[2 * n :],
        layers[0],
        tuple(layers[1:-1]),
        steps,
        layers[-1],
    )
