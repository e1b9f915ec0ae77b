"""Pull: people's work from the server, proved against the text, into files that only grow.

Only tasks that changed are read (`updated_at`), with a few seconds of overlap;
only what is new is written. An annotation that is gone from the server leaves
a tombstone; what was pulled before stays on disk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from curate.errors import ReviewError
from curate.io import read_json, write_json
from curate.review.annotations import Known, append, content_digest, index
from curate.review.client import LabelStudio
from curate.review.pseudonyms import Pseudonyms
from curate.review.regions import spans_of
from curate.review.tasks import restored_text
from curate.review.votes import AGAIN
from curate.review.withdraw import Blocked, blocked
from curate.schema import ACTIONS, Annotation, LabelSet, Span, page_id_of
from curate.text import digest, text_hash

__all__ = ["PullResult", "Puller"]

OVERLAP = timedelta(seconds=5)
"""What is read again: a write that began before the last pull may end after it."""

WRITE_EVERY = 500
WRITE_CHARS = 10_000_000
"""Annotations held in memory before they are written, and characters of their pages."""

TICK = timedelta(microseconds=1)


@dataclass(slots=True)
class PullResult:
    """What a pull brought.

    Attributes:
        n_tasks: tasks that had changed and were read.
        new, changed, deleted: annotations written.
        withheld: annotations left there, because they were withdrawn here.
        problems: what could not be taken, a line each: page, task, span, why.
        files: files written.
    """

    n_tasks: int = 0
    new: int = 0
    changed: int = 0
    deleted: int = 0
    withheld: int = 0
    problems: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)

    @property
    def n_written(self) -> int:
        """Rows written."""
        return self.new + self.changed + self.deleted


@dataclass(slots=True)
class Puller:
    """Pulls one project into one folder.

    Attributes:
        server: a name of the server that outlives a change of its port.
        folder: `exports/<name>/annotations`.
        state: where the time of the last pull is kept; losing it costs one full pull.
        key_of: key of a page that was added to the project by hand, from its task's
            data; None: such pages are left alone.
        origin: what the annotations are to us, see `Annotation.origin`.
    """

    client: LabelStudio
    project: int
    server: str
    folder: Path
    label_set: LabelSet
    pseudonyms: Pseudonyms
    state: Path | None = None
    key_of: Callable[[Mapping[str, Any]], str] | None = None
    origin: str = "label_studio"
    _emails: dict[int, str] | None = None
    _held: list[Annotation] = field(default_factory=list)
    _held_chars: int = 0
    _blocked: Blocked = field(default_factory=Blocked)

    def pull(
        self, *, full: bool = False, progress: Callable[[str], None] = lambda _: None
    ) -> PullResult:
        """Take in what changed since the last pull.

        Args:
            full: read every task, whatever was pulled before.

        Raises:
            ReviewError: the server can't be read. What can't be trusted of one
                page is a problem in the result, not an error.
        """
        result = PullResult()
        self._blocked = blocked(self.folder)
        known = index(self.folder)
        ours: dict[int, list[Known]] = defaultdict(list)
        for row in known.values():
            if row.server == self.server and row.project_id == self.project:
                ours[row.task_id or 0].append(row)
        n_ours = sum(map(len, ours.values()))
        since = None if full else self._since(n_ours)
        newest, again_from = since, None
        for task in self._tasks(since):
            result.n_tasks += 1
            moved = _time(task["updated_at"])
            newest = moved if newest is None else max(newest, moved)
            n_problems = len(result.problems)
            self._task(task, known, ours.get(int(task["id"]), []), result)
            if len(result.problems) > n_problems:
                again_from = moved if again_from is None else min(again_from, moved)
            if len(self._held) >= WRITE_EVERY or self._held_chars >= WRITE_CHARS:
                self._write(result)
            if result.n_tasks % 200 == 0:
                progress(f"{result.n_tasks} tasks read")
        self._gone(ours, result)
        self._write(result)
        if newest is not None:
            # A task with a problem is read again until the problem is gone.
            upto = newest if again_from is None else min(newest, again_from - TICK)
            self._remember(upto, n_ours + result.new)
        return result

    # ---------------------------------------------------------------- watermark

    def _since(self, n_ours: int) -> datetime | None:
        if self.state is None or not self.state.exists():
            return None
        try:
            kept = read_json(self.state)
            mine = kept["server"] == self.server and kept["project"] == self.project
            if not mine or int(kept["rows"]) > n_ours:
                return None  # annotations were removed from the folder: read all again
            return _time(kept["pulled_to"]) - OVERLAP
        except (ValueError, KeyError, TypeError):
            return None

    def _remember(self, upto: datetime, rows: int) -> None:
        if self.state is not None:
            write_json(
                self.state,
                {
                    "server": self.server,
                    "project": self.project,
                    "pulled_to": upto.astimezone(UTC).isoformat(),
                    "rows": rows,
                },
            )

    def _tasks(self, since: datetime | None) -> Iterator[dict[str, Any]]:
        if since is None:
            return self.client.tasks(self.project)
        moment = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return self.client.tasks_since(self.project, moment)

    # -------------------------------------------------------------------- tasks

    def _task(
        self,
        task: Mapping[str, Any],
        known: Mapping[str, Known],
        ours: list[Known],
        result: PullResult,
    ) -> None:
        annotations = task.get("annotations") or []
        data = task.get("data") or {}
        if not data.get("page_id") or not data.get("page_key"):
            adopted = self._adopted(data) if annotations or ours else None
            if adopted is None:
                return
            data = adopted
        there = {self._identity(annotation) for annotation in annotations}
        for row in ours:
            if row.annotation_id not in there and row.status != "deleted":
                self._bury(row, result)
        if not annotations:
            return
        where = f"page {data['page_id']}, task {task['id']}"
        try:
            text = restored_text(data)
        except (ReviewError, ValueError, IndexError, TypeError) as error:
            result.problems.append(f"{where}: {error}")
            return
        for raw in annotations:
            try:
                annotation = self._annotation(int(task["id"]), data, raw, text)
            except ReviewError as error:
                result.problems.append(f"{where}, annotation {raw.get('id')}: {error}")
                continue
            self._keep(annotation, known.get(annotation.annotation_id), result)

    def _adopted(self, data: Mapping[str, Any]) -> dict[str, Any] | None:
        """The data of a page added by hand as that of one of ours; None if it is no page."""
        text = data.get("text")
        if self.key_of is None or not isinstance(text, str) or not text.strip():
            return None
        key = self.key_of(data)
        told = {"page_key": key, "page_id": page_id_of(key, text), "text_hash": text_hash(text)}
        return {**data, **told, "replaced": None, "round": None}

    def _annotation(
        self, task: int, data: Mapping[str, Any], raw: Mapping[str, Any], text: str
    ) -> Annotation:
        skipped = bool(raw.get("was_cancelled"))
        spans, verdict = spans_of(raw.get("result") or [], text, data["page_id"], self.label_set)
        for span in spans:
            assert text[span.start : span.end] == span.exact
        again = bool(data.get("round"))
        if again:
            spans = _as_before(spans, data.get("earlier"))
        lead_time = raw.get("lead_time")
        return Annotation(
            annotation_id=self._identity(raw),
            page_key=str(data["page_key"]),
            text_hash=str(data["text_hash"]),
            text=text,
            annotator=self._annotator(raw.get("completed_by")),
            status="skipped" if skipped else "submitted",
            spans=() if skipped else spans,
            updated_at=_time(raw["updated_at"]),
            lead_time_s=None if lead_time is None else float(lead_time),
            verdict=verdict,
            schema=self.label_set.name,
            guideline=self.label_set.guideline_digest,
            origin=AGAIN if again else self.origin,
            server=self.server,
            project_id=self.project,
            task_id=task,
            server_annotation_id=int(raw["id"]),
        )

    def _identity(self, raw: Mapping[str, Any]) -> str:
        """An annotation's name for good: listings don't hold the server's own unique id."""
        told = digest(self.server, str(raw["id"]), str(raw.get("created_at")), chars=16)
        return f"ls-{told}"

    def _annotator(self, completed_by: Any) -> str:
        if isinstance(completed_by, Mapping):
            completed_by = completed_by.get("id")
        if completed_by is None:
            return self.pseudonyms.of(f"{self.server}/unknown")
        number = int(completed_by)
        if self._emails is None or number not in self._emails:
            self._emails = self.client.emails()
        return self.pseudonyms.of(self._emails.get(number) or f"{self.server}/{number}")

    # ------------------------------------------------------------------ writing

    def _keep(self, annotation: Annotation, known: Known | None, result: PullResult) -> None:
        if self._blocked.holds(annotation.annotator, annotation.page_key):
            result.withheld += 1
            return
        if known is None:
            result.new += 1
            self._hold(annotation)
            return
        if (
            known.content == content_digest(annotation)
            and known.updated_at >= annotation.updated_at
        ):
            return
        if known.updated_at >= annotation.updated_at:  # restored there, or read anew by new rules
            annotation = replace(annotation, updated_at=known.updated_at + TICK)
        result.changed += 1
        self._hold(annotation)

    def _hold(self, annotation: Annotation) -> None:
        self._held.append(annotation)
        self._held_chars += len(annotation.text)

    def _bury(self, row: Known, result: PullResult) -> None:
        """A tombstone, a moment later than what it ends."""
        result.deleted += 1
        self._held.append(
            Annotation(
                annotation_id=row.annotation_id,
                page_key=row.page_key,
                text_hash=row.text_hash,
                text="",
                annotator=row.annotator,
                status="deleted",
                spans=(),
                updated_at=row.updated_at + TICK,
                schema=row.schema,
                guideline=row.guideline,
                origin=row.origin,
                server=row.server,
                project_id=row.project_id,
                task_id=row.task_id,
                server_annotation_id=row.server_annotation_id,
            )
        )

    def _gone(self, ours: Mapping[int, list[Known]], result: PullResult) -> None:
        """Tombstones for annotations whose whole task was deleted."""
        ids = sorted(
            task for task, rows in ours.items() if any(row.status != "deleted" for row in rows)
        )
        if not ids or self.client.count_tasks(self.project, ids) == len(ids):
            return
        there = {int(task["id"]) for task in self.client.tasks_by_id(self.project, ids)}
        for task in ids:
            if task not in there:
                for row in ours[task]:
                    if row.status != "deleted":
                        self._bury(row, result)

    def _write(self, result: PullResult) -> None:
        path = append(self.folder, self._held)
        if path is not None:
            result.files.append(path)
        self._held.clear()
        self._held_chars = 0


def _as_before(spans: Iterable[Span], earlier: Any) -> tuple[Span, ...]:
    """Regions that were shown again and left as they were: what was done to them the first time."""
    before = earlier if isinstance(earlier, Mapping) else {}
    return tuple(
        replace(span, action=before[span.region_id])
        if span.action == "accepted" and before.get(span.region_id) in ACTIONS
        else span
        for span in spans
    )


def _time(value: Any) -> datetime:
    moment = datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
