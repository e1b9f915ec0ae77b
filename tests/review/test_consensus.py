"""Majority and Dawid-Skene: by hand, against plain loops, and on simulated readers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from curate.review.consensus import Consensus, dawid_skene, fit_consensus
from tests.review.readings import reading

NONE = (None, None, None, None)


def reference(votes, n_labels, prior_weight, prior_class, rounds=200):
    """Dawid-Skene once more, from the paper: plain loops over plain lists."""
    n, n_readers = len(votes), len(votes[0])
    off = 0.2 / (n_labels - 1)
    chances = []
    for row in votes:
        given = [v for v in row if v >= 0]
        chances.append([given.count(k) / len(given) for k in range(n_labels)])
    for _ in range(rounds):
        shares = [prior_class + sum(c[k] for c in chances) for k in range(n_labels)]
        shares = [s / sum(shares) for s in shares]
        tables = []
        for r in range(n_readers):
            table = []
            for k in range(n_labels):
                counts = [prior_weight * (0.8 if k == v else off) for v in range(n_labels)]
                for i in range(n):
                    if votes[i][r] >= 0:
                        counts[votes[i][r]] += chances[i][k]
                table.append([c / sum(counts) for c in counts])
            tables.append(table)
        chances = []
        for row in votes:
            weights = []
            for k in range(n_labels):
                p = shares[k]
                for r, v in enumerate(row):
                    if v >= 0:
                        p *= tables[r][k][v]
                weights.append(p)
            chances.append([w / sum(weights) for w in weights])
    return np.array(chances), np.array(shares), np.array(tables)


def simulated(seed, n, rights, n_labels=4, missing=0.0, bad_habit=False):
    """Readers who are right with these chances; a bad one may call every label the next one."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(n_labels, n, p=[0.45, 0.35, 0.15, 0.05])
    votes = np.empty((n, len(rights)), np.int16)
    for r, right in enumerate(rights):
        wrong = (truth + rng.integers(1, n_labels, n)) % n_labels
        if bad_habit and right < 0.5:
            wrong = (truth + 1) % n_labels
        votes[:, r] = np.where(rng.random(n) < right, truth, wrong)
    votes[rng.random(votes.shape) < missing] = -1
    kept = (votes >= 0).sum(axis=1) > 1
    return truth[kept].astype(np.int16), votes[kept]


@pytest.mark.parametrize(("weight", "prior_class"), [(10.0, 1.0), (2.5, 0.0)])
def test_the_same_as_a_plain_implementation(weight, prior_class):
    _, votes = simulated(3, 120, (0.9, 0.8, 0.6), missing=0.2)
    ours = dawid_skene(votes, 4, prior_weight=weight, prior_class=prior_class)
    theirs = reference(votes.tolist(), 4, weight, prior_class)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine == pytest.approx(other, abs=1e-6)


def test_one_round_by_hand():
    """Two labels, known truths: the tables are counts and the answer one product."""
    votes = np.array([[0, 0], [0, 1], [1, 1], [1, 1], [0, 1]], np.int16)
    truth = np.array([0, 0, 1, 1, -1], np.int16)
    chances, shares, tables = dawid_skene(votes, 2, truth=truth, prior_weight=10, prior_class=1)
    p = chances[4, 0]
    # First reader on true label 0: said 0 twice, and p of the open segment, over the prior 8 : 2.
    assert tables[0, 0].tolist() == pytest.approx([(8 + 2 + p) / (12 + p), 2 / (12 + p)])
    assert tables[1, 0].tolist() == pytest.approx([(8 + 1) / (12 + p), (2 + 1 + p) / (12 + p)])
    assert shares.tolist() == pytest.approx([(3 + p) / 7, (4 - p) / 7])
    weigh = [
        (3 + p) / 7 * (10 + p) / (12 + p) * (3 + p) / (12 + p),
        (4 - p) / 7 * (2 + 1 - p) / (13 - p) * (8 + 2 + 1 - p) / (13 - p),
    ]
    assert p == pytest.approx(weigh[0] / sum(weigh), abs=1e-6)
    assert chances[:4].tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]


