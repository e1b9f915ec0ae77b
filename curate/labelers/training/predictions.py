"""Out-of-fold predictions as pages, so that they can be scored like any labeler's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from curate.labelers.base import LABEL_NAMES
from curate.labelers.choice import choose_main
from curate.labelers.training.corpus import Example
from curate.labelers.training.pipeline import FittedKind
from curate.labelers.training.train import Trained
from curate.schema import PagePrediction, SegmentedPage
from curate.text import words

__all__ = ["out_of_fold_pages"]

Pages = Mapping[str, tuple[SegmentedPage, PagePrediction]]


def out_of_fold_pages(trained: Trained) -> tuple[Pages, Pages]:
    """For HTML and for bare text: each page with the prediction of a model that never saw its site.

    Keys are the benchmark's `file_id`; of bare text only pages whose lines are
    gold themselves are given.
    """
    every = [True] * len(trained.corpus.html)
    return (
        _pages(trained.corpus.html, trained.html, every),
        _pages(trained.corpus.text, trained.text, trained.corpus.scored),
    )


def _pages(examples: Sequence[Example], fitted: FittedKind, wanted: Sequence[bool]) -> Pages:
    chance = fitted.oof_main
    out = {}
    at = 0
    for example, is_wanted in zip(examples, wanted, strict=True):
        page = example.page
        here = slice(at, at + len(page))
        at += len(page)
        if not is_wanted:
            continue
        texts = [page.segment_text(index) for index in range(len(page))]
        seen: dict[str, int] = {}
        same = np.array([seen.setdefault(text[:400], i) for i, text in enumerate(texts)], np.int64)
        sizes = np.array([max(len(words(text)), 0.5) for text in texts], np.float32)
        scores = fitted.oof_labels[here]
        chosen = fitted.oof_choice[here]
        out[example.key] = (
            page,
            PagePrediction(
                [LABEL_NAMES[label] for label in chosen.tolist()],
                scores,
                choose_main(chance[here], sizes, same),
                [()] * len(page),
            ),
        )
    return out
