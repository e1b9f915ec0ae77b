"""`curate rerun`: a recorded run once more, and whether it gives the same bytes."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Repeat a run or a version from its own record, and compare."""
    parser = argparse.ArgumentParser(
        prog="curate rerun",
        description="Repeats a run from its record and says whether the bytes are the same. "
        "The result is built beside, below .curate/reruns: no version is published, no "
        "server is asked.",
    )
    parser.add_argument(
        "record",
        metavar="RUN",
        help="run id of `curate runs` (or its beginning or end, or `last`), a version's folder, "
        "or a manifest.json anywhere",
    )
    parser.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="applied over the record's configuration"
    )
    parser.add_argument("--json", action="store_true", help="the answer as JSON")
    parser.add_argument("--check", action="store_true", help="exit status 1 if anything differs")
    args = parser.parse_args(argv)

    from curate.cli.compose import compose, group_options
    from curate.runs.record import find_record, of_passport
    from curate.runs.retake import retake

    paths = compose(args.overrides)["paths"]
    runs, exports = Path(paths["runs"]), Path(paths["exports"])
    then = find_record(args.record, runs=runs, exports=exports)
    taken = retake(then, args.overrides, compose=compose, options=group_options)
    folder = runs.parent / "reruns" / then.name
    shutil.rmtree(folder, ignore_errors=True)
    missing = _bring_annotations(then, exports, folder)
    _tell(then, taken.config, args.overrides, taken.left_aside)

    from curate.cli.run import execute

    config = {**taken.config, "paths": {**taken.config["paths"], "exports": str(folder.parent)}}
    ended = execute(
        config,
        list(args.overrides),
        choices=dict(then.choices),
        more={"rerun_of": then.title},
        table=False,
    )
    passport = ended.passport
    now = of_passport(passport, runs / passport["run_id"] / "passport.json")
    return _answer(then, now, missing, args, runs, folder)


def _bring_annotations(record: Any, exports: Path, folder: Path) -> list[Any]:
    """Link the human work that went into the recorded run; returns what is not here."""
    from curate.io import file_digest
    from curate.runs.compare import Difference

    missing = []
    target = folder / "annotations"
    target.mkdir(parents=True)
    for entry in record.annotations:
        name, digest = str(entry["file"]), str(entry.get("digest"))
        places = (exports / record.name / "annotations", record.file.parent.parent / "annotations")
        source = next((p / name for p in places if (p / name).is_file()), None)
        if source is None:
            missing.append(Difference("annotations", name, digest[:8], "-"))
            continue
        if (met := file_digest(source)) != digest:
            missing.append(Difference("annotations", name, digest[:8], met[:8]))
        (target / name).symlink_to(source.resolve())
    return missing


def _tell(
    record: Any, config: dict[str, Any], overrides: Sequence[str], left_aside: Sequence[str]
) -> None:
    """What is about to be repeated, on stderr: the answer alone goes to stdout."""
    path = config["pages"]["path"]
    lines = [f"repeating {record.title} ({record.file}); reads pages.path={path}"]
    if overrides:
        lines.append(f"with {' '.join(overrides)} over it")
    lines += [f"{key} of the record is no option any more and was left aside" for key in left_aside]
    sys.stderr.write("\n".join(lines) + "\n")


def _answer(
    then: Any, now: Any, missing: list[Any], args: argparse.Namespace, runs: Path, folder: Path
) -> int:
    from dataclasses import asdict

    from rich.table import Table

    from curate.cli.display import result_console
    from curate.runs.compare import compare_inputs, compare_outputs, compare_recipes
    from curate.runs.passport import load_passports

    history = [
        p
        for p in load_passports(runs)
        if p.get("name") == then.name and p.get("status") == "done" and not p.get("rerun_of")
    ]
    bytes_differ = compare_outputs(then, now, history)
    causes = [
        *missing,
        *compare_inputs(then, now),
        *compare_recipes(then, now, history),
    ]
    nothing = not (set(then.stages) & set(now.stages)) and not then.files
    same = not bytes_differ and not nothing
    console = result_console()
    if args.json:
        told = {
            "record": str(then.file),
            "run": now.run_id,
            "same_bytes": same,
            "overrides": list(args.overrides),
            "differs": [asdict(d) for d in bytes_differ],
            "because": [asdict(d) for d in causes],
        }
        sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
    elif same:
        compared = [s for s in now.stages if now.stages[s].get("output") and s in then.stages]
        console.print(
            f"[bold green]same bytes[/]: {len(compared)} stages and {len(now.files)} files as in "
            f"{then.title}"
        )
        if causes:
            console.print("although these are not as they were:")
    elif nothing:
        console.print(f"{then.title} tells no digests to compare with")
    else:
        console.print(f"[bold yellow]not the same bytes[/] as {then.title}:")
    if not args.json and (bytes_differ or causes):
        table = Table("where", "what", "then", "now", "since", box=None, pad_edge=False)
        for row in (*causes, *bytes_differ):
            table.add_row(row.where, row.what, row.then, row.now, row.since)
        console.print(table)
        if args.overrides:
            console.print(f"given over it: {' '.join(args.overrides)}")
    if same:
        shutil.rmtree(folder, ignore_errors=True)
    elif not args.json and then.version and now.version:
        console.print(f"next: `curate diff {then.name}/{then.version} {folder / now.version}`")
    return int(args.check and not same)
