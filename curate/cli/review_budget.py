"""`curate review budget`: what further reviewed pages will bring."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from curate.stages.budget import Budget, LabelBudget, Step

__all__ = ["ACTIONS", "main", "show"]

ACTIONS = ("budget",)


def main(argv: Sequence[str]) -> int:
    """Tell how good each label is, and what more pages bring."""
    parser = argparse.ArgumentParser(
        prog="curate review budget",
        description="How well each label is told on pages of sites that were not learnt from, "
        "and what further reviewed pages will bring: from the learning curve of those that are "
        "reviewed. Without overrides it goes on with those of the last run.",
    )
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="as for `curate run`")
    parser.add_argument(
        "--pages", type=int, nargs="+", default=[20, 40, 80], metavar="N",
        help="numbers of further pages to tell of; default 20 40 80",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args(argv)

    from rich.console import Console

    from curate.cli.compose import compose
    from curate.cli.display import TerminalDisplay
    from curate.cli.review import last_overrides
    from curate.cli.run import last_recipes
    from curate.runs.passport import load_passports
    from curate.stages.budget import plan_budget
    from curate.stages.settings import Settings

    overrides = args.overrides or last_overrides(Path(compose([])["paths"]["runs"]))
    settings = Settings.from_config(compose(overrides, complete=True))
    last = last_recipes(load_passports(Path(settings.paths.runs)), settings.name)
    display = TerminalDisplay()
    with display:
        budget = plan_budget(settings, display, last, args.pages)
    if args.json:
        json.dump(budget.to_json(), sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
        return 0
    show(budget, Console(highlight=False, soft_wrap=False))
    return 0


def show(budget: Budget, console: Console) -> None:
    """The plan as a table, and one sentence for the label that gains most."""
    from rich import box
    from rich.table import Table

    if budget.too_few:
        console.print(f"no plan yet: {budget.too_few}", soft_wrap=True)
        if budget.left:
            console.print("next: review more pages; `curate review push` sends some")
        return
    console.print(
        f"[bold]{budget.name}[/]: {budget.pages} pages of {budget.sites} sites reviewed, "
        f"{budget.left} are not",
        soft_wrap=True,
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("label", no_wrap=True)
    table.add_column("lines\nread", justify="right", no_wrap=True)
    table.add_column("F1 now", justify="right", no_wrap=True)
    for n, minutes in zip(budget.further, budget.minutes, strict=True):
        title = f"+{n}\nchosen\n[dim]{_time(minutes)}[/]"
        table.add_column(title, justify="right", no_wrap=True)
    if budget.further:
        title = f"+{budget.further[-1]}\nrandom"
        table.add_column(title, justify="right", style="dim", no_wrap=True)
    for row in budget.labels:
        last = row is budget.labels[-1]
        table.add_row(
            row.label,
            f"{row.segments:,}",
            _score(row.now.value, row.now.half) if row.now else "too few",
            *([_cell(step) for step in row.chosen] or [""] * len(budget.further)),
            *([_cell(row.random[-1])] if row.random else [""] * bool(budget.further)),
            style="bold" if last else "",
        )
    console.print(table)
    console.print(
        "F1: of a labeler retrained on the reviewed pages, on pages of other sites, by characters; "
        "± half the 95 % interval. Later columns: what to expect, and how closely it will be "
        "known. They assume that further pages are like these; pages reviewed because they were "
        "hard make the labeler look worse than it is.",
        style="dim",
        soft_wrap=True,
    )
    if sentence := _sentence(budget):
        console.print(sentence, soft_wrap=True)


def _cell(step: Step) -> str:
    return _score(step.f1.value, step.known_to)


def _score(value: float, half: float) -> str:
    """As narrow as it can be: six of them stand side by side."""
    return f"{value:.2f} ±{half:.2f}".replace("±0.", "±.")


def _time(minutes: float) -> str:
    if minutes < 60:
        return f"{minutes:.0f} min"
    return f"{minutes // 60:.0f} h {minutes % 60:02.0f}"


def _sentence(budget: Budget) -> str:
    """What the widest-known label gains from a middle number of pages."""
    if not budget.further:
        return "every page is reviewed"
    told = [row for row in budget.labels[:-1] if row.now is not None and row.chosen]
    if not told:
        return ""

    def half(row: LabelBudget) -> float:
        return row.now.half if row.now is not None else 0.0

    row = max(told, key=lambda r: (half(r), r.label))
    at = len(budget.further) // 2
    step, plain = row.chosen[at], row.random[at]
    assert row.now is not None
    return (
        f"{row.label} F1 is {row.now.value:.2f} ± {row.now.half:.2f}; {step.pages} more pages "
        f"chosen by sample={budget.strategy} ({_time(budget.minutes[at])} of reading) bring "
        f"{step.f1.value:.2f} ± {step.known_to:.2f}, drawn at random "
        f"{plain.f1.value:.2f} ± {plain.known_to:.2f}"
    )
