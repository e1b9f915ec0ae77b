"""Figures with values worked out by hand."""

from collections import Counter

import numpy as np
import pytest

from curate.errors import EvaluateError
from curate.evaluate.metrics import (
    bootstrap,
    calibration_error,
    label_scores,
    macro_f1,
    paired_bootstrap,
    reliability,
    word_f1,
)


def test_word_f1() -> None:
    assert word_f1(Counter("aab"), Counter("abc")) == pytest.approx(2 * 2 / 6)
    assert word_f1(Counter(), Counter()) == 1.0
    assert word_f1(Counter("a"), Counter()) == 0.0
    assert word_f1(Counter(), Counter("a")) == 0.0


def test_label_scores_count_missing_text_against_recall() -> None:
    confusion = np.array([[6.0, 2.0, 2.0], [1.0, 9.0, 0.0]])
    first, second = label_scores(confusion)
    assert (first.precision, first.recall, first.weight) == (6 / 7, 0.6, 0.5)
    assert first.f1 == pytest.approx(12 / 17)
    assert second.f1 == pytest.approx(18 / 21)
    assert macro_f1(confusion) == pytest.approx((12 / 17 + 18 / 21) / 2)


def test_a_label_that_never_occurs_scores_nothing() -> None:
    assert label_scores(np.zeros((2, 3)))[0].f1 == 0.0


def test_reliability_and_its_error() -> None:
    top = np.array([0.5, 0.5, 0.9, 0.9])
    right = np.array([True, False, True, True])
    table = reliability(top, right, bins=2)
    assert [(row.count, row.said, row.right) for row in table] == [(2, 0.5, 0.5), (2, 0.9, 1.0)]
    assert calibration_error(table) == pytest.approx(0.05)


def test_reliability_needs_equal_lengths_and_something_to_bin() -> None:
    with pytest.raises(EvaluateError, match="2 probabilities and 1 outcomes"):
        reliability(np.array([0.1, 0.2]), np.array([True]))
    with pytest.raises(EvaluateError, match="at least one"):
        reliability(np.array([]), np.array([]))


def test_bootstrap_is_repeatable_and_holds_the_estimate() -> None:
    values = np.linspace(0, 1, 50)
    one = bootstrap(values, lambda v: float(v.mean()))
    assert one == bootstrap(values, lambda v: float(v.mean()))
    assert one.value == pytest.approx(0.5)
    assert one.low < 0.5 < one.high
    assert str(one).startswith("0.500 [0.4")


def test_paired_difference_is_exact_where_all_pages_agree() -> None:
    values = np.array([0.2, 0.4, 0.9])
    mean = lambda v: float(v.mean())  # noqa: E731 - a name for the table below
    found = paired_bootstrap(values + 0.1, values, mean)
    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.1, 0.1))
    with pytest.raises(EvaluateError, match="3 pages against 2"):
        paired_bootstrap(values, values[:2], mean)


def test_no_page_is_an_error() -> None:
    with pytest.raises(EvaluateError, match="no page to score"):
        bootstrap(np.array([]), lambda v: 0.0)
