"""The learning curve and what it tells of further pages."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.sample.curve import Curve, Measured, f1_of, fit_curve, forecast


def test_f1_from_confusion() -> None:
    # Label 0: 8 of 10 found, 1 taken too many: 2 * 8 / (10 + 9).
    confusion = np.array([[8.0, 2.0], [1.0, 9.0]])
    assert f1_of(confusion).tolist() == pytest.approx([16 / 19, 18 / 21])
    assert f1_of(np.zeros((2, 2))).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("true", [Curve(0.1, 0.3, 0.5), Curve(0.0, 0.5, 0.25), Curve(0.2, 0.1, 1)])
def test_a_power_law_is_found_again(true: Curve) -> None:
    sizes = [0, 10, 20, 40, 80]
    found = fit_curve(sizes, [true.f1(n) for n in sizes])
    assert found.power == true.power
    assert found.floor == pytest.approx(true.floor, abs=1e-9)
    assert found.scale == pytest.approx(true.scale, abs=1e-9)
    assert found.f1(160) == pytest.approx(true.f1(160))


def test_a_curve_that_falls_is_held_level() -> None:
    found = fit_curve([0, 10, 20], [0.9, 0.8, 0.7])
    assert found.scale == 0.0
    assert found.f1(0) == found.f1(1000)


@settings(deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=2, max_size=6),
    st.floats(0, 500),
    st.floats(0, 500),
)
def test_more_pages_never_hurt(f1: list[float], few: float, many: float) -> None:
    found = fit_curve([10.0 * n for n in range(len(f1))], f1)
    assert 0 <= found.f1(min(few, many)) <= found.f1(max(few, many)) <= 1


def pages(error: float, n: int, seed: int) -> np.ndarray:
    """Confusion of pages of a hundred characters a label with errors about `error`."""
    wrong = np.random.default_rng(seed).binomial(100, error, (n, 2))
    out = np.zeros((n, 2, 2))
    out[:, 0, 0], out[:, 0, 1] = 100 - wrong[:, 0], wrong[:, 0]
    out[:, 1, 1], out[:, 1, 0] = 100 - wrong[:, 1], wrong[:, 1]
    return out


def test_the_forecast_of_a_known_curve() -> None:
    true = Curve(0.05, 0.25, 0.5)
    sizes = [0.0, 10.0, 20.0, 40.0]
    confusion = np.array([pages(1 - true.f1(n), 60, at) for at, n in enumerate(sizes)])
    labels, mean = forecast(Measured(sizes, confusion), 60, [40, 200])
    assert len(labels) == 2
    assert mean.now.value == pytest.approx(true.f1(60), abs=0.01)
    assert mean.then[0].value == pytest.approx(true.f1(100), abs=0.015)
    assert mean.then[0].low <= true.f1(100) <= mean.then[0].high + 0.01
    assert mean.now.value <= mean.then[0].value <= mean.then[1].value
    assert forecast(Measured(sizes, confusion), 60, [40, 200]) == (labels, mean)


def test_fewer_pages_are_known_less_closely() -> None:
    sizes = [0.0, 10.0, 20.0]

    def half(n: int) -> float:
        confusion = np.array([pages(0.2, n, seed) for seed in range(3)])
        return forecast(Measured(sizes, confusion), 20, [])[1].now.half

    assert half(10) > 1.5 * half(90)
