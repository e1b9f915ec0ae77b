"""`curate store`: its size, and giving space back."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Show the store's size by stage, or remove what recent runs don't use."""
    parser = argparse.ArgumentParser(
        prog="curate store",
        description="Stage outputs below .curate/store. All of it can be made again.",
    )
    parser.add_argument("action", choices=("status", "gc"))
    parser.add_argument(
        "--keep",
        type=int,
        default=3,
        metavar="N",
        help="gc keeps what the last N finished runs of each name used (default 3)",
    )
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="e.g. paths.store=DIR")
    args = parser.parse_args(argv)

    from rich.console import Console
    from rich.filesize import decimal
    from rich.table import Table

    from curate.cli.compose import compose
    from curate.runs.store import Store

    paths = compose(args.overrides)["paths"]
    store, runs = Store.of(paths["store"], paths["state"]), Path(paths["runs"])
    used = list(_used(runs, args.keep))
    console = Console()
    if args.action == "gc":
        with store.alone():
            swept = store.sweep()
            freed = store.collect(used)
        console.print(
            f"{decimal(freed)} given back, {swept} temporary files swept; kept is what "
            f"the last {args.keep} finished runs of each name used"
        )
        return 0
    table = Table("stage", "recipe", "files", "size", "unused", box=None, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    total = unused = 0
    for row in store.status(used).stages:
        total, unused = total + row.n_bytes, unused + row.n_unused_bytes
        table.add_row(
            row.stage,
            row.fingerprint[:12],
            str(row.n_files),
            decimal(row.n_bytes),
            decimal(row.n_unused_bytes) if row.n_unused_bytes else "-",
        )
    table.add_row("", "", "", decimal(total), decimal(unused) if unused else "-", style="bold")
    console.print(table)
    if unused:
        console.print(f"next: `curate store gc` gives {decimal(unused)} back")
    return 0


def _used(runs: Path, keep: int) -> Iterator[tuple[str, str, str]]:
    """(stage, fingerprint, key) that the last `keep` finished runs of each name used.

    Raises:
        RunError: a run is going on; its outputs are not listed yet.
    """
    from collections import Counter

    from curate.errors import RunError
    from curate.io import read_json
    from curate.runs.passport import is_running, load_passports

    seen: Counter[str] = Counter()
    for passport in load_passports(runs):
        if is_running(passport):
            raise RunError(
                f"run {passport['run_id']} (process {passport['pid']}) is going on and uses the "
                "store; wait for its end or stop it"
            )
        if passport["status"] != "done":
            continue
        name = str(passport["name"])
        seen[name] += 1
        if seen[name] > keep:
            continue
        try:
            tasks: dict[str, Any] = read_json(runs / passport["run_id"] / "tasks.json")
        except FileNotFoundError:
            continue
        for place, keys in tasks.items():
            stage, _, fingerprint = place.partition("/")
            yield from ((stage, fingerprint, key) for key in keys)
