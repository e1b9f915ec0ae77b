"""How people read pages whose truth is known: for the owner of the project, and nobody else.

Gold pages lie in people's projects like any other. Which they were is noted in
the workspace's state only; the scores are worked out when the owner asks, and
are in no file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from curate.review.statistics import Estimate, bootstrap, observed, pair_table
from curate.review.votes import ADJUDICATION, PageVotes, latest_readings, page_votes
from curate.schema import Annotation, LabelSet

__all__ = ["GoldScore", "gold_scores"]

TRUTH = ""
"""Stands for the truth among the readers of a page; sorts before every pseudonym."""


@dataclass(frozen=True, slots=True)
class GoldScore:
    """One reader on gold.

    Attributes:
        n_pages: gold pages read, of n_given.
        right, right_chars: share of segments, and of characters, labelled rightly.
        recall: by true label, share labelled so, and how many segments that is of.
        missed: segments of the truth that the reader left without a label.
    """

    annotator: str
    n_given: int
    n_pages: int
    n_segments: int
    right: Estimate
    right_chars: Estimate
    recall: Mapping[str, tuple[float, int]]
    missed: int

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def gold_scores(
    annotations: Iterable[Annotation],
    given: Mapping[str, Sequence[str]],
    label_set: LabelSet,
    truths: Mapping[str, Annotation] | None = None,
) -> list[GoldScore]:
    """Everybody's score on the gold they were given, by reader.

    Args:
        given: page ids by reader, as noted when they were sent.
        truths: of pages with a known truth, by page id; what was adjudicated is known too.
    """
    rows = list(annotations)
    known = {
        a.page_id: a for a in _latest_by_page(a for a in rows if a.origin == ADJUDICATION)
    } | dict(truths or {})
    scores = []
    for reader in sorted(given):
        own = [a for a in rows if a.annotator == reader and a.origin != ADJUDICATION]
        pages: list[PageVotes] = []
        for page_id in given[reader]:
            truth = known.get(page_id)
            reading = [a for a in own if a.page_id == page_id]
            if truth is not None and reading:
                both = [replace(truth, annotator=TRUTH, origin="gold"), *reading]
                pages += page_votes(both, label_set, at_least=2)
        if given[reader]:
            scores.append(_score(reader, len(given[reader]), pages, label_set))
    return scores


def _latest_by_page(annotations: Iterable[Annotation]) -> list[Annotation]:
    """The latest adjudication of every state of a page."""
    by_page: dict[str, list[Annotation]] = {}
    for annotation in annotations:
        by_page.setdefault(annotation.page_id, []).append(annotation)
    return [a for rows in by_page.values() for a in latest_readings(rows)]


def _score(reader: str, n_given: int, pages: Sequence[PageVotes], label_set: LabelSet) -> GoldScore:
    n = len(label_set.names)
    segments = np.zeros((len(pages), n, n))
    chars = np.zeros((len(pages), n, n))
    missed = 0
    for i, page in enumerate(pages):
        segments[i] = pair_table(page.votes[:, 0], page.votes[:, 1], n)
        chars[i] = pair_table(page.votes[:, 0], page.votes[:, 1], n, page.chars)
        missed += int(((page.votes[:, 0] >= 0) & (page.votes[:, 1] < 0)).sum())
    table = segments.sum(axis=0)
    recall = {
        name: (float(table[k, k] / table[k].sum()), int(table[k].sum()))
        for k, name in enumerate(label_set.names)
        if table[k].sum()
    }
    return GoldScore(
        annotator=reader,
        n_given=n_given,
        n_pages=len(pages),
        n_segments=int(table.sum()),
        right=bootstrap(segments, observed),
        right_chars=bootstrap(chars, observed),
        recall=recall,
        missed=missed,
    )
