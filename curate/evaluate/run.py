"""`curate evaluate`: any labeler on any gold, as one JSON-like result and a few tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from annotated_types import Interval

from curate.errors import EvaluateError
from curate.evaluate.published import read_published
from curate.evaluate.result import Evaluation
from curate.evaluate.reviewed import ReviewedPage, score_reviewed
from curate.evaluate.scoring import (
    JOINER,
    Labeled,
    compare_labels,
    compare_main,
    main_text,
    score_html_labels,
    score_main,
    score_text_labels,
)
from curate.gold import GoldPage, ReferencePage, read_gold_folder, read_reference

__all__ = ["EvaluateConfig", "Evaluation", "Labeling", "aligned", "evaluate"]

Task = Literal["main", "html", "text"]


@dataclass(frozen=True)
class EvaluateConfig:
    """What to score on.

    Attributes:
        gold: folders of line-labelled pages, or published dataset versions; none
            leaves the label scores out.
        benchmark: Parquet file of pages with main content, which also holds the
            HTML of gold pages; None leaves out what needs HTML.
        tasks: main content, labels from HTML, labels from bare text.
        limit: pages of the benchmark, None for all.
        worst: pages named as worst.
        folds: score models that are trained without each part of the benchmark's
            sites, in so many parts; None scores the labeler as it is.
    """

    gold: str | tuple[str, ...] | None = None
    benchmark: str | None = None
    tasks: tuple[Task, ...] = ("main", "html", "text")
    limit: Annotated[int, Interval(ge=1)] | None = None
    worst: Annotated[int, Interval(ge=0)] = 10
    folds: Annotated[int, Interval(ge=2, le=20)] | None = None

    def __post_init__(self) -> None:
        if not self.folders and self.benchmark is None:
            raise EvaluateError(
                "nothing to score on; give evaluate.gold (a gold folder or a published version), "
                "evaluate.benchmark (a Parquet file), or both"
            )
        if self.folds is not None and (self.benchmark is None or not self.folders):
            raise EvaluateError(
                f"evaluate.folds={self.folds} trains models: give evaluate.benchmark (a Parquet "
                "file) and evaluate.gold (folders of line-labelled pages of it)"
            )

    @property
    def folders(self) -> tuple[Path, ...]:
        """The gold folders and versions."""
        gold = (self.gold,) if isinstance(self.gold, str) else self.gold or ()
        return tuple(Path(folder) for folder in gold)


@dataclass(frozen=True)
class Labeling:
    """A labeler as the scorer calls it.

    Attributes:
        name: shown in tables.
        label_names: in the order of the scores' columns.
        html: labels a page's HTML; None where it is not at hand (out-of-fold
            predictions of pages that were not trained on).
        text: labels bare text.
        extract: main content as text, for extractors that label nothing.
        reviewed: the reviewed pages of a published version with its predictions,
            None where their elements are not known any more.
    """

    name: str
    label_names: tuple[str, ...]
    html: Callable[[str, bytes, str | None], Labeled | None] | None = None
    text: Callable[[str, str, str | None], Labeled | None] | None = None
    extract: Callable[[bytes, str | None], str] | None = None
    reviewed: Callable[[Path], Sequence[ReviewedPage] | None] | None = None


def evaluate(
    config: EvaluateConfig, labeling: Labeling, against: Sequence[Labeling] = ()
) -> Evaluation:
    """Score a labeler, and its paired differences to others on the same pages.

    Raises:
        EvaluateError: the gold can't be read, or nothing of it could be scored.
    """
    first = _score(config, labeling)
    for other in against:
        second = _score(config, other)
        if first.main is not None and second.main is not None:
            first.differences[f"{other.name}: main content"] = compare_main(first.main, second.main)
        for task in ("html", "text", "reviewed"):
            mine, theirs = getattr(first, task), getattr(second, task)
            if mine is not None and theirs is not None:
                first.differences[f"{other.name}: labels from {task}"] = compare_labels(
                    mine, theirs
                )
    return first


def _score(config: EvaluateConfig, labeling: Labeling) -> Evaluation:
    out = Evaluation(labeling.name)
    benchmark = Path(config.benchmark) if config.benchmark else None
    if "main" in config.tasks and benchmark and (labeling.html or labeling.extract):
        out.main = score_main(_main_pairs(benchmark, labeling, config.limit))
    gold: list[GoldPage] = []
    with_html = "html" in config.tasks and benchmark is not None
    for folder in config.folders:
        if not (folder / "pages").is_dir():
            gold += read_gold_folder(folder, benchmark if with_html else None)
            continue
        pages = labeling.reviewed(folder) if labeling.reviewed is not None else None
        if pages is None:
            # Without its elements a page is what its segments' text says.
            gold += read_published(folder)
        else:
            out.reviewed = score_reviewed(pages, labeling.label_names, out.reviewed)
    if gold and "text" in config.tasks and labeling.text is not None:
        out.text = score_text_labels(_text_pairs(gold, labeling.text), labeling.label_names)
    with_words = [page for page in gold if page.html is not None]
    if with_words and with_html and labeling.html is not None:
        out.html = score_html_labels(
            _html_pairs(with_words, labeling.html), labeling.label_names, aligned
        )
    return out


def _main_pairs(
    path: Path, labeling: Labeling, limit: int | None
) -> Iterator[tuple[ReferencePage, str]]:
    for number, page in enumerate(read_reference(path)):
        if limit is not None and number >= limit:
            return
        if labeling.extract is not None:
            yield page, labeling.extract(page.html, page.url)
        elif labeling.html is not None:
            found = labeling.html(page.page_id, page.html, page.url)
            yield page, main_text(*found) if found is not None else ""


def _text_pairs(
    gold: Sequence[GoldPage], label: Callable[[str, str, str | None], Labeled | None]
) -> Iterator[tuple[GoldPage, Labeled]]:
    for page in gold:
        found = label(page.page_id, JOINER.join(page.lines), page.url)
        if found is not None:
            yield page, found


def _html_pairs(
    gold: Sequence[GoldPage], label: Callable[[str, bytes, str | None], Labeled | None]
) -> Iterator[tuple[GoldPage, Labeled]]:
    for page in gold:
        if page.html is not None:
            found = label(page.page_id.rsplit("-", 1)[-1], page.html, page.url)
            if found is not None:
                yield page, found


def aligned(
    first: Sequence[str], second: Sequence[str]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Positions in both word lists of their longest common subsequence.

    Raises:
        EvaluateError: the aligner is not installed.
    """
    try:
        from rapidfuzz.distance import Indel
    except ImportError as error:
        raise EvaluateError(
            "scoring labels from HTML aligns words with rapidfuzz, which is not installed; "
            "install pagecurate[train]"
        ) from error
    left: list[int] = []
    right: list[int] = []
    for op in Indel.opcodes(first, second):
        if op.tag == "equal":
            left.extend(range(op.src_start, op.src_end))
            right.extend(range(op.dest_start, op.dest_end))
    return np.array(left, np.int64), np.array(right, np.int64)
