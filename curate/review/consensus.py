"""Several readings to one label: the majority, or each reader weighed by how they err.

Dawid-Skene: every reader has a table of how often each true label is called
what; true labels and tables are estimated together by expectation-maximisation.
Both have priors, so that a reader with three segments is no oracle. What an
adjudicator decided counts as known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from curate.review.votes import NO_VOTE, PageVotes, page_votes
from curate.schema import Annotation, LabelSet

__all__ = ["Consensus", "Method", "dawid_skene", "fit_consensus"]

Method = Literal["majority", "dawid_skene"]

Floats = npt.NDArray[np.float64]

PRIOR_RIGHT = 0.8
PRIOR_WEIGHT = 10.0
"""What is thought of a reader before any evidence: right four times in five, with the
weight of ten segments of each label, a page or two of reading."""

PRIOR_CLASS = 1.0
"""Segments of each label that are taken as seen before any."""

MAX_ROUNDS = 200
TOLERANCE = 1e-8
"""Largest change of a probability at which the estimate has settled; on simulated
readers of 1,000 segments that takes 10 to 40 rounds."""

DIGITS = 9
"""Decimals kept of the tables, so that the last bits of a sum don't make another version."""


@dataclass(frozen=True, slots=True)
class Consensus:
    """How readings become one label.

    Attributes:
        labels: label names; votes are indices into them.
        priors: how common each label is; empty with `majority`.
        tables: for each reader (pseudonym) the rows of true labels, each the
            probabilities of what the reader calls it; empty with `majority`.
    """

    method: Method
    labels: tuple[str, ...]
    priors: tuple[float, ...] = ()
    tables: tuple[tuple[str, tuple[tuple[float, ...], ...]], ...] = ()

    def decide(
        self, votes: Sequence[tuple[str, int]], machine: Sequence[float | None]
    ) -> tuple[int, float]:
        """The label of a segment and how sure it is, 0-1.

        With `majority` the confidence is the share of readers who gave it, and a
        tie goes to what the labeler finds most probable, then to the label that
        stands first. With `dawid_skene` it is the label's probability. One
        reader alone is believed either way.

        Args:
            votes: (reader, label index) of those who labelled it; at least one.
            machine: the labeler's probability of each label, where known.
        """
        given = Counter(vote for _, vote in votes)
        if len(given) == 1 and (self.method == "majority" or len(votes) == 1):
            return votes[0][1], 1.0
        if self.method == "majority":
            most = max(given.values())
            tied = [vote for vote, n in given.items() if n == most]
            best = min(tied, key=lambda vote: (-(machine[vote] or 0.0), vote))
            return best, most / len(votes)
        chances = self.probabilities(votes)
        top = float(chances.max())
        # Equal but for rounding: as above.
        tied = [i for i, p in enumerate(chances.tolist()) if top - p < 1e-9]
        return min(tied, key=lambda i: (-(machine[i] or 0.0), i)), top

    def probabilities(self, votes: Sequence[tuple[str, int]]) -> Floats:
        """Probability of each label given the votes (Dawid-Skene's E step)."""
        known = dict(self.tables)
        blank = _prior_table(len(self.labels))
        log = np.log(np.asarray(self.priors or np.full(len(self.labels), 1 / len(self.labels))))
        for reader, vote in votes:
            table = np.asarray(known[reader]) if reader in known else blank
            log = log + np.log(table[:, vote])
        chances: Floats = np.exp(log - log.max())
        chances /= chances.sum()
        return chances

    @property
    def table_of(self) -> Mapping[str, tuple[tuple[float, ...], ...]]:
        """The tables by reader."""
        return dict(self.tables)


