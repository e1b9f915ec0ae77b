"""Reviewed pages as something to learn from: models that did not see what they are asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from curate.labelers.base import LABEL_NAMES
from curate.labelers.second import SecondLook
from curate.labelers.second_columns import Look
from curate.labelers.training.project import Reviewed, reviewed_page
from curate.labelers.training.second import LookOptions, cross_fitted, fit_look, folds_of
from curate.sample.curve import Measured
from curate.sample.suspects import Checked, suspect_segments, why_again
from curate.schema import LabelSet
from curate.stages.reviewed import ReviewedPage
from curate.stages.sampling import in_order

__all__ = ["learnable", "measure_curve", "second_looks"]

FOLDS = 4
"""Parts by site of which one is scored on; more cost more and change little."""

PARTS = (0.25, 0.5, 1.0)
"""Shares of the pages to learn from; the labeler as it stands is the point at none."""

LOOK = LookOptions(trees=32, folds=3)
"""A lighter model than `train.on_review` fits, since a dozen are fitted for one plan."""

MIN_PAGES = 6
"""Reviewed pages from which a model of them is more than chance; below, the
labeler's own probabilities are what a label is held against."""


def learnable(found: ReviewedPage, label_set: LabelSet) -> Reviewed | None:
    """A reviewed page as training takes it; None where the labels are not the labeler's."""
    if set(label_set.names) != set(LABEL_NAMES):
        return None
    scores = in_order(found.prediction.scores, label_set.names, LABEL_NAMES)
    prediction = replace(found.prediction, scores=scores)
    return reviewed_page(found.page_id, Look(found.page, prediction), found.final, found.site)


def measure_curve(pages: Sequence[Reviewed], seed: int = 0) -> Measured:
    """Models of parts of the reviewed pages, each scored on pages of other sites.

    Confusion is in characters, truth by row, labels in the labeler's order.
    """
    fold = folds_of([page.fit.group for page in pages], FOLDS)
    order = np.random.default_rng(seed).permutation(len(pages))
    n_labels = len(LABEL_NAMES)
    out = np.zeros((len(PARTS) + 1, len(pages), n_labels, n_labels))
    sizes = np.zeros((len(PARTS) + 1, int(fold.max()) + 1))
    for number in range(int(fold.max()) + 1):
        held = np.flatnonzero(fold == number).tolist()
        others = [at for at in order.tolist() if fold[at] != number]
        for at in held:
            out[0, at] = _confusion(pages[at], pages[at].fit.look.prediction.labels)
        for step, part in enumerate(PARTS, 1):
            chosen = others[: max(2, round(part * len(others)))]
            sizes[step, number] = len(chosen)
            look = SecondLook(fit_look([pages[at].fit for at in chosen], LOOK))
            told = look.apply([pages[at].fit.look for at in held])
            for at, prediction in zip(held, told, strict=True):
                out[step, at] = _confusion(pages[at], prediction.labels)
    return Measured(sizes.mean(axis=1).tolist(), out)


def _confusion(page: Reviewed, labels: Sequence[str]) -> npt.NDArray[np.float64]:
    said = np.array([LABEL_NAMES.index(label) for label in labels], np.int64)
    out = np.zeros((len(LABEL_NAMES), len(LABEL_NAMES)))
    np.add.at(out.T, said, page.chars)
    return out


def second_looks(pages: Sequence[ReviewedPage], label_set: LabelSet) -> dict[str, str]:
    """Page id to why it deserves a second look, gravest first.

    Labels are held against a model of the other sites' reviewed pages on top of
    the labeler; where there are too few, against the labeler itself.
    """
    names = label_set.names
    scores = [np.asarray(found.prediction.scores, np.float64) for found in pages]
    fits = [learnable(found, label_set) for found in pages]
    if sum(fit is not None for fit in fits) >= MIN_PAGES:
        rows = [at for at, fit in enumerate(fits) if fit is not None]
        told = cross_fitted([fit.fit for fit in fits if fit is not None], LOOK)
        for at, prediction in zip(rows, told, strict=True):
            scores[at] = in_order(prediction.scores, LABEL_NAMES, names).astype(np.float64)
    checked = [_checked(found, given, names) for found, given in zip(pages, scores, strict=True)]
    by_id = {page.page_id: page for page in checked}
    return {
        page_id: why_again(by_id[page_id], suspects, names)
        for page_id, suspects in suspect_segments(checked).items()
    }


def _checked(
    found: ReviewedPage,
    scores: npt.NDArray[np.float64],
    names: Sequence[str],
) -> Checked:
    final = found.final
    piece = np.searchsorted(final.starts, found.page.starts)
    settled = np.zeros(len(found.page), bool)
    for at, row in enumerate(piece.tolist()):
        if row < len(final):
            agreement = final.agreement[row]
            settled[at] = final.adjudicated[row] or (agreement is not None and agreement >= 1.0)
    labels = np.array([-1 if label is None else names.index(label) for label in found.labels])
    texts = [found.page.segment_text(at) for at in range(len(found.page))]
    return Checked(found.page_id, labels.astype(np.int64), scores, settled, texts)
