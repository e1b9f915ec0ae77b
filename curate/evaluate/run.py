"""`curate evaluate`: any labeler on any gold, as one JSON-like result and a few tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from curate.errors import EvaluateError
from curate.evaluate.gold import (
    GoldPage,
    ReferencePage,
    read_gold_folder,
    read_published,
    read_reference,
)
from curate.evaluate.metrics import Interval, label_scores
from curate.evaluate.scoring import (
    JOINER,
    Labeled,
    LabelReport,
    MainReport,
    compare_labels,
    compare_main,
    main_text,
    score_html_labels,
    score_main,
    score_text_labels,
)

__all__ = ["EvaluateConfig", "Evaluation", "Labeling", "aligned", "evaluate"]

Task = Literal["main", "html", "text"]


@dataclass(frozen=True)
class EvaluateConfig:
    """What to score on.

    Attributes:
        gold: folder of line-labelled pages, or a published dataset version; None
            leaves the label scores out.
        benchmark: Parquet file of pages with main content, which also holds the
            HTML of gold pages; None leaves out what needs HTML.
        tasks: main content, labels from HTML, labels from bare text.
        limit: pages of the benchmark, None for all.
        worst: pages named as worst.
    """

    gold: str | None = None
    benchmark: str | None = None
    tasks: tuple[Task, ...] = ("main", "html", "text")
    limit: Annotated[int, Field(ge=1)] | None = None
    worst: Annotated[int, Field(ge=0)] = 10

    def __post_init__(self) -> None:
        if self.gold is None and self.benchmark is None:
            raise EvaluateError(
                "nothing to score on; give evaluate.gold (a gold folder or a published version), "
                "evaluate.benchmark (a Parquet file), or both"
            )


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
    """

    name: str
    label_names: tuple[str, ...]
    html: Callable[[str, bytes, str | None], Labeled | None] | None = None
    text: Callable[[str, str, str | None], Labeled | None] | None = None
    extract: Callable[[bytes, str | None], str] | None = None


@dataclass(slots=True, eq=False)
class Evaluation:
    """Reports of one labeler."""

    name: str
    main: MainReport | None = None
    html: LabelReport | None = None
    text: LabelReport | None = None
    differences: dict[str, Interval] = field(default_factory=dict)

    def to_json(self, worst: int = 10) -> dict[str, Any]:
        """All figures as plain values, the same for the same predictions."""
        out: dict[str, Any] = {"labeler": self.name}
        if self.main is not None:
            out["main_content"] = {
                "pages": len(self.main.f1),
                "word_f1": asdict(self.main.mean()),
                "by_page_type": {
                    kind: {"pages": count, "word_f1": value}
                    for kind, (count, value) in self.main.by_type().items()
                },
                "worst": [list(row) for row in self.main.worst(worst)],
            }
        for report in (self.html, self.text):
            if report is not None:
                out[report.mode] = _label_json(report, worst)
        if self.differences:
            out["differences"] = {name: asdict(value) for name, value in self.differences.items()}
        return out

    def tables(self) -> Iterator[tuple[str, Sequence[str], Sequence[Sequence[str]]]]:
        """Tables for the terminal and the report: title, column heads, rows."""
        if self.main is not None:
            rows = [["all", str(len(self.main.f1)), str(self.main.mean())]]
            rows += [
                [kind, str(count), f"{value:.3f}"]
                for kind, (count, value) in self.main.by_type().items()
            ]
            yield f"Main content of {self.name}", ("page type", "pages", "word-F1"), rows
        for report in (self.html, self.text):
            if report is None:
                continue
            unit = "words" if report.mode == "html" else "characters"
            yield (
                f"Labels of {self.name} from {report.mode}, by {unit}",
                ("label", "precision", "recall", "F1", "F1 by line"),
                _label_rows(report),
            )
            yield (
                f"Confusion ({unit}), rows are gold",
                ("", *report.labels, "not in the text"),
                [
                    [name, *(f"{value:.0f}" for value in row)]
                    for name, row in zip(
                        report.labels, np.sum(report.confusion, axis=0), strict=True
                    )
                ],
            )
            yield (
                f"Reliability from {report.mode}: error {report.calibration_error():.3f}",
                ("segments", "said", "right"),
                [[str(b.count), f"{b.said:.3f}", f"{b.right:.3f}"] for b in report.table()],
            )
        if self.differences:
            yield (
                "Paired differences",
                ("against", "difference"),
                [[name, str(value)] for name, value in self.differences.items()],
            )


def _label_rows(report: LabelReport) -> list[list[str]]:
    scores = label_scores(np.sum(report.confusion, axis=0))
    lines = label_scores(np.sum(report.lines, axis=0))
    rows = [
        [name, f"{s.precision:.3f}", f"{s.recall:.3f}", str(report.f1(name)), f"{by_line.f1:.3f}"]
        for name, s, by_line in zip(report.labels, scores, lines, strict=True)
    ]
    mean = np.mean([s.f1 for s in lines])
    return [*rows, ["macro", "", "", str(report.macro()), f"{mean:.3f}"]]


def _label_json(report: LabelReport, worst: int) -> dict[str, Any]:
    scores = label_scores(np.sum(report.confusion, axis=0))
    lines = label_scores(np.sum(report.lines, axis=0))
    return {
        "pages": len(report.page_ids),
        "macro_f1": asdict(report.macro()),
        "labels": {
            name: {**asdict(s), "f1_interval": asdict(report.f1(name)), "by_line": asdict(by_line)}
            for name, s, by_line in zip(report.labels, scores, lines, strict=True)
        },
        "confusion": np.sum(report.confusion, axis=0).tolist(),
        "calibration_error": report.calibration_error(),
        "reliability": [asdict(row) for row in report.table()],
        "worst": [list(row) for row in report.worst(worst)],
    }


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
        for task in ("html", "text"):
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
    if config.gold is None:
        return out
    folder = Path(config.gold)
    published = (folder / "pages").is_dir()
    with_html = "html" in config.tasks and benchmark is not None and not published
    gold = (
        read_published(folder)
        if published
        else read_gold_folder(folder, benchmark if with_html else None)
    )
    if "text" in config.tasks and labeling.text is not None:
        out.text = score_text_labels(_text_pairs(gold, labeling.text), labeling.label_names)
    if with_html and labeling.html is not None:
        out.html = score_html_labels(
            _html_pairs(gold, labeling.html), labeling.label_names, aligned
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
