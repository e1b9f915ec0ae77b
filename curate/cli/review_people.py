"""`curate review agreement`, and how `plan` and `status` show several annotators."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from curate.errors import ReviewError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from curate.review.agreement import Agreement
    from curate.review.gold import GoldScore
    from curate.review.people import ReviewTeam
    from curate.review.readers import Reader
    from curate.review.seats import SeatProgress
    from curate.review.statistics import Estimate
    from curate.review.team_plan import TeamPlan

__all__ = ["ACTIONS", "main", "show_plan", "show_seats"]

ACTIONS = ("agreement", "check")

CONFUSIONS_SHOWN = 6

MIDDLE, WIDE = 100, 145
"""Columns of a terminal from which on the table of annotators shows more."""

RELIABLE, TENTATIVE = 0.8, 0.667
"""Krippendorff's own customary bounds: rely on data with alpha above the first, draw
tentative conclusions down to the second (Content Analysis, 2004, section 11.4)."""


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
    from curate.review.people import ReviewTeam
    from curate.review.preflight import check_people, check_projects, check_server
    from curate.review.project import availability, connect
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


# ------------------------------------------------------------------- agreement


def show_agreement(
    console: Console,
    found: Agreement,
    names: Mapping[str, str],
    scores: Sequence[GoldScore] = (),
) -> None:
    """Print the figures as tables.

    Args:
        names: what the owner calls each annotator, by pseudonym.
    """
    if not found.n_pages:
        console.print(
            f"{found.n_read} pages read, none by two people: agreement can't be told. "
            "Name review.annotators and set review.annotators_per_page=2"
        )
    else:
        _overall(console, found)
        _by_label(console, found)
        _pairs(console, found, names)
        _confusions(console, found)
    _readers(console, found, names)
    _gold(console, scores, names)


def _table(*columns: str, title: str = "") -> Table:
    from rich.table import Table

    table = Table(
        box=None, pad_edge=False, title=title or None, title_justify="left", title_style="bold"
    )
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left", header_style="dim")
    return table


def _overall(console: Console, found: Agreement) -> None:
    console.print(
        f"[bold]{found.n_pages:,}[/] of {found.n_read:,} pages were read by two or more: "
        f"{found.n_segments:,} segments, {found.n_chars:,} characters; "
        f"on {found.disputed:,} segments they differ.\n"
    )
    table = _table("Agreement (95 %)", "segments", "characters")
    table.add_row("same label", _figure(found.share), _figure(found.share_chars))
    table.add_row("Cohen's kappa", _figure(found.kappa), _figure(found.kappa_chars))
    table.add_row("Krippendorff's alpha", _figure(found.alpha), _figure(found.alpha_chars))
    console.print(table)
    value = found.alpha.value
    if value is not None:
        verdict = (
            f"at or above {RELIABLE}: reliable by Krippendorff's bounds"
            if value >= RELIABLE
            else f"between {TENTATIVE} and {RELIABLE}: for tentative conclusions only"
            if value >= TENTATIVE
            else f"below {TENTATIVE}: the guidelines or the people need a talk"
        )
        console.print(f"alpha {verdict}\n", style="dim")


def _by_label(console: Console, found: Agreement) -> None:
    table = _table("Label", "segments", "alpha (95 %)", "by characters", "kappa")
    for row in found.by_label:
        if row.n_segments:
            table.add_row(
                row.label,
                f"{row.n_segments:,}",
                _figure(row.alpha),
                _figure(row.alpha_chars),
                _figure(row.kappa),
            )
    console.print(table)
    console.print("each label against all others\n", style="dim")


def _pairs(console: Console, found: Agreement, names: Mapping[str, str]) -> None:
    if len(found.pairs) < 2:
        return
    table = _table("Pair", "pages", "segments", "same label", "kappa (95 %)", "by characters")
    for pair in found.pairs:
        table.add_row(
            f"{names.get(pair.first, pair.first)} · {names.get(pair.second, pair.second)}",
            f"{pair.n_pages:,}",
            f"{pair.n_segments:,}",
            _figure(pair.share, interval=False),
            _figure(pair.kappa),
            _figure(pair.kappa_chars),
        )
    console.print(table)
    console.print()


def _confusions(console: Console, found: Agreement) -> None:
    if not found.confusions:
        return
    total = sum(row.n_segments for row in found.confusions)
    table = _table("Where they differ", "segments", "share", "characters")
    for row in found.confusions[:CONFUSIONS_SHOWN]:
        table.add_row(
            f"{row.first} / {row.second}",
            f"{row.n_segments:,}",
            f"{row.n_segments / total:.0%}",
            f"{row.n_chars:,}",
        )
    console.print(table)
    console.print()


def _readers(console: Console, found: Agreement, names: Mapping[str, str]) -> None:
    drifting = any(reader.drift.value is not None for reader in found.readers)
    columns = ["Annotator", "pages", "shared", "as others", "alone", "min a page", "chars a min"]
    # A narrow terminal gets fewer columns rather than broken ones; --json has all.
    steps_shown = drifting and console.width >= WIDE
    habits_shown = console.width >= (WIDE if drifting else MIDDLE)
    more = ["drift (95 %)"] * drifting + ["over time"] * steps_shown + ["most often"] * habits_shown
    table = _table(*columns, *more)
    for reader in found.readers:
        row = [
            names.get(reader.annotator, reader.annotator),
            f"{reader.n_pages:,}",
            f"{reader.n_shared:,}",
            _figure(reader.share, interval=False),
            f"{reader.alone:,}" if reader.n_shared else "-",
            "-" if reader.minutes is None else f"{reader.minutes:.1f}",
            "-" if reader.chars_per_minute is None else f"{reader.chars_per_minute:,.0f}",
        ]
        if drifting:
            steps = " ".join(
                "-" if w.agreement is None else f"{w.agreement:.2f}" for w in reader.windows
            )
            row += [_signed(reader.drift), *([steps] if steps_shown else [])]
        table.add_row(*row, *([_habit(reader, found.labels)] if habits_shown else []))
    console.print(table)
    notes = ["alone: segments on which two or more others agree and this one differs"]
    if habits_shown and any(reader.n_shared for reader in found.readers):
        notes.append("most often: what one says where another says the second label")
    if drifting:
        notes.append("drift: agreement with others, last fifth less first")
    console.print("; ".join(notes), style="dim")


def _habit(reader: Reader, labels: Sequence[str]) -> str:
    """The most frequent difference from others: own label, theirs, and how often."""
    found = [
        (n, labels[mine], labels[theirs])
        for mine, row in enumerate(reader.table)
        for theirs, n in enumerate(row)
        if n and mine != theirs
    ]
    if not found:
        return "-"
    n, mine_name, their_name = max(found, key=lambda entry: entry[0])
    return f"{mine_name} for {their_name} {n:,}"


def _gold(console: Console, scores: Sequence[GoldScore], names: Mapping[str, str]) -> None:
    if not scores:
        return
    console.print()
    table = _table("On gold", "pages", "segments", "right (95 %)", "by characters", "weakest label")
    for score in scores:
        weakest = min(score.recall.items(), key=lambda item: item[1][0], default=None)
        table.add_row(
            names.get(score.annotator, score.annotator),
            f"{score.n_pages} of {score.n_given}",
            f"{score.n_segments:,}",
            _figure(score.right),
            _figure(score.right_chars),
            "-" if weakest is None else f"{weakest[0]} {weakest[1][0]:.2f} of {weakest[1][1]}",
        )
    console.print(table)
    console.print(
        "told here only: not in anybody's project, and not in what is published", style="dim"
    )


def _figure(estimate: Estimate, *, interval: bool = True) -> str:
    if estimate.value is None:
        return "-"
    told = f"{estimate.value:.3f}"
    if not interval or estimate.low is None or estimate.high is None:
        return told
    return f"{told} [dim]{estimate.low:.2f}-{estimate.high:.2f}[/]"


def _signed(estimate: Estimate) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "-"
    told = f"{estimate.value:+.2f} [dim]{estimate.low:+.2f}..{estimate.high:+.2f}[/]"
    return f"[bold]{told}[/]" if estimate.low > 0 or estimate.high < 0 else told


# ------------------------------------------------------------- plan and status


def show_plan(console: Console, steps: TeamPlan) -> None:
    """What each annotator would get."""
    from curate.review.people import BLIND_NOTE

    table = _table("Annotator", "gets", "of it gold", "open", "drafts", "done", "skipped")
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
    table = _table("Annotator", "pages", "open", "drafts", "done", "skipped", "project")
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
