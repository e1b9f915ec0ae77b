"""`curate runs`: the history, newest first."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from curate.runs.passport import is_running, load_passports

__all__ = ["main", "set_apart", "state_of"]


def main(argv: Sequence[str]) -> int:
    """Show past runs and what set each apart."""
    parser = argparse.ArgumentParser(prog="curate runs", description="Runs, newest first.")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="rows (default 20)")
    parser.add_argument("--name", help="only runs of this dataset")
    parser.add_argument("--json", action="store_true", help="the passports, one JSON a line")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="e.g. paths.runs=DIR")
    args = parser.parse_args(argv)

    from curate.cli.compose import compose

    runs = Path(compose(args.overrides)["paths"]["runs"])
    found = [p for p in load_passports(runs) if args.name in (None, p.get("name"))]
    shown = found[: max(0, args.limit)]
    if args.json:
        for passport in shown:
            sys.stdout.write(json.dumps(passport, ensure_ascii=False) + "\n")
        return 0

    from rich.table import Table

    from curate.cli.display import result_console

    console = result_console()
    if not found:
        console.print("no runs yet; `curate run` makes the first")
        return 0
    columns = ("run", "name", "state", "version", "pages", "seconds", "set apart by")
    table = Table(*columns, box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    for column in table.columns[4:6]:
        column.justify = "right"
    for number, passport in enumerate(shown):
        name = passport.get("name")
        before = next((p for p in found[number + 1 :] if p.get("name") == name), None)
        table.add_row(
            passport["run_id"],
            str(name or ""),
            state_of(passport),
            str(passport.get("version") or "-"),
            str(passport.get("stages", {}).get("pages", {}).get("out", "-")),
            _seconds(passport),
            set_apart(passport, before),
        )
    console.print(table)
    if left := len(found) - len(shown):
        console.print(f"and {left} older; --limit N shows more", style="dim")
    return 0


def set_apart(passport: Mapping[str, Any], before: Mapping[str, Any] | None) -> str:
    """What a run had that the one before it of the same name had not.

    Overrides that came, or went (`without …`); where they are the same, why the
    first stage ran that did.
    """
    mine = [str(word) for word in passport.get("overrides", [])]
    if again := passport.get("rerun_of"):
        return " ".join([f"repeats {again}", *mine])
    if before is None:
        return " ".join(mine) or "nothing: as configured"
    theirs = [str(word) for word in before.get("overrides", [])]
    came = [word for word in mine if word not in theirs]
    keys = {word.partition("=")[0] for word in came}
    went = [
        f"without {word}"
        for word in theirs
        if word not in mine and word.partition("=")[0] not in keys
    ]
    if came or went:
        return " ".join([*came, *went])
    for stage, row in passport.get("stages", {}).items():
        if row.get("tasks_ran") and row.get("note"):
            return f"{stage}: {row['note']}"
    return "-"


def state_of(passport: Mapping[str, Any]) -> str:
    """How a run ended, or where it is, or where it was when it was killed."""
    if passport["status"] != "running":
        return str(passport["status"])
    now = passport.get("now") or {}
    where = f" in {now['stage']}{_progress(now)}" if now.get("stage") else ""
    return f"running{where}" if is_running(passport) else f"killed{where}"


def _progress(now: Mapping[str, Any]) -> str:
    """How far a stage is, as the run last told."""
    if not now.get("done"):
        return ""
    parts = [f"{now['done']} of {now['tasks']}"]
    if now.get("pages"):
        parts.append(f"{now['pages']:,} pages")
    if now.get("pages") and now.get("seconds"):
        parts.append(f"{now['pages'] / now['seconds']:,.1f}/s")
    if now.get("quarantined"):
        parts.append(f"{now['quarantined']:,} quarantined")
    return f" ({', '.join(parts)})"


def _seconds(passport: Mapping[str, Any]) -> str:
    began = datetime.fromisoformat(passport["started_at"])
    if "ended_at" in passport:
        return f"{(datetime.fromisoformat(passport['ended_at']) - began).total_seconds():.0f}"
    if is_running(passport):
        return f"{(datetime.now(UTC) - began).total_seconds():.0f} so far"
    return "-"
