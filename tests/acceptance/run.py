"""Run the checks with full counts one by one; can be stopped and goes on.

What passed at this state of the code is not run again. Ends with a table of
checks, their figures and times; exit status 1 if one failed.

    python tests/acceptance/run.py [--again] [-k WORDS]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--again", action="store_true", help="run also what passed")
    parser.add_argument("-k", default="", metavar="WORDS", help="only these, as in pytest -k")
    args = parser.parse_args()
    console = Console()
    state_file = ROOT / ".curate" / "acceptance" / f"{state_of_code()}.json"
    state_file.parent.mkdir(parents=True, exist_ok=True)
    state = json.loads(state_file.read_text()) if state_file.exists() and not args.again else {}
    checks = collect(args.k)
    for number, check in enumerate(checks, 1):
        if state.get(check, {}).get("state") == "passed":
            continue
        console.print(f"[bold]{number}/{len(checks)}[/] {escape(check)}")
        state[check] = run_one(check)
        state_file.write_text(json.dumps(state, indent=2))
        console.print(f"    {state[check]['state']} in {state[check]['seconds']:.0f} s")
    table = Table("check", "state", "seconds", "figures", box=None)
    for check in checks:
        row = state[check]
        colour = {"passed": "green", "skipped": "yellow"}.get(row["state"], "red")
        table.add_row(
            escape(check.removeprefix("tests/").replace("::", "\n  ")),
            f"[{colour}]{row['state']}[/]",
            f"{row['seconds']:.0f}",
            escape("\n".join(row["figures"]) or row["told"]),
        )
    console.print(table)
    return int(any(state[check]["state"] == "failed" for check in checks))


def state_of_code() -> str:
    """Commit and whether the tree differs from it."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    changed = subprocess.run(
        ["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return (commit.stdout.strip() or "tree") + ("-changed" if changed.stdout.strip() else "")


def collect(words: str) -> list[str]:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "acceptance"]
    listed = subprocess.run(
        [*command, *(["-k", words] if words else [])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    checks = [line for line in listed.stdout.splitlines() if "::" in line]
    if not checks:
        sys.exit(f"no check found\n{listed.stdout}\n{listed.stderr}")
    return checks


def run_one(check: str) -> dict[str, object]:
    figures = ROOT / ".curate" / "acceptance" / "figures.txt"
    figures.unlink(missing_ok=True)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-m", "acceptance", "--timeout=7200", check],
        cwd=ROOT,
        env={**os.environ, "CURATE_FIGURES": str(figures)},
        capture_output=True,
        text=True,
        check=False,
    )
    told = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""
    state = "failed" if done.returncode else "skipped" if " skipped" in told else "passed"
    if state == "failed":
        sys.stderr.write(done.stdout[-4000:] + done.stderr[-2000:])
    return {
        "state": state,
        "seconds": time.monotonic() - began,
        "told": told,
        "figures": figures.read_text().splitlines() if figures.exists() else [],
    }


if __name__ == "__main__":
    sys.exit(main())
