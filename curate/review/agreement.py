"""How far readers of the same pages agree, where they don't, and how they change.

Segments are the unit, cut where any reader cut; every figure is also weighed by
characters that are not white space, where a long paragraph counts for what it
is. Intervals come from drawing whole pages. A region that one reader took away
is no vote and counts nowhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.review.readers import Reader, readers_of
from curate.review.statistics import (
    Estimate,
    alpha,
    bootstrap,
    cohen_kappa,
    coincidences,
    observed,
    one_against_rest,
    pair_table,
)
from curate.review.votes import PageVotes, page_votes
from curate.schema import Annotation, LabelSet

__all__ = [
    "Agreement",
    "Confusion",
    "LabelAgreement",
    "Pair",
    "measure",
    "site_agreement",
]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two readers.

    Attributes:
        n_pages, n_segments, n_chars: that both labelled.
        share, share_chars: of them with the same label.
        table: segments by [first's label, second's label].
    """

    first: str
    second: str
    n_pages: int
    n_segments: int
    n_chars: int
    share: Estimate
    share_chars: Estimate
    kappa: Estimate
    kappa_chars: Estimate
    table: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class LabelAgreement:
    """One label against all others, over all readers; kappa is the mean over pairs."""

    label: str
    n_segments: int
    alpha: Estimate
    alpha_chars: Estimate
    kappa: Estimate


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often one reader said `first` where another said `second` (names in label order)."""

    first: str
    second: str
    n_segments: int
    n_chars: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """All of it. Fractions, not per cent; spans of 95 %.

    Attributes:
        n_pages, n_segments, n_chars: that two or more people labelled.
        alpha, alpha_chars: Krippendorff's alpha over all readers.
        kappa, kappa_chars: Cohen's kappa, the mean over pairs where there are several.
        disputed: segments on which not all agree.
    """

    labels: tuple[str, ...]
    n_read: int
    n_pages: int
    n_segments: int
    n_chars: int
    disputed: int
    share: Estimate
    share_chars: Estimate
    alpha: Estimate
    alpha_chars: Estimate
    kappa: Estimate
    kappa_chars: Estimate
    by_label: tuple[LabelAgreement, ...] = ()
    pairs: tuple[Pair, ...] = ()
    readers: tuple[Reader, ...] = ()
    confusions: tuple[Confusion, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def measure(
    annotations: Iterable[Annotation] | Sequence[PageVotes], label_set: LabelSet
) -> Agreement:
    """Agreement of the readers of a dataset; adjudicators' words are left aside."""
    rows = list(annotations)
    read = [row for row in rows if isinstance(row, PageVotes)]
    read = read or page_votes((r for r in rows if isinstance(r, Annotation)), label_set)
    pages = [page for page in read if page.shared.any()]
    n = len(label_set.names)
    by_segment = _stack([coincidences(p.votes, n) for p in pages], n)
    by_char = _stack([coincidences(p.votes, n, p.chars) for p in pages], n)
    pairs = _pairs(pages, n)
    pairs_by_segment = _all_pairs(pages, pairs, n, chars=False)
    return Agreement(
        labels=label_set.names,
        n_read=len(read),
        n_pages=len(pages),
        n_segments=sum(int(p.shared.sum()) for p in pages),
        n_chars=sum(int(p.chars[p.shared].sum()) for p in pages),
        disputed=sum(int(p.disputed.sum()) for p in pages),
        share=bootstrap(by_segment, observed),
        share_chars=bootstrap(by_char, observed),
        alpha=_alpha(pages, by_segment, n),
        alpha_chars=bootstrap(by_char, alpha),
        kappa=bootstrap(pairs_by_segment, _mean_over_pairs),
        kappa_chars=bootstrap(_all_pairs(pages, pairs, n, chars=True), _mean_over_pairs),
        by_label=tuple(
            _label(name, i, by_segment, by_char, pages, pairs_by_segment)
            for i, name in enumerate(label_set.names)
        ),
        pairs=pairs,
        readers=readers_of(read, n),
        confusions=_confusions(pages, label_set),
    )


def _stack(tables: Sequence[Floats], n: int) -> Floats:
    return np.stack(tables) if tables else np.zeros((0, n, n))


def _alpha(pages: Sequence[PageVotes], matrices: Floats, n: int) -> Estimate:
    """The value from the `krippendorff` package, the interval from our own tables."""
    import krippendorff

    ours = bootstrap(matrices, alpha)
    if ours.value is None:
        return ours
    counts = np.concatenate([(p.votes[:, :, None] == np.arange(n)).sum(axis=1) for p in pages])
    value = krippendorff.alpha(
        value_counts=counts[:, counts.any(axis=0)], level_of_measurement="nominal"
    )
    return Estimate(float(value), ours.low, ours.high)


