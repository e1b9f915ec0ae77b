"""`curate runs`: the history, newest first."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from curate.runs.passport import is_running, load_passports

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Show past runs and what set each apart."""
    parser = argparse.ArgumentParser(prog="curate runs", description="Runs, newest first.")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="rows (default 20)")
    parser.add_argument("--json", action="store_true", help="the passports, one JSON a line")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="e.g. paths.runs=DIR")
    args = parser.parse_args(argv)

    from itertools import islice

    from rich.console import Console
    from rich.table import Table

    from curate.cli.compose import compose

    passports = list(
        islice(load_passports(Path(compose(args.overrides)["paths"]["runs"])), args.limit)
    )
    if args.json:
        for passport in passports:
            sys.stdout.write(json.dumps(passport, ensure_ascii=False) + "\n")
        return 0
    console = Console()
    if not passports:
        console.print("no runs yet; `curate run` makes the first")
        return 0
    table = Table("run", "name", "state", "version", "pages", "seconds", "overrides", box=None)
    for column in table.columns[4:6]:
        column.justify = "right"
    for passport in passports:
        table.add_row(
            passport["run_id"],
            str(passport.get("name", "")),
            _state(passport),
            str(passport.get("version") or "-"),
            str(passport.get("stages", {}).get("pages", {}).get("out", "-")),
            _seconds(passport),
            " ".join(passport.get("overrides", [])) or "-",
        )
    console.print(table)
    return 0


def _state(passport: dict[str, Any]) -> str:
    if passport["status"] == "running" and not is_running(passport):
        return "killed"
    return str(passport["status"])


def _seconds(passport: dict[str, Any]) -> str:
    if "ended_at" not in passport:
        return "-"
    began, ended = (datetime.fromisoformat(passport[k]) for k in ("started_at", "ended_at"))
    return f"{(ended - began).total_seconds():.0f}"
