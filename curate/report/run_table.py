"""How the stages of a run went, as a table and as lines of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich import box
from rich.table import Table
from rich.text import Text

from curate.report.page_view import visible

__all__ = ["StageRow", "duration", "note_lines", "reason_lines", "run_table", "stage_line"]

STATE_STYLES: Mapping[str, str] = {
    "ran": "green",
    "partly": "green",
    "unchanged": "dim",
    "skipped": "dim",
    "off": "dim",
    "waiting": "yellow",
    "would run": "yellow",
    "may run": "yellow",
    "failed": "bold red",
}

REASONS_SHOWN = 8
"""Reasons of one stage listed one by one; the rest are summed up in a line."""


@dataclass(frozen=True, slots=True)
class StageRow:
    """How one stage went, in numbers: in = out + dropped + quarantined.

    Attributes:
        stage: its name.
        state: `ran`, `partly`, `unchanged`, `would run`, `off`, ...
        n_in, n_out: records read and passed on; None where the stage counts none.
        dropped, quarantined: records by reason.
        seconds: this run's; 0 where nothing was done.
        note: one line: why it ran, or what it made.
    """

    stage: str
    state: str
    n_in: int | None = None
    n_out: int | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)
    quarantined: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    note: str = ""


def run_table(rows: Sequence[StageRow], *, notes: bool = True) -> Table:
    """The table of stages, with their notes as its last column or without."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    table.add_column("stage", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for name in ("in", "out", "dropped", "quarantined", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    if notes and any(row.note for row in rows):
        table.add_column("", overflow="fold", style="dim")
    for row in rows:
        n_quarantined = sum(row.quarantined.values())
        cells = [
            Text(row.stage),
            Text(row.state, style=STATE_STYLES.get(row.state, "")),
            Text(_count(row.n_in)),
            Text(_count(row.n_out)),
            Text(_count(sum(row.dropped.values()) if row.n_in is not None else None)),
            Text(
                _count(n_quarantined if row.n_in is not None else None),
                style="yellow" if n_quarantined else "",
            ),
            Text(f"{row.seconds:,.1f}" if row.seconds else "-"),
        ]
        if len(table.columns) > len(cells):
            cells.append(Text(visible(row.note)))
        table.add_row(*cells)
    return table


def duration(seconds: float) -> str:
    """For people: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _count(n: int | None) -> str:
    return "-" if n is None else f"{n:,}"


def stage_line(row: StageRow) -> Text:
    """One line for stderr: what a stage did."""
    parts = []
    if row.n_in is not None and row.n_out is not None:
        parts.append(f"{row.n_in:,} in, {row.n_out:,} out")
    for name, reasons in (("dropped", row.dropped), ("quarantined", row.quarantined)):
        if n := sum(reasons.values()):
            parts.append(f"{n:,} {name}")
    if row.seconds:
        parts.append(duration(row.seconds))
    if row.note:
        parts.append(f"({visible(row.note)})")
    return Text.assemble(
        f"{row.stage:<12}",
        (f"{row.state:<10}", STATE_STYLES.get(row.state, "")),
        ", ".join(parts[:-1] if row.note else parts),
        f" {parts[-1]}" if row.note else "",
    )


def note_lines(rows: Sequence[StageRow]) -> list[Text]:
    """The stages' notes, for where the table has no room for them."""
    return [Text(f"{row.stage}: {visible(row.note)}", style="dim") for row in rows if row.note]


def reason_lines(rows: Sequence[StageRow]) -> list[Text]:
    """Why records were dropped or quarantined, most frequent first."""
    lines: list[Text] = []
    for row in rows:
        for name, reasons in (("dropped", row.dropped), ("quarantined", row.quarantined)):
            found = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
            if not sum(reasons.values()):
                continue
            told = [f"{n:,} {visible(reason)}" for reason, n in found[:REASONS_SHOWN]]
            if rest := found[REASONS_SHOWN:]:
                n_rest = sum(n for _, n in rest)
                told.append(f"{n_rest:,} for {len(rest):,} other reasons")
            style = "yellow" if name == "quarantined" else "dim"
            lines.append(Text.assemble((f"{row.stage}: {name} ", style), ", ".join(told)))
    return [*lines, Text()] if lines else lines
