"""What `curate review` tells of human work on changed pages and changed labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from curate.schema import Annotation
    from curate.stages.settings import Settings

__all__ = ["print_migration", "print_standing"]

SHOWN = 12
"""Passages listed of each outcome; --all lists them all."""

QUOTE_CHARS = 60

TOLD = {
    "kept": "stand where they were read",
    "moved": "found elsewhere, word by word",
    "partial": "changed since: not applied, suggested again",
    "orphan": "not found: kept on disk, not applied",
    "absent": "on pages that are not in the input",
}


def print_standing(settings: Settings, console: Console, *, everything: bool = False) -> None:
    """How reviewed passages stand on the pages of the last run of this dataset."""
    from rich.table import Table

    from curate.io import read_json
    from curate.places import place
    from curate.review.standing import of_json
    from curate.runs.passport import load_passports

    told = next(
        (
            found
            for passport in load_passports(Path(settings.paths.runs))
            if passport.get("name") == settings.name and (found := passport.get("standing"))
        ),
        None,
    )
    if told is None:
        return
    table = Table("reviewed passages", "", "", box=None, pad_edge=False, show_header=False)
    table.columns[1].justify = "right"
    for outcome, words in TOLD.items():
        n = int(told.get(outcome, 0))
        table.add_row(outcome, str(n), words, style="dim" if not n else "")
    console.print("reviewed passages on the pages of the last run:")
    console.print(table)
    try:
        value = read_json(place(settings.paths.store) / "segments" / str(told.get("file")))
    except (OSError, ValueError):
        return
    for outcome in ("partial", "orphan", "moved"):
        rows = [
            (page, fate)
            for page in map(of_json, value["pages"])
            for fate in page.fates
            if fate.outcome == outcome
        ]
        for page, fate in rows if everything else rows[:SHOWN]:
            quote = " ".join(fate.exact.split())[:QUOTE_CHARS]
            where = ", ".join(f"{start}-{end}" for start, end in fate.found)
            console.print(
                f"  {outcome} {page.page_key} {fate.start}-{fate.end}"
                f"{f' → {where}' if where else ''}  {fate.label}  {quote!r}",
                markup=False,
            )
        if len(rows) > SHOWN and not everything:
            console.print(f"  and {len(rows) - SHOWN} more {outcome}; --all lists them")


def print_migration(
    settings: Settings, annotations: Sequence[Annotation], console: Console
) -> dict[str, Any]:
    """What today's label set makes of stored work, where it changes something."""
    from rich.table import Table

    from curate.review.migrate import plan_migration

    moves = plan_migration(annotations, settings.label_set)
    if not moves:
        return {}
    table = Table("label given", "", "label today", "spans", "annotations", box=None)
    for column in table.columns[3:]:
        column.justify = "right"
    for move in moves:
        today = move.new or f"[red]none[/]: map it in schema.from_labels ({move.old}: NAME)"
        table.add_row(move.old, "→", today, str(move.spans), str(move.annotations))
    console.print(f"labels under schema={settings.label_set.name}; what is stored stays as it is:")
    console.print(table)
    return {move.old: move.new for move in moves}
