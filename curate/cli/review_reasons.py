"""Why each page is in the round, for `curate review plan`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from curate.review.tasks import ReviewTask

__all__ = ["show_reasons"]

SHOWN = 12
"""Pages named in one screen; `--all` names every one."""

WAYS = (
    ("already open", "already open"),
    ("second look", "for a second look"),
    ("first of ", "first of their site"),
    ("tests ", "audits of propagated labels"),
    ("drawn at random", "at random"),
    ("stands for", "for spread"),
    ("expected;", "for a quota"),
    ("errors expected", "for their errors"),
)
"""What a reason says, and the way of choosing that it comes from."""


def show_reasons(console: Console, tasks: Sequence[ReviewTask], *, everything: bool) -> None:
    """Pages by way of choosing, then page by page."""
    if not tasks:
        return
    from rich.table import Table

    counts = Counter(_way(task.why) for task in tasks)
    told = ", ".join(f"{counts[way]} {way}" for _, way in (*WAYS, ("", "changed")) if counts[way])
    console.print(f"the round: {told}", soft_wrap=True)
    table = Table("page", "why", box=None, pad_edge=False, header_style="dim")
    table.columns[0].max_width = 44
    table.columns[0].no_wrap = True
    table.columns[0].overflow = "ellipsis"
    shown = sorted(tasks, key=lambda task: task.rank)
    # What asks for another reading of work that is done is never cut off.
    first = shown if everything else shown[:SHOWN]
    grave = [task for task in shown if task.why.startswith("second look") and task not in first]
    for task in [*first, *grave]:
        table.add_row(task.url or task.title or task.page_key, task.why)
    console.print(table)
    if rest := len(tasks) - len(first) - len(grave):
        console.print(f"and {rest} more; --all names them", style="dim")


def _way(why: str) -> str:
    return next((way for mark, way in WAYS if mark in why), "changed")
