"""`curate train`: labelled data in, a model folder out, the same bytes every time."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from annotated_types import Interval

from curate.errors import LabelerError
from curate.gold import GoldPage, ReferencePage, read_reference
from curate.labelers.base import LABEL_NAMES
from curate.labelers.features import feature_names
from curate.labelers.folder import KindModel, ModelFiles, write_folder
from curate.labelers.pagetype import TYPE_NAMES
from curate.labelers.rules import shipped_weights
from curate.labelers.training.blend import RULES_SURE, blend_labels
from curate.labelers.training.card import CardFacts, model_card
from curate.labelers.training.corpus import (
    Example,
    build_examples,
    folds_by_site,
    text_page,
)
from curate.labelers.training.known import SHIPPED, KnownLines
from curate.labelers.training.pipeline import (
    NET_MAIN_SHARE,
    FitOptions,
    FittedKind,
    fit_html,
    fit_text,
)
from curate.labelers.training.render import RENDERERS
from curate.schema import SegmentedPage
from curate.text import digest

__all__ = ["Sources", "TrainConfig", "Trained", "read_examples", "train"]

Log = Callable[[str], None]


@dataclass(frozen=True)
class TrainConfig:
    """What to train on, and how.

    Attributes:
        benchmark: Parquet file of pages with `main_content`, or None.
        gold: folders of line-labelled pages of that file.
        lines: folders of labels of further pages, whose lines are rendered from that
            file; "shipped" is the one that comes with the package.
        out: model folder to write.
        folds: parts of the site-grouped cross-validation.
        renderers: tools whose bare-text renderings are learnt from.
        fit: sizes, weights and seed.
    """

    benchmark: str
    gold: tuple[str, ...]
    out: str
    lines: tuple[str, ...] = (SHIPPED,)
    folds: Annotated[int, Interval(ge=2, le=20)] = 5
    renderers: tuple[str, ...] = ("html_text", "inscriptis", "resiliparse")
    fit: FitOptions = field(default_factory=FitOptions)

    def __post_init__(self) -> None:
        unknown = sorted(set(self.renderers) - set(RENDERERS))
        if unknown or not self.renderers:
            raise LabelerError(
                f"train.renderers={list(self.renderers)}: each must be one of "
                f"{', '.join(sorted(RENDERERS))}"
            )


@dataclass(frozen=True)
class Sources:
    """What training needs from other rooms.

    Attributes:
        segment_html: decoded HTML and its URL to a segmented page.
        decode_html: bytes to characters.
        site_of: registrable domain of a URL.
    """

    segment_html: Callable[[str, str | None], SegmentedPage]
    decode_html: Callable[[bytes], str]
    site_of: Callable[[str], str]


@dataclass(slots=True, eq=False)
class Corpus:
    """Examples of both kinds with their folds and sites.

    `empty` holds the main content of the pages that have no segment at all.
    """

    html: list[Example]
    html_fold: Any
    html_site: Any
    text: list[Example]
    text_fold: Any
    text_site: Any
    scored: list[bool]
    rows: list[ReferencePage]
    empty: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Trained:
    """What training made, with its out-of-fold predictions."""

    version: str
    folder: Path
    corpus: Corpus
    html: FittedKind
    text: FittedKind


def read_examples(config: TrainConfig, sources: Sources, log: Log) -> Corpus:
    """Read and align everything that is trained on."""
    known = KnownLines(config.gold, config.lines, sources.decode_html)
    gold: dict[str, GoldPage] = {}
    groups: list[list[Example]] = []
    rows: list[ReferencePage] = []
    keys: list[list[str]] = []
    for row in read_reference(Path(config.benchmark)):
        url = row.url or row.page_id
        site = sources.site_of(url) or url
        found, judged = known.of(row)
        if found is not None:
            gold[row.page_id] = found
        examples = build_examples(
            row,
            lambda html, url=url: sources.segment_html(html, url),  # type: ignore[misc]
            found,
            site,
            config.renderers,
            sources.decode_html,
        )
        for example in examples:
            example.judged = judged
        keys.append([site, digest(row.html), *([digest(row.reference)] if row.reference else [])])
        rows.append(replace(row, html=b""))  # 350 MB of pages need not stay
        groups.append(examples)
        if len(groups) % 200 == 0:
            log(f"{len(groups)} pages read")
    if known.n_more:
        log(f"{known.n_met} of {known.n_more} pages of train.lines are here, in the lines labelled")
    weights = [1.0 + 3.0 * (g[0].gold is not None and g[0].judged) for g in groups]
    fold = folds_by_site(keys, config.folds, weights)
    names = {site: index for index, site in enumerate(sorted({key[0] for key in keys}))}
    site_index = np.array([names[key[0]] for key in keys])
    corpus = Corpus([], [], [], [], [], [], [], [])
    for number, group in enumerate(groups):
        if not len(group[0].page):
            corpus.empty.append(rows[number].reference)
            continue
        corpus.html.append(group[0])
        corpus.html_fold.append(fold[number])
        corpus.html_site.append(site_index[number])
        corpus.rows.append(rows[number])
        page_gold = gold.get(group[0].key)
        for example in group[1:]:
            exact = page_gold is not None and page_gold.renderer == example.rendering
            # Pages beside the gold are read in one rendering: that of their labels, or in turn.
            turn = config.renderers[number % len(config.renderers)]
            if page_gold is None and turn != example.rendering:
                continue
            if not example.judged and not exact:
                continue
            if not exact or not example.judged:
                example.page = _spaced_out(example, group[0])
            corpus.text.append(example)
            corpus.text_fold.append(fold[number])
            corpus.text_site.append(site_index[number])
            corpus.scored.append(exact)
    for name in ("html_fold", "html_site", "text_fold", "text_site"):
        setattr(corpus, name, np.array(getattr(corpus, name), np.int64))
    return corpus


def _spaced_out(example: Example, html: Example) -> SegmentedPage:
    """The rendering with another habit of blank lines, chosen by its name.

    Bare text comes with a blank line between all lines, with none, or with some
    between paragraphs only; the model must live with each.
    """
    lines = [example.page.segment_text(index) for index in range(len(example.page))]
    habit = int(digest(example.key, example.rendering, chars=6), 16) % 5
    if habit < 3 or example.to_html is None:
        return example.page
    if habit == 3:
        return text_page(lines, 1, example.page.url)
    kinds = html.page.kinds
    source = example.to_html.tolist()
    gaps = []
    for here, after in zip(source, [*source[1:], -1], strict=True):
        together = (
            here >= 0
            and after >= 0
            and (
                here == after
                or (kinds[here] == kinds[after] and kinds[after] in ("li", "td", "dd"))
            )
        )
        gaps.append(1 if together else 2)
    return text_page(lines, gaps, example.page.url)


def train(config: TrainConfig, sources: Sources, log: Log = lambda _: None) -> Trained:
    """Train both kinds and write the model folder.

    Single-threaded and seeded: the same data, options and library versions give
    the same bytes.
    """
    corpus = read_examples(config, sources, log)
    if not any(example.gold is not None for example in corpus.html):
        raise LabelerError(
            f"train.gold={list(config.gold)}: none of its pages is in {config.benchmark}; "
            "the ids of gold pages end in the benchmark's file_id"
        )
    html = fit_html(corpus.html, corpus.html_fold, corpus.html_site, config.fit, log)
    every = [True] * len(corpus.html)
    blend_labels(corpus.html, corpus.html_fold, every, html, True, log)
    text = fit_text(
        corpus.text,
        corpus.html,
        html.silver,
        html.oof_labels,
        corpus.text_fold,
        corpus.text_site,
        corpus.scored,
        config.fit,
        log,
    )
    blend_labels(corpus.text, corpus.text_fold, corpus.scored, text, False, log)
    version = write_model(config, corpus, html, text)
    log(f"{config.out}: version {version}")
    return Trained(version, Path(config.out), corpus, html, text)


def write_model(config: TrainConfig, corpus: Corpus, html: FittedKind, text: FittedKind) -> str:
    """Write the model folder and its card; returns the version."""
    facts = CardFacts.of(config, corpus, html, text)
    meta = {
        "labels": list(LABEL_NAMES),
        "seed": config.fit.seed,
        "folds": config.folds,
        "libraries": _versions(),
        "python": ".".join(platform.python_version_tuple()[:2]),
        "data": facts.data,
        "figures": facts.figures,
    }
    files = ModelFiles(_kind_model(html, True), _kind_model(text, False), meta)
    written = write_folder(Path(config.out), files, model_card(facts, meta))
    return digest(written, shipped_weights()[1], chars=16)


def _kind_model(fitted: FittedKind, html: bool) -> KindModel:
    own = feature_names(html)
    names = [*own, *TYPE_NAMES]

    def picked(index: Sequence[int]) -> tuple[str, ...]:
        return tuple(names[at] for at in index)

    return KindModel(
        fitted.first,
        _trees(fitted.main.booster),
        _trees(fitted.labels.booster),
        picked(fitted.main.columns.tolist()),
        picked(fitted.labels.columns.tolist()),
        fitted.temperature,
        tuple(fitted.bias.tolist()),
        fitted.main_scale,
        _trees(fitted.types.booster),
        tuple(own[at] for at in fitted.types.columns.tolist()),
        fitted.types.sharpness,
        fitted.net,
        fitted.shares,
        fitted.sure_shares,
        RULES_SURE,
        NET_MAIN_SHARE,
        fitted.decision,
        fitted.rules,
    )


def _trees(booster: Any) -> str:
    """LightGBM's text of a model, without its training parameters."""
    text: str = booster.model_to_string()
    return text.split("\nparameters:", 1)[0] + "\n"


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("lightgbm", "numpy", "scipy", "rapidfuzz")}
