"""What an evaluation found, as plain values and as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from curate.evaluate.metrics import Interval, label_scores
from curate.evaluate.scoring import LabelReport, MainReport

__all__ = ["Evaluation", "Table", "stored_tables"]

Table = tuple[str, Sequence[str], Sequence[Sequence[str]]]
"""Title, column heads, rows."""

WORST_SHOWN = 5
"""Pages named in a table; the JSON has as many as asked for."""

_UNITS = {"html": "words", "text": "characters", "reviewed": "characters"}


@dataclass(slots=True, eq=False)
class Evaluation:
    """Reports of one labeler."""

    name: str
    main: MainReport | None = None
    html: LabelReport | None = None
    text: LabelReport | None = None
    reviewed: LabelReport | None = None
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
        for report in self.reports():
            out[report.mode] = _label_json(report, worst)
        if self.differences:
            out["differences"] = {name: asdict(value) for name, value in self.differences.items()}
        return out

    def reports(self) -> Iterator[LabelReport]:
        """The label reports that there are."""
        yield from (r for r in (self.html, self.text, self.reviewed) if r is not None)

    def tables(self) -> Iterator[Table]:
        """Tables for the terminal and the report: title, column heads, rows."""
        if self.main is not None:
            rows = [["all", str(len(self.main.f1)), str(self.main.mean())]]
            rows += [
                [kind, str(count), f"{value:.3f}"]
                for kind, (count, value) in self.main.by_type().items()
            ]
            yield f"Main content of {self.name}", ("page type", "pages", "word-F1"), rows
            yield _worst("Worst pages by main content", self.main.worst(WORST_SHOWN))
        for report in self.reports():
            unit = _UNITS[report.mode]
            where = "on reviewed pages" if report.mode == "reviewed" else f"from {report.mode}"
            yield (
                f"Labels of {self.name} {where}, by {unit}",
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
                f"Reliability {where}: expected calibration error {report.calibration_error():.3f}",
                ("segments", "said", "right"),
                [[str(b.count), f"{b.said:.3f}", f"{b.right:.3f}"] for b in report.table()],
            )
            yield _worst(f"Worst pages {where}", report.worst(WORST_SHOWN))
        if self.differences:
            yield (
                "Paired differences",
                ("against", "difference"),
                [[name, str(value)] for name, value in self.differences.items()],
            )


def _worst(title: str, pages: Sequence[tuple[str, float]]) -> Table:
    return title, ("page", "score"), [[name, f"{value:.3f}"] for name, value in pages]


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


def stored_tables(told: Mapping[str, Any]) -> Iterator[Table]:
    """Tables of an evaluation's JSON, for the report.

    Raises:
        KeyError: it is no evaluation.
    """
    name = str(told["labeler"])
    if main := told.get("main_content"):
        rows = [["all", str(main["pages"]), _interval(main["word_f1"])]]
        rows += [
            [kind, str(row["pages"]), f"{row['word_f1']:.3f}"]
            for kind, row in main["by_page_type"].items()
        ]
        yield f"Main content of {name}", ("page type", "pages", "word-F1"), rows
    for mode, unit in _UNITS.items():
        if report := told.get(mode):
            rows = [
                [
                    label,
                    f"{row['precision']:.3f}",
                    f"{row['recall']:.3f}",
                    _interval(row["f1_interval"]),
                ]
                for label, row in report["labels"].items()
            ]
            rows.append(["macro", "", "", _interval(report["macro_f1"])])
            rows.append(["calibration error", "", "", f"{report['calibration_error']:.3f}"])
            where = "on reviewed pages" if mode == "reviewed" else f"from {mode}"
            title = f"Labels of {name} {where}, {report['pages']} pages, by {unit}"
            yield title, ("label", "precision", "recall", "F1"), rows
    if differences := told.get("differences"):
        rows = [[key, _interval(value)] for key, value in differences.items()]
        yield "Paired differences", ("against", "difference"), rows


def _interval(told: Mapping[str, float]) -> str:
    return str(Interval(told["value"], told["low"], told["high"]))