def fit_consensus(
    annotations: Iterable[Annotation] | Sequence[PageVotes], label_set: LabelSet, method: Method
) -> Consensus:
    """Learn from all readings of a dataset how far each reader can be trusted.

    Only segments that two or more people labelled teach anything.
    """
    names = label_set.names
    if method == "majority":
        return Consensus("majority", names)
    rows = list(annotations)
    pages = [row for row in rows if isinstance(row, PageVotes)]
    pages = pages or page_votes((r for r in rows if isinstance(r, Annotation)), label_set)
    readers = sorted({name for page in pages for name in page.annotators})
    column = {name: i for i, name in enumerate(readers)}
    blocks, truths = [], []
    for page in pages:
        block = np.full((len(page.starts), len(readers)), NO_VOTE, np.int16)
        block[:, [column[name] for name in page.annotators]] = page.votes
        taught = page.shared | (page.final != NO_VOTE)
        blocks.append(block[taught])
        truths.append(page.final[taught])
    votes = np.concatenate(blocks) if blocks else np.zeros((0, len(readers)), np.int16)
    truth = np.concatenate(truths) if truths else np.zeros(0, np.int16)
    _, priors, tables = dawid_skene(votes, len(names), truth=truth)
    return Consensus(
        "dawid_skene",
        names,
        tuple(np.round(priors, DIGITS).tolist()),
        tuple(
            (name, tuple(tuple(row) for row in np.round(table, DIGITS).tolist()))
            for name, table in zip(readers, tables, strict=True)
        ),
    )


def _prior_table(n_labels: int) -> Floats:
    """A reader nothing is known of."""
    if n_labels == 1:
        return np.ones((1, 1))
    table = np.full((n_labels, n_labels), (1 - PRIOR_RIGHT) / (n_labels - 1))
    np.fill_diagonal(table, PRIOR_RIGHT)
    return table


def dawid_skene(
    votes: npt.NDArray[np.int16],
    n_labels: int,
    *,
    truth: npt.NDArray[np.int16] | None = None,
    prior_weight: float = PRIOR_WEIGHT,
    prior_class: float = PRIOR_CLASS,
) -> tuple[Floats, Floats, Floats]:
    """Estimate true labels and each reader's table of errors together.

    Args:
        votes: [n_segments, n_readers] label indices, `NO_VOTE` where one said nothing.
        truth: n_segments labels that are known, `NO_VOTE` where not.
        prior_weight: segments of each label that the prior of a table is worth; 0: none.

    Returns:
        Probabilities [n_segments, n_labels], label shares [n_labels], and
        tables [n_readers, n_labels true, n_labels said]; all rows sum to 1.

    Source:
        Dawid and Skene (1979), Maximum Likelihood Estimation of Observer
        Error-Rates Using the EM Algorithm; the priors make it the mode of the
        posterior under Dirichlet priors.
    """
    n, n_readers = votes.shape
    blank = _prior_table(n_labels)
    if not n:
        shares = np.full(n_labels, 1 / n_labels)
        return (
            np.zeros((0, n_labels)),
            shares,
            np.stack([blank] * n_readers) if n_readers else (np.zeros((0, n_labels, n_labels))),
        )
    said = (votes[:, :, None] == np.arange(n_labels)).astype(np.float64)
    known = np.zeros(n, bool) if truth is None else truth != NO_VOTE
    fixed = np.zeros((n, n_labels))
    if truth is not None:
        fixed[known, truth[known]] = 1.0
    counts = said.sum(axis=1)
    chances = (counts + 1e-9) / (counts + 1e-9).sum(axis=1, keepdims=True)
    chances[known] = fixed[known]
    for _ in range(MAX_ROUNDS):
        tables = np.einsum("sl,srv->rlv", chances, said) + prior_weight * blank
        totals = tables.sum(axis=2, keepdims=True)
        tables = np.divide(tables, totals, out=np.tile(blank, (n_readers, 1, 1)), where=totals > 0)
        shares = chances.sum(axis=0) + prior_class
        shares /= shares.sum()
        log = np.log(np.maximum(shares, 1e-300))[None, :] + np.einsum(
            "srv,rlv->sl", said, np.log(np.maximum(tables, 1e-300))
        )
        new = np.exp(log - log.max(axis=1, keepdims=True))
        new /= new.sum(axis=1, keepdims=True)
        new[known] = fixed[known]
        moved = float(np.abs(new - chances).max())
        chances = new
        if moved < TOLERANCE:
            break
    return chances, shares, tables
