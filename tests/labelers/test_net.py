"""The network over segments: exact whatever the batch, stored and read back, gradients right."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.labelers.net import N_NET_OUTPUTS, net_arrays, net_from, run_net
from curate.labelers.products import product
from curate.labelers.training.gradient import PageRows, backward, forward, overlap_slope, start
from curate.labelers.training.net import NetOptions, NetTargets, fit_net

OPTIONS = NetOptions(hidden=8, steps=(1, 3), epochs=3, batch=100)
SIZES = np.array([1, 2, 40, 7, 90, 3], np.int64)
STOP = np.cumsum(SIZES)
FIRST = STOP - SIZES


def columns(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    out = rng.standard_normal((int(STOP[-1]), 6)).astype(np.float32)
    out[rng.random(out.shape) < 0.05] = np.nan
    return out


def targets() -> NetTargets:
    """The label is told by the segment before: trees of single segments can't see it."""
    seen = np.nan_to_num(columns())
    before = np.r_[0, seen[:-1, 0]] > 0
    one = np.ones(len(seen), np.float32)
    return NetTargets(
        np.eye(4, dtype=np.float32)[before.astype(int)], one, before.astype(np.float32), one, one
    )


@pytest.fixture(scope="module")
def net():
    return fit_net(
        columns(),
        ("a", "b", "c", "d", "e", "f"),
        np.array([0, 2]),
        targets(),
        FIRST,
        STOP,
        np.arange(len(SIZES)),
        OPTIONS,
        3,
    )


def test_a_page_scores_the_same_in_any_batch(net) -> None:
    together = run_net(net, columns().T, FIRST, STOP)
    assert together.shape == (STOP[-1], N_NET_OUTPUTS)
    for low, high in zip(FIRST, STOP, strict=True):
        alone = run_net(net, columns()[low:high].T, np.array([0]), np.array([high - low]))
        assert np.array_equal(alone, together[low:high])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.floats(-1e6, 1e6))
def test_any_features_give_finite_scores(net, sizes: list[int], value: float) -> None:
    stop = np.cumsum(np.array(sizes, np.int64))
    x = np.full((int(stop[-1]), 6), value, np.float32)
    x[::3, 1] = np.nan
    x[::4, 2] = np.inf
    assert np.isfinite(run_net(net, x.T, stop - np.array(sizes), stop)).all()


def test_what_is_stored_is_what_is_read(net) -> None:
    packed, real, told = net_arrays(net)
    again = net_from(packed, real, told)
    assert again.columns == net.columns
    assert np.array_equal(
        run_net(again, columns().T, FIRST, STOP), run_net(net, columns().T, FIRST, STOP)
    )
    with pytest.raises(ValueError, match="weights are not of the size told"):
        net_from(packed[:-1].repeat(2), real, told)
    with pytest.raises(ValueError, match="inputs are not of the size told"):
        net_from(packed, real[1:], told)


def test_the_same_seed_gives_the_same_network(net) -> None:
    again = fit_net(
        columns(),
        net.columns,
        np.array([0, 2]),
        targets(),
        FIRST,
        STOP,
        np.arange(len(SIZES)),
        OPTIONS,
        3,
    )
    assert np.array_equal(net_arrays(again)[0], net_arrays(net)[0])


def test_the_segment_before_is_learnt() -> None:
    options = NetOptions(
        hidden=16, steps=(1,), epochs=60, batch=100, drop=0, input_drop=0, rate=0.01
    )
    wanted = targets()
    found = fit_net(
        columns(),
        tuple("abcdef"),
        np.array([0]),
        wanted,
        FIRST,
        STOP,
        np.arange(len(SIZES)),
        options,
        1,
    )
    said = run_net(found, columns().T, FIRST, STOP)[:, :4].argmax(axis=1)
    inside = np.setdiff1d(np.arange(STOP[-1]), FIRST)
    assert (said == wanted.labels.argmax(axis=1))[inside].mean() > 0.9


def test_gradients_are_those_of_the_loss() -> None:
    options = NetOptions(hidden=4, steps=(1, 2), drop=0, input_drop=0)
    rng = np.random.default_rng(0)
    model = {k: v.astype(np.float64) for k, v in start(3, options, rng).items()}
    rows = PageRows(np.array([1, 4, 6]))
    x = rng.standard_normal((11, 3))
    wish = rng.standard_normal((11, N_NET_OUTPUTS))

    def loss() -> float:
        return float((forward(model, x, rows, options, rng).out * wish).sum())

    slope = backward(model, wish, forward(model, x, rows, options, rng), rows, options)
    for name, value in model.items():
        at = tuple(0 for _ in value.shape)
        kept = value[at]
        value[at] = kept + 1e-5
        high = loss()
        value[at] = kept - 1e-5
        low = loss()
        value[at] = kept
        assert slope[name][at] == pytest.approx((high - low) / 2e-5, rel=2e-3, abs=1e-4), name


def test_the_overlap_slope_is_that_of_one_minus_f1() -> None:
    rng = np.random.default_rng(4)
    rows = PageRows(np.array([1, 4, 6]))
    odds = rng.standard_normal(11)
    main = (rng.random(11) < 0.5).astype(np.float64)
    main[0] = 0.0
    words = rng.integers(1, 30, 11).astype(np.float64)

    def loss() -> float:
        chance = 1 / (1 + np.exp(-odds))
        ends = np.cumsum([1, 4, 6])
        out = []
        for low, high in zip([0, *ends[:-1]], ends, strict=True):
            w, c, y = words[low:high], chance[low:high], main[low:high]
            out.append(1 - 2 * (w * c * y).sum() / ((w * (c + y)).sum() + 1))
        return float(np.mean(out))

    slope = overlap_slope(1 / (1 + np.exp(-odds)), main, words, rows)
    assert slope[0] == 0.0, "nothing can be right on a page without main content"
    for at in range(11):
        odds[at] += 1e-5
        high = loss()
        odds[at] -= 2e-5
        low = loss()
        odds[at] += 1e-5
        assert slope[at] == pytest.approx((high - low) / 2e-5, rel=1e-3, abs=1e-6)


def test_the_overlap_of_pages_is_learnt() -> None:
    options = NetOptions(
        hidden=16, steps=(1,), epochs=60, batch=100, drop=0, input_drop=0, rate=0.01, main=1.0,
        overlap=1.0,
    )  # fmt: skip
    wanted = targets()
    found = fit_net(
        columns(),
        tuple("abcdef"),
        np.array([0]),
        wanted,
        FIRST,
        STOP,
        np.arange(len(SIZES)),
        options,
        1,
    )
    said = run_net(found, columns().T, FIRST, STOP)[:, 4] > 0
    for low, high in ((3, 43), (50, 140)):
        mine, theirs = said[low:high], wanted.main[low:high] > 0
        assert 2 * (mine & theirs).sum() / (mine.sum() + theirs.sum()) > 0.9


def test_products_cut_up_are_whole() -> None:
    for n, width, n_outputs in ((300, 388, 48), (5000, 40, 4), (700, 300, 4), (1, 200, 3)):
        rows = np.arange(n * width, dtype=np.float32).reshape(n, width) % 31
        weights = np.arange(width * n_outputs, dtype=np.float32).reshape(width, n_outputs) % 7
        whole = rows.astype(np.int64) @ weights.astype(np.int64)
        assert np.array_equal(product(rows, weights), whole)
        assert np.array_equal(product(np.asfortranarray(rows), weights), whole)
