"""`curate review export|import|withdraw`: human work as files, and its removal on request."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from curate.errors import ConfigError, ReviewError

__all__ = ["ACTIONS", "main"]

ACTIONS = ("export", "import", "withdraw")

SHOWN_SPANS = 10
"""Spans told one by one on the terminal; `--report` writes them all."""


def main(argv: Sequence[str]) -> int:
    """Back up, take in, or withdraw human work."""
    parser = argparse.ArgumentParser(prog="curate review", allow_abbrev=False)
    actions = parser.add_subparsers(dest="action", required=True)
    out = actions.add_parser("export", help="all human work to one file")
    out.add_argument("file", type=Path, metavar="FILE", help="FILE.parquet or FILE.jsonl")
    take = actions.add_parser(
        "import",
        help="work that exists already",
        description="Backups of `export`, Label Studio's JSON and JSON-MIN exports, and labelled "
        "pages as Parquet or JSON lines become annotations. Importing again changes nothing.",
    )
    take.add_argument("files", nargs="+", metavar="FILE", help="files, then KEY=VALUE overrides")
    take.add_argument("--annotator", metavar="NAME", help="who made all of it (kept as pseudonym)")
    take.add_argument("--text-field", metavar="FIELD", help="field of the page's text")
    take.add_argument("--report", type=Path, metavar="FILE", help="write every span's fate (JSONL)")
    gone = actions.add_parser(
        "withdraw",
        help="remove a person's or a page's work for good",
        description="Removes the rows, records that it was done, and keeps the work out: pulls "
        "and imports don't take it in again until --lift.",
    )
    what = gone.add_mutually_exclusive_group(required=True)
    what.add_argument("--annotator", metavar="NAME", help="pseudonym, or e-mail address")
    what.add_argument("--page", metavar="KEY", help="page_key, or address of the page")
    gone.add_argument("--lift", action="store_true", help="take such work in again from now on")
    gone.add_argument(
        "--on-server", action="store_true", help="delete the annotations in Label Studio too"
    )
    for each in (out, gone):
        each.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="as for `curate run`")
    args, rest = parser.parse_known_args(argv)  # overrides may stand after options
    if wrong := [word for word in rest if word.startswith("-") or "=" not in word]:
        parser.error(f"unrecognized arguments: {' '.join(wrong)}")
    if args.action != "import":
        args.overrides += rest
    else:
        args.files += rest
        args.overrides = [a for a in args.files if "=" in a and not Path(a).exists()]
        args.files = [Path(a) for a in args.files if a not in args.overrides]
        if not args.files:
            parser.error("name at least one file to import")
    work = _Work(args.overrides)
    return {"export": _export, "import": _import, "withdraw": _withdraw}[args.action](args, work)


class _Work:
    """Where the dataset's human work lies, with or without pages to read."""

    def __init__(self, overrides: list[str]) -> None:
        from rich.console import Console

        from curate.cli.compose import compose
        from curate.cli.review import last_overrides
        from curate.stages.settings import Paths, build

        plain = compose([])
        self.overrides = overrides or last_overrides(Path(plain["paths"]["runs"]))
        self.config: dict[str, Any] = compose(self.overrides)
        self.has_pages = self.config["pages"]["path"] not in (None, "???")
        self.paths: Paths = build("paths", self.config, Paths)
        self.name = self._name()
        self.folder = Path(self.paths.exports) / self.name / "annotations"
        self.state = Path(self.paths.state)
        self.console = Console(highlight=False, soft_wrap=True)

    def _name(self) -> str:
        if self.has_pages:
            return str(self.settings().name)
        name = self.config["name"]
        if not name:
            raise ConfigError("name is not set; give it as name=VALUE")
        return str(name)

    def settings(self) -> Any:
        """The settings; needs pages.path."""
        from curate.cli.compose import compose
        from curate.stages.settings import Settings

        return Settings.from_config(compose(self.overrides, complete=True))

    def pseudonyms(self) -> Any:
        from curate.review.pseudonyms import Pseudonyms

        return Pseudonyms(self.state / "pseudonym.key")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other run syncs the dataset meanwhile."""
        from curate.io import locked

        lock = self.state / "review" / f"{self.name}.sync.lock"
        with locked(lock, on_wait=self.console.print):
            self.sync()
            yield
            self.sync()

    def sync(self) -> None:
        """Where exports are a URL: what is there here, and what is here there."""
        from curate.stages.exports import sync_work

        sync_work(self.paths, self.name, self.console.print)


def _export(args: argparse.Namespace, work: _Work) -> int:
    from curate.review.backup import export

    work.sync()
    with work.alone():
        n = export(work.folder, args.file)
    work.console.print(f"{n} rows of human work in {args.file}")
    key = work.state / "pseudonym.key"
    if key.exists():
        work.console.print(
            f"keep {key} apart from it: with it new work of the same people gets the same names"
        )
    return 0


def _import(args: argparse.Namespace, work: _Work) -> int:
    from curate.review.importing import Importer, ImportResult
    from curate.schema import LabelSet
    from curate.stages.settings import build

    importer = Importer(
        folder=work.folder,
        label_set=build("schema", work.config, LabelSet),
        pseudonyms=work.pseudonyms(),
        pages=_pages(work),
        annotator=args.annotator,
        text_field=args.text_field,
    )
    done: list[tuple[Path, ImportResult]] = []
    with work.alone():
        for path in args.files:
            result = importer.take(path)
            _tell(work, path, result)
            done.append((path, result))
    if args.report:
        with args.report.open("w", encoding="utf-8") as file:
            for path, result in done:
                for detail in result.details:
                    row = {"file": path.name, **_row(detail)}
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return 1 if any(_took_nothing(result) for _, result in done) else 0


def _took_nothing(result: Any) -> bool:
    taken = result.new + result.changed + result.same + result.machine + result.withheld
    return bool(result.problems) and not (taken + result.restored + result.restored_before)


def _pages(work: _Work) -> Any:
    from curate.stages.importing import InputPages, input_pages

    if not work.has_pages:
        work.console.print("pages.path is not set: spans can't be told against today's pages")
        return InputPages()
    from curate.cli.display import TerminalDisplay
    from curate.cli.run import last_recipes
    from curate.runs.passport import load_passports

    last = last_recipes(load_passports(Path(work.paths.runs)), work.name)
    display = TerminalDisplay()
    with display:
        return input_pages(work.settings(), display, last, {"overrides": work.overrides})


def _tell(work: _Work, path: Path, result: Any) -> None:
    tell = work.console.print
    if result.restored or result.restored_before:
        tell(f"{path}: {result.restored} rows restored, {result.restored_before} were there")
    else:
        tell(
            f"{path}: {result.new} annotations new, {result.changed} changed, "
            f"{result.same} known already"
        )
    if result.machine:
        tell(f"  {result.machine} records without a person's word left out")
    if result.withheld:
        tell(f"  {result.withheld} withdrawn here before, left out")
    if result.spans:
        told = ", ".join(f"{n} {outcome}" for outcome, n in sorted(result.spans.items()))
        tell(f"  spans on today's pages: {told}")
    for detail in [d for d in result.details if d.outcome != "no page"][:SHOWN_SPANS]:
        where = ", ".join(f"{start}-{end}" for start, end in detail.found) or "nowhere"
        tell(
            f"    {detail.outcome}: page {detail.page_key} {detail.start}-{detail.end} "
            f"{detail.quote[:40]!r} now {where}"
        )
    rest = sum(d.outcome != "no page" for d in result.details) - SHOWN_SPANS
    if rest > 0:
        tell(f"    and {rest} more; --report FILE writes them all")
    for problem in result.problems[:SHOWN_SPANS]:
        tell(f"  not taken: {problem}")
    if len(result.problems) > SHOWN_SPANS:
        tell(f"  and {len(result.problems) - SHOWN_SPANS} more not taken")


def _row(detail: Any) -> dict[str, Any]:
    names = ("page_key", "annotation_id", "start", "end", "label", "quote", "outcome", "found")
    return {name: getattr(detail, name) for name in names}


def _withdraw(args: argparse.Namespace, work: _Work) -> int:
    from curate.review.withdraw import RECORD, lift, withdraw
    from curate.stages.importing import InputPages

    if args.annotator:
        what, key = "annotator", args.annotator
        if "@" in key:
            key = work.pseudonyms().of(key)
    else:
        what, key = "page", args.page
        if "/" in key or "." in key:
            key = InputPages().key_of_url(key)
    with work.alone():
        if args.lift:
            lift(work.folder, what, key)  # type: ignore[arg-type]  # one of two literals
            _read_all_again(work)
            work.console.print(f"work of {what} {key} is taken in again from the next pull on")
            return 0
        told = withdraw(work.folder, what, key)  # type: ignore[arg-type]
        work.console.print(
            f"withdrew {told.rows} rows: {told.annotations} annotations of {told.pages} pages by "
            f"{told.annotators} annotators; noted in {work.folder / RECORD}"
        )
        if what == "page":
            work.console.print(f"page {key} is left out of every later version")
        if args.on_server:
            n = _delete_on_server(work, what, key)
            work.console.print(f"deleted {n} annotations and drafts in Label Studio")
        elif told.server_ids:
            work.console.print(
                f"{len(told.server_ids)} annotations remain in Label Studio and are not pulled "
                "again; --on-server deletes them there"
            )
    published = _published_with(work, what, key)
    if published:
        work.console.print(
            f"versions published before still hold it: {', '.join(published)}; remove them where "
            "they were copied to, and run `curate run` for a version without it"
        )
    work.console.print(
        "backups made before hold it too; `curate store gc` sweeps intermediate files"
    )
    return 0


def _read_all_again(work: _Work) -> None:
    for note in (work.state / "review").glob(f"{work.name}*.pull.json"):
        note.unlink()


def _delete_on_server(work: _Work, what: Any, key: str) -> int:
    from curate.review.connection import connect
    from curate.review.people import ReviewTeam
    from curate.review.withdraw_server import delete_on_server
    from curate.stages.serving import key_of_added

    settings = work.settings()
    with connect(settings.review, work.state, progress=work.console.print) as connection:
        team = ReviewTeam.open(
            connection, work.name, settings.label_set, settings.review, work.state, create=False
        )
        numbers = [project.number for project in team.projects] if team else []
        return delete_on_server(connection, numbers, what, key, work.pseudonyms(), key_of_added)


def _published_with(work: _Work, what: str, key: str) -> list[str]:
    """Published versions whose files name the person, or hold the page."""
    import pyarrow.compute as pc

    from curate.io import read_rows

    column = "annotators" if what == "annotator" else "page_key"
    found = []
    for version in sorted(work.folder.parent.glob("v[0-9]*")):
        for path in sorted(version.glob("segments/*.parquet")):
            try:
                batches = list(read_rows(path, columns=[column]))
            except (OSError, ValueError) as error:
                raise ReviewError(f"{path} can't be read ({error})") from error
            if what == "annotator":
                hit = any(key in (names or ()) for b in batches for names in b[0].to_pylist())
            else:
                hit = any(pc.any(pc.equal(b[0], key)).as_py() for b in batches)
            if hit:
                found.append(version.name)
                break
    return found
