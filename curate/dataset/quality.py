"""How good the labels of the reviewed part are: agreement, and the labeler against people.

Segments of one page are not independent, so intervals come from resampling pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.dataset.base import ShardPair
from curate.io import read_rows, read_table
from curate.places import Place
from curate.schema import LabelSet

__all__ = ["Agreement", "Estimate", "LabelQuality", "Quality", "agreement", "kept", "quality"]

BOOTSTRAP_ROUNDS = 1_000
BOOTSTRAP_CELLS = 1_000_000
"""Page weights held at a time, some 8 MB."""

BOOTSTRAP_SEED = 7
"""Fixed, so that the card of unchanged data is unchanged."""

DIGITS = 6
"""Decimals kept of a share, so that the last bit of a quotient makes no difference."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of people on segments that two or more have labelled.

    Attributes:
        segments: such segments; unanimous: those on which all agree.
        share: mean share of a segment's readers that gave its final label.
        labels: for each final label, its segments and the same share.
    """

    segments: int
    unanimous: int
    share: Estimate
    labels: Mapping[str, tuple[int, Estimate]]


@dataclass(frozen=True, slots=True)
class LabelQuality:
    """The labeler on one label: segments that people gave it, and how it did."""

    segments: int
    precision: Estimate | None
    recall: Estimate
    f1: Estimate


@dataclass(frozen=True, slots=True)
class Quality:
    """The run's labeler against people's labels, on published reviewed pages.

    Attributes:
        pages, segments: that were compared.
        accuracy: share of segments on which both agree.
        macro_f1: mean F1 of the labels that people gave.
        labels: by label.
        confusion: segments by people's label, then the labeler's.
    """

    pages: int
    segments: int
    accuracy: Estimate
    macro_f1: Estimate
    labels: Mapping[str, LabelQuality]
    confusion: Mapping[str, Mapping[str, int]]


def agreement(connection: Any, segments: str, names: Sequence[str]) -> Agreement | None:
    """Agreement over published segments; None where none has two readers.

    Args:
        connection: DuckDB; segments: the shape's files as a table expression.
        names: labels in published order.
    """
    rows = connection.execute(
        "SELECT label_name, page_id, sum(agreement::DOUBLE), count(agreement), "
        f"count(*) FILTER (WHERE agreement = 1) FROM {segments} WHERE agreement IS NOT NULL "
        "GROUP BY 1, 2 ORDER BY 2, 1"
    ).fetchall()
    if not rows:
        return None
    by_label = {}
    for name in names:
        mine = np.array([row[2:4] for row in rows if row[0] == name], np.float64)
        if len(mine):
            by_label[name] = (int(mine[:, 1].sum()), _ratio(mine))
    whole = _by_page((row[1] for row in rows), np.array([row[2:4] for row in rows], np.float64))
    return Agreement(
        segments=int(whole[:, 1].sum()),
        unanimous=int(sum(row[4] for row in rows)),
        share=_ratio(whole),
        labels=by_label,
    )


def kept(
    connection: Any, segments: str, names: Sequence[str]
) -> dict[str, tuple[int, int, float, float]]:
    """Share of suggestions that reviewers left as they were, by the label they gave."""
    rows = connection.execute(
        "SELECT label_name, page_id, count(*) FILTER (WHERE action = 'accepted'), count(*) "
        f"FROM {segments} WHERE action IN ('accepted', 'relabelled') GROUP BY 1, 2 ORDER BY 2, 1"
    ).fetchall()
    told = {}
    for name in names:
        table = np.array([row[2:] for row in rows if row[0] == name], np.float64)
        if not len(table):
            continue
        share = _ratio(table)
        told[name] = (int(table[:, 0].sum()), int(table[:, 1].sum()), share.low, share.high)
    return told


def quality(
    shards: Sequence[ShardPair], label_set: LabelSet, published: Set[str]
) -> Quality | None:
    """Compare the labeler's own labels with people's; None where there is nothing to compare.

    Args:
        shards: of the store, with predictions.
        published: page_ids of published reviewed pages.
    """
    if not published:
        return None
    names = list(label_set.names)
    pages = [
        table
        for pair in shards
        if pair.predicted is not None
        for table in _confusions(pair, pair.predicted, label_set, published)
    ]
    if not pages:
        return None
    counts = np.array(pages, np.float64)
    total = counts.sum(axis=0)
    given = [at for at in range(len(names)) if total[at].sum() > 0]
    labels = {
        names[at]: LabelQuality(
            segments=int(total[at].sum()),
            precision=_estimate(counts, _precision(at)) if total[:, at].sum() else None,
            recall=_estimate(counts, _recall(at)),
            f1=_estimate(counts, _f1(at)),
        )
        for at in given
    }
    return Quality(
        pages=len(counts),
        segments=int(total.sum()),
        accuracy=_estimate(counts, _accuracy),
        macro_f1=_estimate(counts, _macro_f1(given)),
        labels=labels,
        confusion={
            names[row]: {names[at]: int(total[row, at]) for at in range(len(names))}
            for row in given
        },
    )


# ---------------------------------------------------------------- confusion


def _confusions(
    pair: ShardPair, predicted: Place, label_set: LabelSet, published: Set[str]
) -> list[Floats]:
    """One table a reviewed page: people's label by the labeler's."""
    ids = read_table(pair.labeled, columns=["page_id"]).column(0).to_pylist()
    wanted = published & set(ids)
    if not wanted:
        return []
    suggested = dict(_rows(predicted, wanted, ["labels"]))
    splits = dict(_rows(pair.segmented, wanted, ["starts"]))
    number = {name: at for at, name in enumerate(label_set.names)}
    number |= {old: number[new] for old, new in label_set.from_labels.items() if new in number}
    tables: list[Floats] = []
    for page_id, row in _rows(pair.labeled, wanted, ["starts", "labels", "origins"]):
        if page_id not in suggested or page_id not in splits:
            continue
        # A piece of a segment that a reviewer cut has the whole segment's suggestion.
        holders = np.searchsorted(splits[page_id]["starts"], row["starts"], side="right") - 1
        table: Floats = np.zeros((len(label_set.names),) * 2)
        for holder, label, origin in zip(holders, row["labels"], row["origins"], strict=True):
            said = suggested[page_id]["labels"][max(0, int(holder))]
            if origin == "human" and label in number and said in number:
                table[number[label], number[said]] += 1
        if table.any():
            tables.append(table)
    return tables


def _rows(path: Place, wanted: Set[str], columns: list[str]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (row["page_id"], row)
        for batch in read_rows(path, columns=["page_id", *columns])
        if not wanted.isdisjoint(batch.column(0).to_pylist())
        for row in batch.to_pylist()
        if row["page_id"] in wanted
    ]


# ----------------------------------------------------------------- measures
# Each takes tables [..., people's label, labeler's label] and reduces the last two axes.

Measure = Callable[[Floats], Floats]


def _share(part: Floats, whole: Floats) -> Floats:
    """Part / whole, 0 where there is nothing."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def _accuracy(tables: Floats) -> Floats:
    return _share(np.trace(tables, axis1=-2, axis2=-1), tables.sum(axis=(-2, -1)))


