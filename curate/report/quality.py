"""The report's section on quality: the labeler against people, and a stored evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from curate.report.markup import Series, count, safe, tag

__all__ = ["QualityRow", "QualityView", "quality_body"]

Share = tuple[float, float, float]
"""A share with the bounds of its 95 % interval, each in 0-1."""


@dataclass(frozen=True, slots=True)
class QualityRow:
    """The labeler on one label: segments that people gave it, and how it did."""

    label: str
    segments: int
    precision: Share | None
    recall: Share
    f1: Share


@dataclass(frozen=True, slots=True)
class QualityView:
    """The labeler against people's labels, where they have reviewed.

    Attributes:
        pages, segments: that were compared; 0 where only an evaluation is shown.
        accuracy, macro_f1: over them, None without any.
        confusion: segments by people's label, then the labeler's.
        evaluation: tables of a stored evaluation: title, heads, rows.
    """

    pages: int = 0
    segments: int = 0
    accuracy: Share | None = None
    macro_f1: Share | None = None
    rows: Sequence[QualityRow] = ()
    confusion: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    evaluation: Sequence[tuple[str, Sequence[str], Sequence[Sequence[str]]]] = ()


def quality_body(view: QualityView, series: Series) -> Iterator[str]:
    """The section's HTML."""
    if view.accuracy is not None and view.macro_f1 is not None:
        yield (
            f'<p class="hint">The labeler against people on {count(view.segments)} segments of '
            f"{count(view.pages)} reviewed pages: it agrees on {_shown(view.accuracy)}, macro-F1 "
            f"{_shown(view.macro_f1)}. Intervals are 95 %, from resampling pages. Reviewers saw "
            "suggestions, and pages are reviewed by need, so this is no random sample.</p>"
        )
        yield from _labels(view, series)
        yield from _confusion(view, series)
    for title, heads, rows in view.evaluation:
        yield f"<h3>{safe(title)}</h3>"
        yield '<div class="scroll"><table class="narrow"><tr>'
        yield "".join(f"<th{_right(at)}>{safe(head)}</th>" for at, head in enumerate(heads))
        yield "</tr>"
        for row in rows:
            cells = "".join(f"<td{_right(at)}>{safe(cell)}</td>" for at, cell in enumerate(row))
            yield f"<tr>{cells}</tr>"
        yield "</table></div>"


def _right(at: int) -> str:
    return ' class="num"' if at else ""


def _shown(share: Share) -> str:
    value, low, high = share
    return f"{value:.1%} ({low:.1%} to {high:.1%})"


def _labels(view: QualityView, series: Series) -> Iterator[str]:
    yield '<div class="scroll"><table><tr><th>people\'s label</th>'
    yield "".join(f'<th class="num">{n}</th>' for n in ("segments", "precision", "recall", "F1"))
    yield "</tr>"
    for row in view.rows:
        precision = _shown(row.precision) if row.precision is not None else "never given"
        yield (
            f'<tr><td>{tag(row.label, series)}</td><td class="num">{count(row.segments)}</td>'
            f'<td class="num">{precision}</td><td class="num">{_shown(row.recall)}</td>'
            f'<td class="num">{_shown(row.f1)}</td></tr>'
        )
    yield "</table></div>"


def _confusion(view: QualityView, series: Series) -> Iterator[str]:
    names = list(dict.fromkeys(name for row in view.confusion.values() for name in row))
    yield "<h3>What people said, and the labeler</h3>"
    yield '<div class="scroll"><table class="narrow"><tr><th>people</th>'
    yield "".join(f'<th class="num">{tag(name, series)}</th>' for name in names) + "</tr>"
    for label, row in view.confusion.items():
        cells = "".join(f'<td class="num">{count(row.get(name, 0))}</td>' for name in names)
        yield f"<tr><td>{tag(label, series)}</td>{cells}</tr>"
    yield "</table></div>"