def accuracy(decided, truth):
    return float(np.mean(np.asarray(decided) == truth))


@pytest.mark.parametrize("habit", [True, False])
def test_it_recovers_the_truth_better_than_majority_where_one_of_three_is_bad(habit, figure):
    gains = []
    for seed in range(20):
        truth, votes = simulated(seed, 600, (0.9, 0.85, 0.3), bad_habit=habit)
        chances, _, tables = dawid_skene(votes, 4)
        plain = Consensus("majority", ("a", "b", "c", "d"))
        names = ("x", "y", "z")
        majority = [
            plain.decide(list(zip(names, row, strict=True)), NONE)[0] for row in votes.tolist()
        ]
        weighed = accuracy(chances.argmax(axis=1), truth)
        gains.append((weighed, accuracy(majority, truth)))
        assert weighed >= gains[-1][1]
        assert tables[2, 0, 0] < 0.5 < tables[0, 0, 0]
    dawid, majority = np.mean(gains, axis=0)
    kind = "calls every label the next one" if habit else "errs at random"
    figure(
        f"Consensus of three readers (right 0.90, 0.85, 0.30; the bad one {kind}), 600 segments, "
        f"20 seeds: Dawid-Skene {dawid:.3f} right, majority {majority:.3f}"
    )
    assert dawid - majority > 0.01


def test_confidences_are_about_right():
    truth, votes = simulated(5, 4000, (0.9, 0.8, 0.7))
    chances, _, _ = dawid_skene(votes, 4)
    top, decided = chances.max(axis=1), chances.argmax(axis=1)
    for low, high in ((0.5, 0.8), (0.8, 0.95), (0.95, 1.01)):
        here = (top >= low) & (top < high)
        assert here.sum() > 50
        assert np.mean(decided[here] == truth[here]) == pytest.approx(top[here].mean(), abs=0.07)


def test_majority_and_its_ties(label_set):
    plain = fit_consensus([], label_set, "majority")
    votes = [("ada", 0), ("bo", 2), ("cy", 2)]
    assert plain.decide(votes, NONE) == (2, pytest.approx(2 / 3))
    # A tie: what the labeler finds most probable, else what stands first in the set.
    assert plain.decide(votes[:2], (0.1, None, 0.7, None)) == (2, 0.5)
    assert plain.decide(votes[:2], NONE) == (0, 0.5)
    assert plain.decide(votes[:1], NONE) == (0, 1.0)


def test_without_shared_segments_nothing_is_learnt_and_readers_are_alike(label_set):
    rows = [reading("p", ["One"], ["article"], "ada"), reading("q", ["Two"], ["teaser"], "bo")]
    made = fit_consensus(rows, label_set, "dawid_skene")
    assert made.priors == pytest.approx((0.25,) * 4)
    assert made.table_of["ada"][0] == pytest.approx((0.8, 0.2 / 3, 0.2 / 3, 0.2 / 3))
    label, sure = made.decide([("ada", 1), ("bo", 0)], (None, 0.9, None, None))
    assert (label, sure) == (1, pytest.approx(0.8 / (0.8 + 0.8 + 2 * (0.2 / 3))))
    assert made.decide([("ada", 2), ("stranger", 2)], NONE)[1] > 0.9


def test_what_an_adjudicator_decided_teaches(label_set):
    """Ada and Bo differ everywhere; the adjudicator's word on some pages settles the rest."""
    rows = []
    for i in range(12):
        lines = [f"Line {i}"] * 3
        rows += [
            reading(f"p{i:02}", lines, ["teaser"] * 3, "ada"),
            reading(f"p{i:02}", lines, ["article"] * 3, "bo"),
        ]
        if i < 8:
            rows.append(reading(f"p{i:02}", lines, ["teaser"] * 3, "cy", origin="adjudication"))
    made = fit_consensus(rows, label_set, "dawid_skene")
    label, sure = made.decide([("ada", 2), ("bo", 0)], NONE)
    assert label == 2
    assert sure > 0.9
    assert math.isclose(sum(made.table_of["bo"][2]), 1, abs_tol=1e-6)
