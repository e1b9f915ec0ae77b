"""From gold pages and predictions to figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from curate.errors import EvaluateError
from curate.evaluate.metrics import (
    Bin,
    Interval,
    Matrix,
    bootstrap,
    calibration_error,
    label_scores,
    macro_f1,
    paired_bootstrap,
    reliability,
    word_f1,
)
from curate.gold import GoldPage, ReferencePage
from curate.schema import PagePrediction, SegmentedPage
from curate.text import words

__all__ = [
    "LabelReport",
    "MainReport",
    "compare_labels",
    "compare_main",
    "main_text",
    "score_html_labels",
    "score_main",
    "score_text_labels",
]

Mode = Literal["html", "text", "reviewed"]
Labeled = tuple[SegmentedPage, PagePrediction]

REPEAT_CHARS = 40
"""A main block at least this long counts once, as in `LabeledPage.main_text`."""

JOINER = "\n\n"
"""Gold lines of bare text are joined by a blank line."""


@dataclass(slots=True, eq=False)
class LabelReport:
    """Four-label figures of one labeler on one kind of input.

    Attributes:
        mode: html (weighted by aligned words), text or reviewed (by characters).
        labels: label names.
        page_ids, page_types: of the pages scored.
        confusion: [n_pages, n_labels, n_labels + 1]; the last column holds gold
            words that the labeler's text doesn't have.
        lines: the same, each gold line (or aligned segment) once.
        top: probability of the winning label of each gold segment.
        right: whether it is the gold label.
    """

    mode: Mode
    labels: tuple[str, ...]
    page_ids: list[str] = field(default_factory=list)
    page_types: list[str | None] = field(default_factory=list)
    confusion: list[Matrix] = field(default_factory=list)
    lines: list[Matrix] = field(default_factory=list)
    top: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)

    def macro(self) -> Interval:
        """Macro-F1 with its interval over pages."""
        return bootstrap(np.array(self.confusion), lambda pages: macro_f1(pages.sum(axis=0)))

    def f1(self, label: str) -> Interval:
        """F1 of one label with its interval over pages."""
        at = self.labels.index(label)
        return bootstrap(
            np.array(self.confusion), lambda pages: label_scores(pages.sum(axis=0))[at].f1
        )

    def table(self) -> list[Bin]:
        """Reliability of the winning label."""
        return reliability(np.array(self.top), np.array(self.right))

    def calibration_error(self) -> float:
        """Expected calibration error of the winning label over segments."""
        return calibration_error(self.table())

    def worst(self, count: int = 10) -> list[tuple[str, float]]:
        """Pages with the lowest accuracy, worst first."""
        rows = [
            (page_id, float(np.trace(pages[:, :-1]) / max(pages.sum(), 1e-9)))
            for page_id, pages in zip(self.page_ids, self.confusion, strict=True)
        ]
        return sorted(rows, key=lambda row: (row[1], row[0]))[:count]


@dataclass(slots=True, eq=False)
class MainReport:
    """Word-F1 of the main content, page by page."""

    page_ids: list[str] = field(default_factory=list)
    page_types: list[str | None] = field(default_factory=list)
    f1: list[float] = field(default_factory=list)

    def mean(self) -> Interval:
        """Mean over pages with its interval."""
        return bootstrap(np.array(self.f1), lambda values: float(values.mean()))

    def by_type(self) -> dict[str, tuple[int, float]]:
        """Number of pages and mean by page type."""
        out: dict[str, list[float]] = {}
        for kind, value in zip(self.page_types, self.f1, strict=True):
            out.setdefault(kind or "unknown", []).append(value)
        return {kind: (len(v), float(np.mean(v))) for kind, v in sorted(out.items())}

    def worst(self, count: int = 10) -> list[tuple[str, float]]:
        """Pages with the lowest F1, worst first."""
        rows = zip(self.page_ids, self.f1, strict=True)
        return sorted(rows, key=lambda row: (row[1], row[0]))[:count]


def main_text(page: SegmentedPage, prediction: PagePrediction) -> str:
    """The chosen segments, a line break between them; as `LabeledPage.main_text` gives them."""
    chosen = (page.segment_text(at) for at in np.flatnonzero(prediction.main).tolist())
    seen: set[str] = set()
    blocks = []
    for block in chosen:
        if len(block) >= REPEAT_CHARS:
            if block in seen:
                continue
            seen.add(block)
        blocks.append(block)
    return "\n".join(blocks)


def score_main(pages: Iterable[tuple[ReferencePage, str]]) -> MainReport:
    """Word-F1 of predicted main content.

    Args:
        pages: reference pages and what an extractor made of each.
    """
    report = MainReport()
    for page, predicted in pages:
        report.page_ids.append(page.page_id)
        report.page_types.append(page.page_type)
        report.f1.append(word_f1(Counter(words(predicted)), Counter(words(page.reference))))
    return report


def score_text_labels(
    pages: Iterable[tuple[GoldPage, Labeled]], labels: tuple[str, ...]
) -> LabelReport:
    """Score labels on bare text: each gold line's characters, and the line by its majority.

    The labeler's text must be the gold lines joined by a blank line.
    """
    report = LabelReport("text", labels)
    index = {name: at for at, name in enumerate(labels)}
    for gold, (page, prediction) in pages:
        if page.text != JOINER.join(gold.lines):
            raise EvaluateError(
                f"page {gold.page_id}: the labelled text is not its gold lines joined by a blank "
                "line; give the labeler exactly that text"
            )
        said = np.full(len(page.text), len(labels), np.int64)
        top = np.zeros(len(page.text), np.float32)
        best = prediction.scores.max(axis=1) if len(page) else np.zeros(0)
        for at, name in enumerate(prediction.labels):
            said[page.starts[at] : page.ends[at]] = index[name]
            top[page.starts[at] : page.ends[at]] = best[at]
        by_chars = np.zeros((len(labels), len(labels) + 1))
        by_lines = np.zeros_like(by_chars)
        begin = 0
        for line, name in zip(gold.lines, gold.labels, strict=True):
            cover = np.bincount(said[begin : begin + len(line)], minlength=len(labels) + 1)
            by_chars[index[name]] += cover
            winner = int(cover.argmax())
            by_lines[index[name], winner] += 1
            report.top.append(float(top[begin : begin + len(line)].max(initial=0.0)))
            report.right.append(winner == index[name])
            begin += len(line) + len(JOINER)
        _add(report, gold, by_chars, by_lines)
    return report


def score_html_labels(
    pages: Iterable[tuple[GoldPage, Labeled]],
    labels: tuple[str, ...],
    align: Callable[[Sequence[str], Sequence[str]], tuple[npt.NDArray[np.int64], ...]],
) -> LabelReport:
    """Score labels on HTML: words of the page and of the gold lines, aligned.

    A gold word that the labeler's text doesn't hold counts as missed.

    Args:
        pages: gold pages and predictions on their HTML.
        labels: label names.
        align: positions of two word lists' longest common subsequence.
    """
    report = LabelReport("html", labels)
    index = {name: at for at, name in enumerate(labels)}
    none = len(labels)
    for gold, (page, prediction) in pages:
        gold_words, gold_labels = [], []
        for line, name in zip(gold.lines, gold.labels, strict=True):
            found = words(line)
            gold_words += found
            gold_labels += [index[name]] * len(found)
        page_words: list[str] = []
        owner: list[int] = []
        for at in range(len(page)):
            found = words(page.segment_text(at))
            page_words += found
            owner += [at] * len(found)
        mine, theirs = align(page_words, gold_words)
        truth = np.array(gold_labels, np.int64)
        segment = np.array(owner, np.int64)
        said = np.full(len(gold_words), none, np.int64)
        predicted = np.array([index[name] for name in prediction.labels], np.int64)
        said[theirs] = predicted[segment[mine]] if len(mine) else none
        by_words = np.zeros((none, none + 1))
        np.add.at(by_words, (truth, said), 1.0)
        counts = np.zeros((len(page), none))
        if len(mine):
            np.add.at(counts, (segment[mine], truth[theirs]), 1.0)
        known = np.flatnonzero(counts.sum(axis=1))
        by_segments = np.zeros_like(by_words)
        winner = counts.argmax(axis=1)
        np.add.at(by_segments, (winner[known], predicted[known]), 1.0)
        report.top += prediction.scores[known].max(axis=1).astype(float).tolist()
        report.right += (winner[known] == predicted[known]).tolist()
        _add(report, gold, by_words, by_segments)
    return report


def _add(report: LabelReport, gold: GoldPage, weighted: Matrix, lines: Matrix) -> None:
    report.page_ids.append(gold.page_id)
    report.page_types.append(gold.page_type)
    report.confusion.append(weighted)
    report.lines.append(lines)


def compare_labels(first: LabelReport, second: LabelReport) -> Interval:
    """Difference of macro-F1 of two labelers on the same pages, with its interval."""
    _same(first.page_ids, second.page_ids)
    return paired_bootstrap(
        np.array(first.confusion),
        np.array(second.confusion),
        lambda pages: macro_f1(pages.sum(axis=0)),
    )


def compare_main(first: MainReport, second: MainReport) -> Interval:
    """Difference of mean word-F1 of two extractors on the same pages, with its interval."""
    _same(first.page_ids, second.page_ids)
    return paired_bootstrap(
        np.array(first.f1), np.array(second.f1), lambda values: float(values.mean())
    )


def _same(first: Sequence[str], second: Sequence[str]) -> None:
    if list(first) != list(second):
        raise EvaluateError(
            "two labelers were scored on different pages; score both on the same gold folder"
        )
