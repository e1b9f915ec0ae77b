"""The report's section on how far annotators agree; names are pseudonyms.

What is told of single people elsewhere (speed, scores on gold) is no part of
it: the report is published with the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from curate.report.markup import Series, count, ratio, safe, tag

__all__ = ["AgreementView", "ConfusionRow", "Figure", "LabelRow", "PairRow", "agreement_body"]

CONFUSIONS_SHOWN = 8
PAIRS_SHOWN = 15

WIDTH = 260
HEIGHT = 18
LEAST = -0.2
"""Left end of the scale: agreement below chance is rare, and its distance tells nothing."""

BOUNDS = (0.667, 0.8)
"""Krippendorff's customary bounds: from the second on reliable, from the first tentative."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its 95 % interval; None where it can't be told."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One label against all others."""

    label: str
    segments: int
    alpha: Figure
    alpha_chars: Figure


@dataclass(frozen=True, slots=True)
class PairRow:
    """Two annotators."""

    first: str
    second: str
    pages: int
    segments: int
    share: Figure
    kappa: Figure


@dataclass(frozen=True, slots=True)
class ConfusionRow:
    """Segments that one annotator called `first` and another `second`."""

    first: str
    second: str
    segments: int
    chars: int


@dataclass(frozen=True, slots=True)
class AgreementView:
    """What the section tells.

    Attributes:
        pages, segments, chars: that two or more people labelled; disputed: of
            the segments those on which they differ.
        overall: name of the measure, by segments, by characters.
        consensus: how several readings became one label.
    """

    pages: int
    segments: int
    chars: int
    disputed: int
    overall: Sequence[tuple[str, Figure, Figure]]
    labels: Sequence[LabelRow] = ()
    pairs: Sequence[PairRow] = ()
    confusions: Sequence[ConfusionRow] = ()
    consensus: str = ""


def agreement_body(view: AgreementView, series: Series) -> Iterator[str]:
    """The section's HTML."""
    how = f" Several readings became one label by {safe(view.consensus)}." if view.consensus else ""
    yield (
        f"<p>{count(view.pages)} pages were read by two or more people: "
        f"{count(view.segments)} segments, {count(view.chars)} characters. On "
        f"{count(view.disputed)} segments ({ratio(view.disputed, view.segments)}) they differ."
        f"{how}</p>"
    )
    yield '<div class="scroll"><table class="narrow"><tr><th></th><th class="num">segments</th>'
    yield '<th></th><th class="num">characters</th><th></th></tr>'
    for name, segments, chars in view.overall:
        marks = "alpha" in name
        cells = _cells(segments, marks=marks) + _cells(chars, marks=marks)
        yield f"<tr><td>{safe(name)}</td>{cells}</tr>"
    yield "</table></div>"
    yield (
        '<p class="hint">Bars are 95 % intervals from drawing whole pages; the marks stand at '
        "0.667 and 0.8, between which alpha allows tentative conclusions only.</p>"
    )
    told = [row for row in view.labels if row.segments]
    if told:
        yield "<h3>Label by label, each against all others</h3>"
        yield '<div class="scroll"><table class="narrow"><tr><th>label</th>'
        yield '<th class="num">segments</th><th class="num">alpha</th><th></th>'
        yield '<th class="num">by characters</th><th></th></tr>'
        for row in told:
            yield (
                f'<tr><td>{tag(row.label, series)}</td><td class="num">{count(row.segments)}</td>'
                f"{_cells(row.alpha, marks=True)}{_cells(row.alpha_chars, marks=True)}</tr>"
            )
        yield "</table></div>"
    if view.confusions:
        total = sum(row.segments for row in view.confusions)
        yield "<h3>Where they differ</h3>"
        yield '<div class="scroll"><table class="narrow"><tr><th>one says</th><th>another</th>'
        yield '<th class="num">segments</th><th class="num">share</th>'
        yield '<th class="num">characters</th></tr>'
        for confusion in view.confusions[:CONFUSIONS_SHOWN]:
            yield (
                f"<tr><td>{tag(confusion.first, series)}</td>"
                f"<td>{tag(confusion.second, series)}</td>"
                f'<td class="num">{count(confusion.segments)}</td>'
                f'<td class="num">{ratio(confusion.segments, total)}</td>'
                f'<td class="num">{count(confusion.chars)}</td></tr>'
            )
        yield "</table></div>"
    if len(view.pairs) > 1:
        yield "<h3>Pairs of annotators</h3>"
        yield '<div class="scroll"><table class="narrow"><tr><th>one</th><th>another</th>'
        yield '<th class="num">pages</th><th class="num">segments</th>'
        yield '<th class="num">same label</th><th class="num">kappa</th><th></th></tr>'
        for pair in view.pairs[:PAIRS_SHOWN]:
            yield (
                f"<tr><td>{safe(pair.first)}</td><td>{safe(pair.second)}</td>"
                f'<td class="num">{count(pair.pages)}</td>'
                f'<td class="num">{count(pair.segments)}</td>'
                f'<td class="num">{_number(pair.share)}</td>{_cells(pair.kappa)}</tr>'
            )
        yield "</table></div>"
        if (rest := len(view.pairs) - PAIRS_SHOWN) > 0:
            yield f'<p class="hint">and {count(rest)} more pairs.</p>'


def _number(figure: Figure) -> str:
    return "-" if figure.value is None else f"{figure.value:.3f}"


def _cells(figure: Figure, *, marks: bool = False) -> str:
    shown = _interval(figure, BOUNDS if marks else ())
    return f'<td class="num">{_number(figure)}</td><td>{shown}</td>'


def _interval(figure: Figure, bounds: Sequence[float]) -> str:
    """A point with its interval on a scale from a little below 0 to 1."""
    if figure.value is None:
        return ""
    told = f"{figure.value:.3f}"
    if figure.low is not None and figure.high is not None:
        told += f", 95 % interval {figure.low:.2f} to {figure.high:.2f}"
    middle = HEIGHT / 2
    head = (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{escape(told)}" style="max-width:{WIDTH}px"><title>{escape(told)}</title>'
    )
    parts = [
        head,
        f'<line class="axis" x1="0" x2="{WIDTH}" y1="{middle:g}" y2="{middle:g}"/>',
    ]
    for bound in bounds:
        at = _at(bound)
        parts.append(f'<line class="axis" x1="{at}" x2="{at}" y1="2" y2="{HEIGHT - 2}"/>')
    if figure.low is not None and figure.high is not None:
        left, right = _place(figure.low), _place(figure.high)
        parts.append(
            f'<rect x="{left:.1f}" y="{middle - 3:g}" width="{max(right - left, 1):.1f}" '
            'height="6" rx="3" fill="currentColor" opacity=".35"/>'
        )
    parts.append(f'<circle cx="{_at(figure.value)}" cy="{middle:g}" r="4.5" fill="currentColor"/>')
    return "".join(parts) + "</svg>"


def _place(value: float) -> float:
    share = (max(LEAST, min(1.0, value)) - LEAST) / (1 - LEAST)
    return 6 + share * (WIDTH - 12)


def _at(value: float) -> str:
    return f"{_place(value):.1f}"
