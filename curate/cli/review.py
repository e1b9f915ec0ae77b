"""`curate review`: the Label Studio half by itself."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from curate.errors import ReviewError

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Plan, push, pull or show the review of a dataset."""
    from curate.cli import review_budget, review_people, review_work

    if argv and argv[0] in review_work.ACTIONS:
        return review_work.main(argv)
    if argv and argv[0] in review_people.ACTIONS:
        return review_people.main(argv)
    if argv and argv[0] in review_budget.ACTIONS:
        return review_budget.main(argv)
    parser = argparse.ArgumentParser(
        prog="curate review",
        description="Pages to Label Studio and people's work back. Without overrides it goes on "
        "with those of the last run.",
        epilog="curate review export|import|withdraw --help tells of human work as files, "
        "curate review agreement --help how far people agree, curate review budget --help what "
        "further pages will bring.",
    )
    parser.add_argument("action", choices=("plan", "push", "pull", "status"))
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="as for `curate run`")
    parser.add_argument(
        "--all", action="store_true", help="plan: name every page; status: list every passage"
    )
    args = parser.parse_args(argv)

    from curate.cli.compose import compose
    from curate.cli.run import execute

    overrides = args.overrides or last_overrides(Path(compose([])["paths"]["runs"]))
    config = compose(overrides, complete=True)
    if args.action == "status":
        return _status(config, everything=args.all)
    if args.action == "plan":
        return _plan(config, overrides, everything=args.all)
    stages = {
        "push": ["pages", "segments", "predictions", "sample", "push"],
        "pull": ["pull"],
    }[args.action]
    _settings(config)
    execute({**config, "stages": stages}, overrides)
    return 0


def last_overrides(runs: Path) -> list[str]:
    """Overrides of the newest run of this workspace.

    Raises:
        ReviewError: nothing was run here yet.
    """
    from curate.runs.passport import load_passports

    for passport in load_passports(runs):
        if passport.get("rerun_of") or passport.get("sweep"):
            continue
        return [str(override) for override in passport.get("overrides", [])]
    raise ReviewError(
        "no run in this workspace yet; say what to review as for `curate run`, "
        "e.g. curate review push name=news pages.path=crawl/"
    )


def _settings(config: dict[str, Any]) -> Any:
    """The settings, with review on.

    Raises:
        ReviewError: review is off, and how to switch it on.
    """
    from curate.review.connection import availability
    from curate.stages.settings import Settings

    settings = Settings.from_config(config)
    found = availability(settings.review, Path(settings.paths.state))
    if not found.on:
        raise ReviewError(found.why)
    return settings


def _plan(config: dict[str, Any], overrides: Sequence[str], *, everything: bool) -> int:
    from rich.console import Console
    from rich.table import Table

    from curate.cli.display import TerminalDisplay
    from curate.cli.review_people import show_plan
    from curate.cli.review_reasons import show_reasons
    from curate.cli.review_standing import print_migration
    from curate.cli.run import last_recipes
    from curate.review.annotations import load
    from curate.runs.passport import load_passports
    from curate.stages.pipeline import plan_review

    settings = replace(
        _settings(config), stages=("pages", "segments", "predictions", "sample", "push")
    )
    last = last_recipes(load_passports(Path(settings.paths.runs)), settings.name)
    display = TerminalDisplay()
    with display:
        steps, tasks = plan_review(settings, display, last, {"overrides": list(overrides)})
    console = Console(highlight=False)
    print_migration(settings, load(settings.export_folder / "annotations"), console)
    if steps is None:
        console.print(f"would make the project and send {len(tasks)} pages")
    rows = [
        ("new", len(tasks) if steps is None else len(steps.new), "pages that get a task"),
        ("changed", len(steps.changed) if steps else 0, "untouched tasks with a better prediction"),
        ("unchanged", len(steps.unchanged) if steps else 0, "left as they are"),
        ("to close", len(steps.to_close) if steps else 0, "untouched tasks of text that is gone"),
        ("orphaned", len(steps.orphaned) if steps else 0, "pages no longer in the input; kept"),
        ("refused", len(steps.refused) if steps else 0, "pages that can't be sent"),
    ]
    table = Table("push would", "tasks", "", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for name, n, what in rows:
        table.add_row(name, str(n), what, style="dim" if not n else "")
    console.print(table)
    show_reasons(console, tasks, everything=everything)
    if steps is not None and steps.again:
        console.print(
            f"{steps.again} reviewed pages are open once more, for text left without a label"
        )
    if steps is not None and (settings.review.annotators or steps.disputed):
        show_plan(console, steps)
    for page_id, why in steps.refused if steps else ():
        console.print(f"refused {page_id}: {why}")
    if steps is None or not steps.is_empty:
        console.print("next: `curate review push` does exactly this")
    return 0


def _status(config: dict[str, Any], *, everything: bool = False) -> int:
    from collections import Counter

    from rich.console import Console

    from curate.cli.review_left import print_left_over
    from curate.cli.review_people import show_seats
    from curate.cli.review_standing import print_migration, print_standing
    from curate.review.annotations import load
    from curate.review.connection import connect
    from curate.review.people import ReviewTeam
    from curate.stages.exports import sync_work

    settings = _settings(config)
    state = Path(settings.paths.state)
    console = Console(highlight=False, soft_wrap=True)
    with connect(settings.review, state) as connection:
        team = ReviewTeam.open(
            connection, settings.name, settings.label_set, settings.review, state, create=False
        )
        if team is None or not team.projects:
            console.print(f"no project for {settings.name} yet; `curate review push` makes it")
            return 0
        for project in team.projects[:1] if not team.is_team else ():
            told = project.progress()
            console.print(f"project {project.number} ({project.title}): {project.url}")
            console.print(
                f"on the server: {told.tasks} pages, {told.annotated} annotated, "
                f"{told.annotations} annotations, {told.skipped} skipped"
            )
        show_seats(console, team)
        address = connection.client.url
        on_server = sum(project.progress().annotations for project in team.projects)
    sync_work(settings.paths, settings.name, console.print)
    pulled = load(settings.export_folder / "annotations")
    done = [a for a in pulled if a.status == "submitted"]
    people = Counter(a.annotator for a in done)
    pages = {a.page_key for a in done}
    console.print(
        f"pulled: {len(done)} annotations of {len(pages)} pages by {len(people)} annotators"
    )
    for name, n in people.most_common():
        console.print(f"  {name}: {n}")
    print_left_over(done, address, console)
    print_migration(settings, done, console)
    print_standing(settings, console, everything=everything)
    if on_server > len(done):
        console.print("next: `curate review pull` takes in what is new")
    return 0
