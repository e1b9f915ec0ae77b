"""The visual report: one HTML file that asks for nothing outside itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path

from curate.io import atomic_path
from curate.report.colors import contrast_ratio, luminance, toned
from curate.report.data import LabelCount, ReportData
from curate.report.markup import Series, count, safe
from curate.report.sections import Section, sections

__all__ = ["render_report", "write_report"]

FILL = (0.09, 0.30)
"""Luminance of bars on white: 3 : 1 against the ground at least (WCAG's for graphics)."""

FILL_DARK = (0.17, 0.55)
INK = (0.0, 0.16)
"""Luminance of label names on white or on a tint of their colour: 4.5 : 1."""

INK_DARK = (0.32, 0.70)
TINT = "17"
"""Opacity of a label's tint behind text, in hex: 9 %."""

FOOTER = (
    "Counts and charts of this version's files. Colours always come with the label's name; "
    "point at a bar for its figures."
)

POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def write_report(out: Path, data: ReportData) -> None:
    """Write the report; a reader of `out` sees the old file or the whole new one.

    Equal data give equal bytes.

    Raises:
        ReportError: a label's colour can't be read.
    """
    page = render_report(data)
    with atomic_path(out) as temp:
        temp.write_bytes(page.encode("utf-8", errors="replace"))


def render_report(data: ReportData) -> str:
    """The report as HTML text."""
    series: Series = {label.name: number for number, label in enumerate(data.labels)}
    found = list(sections(data, series))
    title = f"{data.name} {data.version}"
    return "".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<meta name="color-scheme" content="light dark">\n',
            f"<title>{safe(title)} - dataset report</title>\n<style>\n",
            resources.files("curate.report").joinpath("report.css").read_text("utf-8"),
            "\n".join(_styles(data.labels)),
            "\n</style>\n</head>\n<body>\n",
            *_header(data),
            "<nav><div>",
            *(f'<a href="#{part.anchor}">{escape(part.title)}</a>' for part in found),
            "</div></nav>\n<main>\n",
            *map(_section, found),
            f"<footer>{FOOTER}</footer>\n</main>\n</body>\n</html>\n",
        ]
    )


def _section(part: Section) -> str:
    title = escape(part.title)
    return f'<section id="{part.anchor}"><h2>{title}</h2>\n{part.body}</section>\n'


def _header(data: ReportData) -> Iterator[str]:
    yield f"<header><div><h1>{safe(data.name)}<small>{safe(data.version)}</small></h1>"
    facts: list[tuple[str, str]] = []
    if data.splits:
        pages = sum(split.pages for split in data.splits)
        reviewed = sum(split.reviewed for split in data.splits)
        facts.append((count(pages), "pages"))
        facts.append((count(sum(split.sites for split in data.splits)), "sites"))
        facts.append((count(reviewed), f"reviewed pages ({_share(reviewed, pages)})"))
    facts.append((count(sum(label.segments for label in data.labels)), "labelled segments"))
    facts.append((_short(sum(label.chars for label in data.labels)), "characters"))
    yield '<ul class="tiles">'
    yield from (f"<li><b>{value}</b><span>{name}</span></li>" for value, name in facts)
    yield "</ul>"
    if data.labeler:
        yield f'<p class="hint">Suggested by labeler {safe(data.labeler)}.</p>'
    if data.notes:
        yield '<ul class="notes">'
        yield from (f"<li>{safe(note)}</li>" for note in data.notes)
        yield "</ul>"
    yield "</div></header>\n"


def _styles(labels: Sequence[LabelCount]) -> Iterator[str]:
    """Each label's colours, on a light and on a dark ground."""
    light, dark = [], []
    for number, label in enumerate(labels):
        light.append(_variables(number, label.color, FILL, INK))
        dark.append(_variables(number, label.color, FILL_DARK, INK_DARK))
    yield ":root{" + "".join(light) + "}"
    yield "@media (prefers-color-scheme:dark){:root{" + "".join(dark) + "}}"
    for number in range(len(labels)):
        yield (
            f".s{number}{{fill:var(--f{number});background:var(--f{number})}}"
            f"svg .t{number}{{fill:var(--o{number})}}"
            f".k{number}{{color:var(--x{number})}}"
            f".g{number}{{color:var(--x{number});background:var(--b{number})}}"
            f".e{number}{{border-left-color:var(--f{number});background:var(--b{number})}}"
        )


def _variables(number: int, color: str, fill: tuple[float, float], ink: tuple[float, float]) -> str:
    bar = _within(color, *fill)
    over = max(("#ffffff", "#111111"), key=lambda other: contrast_ratio(bar, other))
    values: Mapping[str, str] = {
        "f": bar,
        "o": over,
        "x": _within(color, *ink),
        "b": bar + TINT,
    }
    return "".join(f"--{name}{number}:{value};" for name, value in values.items())


def _within(color: str, low: float, high: float) -> str:
    wanted = min(max(luminance(color), low), high)
    return toned(color, wanted) if wanted != luminance(color) else color


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "0%"


def _short(n: int) -> str:
    """12,345 as it is, 1.2 M beyond a million."""
    return f"{n / 1e6:,.1f} M" if n >= 1_000_000 else count(n)
