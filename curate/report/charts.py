"""Small charts as inline SVG, coloured by the page's style sheet.

A part of a chart carries the class of its series (`s0`, `s1`, ...), a tooltip,
and the whole a text that says what it shows, for those who don't see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Part", "Row", "histogram", "stacked_rows"]

WIDTH = 990
ROW = 26
BAR = 16
NAME = 200
NAME_CHARS = 27
"""Characters of a row's name that fit into NAME units at 13 units a letter's height."""

VALUE = 90
LEAST = 34
"""Units a part must be wide to carry its share in figures."""

HISTOGRAM = (176, 104)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar: the number of its series, its size, and what a pointer sees."""

    series: int
    value: float
    tip: str


@dataclass(frozen=True, slots=True)
class Row:
    """A bar with a name before and a value after it."""

    name: str
    value: str
    parts: Sequence[Part]


def stacked_rows(rows: Sequence[Row], told: str, *, shares: bool = True) -> str:
    """Horizontal bars, each of its parts side by side.

    Args:
        rows: top to bottom.
        told: what the chart shows, in words.
        shares: each bar fills the width; else bars compare by their sum.
    """
    room = WIDTH - NAME - VALUE
    largest = max((sum(part.value for part in row.parts) for row in rows), default=0.0)
    height = ROW * len(rows)
    out = ['<div class="chart">', _open(WIDTH, height, told)]
    for number, row in enumerate(rows):
        top = number * ROW
        base = top + ROW / 2 + 4.5
        name = row.name if len(row.name) <= NAME_CHARS else row.name[: NAME_CHARS - 1] + "…"
        out.append(
            f'<text class="name" x="{NAME - 10}" y="{base:g}" text-anchor="end">'
            f"<title>{escape(row.name)}</title>{escape(name)}</text>"
        )
        total = sum(part.value for part in row.parts)
        scale = room / ((total if shares else largest) or 1)
        left = float(NAME)
        for part in row.parts:
            width = part.value * scale
            if width <= 0:
                continue
            out.append(
                f'<rect class="s{part.series}" x="{_n(left)}" y="{top + (ROW - BAR) / 2:g}" '
                f'width="{_n(width)}" height="{BAR}"><title>{escape(part.tip)}</title></rect>'
            )
            if shares and width >= LEAST:
                out.append(
                    f'<text class="in t{part.series}" x="{_n(left + width / 2)}" '
                    f'y="{base - 0.5:g}" text-anchor="middle">{part.value / total:.0%}</text>'
                )
            left += width
        out.append(
            f'<text class="value" x="{WIDTH}" y="{base:g}" text-anchor="end">'
            f"{escape(row.value)}</text>"
        )
    out.append("</svg></div>")
    return "".join(out)


def histogram(counts: Sequence[int], series: int, told: str) -> str:
    """Columns over [0, 1]; heights are square roots, so that few stay visible beside many."""
    width, height = HISTOGRAM
    floor = height - 18
    column = width / len(counts)
    largest = max(counts) ** 0.5 or 1.0
    out = [_open(width, height, told)]
    out.append(f'<line class="axis" x1="0" x2="{width}" y1="{floor}" y2="{floor}"/>')
    for number, n in enumerate(counts):
        if not n:
            continue
        tall = max((n**0.5 / largest) * (floor - 4), 1.0)
        tip = f"{number / len(counts):.2f} to {(number + 1) / len(counts):.2f}: {n:,} segments"
        out.append(
            f'<rect class="s{series}" x="{_n(number * column + 0.5)}" y="{_n(floor - tall)}" '
            f'width="{_n(column - 1)}" height="{_n(tall)}"><title>{escape(tip)}</title></rect>'
        )
    for at, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        out.append(
            f'<text class="tick" x="{_n(at * width)}" y="{height - 4}" '
            f'text-anchor="{anchor}">{at:g}</text>'
        )
    out.append("</svg>")
    return "".join(out)


def _open(width: int, height: int, told: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(told)}" '
        f'style="max-width:{width}px">'
    )


def _n(value: float) -> str:
    """A coordinate to a tenth of a unit: no long tails that differ by machine."""
    return f"{value:.1f}".removesuffix(".0")
