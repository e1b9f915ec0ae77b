"""Trees and rules together: on bare text each knows what the other misses."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

import numpy as np

from curate.labelers.batch import Floats, Ints
from curate.labelers.rules_fit import RuleFit, RuleSample
from curate.labelers.training.corpus import LABELS, Example
from curate.labelers.training.pipeline import FittedKind, calibrate, cross_calibrated

__all__ = ["HTML_DECISION", "RULES_SHARE", "TEXT_DECISION", "blend_rules"]

RULES_SHARE = 0.6
"""Share of the rules' log-probabilities on bare text. By site, macro-F1 is 0.66
for the trees, 0.67 for the rules, 0.70 for shares of 0.5 to 0.7."""

TEXT_DECISION = (1.0, 1.0, 1.2, 2.5)
HTML_DECISION = (1.0, 1.0, 1.0, 2.0)
"""What the probabilities of article, boilerplate, teaser, caption count when the
label is chosen. Captions are under one percent of the text: an even choice finds
too few for the best F1. Cross-fitted, the weights gain 1.5 points of macro-F1 on
text and 1 on HTML; every fold by itself chooses 2 to 4 for captions."""


def blend_rules(
    examples: Sequence[Example],
    fold: Ints,
    scored: Sequence[bool],
    fitted: FittedKind,
    log: Callable[[str], None],
) -> None:
    """Blend the rules into a fitted label head, and calibrate the blend.

    The rules' weights are measured anew for every fold on the pages of the
    others, so that the out-of-fold predictions stay what they are called.

    Args:
        examples: pages, `fitted`'s rows in order.
        fold: int64 [n_pages].
        scored: pages whose segments have gold of their own.
        fitted: changed in place.
        log: told of progress.
    """
    names = _names_of_folds(RuleFit().folds)
    if int(fold.max()) + 1 > len(names):
        log("rules are left out: they are measured in five folds")
        return
    begins = np.concatenate([[0], np.cumsum([len(example.page) for example in examples])])
    samples, rows = [], []
    for number, example in enumerate(examples):
        if example.gold is None or not scored[number]:
            continue
        chars = (example.page.ends - example.page.starts).astype(np.float64)
        hard = example.gold.argmax(axis=1)
        counts = np.eye(len(LABELS))[hard] * chars[:, None]
        counts[example.gold.sum(axis=1) == 0] = 0
        samples.append(RuleSample(example.page, counts, names[int(fold[number])]))
        rows.append(np.arange(begins[number], begins[number + 1]))
    measured = RuleFit().measure(samples)
    index = np.concatenate(rows)
    rules = np.concatenate(measured.scores)
    row_fold = np.repeat(fold, np.diff(begins))
    gold = np.concatenate([sample.counts for sample in samples])
    known = gold.sum(axis=1) > 0
    share = np.zeros((int(begins[-1]), len(LABELS)), np.float32)
    share[index[known]] = gold[known] / gold[known].sum(axis=1, keepdims=True)
    mixed = _mix(fitted.raw_labels, index, rules)
    judged = index[known]
    fitted.temperature, fitted.bias = calibrate(mixed[judged], share[judged])
    fitted.oof_labels = cross_calibrated(mixed, share, row_fold, judged)
    fitted.rules_share = RULES_SHARE
    log(f"rules blended in on {len(samples)} pages")


def _mix(trees: Floats, index: Ints, rules: Floats) -> Floats:
    out = trees.copy()
    logs = (1 - RULES_SHARE) * np.log(np.maximum(trees[index], 1e-7))
    logs = logs + RULES_SHARE * np.log(np.maximum(rules, 1e-7))
    odds = np.exp(logs - logs.max(axis=1, keepdims=True))
    out[index] = odds / odds.sum(axis=1, keepdims=True)
    return out


def _names_of_folds(folds: int) -> list[str]:
    """A group name that the rules' measurement deals into each fold."""
    found: dict[int, str] = {}
    number = 0
    while len(found) < folds:
        name = f"fold {number}"
        found.setdefault(zlib.crc32(name.encode()) % folds, name)
        number += 1
    return [found[part] for part in range(folds)]
