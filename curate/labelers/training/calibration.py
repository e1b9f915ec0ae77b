"""Probabilities that mean what they say, each fold's by what the other folds say."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Floats, Ints

__all__ = [
    "calibrate",
    "cross_calibrated",
    "cross_scaled",
    "log_odds",
    "main_scale",
    "mixed",
    "scaled",
    "sharpness",
    "softened",
]

LEAST = 1e-7
"""Probabilities are never taken for less: one sure mistake would outweigh all else."""


def mixed(parts: list[tuple[float, npt.NDArray[Any]]]) -> Floats:
    """Weighted mean of log-probabilities, as probabilities.

    Args:
        parts: weights that sum to 1, each with float [n, n_labels].
    """
    logs = sum(weight * np.log(np.maximum(chance, LEAST)) for weight, chance in parts)
    odds = np.exp(logs - np.max(logs, axis=1, keepdims=True))
    out: Floats = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
    return out


def softened(chance: npt.NDArray[Any], temperature: float, bias: npt.NDArray[Any]) -> Floats:
    """Probabilities after vector scaling of their logarithms."""
    z = np.log(np.maximum(chance, LEAST)) * temperature + bias
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

    logs = np.log(np.maximum(chance.astype(np.float64), LEAST))

    def loss(x: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        z = logs * x[0] + np.r_[x[1:], 0.0]
        z = z - z.max(axis=1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        error = (np.exp(log_p) - gold) / len(gold)
        gradient = np.r_[(error * logs).sum(), error[:, :-1].sum(axis=0)]
        value = -(gold * log_p).sum() / len(gold) + 1e-3 * (x[1:] ** 2).sum()
        return float(value), gradient + np.r_[0.0, 2e-3 * x[1:]]

    start = np.r_[1.0, np.zeros(gold.shape[1] - 1)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B")
    return float(found.x[0]), np.r_[found.x[1:], 0.0]


def sharpness(chance: Floats, right: Ints) -> float:
    """The one factor of log-probabilities that makes them mean what they say.

    Args:
        chance: float [n, n_kinds].
        right: int64 [n].
    """
    from scipy.optimize import minimize_scalar

    logs = np.log(np.maximum(chance.astype(np.float64), LEAST))

    def loss(factor: float) -> float:
        z = logs * factor
        z = z - z.max(axis=1, keepdims=True)
        total = np.log(np.exp(z).sum(axis=1))
        return float((total - z[np.arange(len(z)), right]).mean())

    return float(minimize_scalar(loss, bounds=(0.3, 3.0), method="bounded").x)


def cross_calibrated(chance: Floats, gold: Floats, fold: Ints, rows: Ints) -> Floats:
    """Each fold's probabilities, calibrated on the other folds."""
    out = chance.copy()
    for number in np.unique(fold):
        other = rows[fold[rows] != number]
        temperature, bias = calibrate(chance[other], gold[other])
        here = fold == number
        out[here] = softened(chance[here], temperature, bias)
    return out


def log_odds(chance: npt.NDArray[Any]) -> Floats:
    """Log-odds of probabilities, finite."""
    out: Floats = np.log(
        np.clip(chance, 1e-6, 1 - 1e-6) / np.clip(1 - chance, 1e-6, 1), dtype=np.float32
    )
    return out


def main_scale(odds: Floats, target: Floats, weight: Floats) -> tuple[float, float]:
    """Slope and offset of log-odds that fit the target best (Platt)."""
    from scipy.optimize import minimize

    z = odds.astype(np.float64)

    def loss(x: npt.NDArray[np.float64]) -> float:
        s = z * x[0] + x[1]
        return float((weight * (np.logaddexp(0, s) - target * s)).sum() / weight.sum())

    found = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead")
    # On a handful of pages all are right and the slope has no end.
    return float(np.clip(found.x[0], 0.2, 3.0)), float(np.clip(found.x[1], -3.0, 3.0))


def scaled(odds: Floats, scale: tuple[float, float]) -> Floats:
    """Probabilities after slope and offset of their log-odds."""
    out: Floats = (1.0 / (1.0 + np.exp(-np.clip(odds * scale[0] + scale[1], -30, 30)))).astype(
        np.float32
    )
    return out


def cross_scaled(odds: Floats, target: Floats, weight: Floats, fold: Ints) -> Floats:
    """Each fold's probabilities of main content, scaled by what fits the other folds."""
    out = np.zeros(len(odds), np.float32)
    for number in np.unique(fold):
        other = fold != number
        scale = main_scale(odds[other], target[other], weight[other])
        here = ~other
        out[here] = scaled(odds[here], scale)
    return out
