"""Out-of-fold figures for the model card; `curate.evaluate` has the full set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from curate.labelers.batch import Floats, Ints
from curate.labelers.choice import choose_main
from curate.labelers.training.corpus import LABELS, Example
from curate.text import words

if TYPE_CHECKING:
    from curate.labelers.training.pipeline import FittedKind
    from curate.labelers.training.train import Corpus

__all__ = ["calibration_error", "label_figures", "main_figures", "word_f1"]

BINS = 15


def word_f1(predicted: Counter[str], reference: Counter[str]) -> float:
    """Bag-of-words F1; 1 where both are empty."""
    if not predicted or not reference:
        return float(not predicted and not reference)
    hits = (predicted & reference).total()
    return 2 * hits / (predicted.total() + reference.total())


def main_figures(corpus: Corpus, fitted: FittedKind) -> float:
    """Mean word-F1 of the chosen main content, out of fold, over all pages.

    A page without any segment is predicted to have none.
    """
    chance = fitted.oof_main
    at = 0
    scores = [word_f1(Counter(), Counter(words(text))) for text in corpus.empty]
    for example, row in zip(corpus.html, corpus.rows, strict=True):
        page = example.page
        to = at + len(page)
        texts = [page.segment_text(index) for index in range(len(page))]
        bags = [words(text) for text in texts]
        first: dict[str, int] = {}
        same = np.array([first.setdefault(text[:400], i) for i, text in enumerate(texts)], np.int64)
        sizes = np.array([max(len(bag), 0.5) for bag in bags], np.float32)
        chosen = choose_main(chance[at:to], sizes, same)
        at = to
        predicted: Counter[str] = Counter()
        for index in np.flatnonzero(chosen).tolist():
            predicted.update(bags[index])
        scores.append(word_f1(predicted, Counter(words(row.reference))))
    return float(np.mean(scores))


def calibration_error(top: Floats, right: np.ndarray[Any, Any]) -> float:
    """Expected calibration error of the winning label, equal-mass bins."""
    order = np.argsort(top, kind="stable")
    return float(
        sum(
            len(part) / len(top) * abs(float(top[part].mean()) - float(right[part].mean()))
            for part in np.array_split(order, BINS)
            if len(part)
        )
    )


def label_figures(
    examples: Sequence[Example],
    scores: Floats,
    scored: Sequence[bool] | None,
    chosen: Ints,
) -> dict[str, Any]:
    """F1 by label, macro-F1 and calibration error over segments with gold labels.

    HTML is weighted by aligned words, bare text by characters. Calibration is that
    of the most probable label, whether or not it is the one chosen.
    """
    gold, weight, picked = [], [], []
    at = 0
    for number, example in enumerate(examples):
        to = at + len(example.page)
        seen = scored is None or scored[number]
        if example.gold is not None and example.judged and seen:
            known = np.flatnonzero(example.gold.sum(axis=1) > 0)
            gold.append(example.gold[known])
            chars = (example.page.ends - example.page.starts)[known].astype(np.float64)
            weight.append(chars)
            picked.append(known + at)
        at = to
    shares = np.concatenate(gold)
    rows = scores[np.concatenate(picked)]
    truth = shares.argmax(axis=1)
    said = chosen[np.concatenate(picked)]
    if scored is not None:
        shares = np.eye(len(LABELS))[truth] * np.concatenate(weight)[:, None]
    confusion = np.zeros((len(LABELS), len(LABELS)))
    for label in range(len(LABELS)):
        np.add.at(confusion, (np.full(len(said), label), said), shares[:, label])
    f1 = {
        name: round(
            float(2 * confusion[i, i] / max(confusion[i].sum() + confusion[:, i].sum(), 1e-9)), 4
        )
        for i, name in enumerate(LABELS)
    }
    return {
        "pages": len(gold),
        "f1": f1,
        "macro_f1": round(float(np.mean(list(f1.values()))), 4),
        "ece": round(calibration_error(rows.max(axis=1), truth == rows.argmax(axis=1)), 4),
    }
