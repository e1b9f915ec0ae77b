"""The trees of one kind of input: main content, labels, page types; each out of fold too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Floats, Ints
from curate.labelers.features import PAGE_LEVEL, feature_names
from curate.labelers.pagetype import PAGE_TYPES, page_columns, page_feature_names
from curate.labelers.training.calibration import sharpness
from curate.labelers.training.corpus import LABELS, Example
from curate.labelers.training.fit import KindData, TreeOptions, fit_trees, pick_features
from curate.labelers.training.net import NetOptions

__all__ = [
    "N_LABELS",
    "FitOptions",
    "FittedHead",
    "FittedTypes",
    "Log",
    "fit_labels",
    "fit_main",
    "fit_types",
    "known_of",
    "page_weight",
    "sampled",
]

N_LABELS = len(LABELS)

Log = Callable[[str], None]


@dataclass(frozen=True)
class FitOptions:
    """How the models are fitted.

    Attributes:
        seed: of every sample, every tree and the network.
        page_rows: segments of one page that the trees are fitted on, at most.
        first_rows: segments of one page that the first score is fitted on, at most.
        silver_rows: segments without gold labels in the label trees, at most.
        silver_weight: weight of a sure silver segment against a gold one in HTML,
            and in the first score of bare text.
        text_silver_weight: the same in the label trees of bare text, whose silver
            labels know the HTML and are nearly as good as gold.
        main, labels, teacher, types: sizes of the trees.
        html_net, text_net: sizes of the networks. That of HTML is smaller, since
            elements tell most of what stands beside what, and is fitted to the
            overlap of main content; on bare text labels come first.
    """

    seed: int = 7
    page_rows: int = 250
    first_rows: int = 150
    silver_rows: int = 120_000
    silver_weight: float = 0.3
    text_silver_weight: float = 1.0
    main: TreeOptions = field(
        default_factory=lambda: TreeOptions(trees=50, leaves=24, learning_rate=0.2)
    )
    labels: TreeOptions = field(
        default_factory=lambda: TreeOptions(trees=60, leaves=8, learning_rate=0.25, min_rows=150)
    )
    teacher: TreeOptions = field(
        default_factory=lambda: TreeOptions(trees=40, leaves=24, min_rows=30)
    )
    types: TreeOptions = field(default_factory=lambda: TreeOptions(trees=20, leaves=6, min_rows=15))
    html_net: NetOptions = field(
        default_factory=lambda: NetOptions(hidden=32, epochs=10, main=0.3, overlap=3.0, caption=2.0)
    )
    text_net: NetOptions = field(default_factory=lambda: NetOptions(epochs=8, caption=2.0))


@dataclass(slots=True, eq=False)
class FittedHead:
    """Trees, the features they read, and what they say of rows (or pages) not seen."""

    booster: Any
    columns: Ints
    chance: Floats


@dataclass(slots=True, eq=False)
class FittedTypes(FittedHead):
    """The page-type head; probabilities are by page.

    Attributes:
        sharpness: what the log-probabilities that are told are multiplied by, so
            that they mean what they say; as features they are taken as they are.
    """

    sharpness: float


def sampled(page: Ints, at_most: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """A sample of rows with at most so many of each page, on average."""
    size = np.bincount(page)[page]
    out: npt.NDArray[np.bool_] = rng.random(len(page)) < at_most / size
    return out


def page_weight(words: Floats, page: Ints) -> Floats:
    """Square root of the words, each page with the same sum: scores are means over pages."""
    root = np.sqrt(words)
    out: Floats = (root / np.bincount(page, root)[page]).astype(np.float32)
    return out


def known_of(examples: Sequence[Example]) -> tuple[Floats, npt.NDArray[np.bool_], Floats]:
    """Main shares, whether they are known, and gold words, of all rows."""
    main = [e.main if e.main is not None else np.zeros(len(e.page), np.float32) for e in examples]
    known = [np.full(len(e.page), e.main is not None) for e in examples]
    gold = [
        e.gold if e.gold is not None else np.zeros((len(e.page), N_LABELS), np.float32)
        for e in examples
    ]
    return np.concatenate(main), np.concatenate(known), np.concatenate(gold)


def fit_main(
    columns: Floats,
    data: KindData,
    target: Floats,
    known: npt.NDArray[np.bool_],
    fold: Ints,
    options: FitOptions,
    rng: np.random.Generator,
    log: Log,
) -> FittedHead:
    """Trees that tell main content."""
    page = data.page
    rows = np.flatnonzero(sampled(page, options.page_rows, rng) & known)
    size = np.bincount(page)[page]
    weight = page_weight(data.words, page)
    weight = (weight * np.maximum(1.0, size / options.page_rows)).astype(np.float32)
    binary = target.astype(np.int64)
    kept = pick_features(columns[rows], binary[rows], weight[rows], 2, options.main, options.seed)
    narrow = np.ascontiguousarray(columns[:, kept])
    chance = np.zeros(len(data), np.float32)

    def fit(index: Ints) -> Any:
        return fit_trees(narrow[index], binary[index], weight[index], 2, options.main, options.seed)

    for number in range(int(fold.max()) + 1):
        booster = fit(rows[fold[rows] != number])
        there = np.flatnonzero(fold == number)
        chance[there] = booster.predict(narrow[there], num_threads=1)
    log("main trees")
    return FittedHead(fit(rows), kept, chance)


def fit_labels(
    columns: Floats,
    data: KindData,
    hard: Ints,
    weight: Floats,
    has_gold: npt.NDArray[np.bool_],
    wanted: npt.NDArray[np.bool_],
    fold: Ints,
    options: FitOptions,
    rng: np.random.Generator,
    log: Log,
) -> FittedHead:
    """Trees that tell the label; out-of-fold predictions of the wanted rows only.

    Args:
        columns: features; those by which trees learn pages by heart are left out.
        data: the pages.
        hard: int64 [n_rows], labels.
        weight: float32 [n_rows]; rows of 0 are left out.
        has_gold: rows whose label is gold, all of which are fitted on.
        wanted: rows to predict.
        fold, options, rng, log: as elsewhere.
    """
    extra = sampled(data.page, options.page_rows, rng)
    candidates = np.flatnonzero(~has_gold & (weight > 0) & extra)
    if len(candidates) > options.silver_rows:
        candidates = np.sort(rng.choice(candidates, options.silver_rows, replace=False))
    gold_rows = np.flatnonzero(has_gold)
    rows = np.sort(np.r_[gold_rows, candidates])
    log(f"label rows: {len(gold_rows)} gold, {len(candidates)} silver")
    names = feature_names(data.html)
    allowed = np.array([at for at, name in enumerate(names) if name not in PAGE_LEVEL])
    kept = pick_features(
        columns[rows][:, allowed], hard[rows], weight[rows], N_LABELS, options.labels, options.seed
    )
    kept = allowed[kept]
    narrow = np.ascontiguousarray(columns[:, kept])
    chance = np.zeros((len(data), N_LABELS), np.float32)

    def fit(index: Ints) -> Any:
        return fit_trees(
            narrow[index], hard[index], weight[index], N_LABELS, options.labels, options.seed
        )

    for number in range(int(fold.max()) + 1):
        booster = fit(rows[fold[rows] != number])
        there = np.flatnonzero((fold == number) & wanted)
        chance[there] = booster.predict(narrow[there], num_threads=1)
    log("label trees")
    return FittedHead(fit(rows), kept, chance)


def fit_types(
    examples: Sequence[Example],
    data: KindData,
    columns: Floats,
    page_fold: Ints,
    options: FitOptions,
    log: Log,
) -> FittedTypes:
    """Trees that tell the page's type."""
    names = feature_names(data.html)
    wanted = np.array([names.index(name) for name in page_feature_names(names)], np.int64)
    parts = []
    at = 0
    for batch, *_ in data.chunks:
        parts.append(page_columns(columns[at : at + len(batch), wanted].T, batch).T)
        at += len(batch)
    rows = np.concatenate(parts)
    kinds = np.array(
        [PAGE_TYPES.index(e.page_type) if e.page_type in PAGE_TYPES else -1 for e in examples]
    )
    weight = np.ones(len(rows), np.float32)
    chance = np.zeros((len(rows), len(PAGE_TYPES)), np.float32)

    def fit(index: Ints) -> Any:
        return fit_trees(
            rows[index], kinds[index], weight[index], len(PAGE_TYPES), options.types, options.seed
        )

    for number in range(int(page_fold.max()) + 1):
        there = np.flatnonzero(page_fold == number)
        booster = fit(np.flatnonzero((kinds >= 0) & (page_fold != number)))
        chance[there] = booster.predict(rows[there], num_threads=1)
    index = np.flatnonzero(kinds >= 0)
    right = float((chance[index].argmax(axis=1) == kinds[index]).mean())
    factor = sharpness(chance[index], kinds[index])
    log(f"page types: {rows.shape}, {right:.3f} right, sharpness {factor:.3f}")
    return FittedTypes(fit(index), wanted, chance, factor)
