"""`curate review agreement`, and how `plan` and `status` show several annotators."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from curate.cli.agreement_tables import plain_table, show_agreement
from curate.errors import ReviewError

if TYPE_CHECKING:
    from rich.console import Console

    from curate.review.people import ReviewTeam
    from curate.review.seats import SeatProgress
    from curate.review.team_plan import TeamPlan

__all__ = ["ACTIONS", "main", "show_plan", "show_seats"]

ACTIONS = ("agreement", "check")


def main(argv: Sequence[str]) -> int:
    """Tell how far people agree, or whether review can begin."""
    if argv[0] == "check":
        return _check(argv)
    parser = argparse.ArgumentParser(
        prog="curate review agreement",
        description="How far the annotators of a dataset agree, by label, by pair and over time, "
        "from the work pulled so far. Scores on gold pages are told here and nowhere else.",
    )
    parser.add_argument("action", choices=("agreement",))
    parser.add_argument("--json", action="store_true", help="all figures, on stdout")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="as for `curate run`")
    args = parser.parse_intermixed_args(argv)

    from curate.cli.compose import compose
    from curate.cli.review import last_overrides
    from curate.review.agreement import measure
    from curate.review.annotations import load
    from curate.review.consensus import fit_consensus
    from curate.review.gold import gold_scores
    from curate.stages.people import gold_readings, state_of
    from curate.stages.settings import Settings

    overrides = args.overrides or last_overrides(Path(compose([])["paths"]["runs"]))
    settings = Settings.from_config(compose(overrides, complete=True))
    work = load(settings.export_folder / "annotations")
    if not work:
        raise ReviewError(
            f"no annotations of {settings.name} yet; `curate review pull` takes in people's work"
        )
    names, given = state_of(settings)
    found = measure(work, settings.label_set)
    scores = gold_scores(work, given, settings.label_set, gold_readings(settings))
    if args.json:
        made = fit_consensus(work, settings.label_set, settings.review.consensus)
        told = {
            **found.to_json(),
            "gold": [score.to_json() for score in scores],
            # How far each annotator is trusted: rows are true labels, columns what they say.
            "consensus": {
                "method": made.method,
                "priors": made.priors,
                "tables": dict(made.tables),
            },
        }
        print(json.dumps(told, indent=2, ensure_ascii=False))  # noqa: T201 - the result
        return 0
    from curate.cli.display import result_console

    show_agreement(result_console(), found, names, scores)
    return 0


def _check(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="curate review check",
        description="Server version, key, rights, people's accounts and the projects' labeling "
        "interfaces, one line each; exit status 1 where something has to be mended.",
    )
    parser.add_argument("action", choices=("check",))
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="as for `curate run`")
    args = parser.parse_intermixed_args(argv)

    from curate.cli.compose import compose
    from curate.cli.display import result_console
    from curate.cli.review import last_overrides
    from curate.review.connection import availability, connect
    from curate.review.people import ReviewTeam
    from curate.review.preflight import check_people, check_projects, check_server
    from curate.stages.settings import Settings

    overrides = args.overrides or last_overrides(Path(compose([])["paths"]["runs"]))
    settings = Settings.from_config(compose(overrides, complete=True))
    state = Path(settings.paths.state)
    if not (found := availability(settings.review, state)).on:
        raise ReviewError(found.why)
    console = result_console()
    with connect(settings.review, state) as connection:
        findings = [*check_server(connection), *check_people(connection, settings.review)]
        if not any(finding.level == "error" for finding in findings):
            team = ReviewTeam.open(
                connection, settings.name, settings.label_set, settings.review, state, create=False
            )
            findings += check_projects(team.projects if team else [], settings.label_set)
    styles = {"ok": "green", "warning": "yellow", "error": "red"}
    for finding in findings:
        console.print(f"[{styles[finding.level]}]{finding.level:>7}[/]  {finding.text}")
    return int(any(finding.level == "error" for finding in findings))


# ------------------------------------------------------------- plan and status


def show_plan(console: Console, steps: TeamPlan) -> None:
    """What each annotator would get."""
    from curate.review.people import BLIND_NOTE

    table = plain_table("Annotator", "gets", "of it gold", "open", "drafts", "done", "skipped")
    for seat, (_, part) in zip(steps.progress, steps.parts, strict=False):
        gold = sum(task.page_id in steps.gold.get(seat.reader, ()) for task in part.new)
        table.add_row(
            f"{seat.name}{' (no longer asked)' if seat.former else ''}",
            *(f"{n:,}" for n in (len(part.new), gold)),
            *(f"{n:,}" for n in (seat.open, seat.drafts, seat.done, seat.skipped)),
        )
    console.print()
    console.print(table)
    _, last = steps.parts[-1]
    if steps.disputed:
        console.print(f"adjudication: {steps.disputed} disputed pages, {len(last.new)} to send")
    if steps.short:
        console.print(
            f"{len(steps.short)} pages lack readers: all who could read them skipped them or "
            "have read them; name more people in review.annotators"
        )
        for page_id in sorted(steps.short)[:5]:
            console.print(f"  {page_id}")
    console.print(f"note: {BLIND_NOTE}", style="dim")


def show_seats(console: Console, team: ReviewTeam) -> None:
    """How far everybody is."""
    from curate.stages.people import near

    seats = team.progress()
    table = plain_table("Annotator", "pages", "open", "drafts", "done", "skipped", "project")
    for seat in seats:
        table.add_row(
            f"{seat.name or 'for all'}{' (no longer asked)' if seat.former else ''}",
            *(f"{n:,}" for n in (seat.assigned, seat.open, seat.drafts, seat.done, seat.skipped)),
            seat.url or "still to be made",
        )
    if team.adjudication is not None:
        state = team.adjudication.progress()
        waiting = state.tasks - state.annotated - state.skipped
        cells = (state.tasks, waiting, 0, state.annotated, state.skipped)
        table.add_row(
            "adjudication",
            *(f"{n:,}" if i != 2 else "-" for i, n in enumerate(cells)),
            team.adjudication.url,
        )
    console.print(table)
    _tell_breaches(console, seats)
    local = team.connection.local
    if local is not None and team.is_team:
        console.print(f"passwords: {near(local.home / 'people.json')}", style="dim")


def _tell_breaches(console: Console, seats: Sequence[SeatProgress]) -> None:
    for seat in seats:
        if seat.by_others:
            console.print(
                f"{seat.by_others} pages in {seat.name}'s project were submitted by somebody "
                "else: those readings count as theirs, and may not be blind",
                style="yellow",
            )