def _columns(page: PageVotes, first: str, second: str) -> tuple[int, int] | None:
    if first in page.annotators and second in page.annotators:
        return page.annotators.index(first), page.annotators.index(second)
    return None


def _pair_tables(
    pages: Sequence[PageVotes], first: str, second: str, n: int, *, chars: bool
) -> Floats:
    """A table for each page; an empty one where not both read it."""
    tables = np.zeros((len(pages), n, n))
    for i, page in enumerate(pages):
        if (columns := _columns(page, first, second)) is not None:
            votes = page.votes[:, columns[0]], page.votes[:, columns[1]]
            tables[i] = pair_table(*votes, n, page.chars if chars else None)
    return tables


def _pairs(pages: Sequence[PageVotes], n: int) -> tuple[Pair, ...]:
    names = sorted({name for page in pages for name in page.annotators})
    found = []
    for first, second in combinations(names, 2):
        both = [page for page in pages if _columns(page, first, second) is not None]
        segments = _pair_tables(both, first, second, n, chars=False)
        if not segments.sum():
            continue
        chars = _pair_tables(both, first, second, n, chars=True)
        found.append(
            Pair(
                first,
                second,
                n_pages=int((segments.sum(axis=(1, 2)) > 0).sum()),
                n_segments=int(segments.sum()),
                n_chars=int(chars.sum()),
                share=bootstrap(segments, observed),
                share_chars=bootstrap(chars, observed),
                kappa=bootstrap(segments, cohen_kappa),
                kappa_chars=bootstrap(chars, cohen_kappa),
                table=tuple(tuple(int(x) for x in row) for row in segments.sum(axis=0)),
            )
        )
    return tuple(found)


def _all_pairs(pages: Sequence[PageVotes], pairs: Sequence[Pair], n: int, *, chars: bool) -> Floats:
    """Tables [n_pages, n_pairs, n_labels, n_labels]."""
    tables = [_pair_tables(pages, pair.first, pair.second, n, chars=chars) for pair in pairs]
    return np.stack(tables, axis=1) if tables else np.zeros((len(pages), 0, n, n))


def _mean_over_pairs(tables: Floats) -> Floats:
    """Mean of the pairs' kappas, of those that are defined."""
    kappas = cohen_kappa(tables)
    told = ~np.isnan(kappas)
    count = told.sum(axis=-1)
    total = np.where(told, kappas, 0).sum(axis=-1)
    found: Floats = np.full(len(tables), np.nan)
    np.divide(total, count, out=found, where=count > 0)
    return found


def _label(
    name: str,
    index: int,
    by_segment: Floats,
    by_char: Floats,
    pages: Sequence[PageVotes],
    pairs: Floats,
) -> LabelAgreement:
    return LabelAgreement(
        label=name,
        n_segments=sum(int((p.votes[p.shared] == index).any(axis=1).sum()) for p in pages),
        alpha=bootstrap(one_against_rest(by_segment, index), alpha),
        alpha_chars=bootstrap(one_against_rest(by_char, index), alpha),
        kappa=bootstrap(one_against_rest(pairs, index), _mean_over_pairs),
    )


# ------------------------------------------------------------------- confusion


def _confusions(pages: Sequence[PageVotes], label_set: LabelSet) -> tuple[Confusion, ...]:
    """Pairs of labels that readers give the same segment, most frequent first."""
    n = len(label_set.names)
    segments: Floats = np.zeros((n, n))
    chars: Floats = np.zeros((n, n))
    for page in pages:
        for a, b in combinations(range(len(page.annotators)), 2):
            first, second = page.votes[:, a], page.votes[:, b]
            segments += pair_table(first, second, n)
            chars += pair_table(first, second, n, page.chars)
    segments, chars = segments + segments.T, chars + chars.T
    found = [
        Confusion(label_set.names[a], label_set.names[b], int(segments[a, b]), int(chars[a, b]))
        for a, b in combinations(range(n), 2)
        if segments[a, b]
    ]
    return tuple(sorted(found, key=lambda c: (-c.n_segments, c.first, c.second)))


def site_agreement(
    annotations: Iterable[Annotation], label_set: LabelSet, site_of: Mapping[str, str]
) -> dict[str, float]:
    """Share of segments on which two readers agree, by site, where two people read a page.

    Args:
        site_of: site by page key.
    """
    same: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    n = len(label_set.names)
    for page in page_votes(annotations, label_set, at_least=2):
        site = site_of.get(page.page_key)
        matrix = coincidences(page.votes, n)
        if site is not None and matrix.sum():
            same[site][0] += float(np.trace(matrix))
            same[site][1] += float(matrix.sum())
    return {site: part / whole for site, (part, whole) in sorted(same.items())}
