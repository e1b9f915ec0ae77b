"""`curate diff`: what changed between two versions or runs."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from curate.dataset.changes import State
    from curate.places import Place

__all__ = ["main"]

ROWS_SHOWN = 12
"""Rows of a table on the terminal; --json has them all."""


def main(argv: Sequence[str]) -> int:
    """Compare two versions, or the results of two runs."""
    parser = argparse.ArgumentParser(
        prog="curate diff",
        description="What changed between two versions (a folder, NAME/VERSION, manifest.json) or "
        "runs (an id of `curate runs`). One argument: that version against the one before it.",
    )
    parser.add_argument("before", metavar="A")
    parser.add_argument("after", metavar="B", nargs="?")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="e.g. paths.exports=DIR")
    parser.add_argument("--json", action="store_true", help="all of it as JSON")
    args = parser.parse_args(argv)
    if args.after and "=" in args.after:
        args.overrides, args.after = [args.after, *args.overrides], None

    from curate.cli.compose import compose
    from curate.dataset.changes import changes
    from curate.places import place

    config = compose(args.overrides)
    paths = {name: Path(config["paths"][name]) for name in ("exports", "runs")}
    store = place(config["paths"]["store"])
    names = [args.before, args.after] if args.after else _with_previous(args.before, paths)
    before, after = (_state(name, paths, store) for name in names)
    told = changes(before, after, memory_limit=str(config["engine"]["memory_limit"]))
    if args.json:
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
        return 0

    from curate.cli.display import result_console

    colors = {
        str(label["name"]): str(label["color"])
        for state in (before, after)
        for label in state.labels.get("labels", ())
    }
    _print(told, colors, result_console())
    return 0


def _with_previous(name: str, paths: Mapping[str, Path]) -> list[str]:
    """A version and the one that was published before it.

    Raises:
        RunError: it is the first, or no version.
    """
    from curate.errors import RunError
    from curate.io import read_json
    from curate.runs.record import find_record

    record = find_record(name, runs=paths["runs"], exports=paths["exports"])
    folder = record.file.parent.parent
    if record.run_id or not (folder / "latest.json").is_file():
        raise RunError(
            f"{name} is not a version below an exports folder; name what to compare with"
        )
    versions = [entry["version"] for entry in read_json(folder / "latest.json")["versions"]]
    place = versions.index(record.version) if record.version in versions else 0
    if not place:
        raise RunError(f"{record.title} is the first version; name what to compare it with")
    return [str(folder / versions[place - 1]), str(record.file.parent)]


def _state(name: str, paths: Mapping[str, Path], store: Place) -> State:
    """What a name of the command line stands for."""
    from curate.dataset.changes import version_state
    from curate.runs.record import find_record
    from curate.stages.stored import stored_state

    record = find_record(name, runs=paths["runs"], exports=paths["exports"])
    if record.run_id is None:
        return version_state(record.file.parent)
    return stored_state(record, store)


def _print(told: dict[str, Any], colors: Mapping[str, str], console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    def label(name: str) -> Text:
        return Text(name, style=f"bold {colors.get(name, 'default')}")

    def section(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        if not rows:
            return
        table = Table(*columns, box=None, pad_edge=False, title=title, title_justify="left")
        table.title_style = "bold"
        for row in rows[:ROWS_SHOWN]:
            table.add_row(*(cell if isinstance(cell, Text) else str(cell) for cell in row))
        console.print()
        console.print(table)
        if len(rows) > ROWS_SHOWN:
            console.print(f"and {len(rows) - ROWS_SHOWN} more (--json has all)", style="dim")

    console.print(f"[bold]{told['from']}[/] → [bold]{told['to']}[/]")
    counts = ("added", "removed", "changed", "unchanged")
    rows = [[shape, *(f"{told[shape][c]:,}" for c in counts)] for shape in ("pages", "segments")]
    section("", ("", *counts), rows)
    total = sum(told["flips"].values())
    flips = [
        [label(name.split(" → ")[0]), "→", label(name.split(" → ")[1]), f"{n:,}"]
        for name, n in told["flips"].items()
    ]
    section(f"labels that changed: {total:,}", ("from", "", "to", "segments"), flips)
    section("by origin", ("origin", "segments"), list(told["flips_by_origin"].items()))
    section("by site", ("site", "segments"), list(told["flips_by_site"].items()))
    section(
        "characters relabelled where segments were cut otherwise",
        ("change", "characters"),
        list(told["characters"].items()),
    )
    examples = [
        [label(e["from"]), "→", label(e["to"]), e["site"], " ".join(e["text"].split())[:90]]
        for e in told["examples"]
    ]
    section("for instance", ("from", "", "to", "site", "text"), examples)
    section(
        "origin alone changed or with the label",
        ("origin", "segments"),
        list(told["origins"].items()),
    )
    _print_causes(told, section)
    if not (total or told["characters"]) and not any(
        told[shape][c] for shape in ("pages", "segments") for c in counts[:3]
    ):
        console.print("no page, segment or label differs")


def _print_causes(told: dict[str, Any], section: Any) -> None:
    schema = told["schema"]
    rows: list[Sequence[Any]] = [
        [f"labels {what}", ", ".join(names)]
        for what, names in schema["labels"].items()
        if isinstance(names, list) and names
    ]
    if schema["labels"]["reordered"]:
        rows.append(["labels", "in another order"])
    if schema["guideline"]:
        rows.append(["guideline", "differs"])
    rows += [
        [f"map {r['key']}", f"{_short(r['then'])} → {_short(r['now'])}"] for r in schema["map"]
    ]
    rows += [
        [f"column {r['key'].replace('/', '.')}", f"{_short(r['then'])} → {_short(r['now'])}"]
        for r in schema["columns"]
    ]
    section("schema", ("what", "change"), rows)
    columns = ("key", "then", "now")
    for title in ("config", "made_of"):
        found = [[r["key"], _short(r["then"]), _short(r["now"])] for r in told[title]]
        section({"made_of": "made of"}.get(title, title), columns, found)
    moved = [
        [r["name"], _figure(r["then"]), _figure(r["now"]), _moved(r["then"], r["now"])]
        for r in told["metrics"]
        if r["then"] != r["now"]
    ]
    section("metrics that moved", ("metric", "then", "now", "by"), moved)


def _figure(value: object) -> str:
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else f"{value}"


def _moved(then: Any, now: Any) -> str:
    if then is None or now is None:
        return "-"
    return f"{now - then:+,}" if isinstance(now, int) else f"{now - then:+.4f}"


def _short(value: object) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
