"""Taking a person's or a page's work out for good, on request; the page itself, too.

The one way in which rows of human work are removed. What was removed is not
kept; that it was is: a line in `withdrawn.jsonl` beside the annotations, a
file that only grows. It also keeps the work out: a pull or an import doesn't
take it in again, until the withdrawal is lifted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import ReviewError
from curate.review.annotations import files_of, read_file, rewrite
from curate.schema import ANNOTATION_SCHEMA

__all__ = ["RECORD", "Blocked", "Withdrawal", "blocked", "lift", "withdraw"]

RECORD = "withdrawn.jsonl"

What = Literal["annotator", "page"]

_COLUMN: dict[What, str] = {"annotator": "annotator", "page": "page_key"}

_COUNTED = pa.schema(
    [
        ANNOTATION_SCHEMA.field(name)
        for name in ("annotation_id", "page_key", "annotator", "server", "project_id")
    ]
    + [ANNOTATION_SCHEMA.field("server_annotation_id")]
)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What a withdrawal removed.

    Attributes:
        rows: rows of any age, tombstones too.
        annotations, pages, annotators: that these rows were of.
        server_ids: (server, project, annotation) of what still lies on a server.
    """

    rows: int
    annotations: int
    pages: int
    annotators: int
    server_ids: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Blocked:
    """Whose work, and work on which pages, is not taken in."""

    annotators: frozenset[str] = frozenset()
    pages: frozenset[str] = frozenset()

    def holds(self, annotator: str, page_key: str) -> bool:
        """Whether work of this person on this page is kept out."""
        return annotator in self.annotators or page_key in self.pages


def withdraw(
    folder: Path,
    what: What,
    key: str,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Withdrawal:
    """Remove every row of an annotator or a page, and record that it was done.

    The record is written first: a withdrawal that is cut keeps the work out
    already, and the same call removes the rest. No pull may run meanwhile.

    Args:
        folder: `exports/<name>/annotations`.
        key: the annotator's pseudonym, or the page's key.
        now: time for the record.

    Raises:
        ReviewError: there is no work of this annotator, and none was withdrawn.
    """
    column = _COLUMN[what]
    rows = pa.concat_tables(
        [
            _COUNTED.empty_table(),
            *(
                table.filter(pc.equal(table[column], key)).select(_COUNTED.names)
                for table in map(read_file, files_of(folder))
            ),
        ]
    )
    known = blocked(folder)
    before = key in (known.annotators if what == "annotator" else known.pages)
    if not rows.num_rows and not before and what == "annotator":
        raise ReviewError(
            f"no work of {what} {key} in {folder}; nothing was removed "
            "(curate review status lists the annotators)"
        )
    told = _told(rows)
    if rows.num_rows or not before:  # a page that nobody has read can be withdrawn too
        _record(
            folder,
            {
                "withdrawn": what,
                "key": key,
                "rows": told.rows,
                "annotations": told.annotations,
                "pages": told.pages,
                "annotators": told.annotators,
                "at": _time(now),
            },
        )
        for path in files_of(folder):
            table = read_file(path)
            kept = table.filter(pc.not_equal(table[column], key))
            if kept.num_rows < table.num_rows:
                rewrite(path, kept)
    return told


def lift(
    folder: Path,
    what: What,
    key: str,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Take work of an annotator or a page in again from now on; what was removed stays so.

    Raises:
        ReviewError: it was not withdrawn.
    """
    known = blocked(folder)
    if key not in (known.annotators if what == "annotator" else known.pages):
        raise ReviewError(f"{what} {key} was not withdrawn in {folder}; nothing to lift")
    _record(folder, {"lifted": what, "key": key, "at": _time(now)})


def blocked(folder: Path) -> Blocked:
    """What was withdrawn and not lifted since.

    Raises:
        ReviewError: the record can't be read; work is not taken in on a guess.
    """
    path = folder / RECORD
    held: dict[str, set[str]] = {"annotator": set(), "page": set()}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return Blocked()
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            if "lifted" in entry:
                held[entry["lifted"]].discard(str(entry["key"]))
            else:
                held[entry["withdrawn"]].add(str(entry["key"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ReviewError(
                f"{path}, line {number} is no record of a withdrawal ({error}); restore the file "
                "from a backup: without it withdrawn work would be taken in again"
            ) from error
    return Blocked(frozenset(held["annotator"]), frozenset(held["page"]))


def _told(rows: pa.Table) -> Withdrawal:
    def n(column: str) -> int:
        return int(pc.count_distinct(rows[column]).as_py())

    ids = {
        (row["server"], row["project_id"], row["server_annotation_id"])
        for row in rows.select(["server", "project_id", "server_annotation_id"]).to_pylist()
        if None not in row.values()
    }
    return Withdrawal(
        rows=rows.num_rows,
        annotations=n("annotation_id"),
        pages=n("page_key"),
        annotators=n("annotator"),
        server_ids=tuple(sorted(ids)),
    )


def _time(now: Callable[[], datetime]) -> str:
    return now().astimezone(UTC).isoformat(timespec="microseconds")


def _record(folder: Path, entry: dict[str, object]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / RECORD).open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
        file.flush()
        os.fsync(file.fileno())