def _precision(at: int) -> Measure:
    return lambda tables: _share(tables[..., at, at], tables[..., :, at].sum(axis=-1))


def _recall(at: int) -> Measure:
    return lambda tables: _share(tables[..., at, at], tables[..., at, :].sum(axis=-1))


def _f1(at: int) -> Measure:
    return lambda tables: _share(
        2 * tables[..., at, at],
        tables[..., :, at].sum(axis=-1) + tables[..., at, :].sum(axis=-1),
    )


def _macro_f1(given: Sequence[int]) -> Measure:
    def measure(tables: Floats) -> Floats:
        shares: Floats = np.mean([_f1(at)(tables) for at in given], axis=0)
        return shares

    return measure


# ---------------------------------------------------------------- intervals


def _by_page(pages: Any, table: Floats) -> Floats:
    """Sums of the rows of each page."""
    _, rows = np.unique(list(pages), return_inverse=True)
    sums = np.zeros((int(rows.max()) + 1, table.shape[1]))
    np.add.at(sums, rows, table)
    return sums


def _ratio(table: Floats) -> Estimate:
    """Share of the first column's sum in the second's."""
    return _estimate(table, lambda sums: _share(sums[..., 0], sums[..., 1]))


def _estimate(counts: Floats, measure: Measure) -> Estimate:
    """A measure of the sum over pages, and its interval over samples of them."""
    value = float(measure(counts.sum(axis=0)))
    flat = counts.reshape(len(counts), -1)
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    at_once = max(1, BOOTSTRAP_CELLS // len(counts))
    found = []
    for first in range(0, BOOTSTRAP_ROUNDS, at_once):
        rounds = min(at_once, BOOTSTRAP_ROUNDS - first)
        drawn = rng.integers(0, len(counts), (rounds, len(counts)))
        weights = np.stack([np.bincount(row, minlength=len(counts)) for row in drawn])
        sums = weights.astype(np.float64) @ flat
        found.append(measure(sums.reshape(rounds, *counts.shape[1:])))
    low, high = np.quantile(np.concatenate(found), [0.025, 0.975])
    return Estimate(round(value, DIGITS), round(float(low), DIGITS), round(float(high), DIGITS))
