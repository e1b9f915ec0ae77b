"""A labeler against people's labels of a published version, segment by segment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from curate.evaluate.metrics import Matrix
from curate.evaluate.scoring import LabelReport
from curate.schema import PagePrediction

__all__ = ["ReviewedPage", "score_reviewed"]


@dataclass(frozen=True, slots=True, eq=False)
class ReviewedPage:
    """A reviewed page of a project with a labeler's prediction.

    Attributes:
        chars: float64 [n_segments, n_labels], characters by the label people gave.
    """

    page_id: str
    page_type: str | None
    chars: Matrix
    prediction: PagePrediction


def score_reviewed(
    pages: Iterable[ReviewedPage], labels: tuple[str, ...], report: LabelReport | None = None
) -> LabelReport:
    """Score labels against people's, segment by segment, by characters.

    Args:
        pages: reviewed pages with predictions.
        labels: label names.
        report: of other versions, that these pages are added to.
    """
    report = report or LabelReport("reviewed", labels)
    index = {name: at for at, name in enumerate(labels)}
    for page in pages:
        said = np.array([index[name] for name in page.prediction.labels], np.int64)
        by_chars = np.zeros((len(labels), len(labels) + 1))
        np.add.at(by_chars.T, said, page.chars)
        known = np.flatnonzero(page.chars.any(axis=1))
        truth = page.chars.argmax(axis=1)
        by_segments = np.zeros_like(by_chars)
        np.add.at(by_segments, (truth[known], said[known]), 1.0)
        report.top += page.prediction.scores[known].max(axis=1).astype(float).tolist()
        report.right += (truth[known] == said[known]).tolist()
        report.page_ids.append(page.page_id)
        report.page_types.append(page.page_type)
        report.confusion.append(by_chars)
        report.lines.append(by_segments)
    return report
