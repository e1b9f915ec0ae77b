"""Trees evaluated by bits: what LightGBM says, whatever is missing and however large they are."""

from typing import Any

import lightgbm
import numpy as np
import pytest

from curate.labelers.trees import Trees, read_trees

N_FEATURES = 6


def rows(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    out = rng.standard_normal((n, N_FEATURES)).astype(np.float32)
    out[rng.random(out.shape) < 0.2] = np.nan
    out[:, 0] = np.nan_to_num(out[:, 0])  # never missing in training
    return out


def fitted(leaves: int, classes: int, trees: int = 12, n: int = 3000) -> Any:
    x = rows(n, 1)
    score = np.nan_to_num(x[:, 1] * x[:, 2]) + np.isnan(x[:, 3]) + x[:, 0]
    wish = np.digitize(score, np.quantile(score, np.linspace(0, 1, classes + 1)[1:-1]))
    told = (
        {"objective": "multiclass", "num_class": classes}
        if classes > 2
        else {"objective": "binary"}
    )
    told |= {"num_leaves": leaves, "min_data_in_leaf": 3, "verbose": -1, "num_threads": 1}
    return lightgbm.train(told, lightgbm.Dataset(x, wish), trees)


@pytest.mark.parametrize(
    ("leaves", "classes"), [(2, 2), (8, 3), (12, 4), (24, 2), (64, 2), (150, 3)]
)
def test_what_lightgbm_says(leaves: int, classes: int) -> None:
    booster = fitted(leaves, classes)
    x = rows(1500, 2)
    x[::5, 0] = np.nan  # missing where nothing was missing in training: counts as 0
    told = booster.predict(x, raw_score=True).reshape(len(x), -1)
    found = Trees(booster.model_to_string(), range(N_FEATURES)).raw(np.ascontiguousarray(x.T))
    assert found.shape == (told.shape[1], len(x))
    assert np.abs(found.T - told).max() < 1e-9


def test_features_may_stand_anywhere() -> None:
    booster = fitted(12, 4)
    x = rows(50, 3)
    order = [7, 3, 5, 0, 9, 4]
    table = np.zeros((10, 50), np.float32)
    table[order] = x.T
    found = Trees(booster.model_to_string(), order).raw(table)
    assert np.array_equal(found, Trees(booster.model_to_string(), range(6)).raw(x.T.copy()))


def test_a_row_scores_the_same_in_any_company() -> None:
    trees = Trees(fitted(12, 4, trees=50).model_to_string(), range(N_FEATURES))
    table = np.ascontiguousarray(rows(2000, 4).T)
    together = trees.raw(table)
    for at in (0, 1, 700, 1999):
        assert np.array_equal(trees.raw(table[:, at : at + 1])[:, 0], together[:, at])


def test_values_on_a_threshold_go_left() -> None:
    text = fitted(8, 2).model_to_string()
    trees, per_round = read_trees(text)
    assert per_round == 1
    booster = lightgbm.Booster(model_str=text)
    edges = [np.float32(value) for tree in trees for value in tree.threshold]
    near = [np.nextafter(edge, np.float32(way)) for edge in edges for way in (-np.inf, np.inf)]
    x = np.repeat(np.array(edges + near, np.float32)[:, None], N_FEATURES, axis=1)
    found = Trees(text, range(N_FEATURES)).raw(x.T.copy())[0]
    assert np.abs(found - booster.predict(x, raw_score=True)).max() < 1e-9


def test_trees_of_one_leaf_say_one_thing() -> None:
    x, wish = np.zeros((50, N_FEATURES)), np.r_[np.zeros(20), np.ones(30)]
    told = {"objective": "binary", "verbose": -1, "num_threads": 1}
    booster = lightgbm.train(told, lightgbm.Dataset(x, wish), 2)
    found = Trees(booster.model_to_string(), range(N_FEATURES)).raw(np.zeros((6, 3), np.float32))
    assert found[0] == pytest.approx(booster.predict(x[:3], raw_score=True))
