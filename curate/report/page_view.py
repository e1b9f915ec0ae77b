"""A labelled page on a terminal: its text in the colours of its labels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rich.console import Console
from rich.style import Style
from rich.text import Text

from curate.report.colors import label_colors, toned

__all__ = ["LabeledPage", "LabeledSegment", "render_page", "visible"]

UNSURE = 0.6
"""Below this probability a segment is marked: with four labels the runner-up may
then hold 0.4, and a look is worth while."""

NARROW = 56
"""Columns below which the label's name shrinks to its first letter."""

BAR = "▌"
GAUGE = len(" 0.00?")

LEAST_ROOM = 12
"""Columns that text keeps however narrow the window."""

REASONS_SHOWN = 3

# Escape sequences and other controls in a page must not reach the terminal, and
# neither must direction overrides: they would reach out of their line.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_BREAKS = re.compile(r"\r\n|[\r\n\x0b\x0c\x85\u2028\u2029]")


class LabeledSegment(Protocol):
    """What the view reads of a segment."""

    @property
    def start(self) -> int: ...  # noqa: D102 # as in the API
    @property
    def end(self) -> int: ...  # noqa: D102
    @property
    def text(self) -> str: ...  # noqa: D102
    @property
    def label(self) -> str: ...  # noqa: D102
    @property
    def score(self) -> float: ...  # noqa: D102
    @property
    def scores(self) -> Mapping[str, float]: ...  # noqa: D102
    @property
    def reasons(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102


class LabeledPage(Protocol):
    """What the view reads of a page; `curate.label_text` returns one."""

    @property
    def text(self) -> str: ...  # noqa: D102 # as in the API
    @property
    def segments(self) -> Sequence[Any]: ...  # noqa: D102 # LabeledSegment, covariant
    @property
    def main_text(self) -> str: ...  # noqa: D102
    @property
    def page_type(self) -> str | None: ...  # noqa: D102
    @property
    def language(self) -> str | None: ...  # noqa: D102


def render_page(
    page: LabeledPage, console: Console, *, colors: Mapping[str, str] | None = None
) -> None:
    """Print a page: each segment with label and probability, then a summary.

    On a terminal text is coloured and wrapped beside the gutter; elsewhere each
    line of the page is one line of plain text, for `grep` and `less`.

    Args:
        page: the labelled page.
        console: where to print; its width and colours are respected.
        colors: label name to `#rrggbb`; the default label set's if not given.
    """
    names = _names(page)
    shown = {name: toned(color) for name, color in label_colors(names, colors).items()}
    width = max((len(name) for name in names), default=0)
    if console.is_terminal and console.width < NARROW:
        width = 1
    last: LabeledSegment | None = None
    for segment in page.segments:
        color = shown[segment.label]
        goes_on = console.is_terminal and last is not None and last.label == segment.label
        # A blank line where the page has one: paragraphs stay apart, list items together.
        if last is not None and page.text.count("\n", last.end, segment.start) > 1:
            rule = _bar(console).rstrip() if goes_on else ""
            _put(console, Text(" " * (width + GAUGE) * goes_on + rule, style=color))
        _segment(console, segment, "" if goes_on else segment.label, width, color)
        last = segment
    if not page.segments:
        _put(console, Text("(no text)", style="dim"))
    _summary(console, page, names, shown)


def visible(text: str) -> str:
    """Text that is safe to print: no tabs, soft hyphens or control characters."""
    # A soft hyphen shows only where a line breaks; terminals print it anyway.
    text = text.replace("\t", "    ").replace("\u00ad", "")
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def _names(page: LabeledPage) -> list[str]:
    """Label names in the labeler's order, those without scores after them."""
    names: dict[str, None] = {}
    for segment in page.segments:
        names.update(dict.fromkeys(segment.scores))
    for segment in page.segments:
        names.setdefault(segment.label)
    return list(names)


def _bar(console: Console) -> str:
    return f" {BAR} " if console.is_terminal else " | "


def _segment(console: Console, segment: LabeledSegment, name: str, width: int, color: str) -> None:
    """One segment; on a terminal a run of one label names it once (`name`)."""
    unsure = segment.score < UNSURE
    head = Text()
    head.append(name[:width].ljust(width), Style(color=color, bold=True))
    head.append(f" {segment.score:4.2f}", Style(bold=unsure, dim=not unsure))
    head.append("?" if unsure else " ", Style(color=color, bold=True))
    bar = Text(_bar(console), Style(color=color))
    indent = Text(" " * head.cell_len)
    body = Style(color=color, bold=segment.kind in ("h1", "h2", "h3", "h4", "h5", "h6", "title"))
    room = console.width - head.cell_len - bar.cell_len
    for line in _lines(console, segment.text, body, room):
        _put(console, Text.assemble(head, bar, line))
        head = indent
    if unsure and console.is_terminal and (why := _why(segment)):
        line = Text(why, style=Style(dim=True, italic=True))
        line.truncate(max(room, LEAST_ROOM), overflow="ellipsis")
        _put(console, Text.assemble(indent, bar, line))


def _why(segment: LabeledSegment) -> str:
    """What else it may be, and what spoke for the label."""
    rivals = {name: score for name, score in segment.scores.items() if name != segment.label}
    parts = []
    if rivals:
        rival = max(rivals, key=lambda name: rivals[name])
        parts.append(f"or {rival} {rivals[rival]:.2f}")
    parts += [visible(reason) for reason in segment.reasons[:REASONS_SHOWN]]
    return ", ".join(parts)


def _lines(console: Console, text: str, style: Style, room: int) -> list[Text]:
    """The text's lines, wrapped on a terminal."""
    lines = [Text(visible(line), style=style) for line in _BREAKS.split(text)]
    if not console.is_terminal:
        return lines
    return [part for line in lines for part in _wrapped(console, line, max(room, LEAST_ROOM))]


def _wrapped(console: Console, line: Text, room: int) -> Sequence[Text]:
    parts = list(line.wrap(console, room))
    for part in parts:
        part.rstrip()
    return parts or [line]


def _summary(
    console: Console, page: LabeledPage, names: Sequence[str], colors: Mapping[str, str]
) -> None:
    segments, chars = Counter[str](), Counter[str]()
    for segment in page.segments:
        segments[segment.label] += 1
        chars[segment.label] += segment.end - segment.start
    total = chars.total()
    _put(console, Text())
    facts = [
        page.page_type or "page type not told",
        f"language {page.language}" if page.language else "language not told",
        f"{len(page.segments):,} segment{'' if len(page.segments) == 1 else 's'}",
        f"{total:,} characters",
        f"main content {len(page.main_text):,}",
    ]
    unsure = sum(segment.score < UNSURE for segment in page.segments)
    if unsure:
        facts.append(f"{unsure:,} unsure (?)")
    line = Text("  ".join(facts), style="bold")
    for part in _wrapped(console, line, console.width) if console.is_terminal else [line]:
        _put(console, part)
    if not names:
        return
    width = max(map(len, names))
    for name in names:
        ratio = chars[name] / total if total else 0.0
        row = Text.assemble(
            (f"{name:{width}}", Style(color=colors[name], bold=True)),
            f"  {segments[name]:6,} segments {chars[name]:9,} characters {ratio:6.1%}",
        )
        if console.is_terminal and (free := min(console.width - row.cell_len - 2, 40)) > 8:
            row.append("  " + "█" * round(ratio * free), Style(color=colors[name]))
        _put(console, row)


def _put(console: Console, line: Text) -> None:
    """One line as it stands: no markup, no folding, no highlighting."""
    # A console that is no terminal still folds at its width unless told not to.
    console.print(line, soft_wrap=True, highlight=False, markup=False, emoji=False)
