"""Work that exists already as annotations: checked, put where its quotes stand, told span by span.

A reading is kept on the text it was made on, as a pulled one is; what becomes
of it on today's page is the matter of `resolve`, and told here beforehand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from curate.errors import ReviewError
from curate.review.anchor import reanchor
from curate.review.annotations import append, content_digest, index
from curate.review.backup import backup_rows, is_backup_row, restore
from curate.review.formats import RawReading, UnknownFormError, readings_of, records_of
from curate.review.placing import placed
from curate.review.pseudonyms import Pseudonyms, is_pseudonym
from curate.review.regions import spans_of
from curate.review.withdraw import blocked
from curate.schema import Annotation, LabelSet, Span, page_id_of, segment_id_of
from curate.text import digest, replace_surrogates, text_hash

__all__ = ["ImportResult", "Importer", "Pages", "SpanOutcome"]

UNDATED = datetime(1970, 1, 1, tzinfo=UTC)
"""Time of a reading that tells none: older than any that does, the same in every clone."""

WRITE_EVERY = 500

OUTCOMES = ("kept", "moved", "partial", "orphan", "no page")


class Pages(Protocol):
    """The pages of the input, as far as an import asks."""

    def key_of_url(self, url: str) -> str:
        """Key of the page at an address, in the input or not."""

    def key_of_text(self, text: str) -> str | None:
        """Key of the page with exactly this text."""

    def text_of(self, page_key: str) -> str | None:
        """Today's text of a page; None where it is not in the input."""


@dataclass(frozen=True, slots=True)
class SpanOutcome:
    """What becomes of one imported span on today's page.

    Attributes:
        outcome: `kept`, `moved`, `partial`, `orphan`, or `no page`: the page is
            not in the input, and the span waits for it.
        found: where it stands today.
    """

    page_key: str
    annotation_id: str
    start: int
    end: int
    label: str
    quote: str
    outcome: str
    found: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class ImportResult:
    """What an import brought.

    Attributes:
        new, changed, same: readings written, written over an older one, known.
        machine: records in which no person said anything.
        withheld: readings that were withdrawn here.
        restored: rows of a backup written.
        spans: spans by outcome.
        details: every span that was not simply kept.
        problems: what could not be taken, a line each.
    """

    new: int = 0
    changed: int = 0
    same: int = 0
    machine: int = 0
    withheld: int = 0
    restored: int = 0
    restored_before: int = 0
    spans: Counter[str] = field(default_factory=Counter)
    details: list[SpanOutcome] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)


@dataclass(slots=True)
class Importer:
    """Takes files into one folder of annotations.

    Attributes:
        folder: `exports/<name>/annotations`.
        annotator: who made all of it; None: as the files tell.
        text_field: field of the page's text in a file's records.
    """

    folder: Path
    label_set: LabelSet
    pseudonyms: Pseudonyms
    pages: Pages
    annotator: str | None = None
    text_field: str | None = None

    def take(self, path: Path) -> ImportResult:
        """Import one file. What can't be taken of one record is a problem in the result.

        Raises:
            ReviewError: the file can't be read, or is of no known form.
        """
        result = ImportResult()
        rows = backup_rows(path) if _is_parquet(path) else None
        if rows is not None:
            self._restore(rows, path, result)
            return result
        records = records_of(path)
        first = next(records, None)
        if first is None:
            raise ReviewError(f"{path} holds no record; nothing to import")
        if is_backup_row(first[1]):
            self._restore((record for _, record in _chain(first, records)), path, result)
            return result
        self._readings(_chain(first, records), path, result)
        return result

    def _restore(self, rows: Iterator[Mapping[str, Any]], path: Path, result: ImportResult) -> None:
        result.restored, result.restored_before, result.withheld = restore(
            self.folder, rows, str(path)
        )

    def _readings(
        self, records: Iterator[tuple[int, Mapping[str, Any]]], path: Path, result: ImportResult
    ) -> None:
        known = index(self.folder)
        on_server = {
            (row.project_id, row.server_annotation_id, row.page_key) for row in known.values()
        }
        kept_out = blocked(self.folder)
        held: list[Annotation] = []
        seen: set[str] = set()
        for number, record in records:
            where = f"{path.name}, record {number}"
            try:
                readings = readings_of(record, where, text_field=self.text_field)
            except ReviewError as error:
                if isinstance(error, UnknownFormError) and not (result.problems or seen):
                    raise  # the first record: it is another kind of file
                result.problems.append(str(error))
                continue
            result.machine += not readings
            for raw in readings:
                try:
                    annotation, lost = self._annotation(raw, path)
                except ReviewError as error:
                    result.problems.append(f"{raw.where}: {error}")
                    continue
                if annotation.annotation_id in seen:
                    result.problems.append(f"{raw.where}: a second reading of the same name")
                    continue
                seen.add(annotation.annotation_id)
                if kept_out.holds(annotation.annotator, annotation.page_key):
                    result.withheld += 1
                    continue
                self._tell(annotation, lost, result)
                pulled = (raw.server_ids[0], raw.server_ids[2], annotation.page_key)
                before = known.get(annotation.annotation_id)
                if (pulled[0] is not None and pulled in on_server and before is None) or (
                    before is not None and before.content == content_digest(annotation)
                ):
                    result.same += 1
                    continue
                if before is None:
                    result.new += 1
                else:
                    result.changed += 1
                    annotation = replace(
                        annotation, updated_at=max(annotation.updated_at, before.updated_at)
                    )
                held.append(annotation)
            if len(held) >= WRITE_EVERY:
                self._write(held, result)
        self._write(held, result)

    def _write(self, held: list[Annotation], result: ImportResult) -> None:
        path = append(self.folder, held)
        if path is not None:
            result.files.append(path)
        held.clear()

    # ------------------------------------------------------------ one reading

    def _annotation(self, raw: RawReading, path: Path) -> tuple[Annotation, list[str]]:
        """The reading on its own text, and the quotes that do not stand in it."""
        page_key = self._page_key(raw)
        text = raw.text if raw.text is not None else self.pages.text_of(page_key)
        if text is None:
            raise ReviewError(
                "it has no text of its own, and its page is not in the input; "
                "add the page's text to the record, or the page to pages.path"
            )
        text = replace_surrogates(text)
        page_id = page_id_of(page_key, text)
        regions, lost = placed(raw, text, page_id, self.label_set.names)
        if lost and not any(item.get("type") != "choices" for item in regions):
            raise ReviewError("none of its spans' quotes stands in its text")
        spans, verdict = spans_of(regions, text, page_id, self.label_set)
        if raw.exact:
            spans = tuple(
                replace(s, action="drawn", region_id=segment_id_of(page_id, s.start, s.end))
                for s in spans
            )
        annotation = Annotation(
            annotation_id=f"im-{digest(*raw.identity, page_key, chars=16)}",
            page_key=page_key,
            text_hash=text_hash(text),
            text=text,
            annotator=self._annotator(raw, path),
            status="skipped" if raw.skipped else "submitted",
            spans=() if raw.skipped else spans,
            updated_at=_time(raw.updated_at),
            lead_time_s=raw.lead_time_s,
            verdict=verdict,
            schema=self.label_set.name,
            guideline="",
            origin=f"import:{_file_name(path)}",
            project_id=raw.server_ids[0],
            task_id=raw.server_ids[1],
            server_annotation_id=raw.server_ids[2],
        )
        return annotation, lost

    def _page_key(self, raw: RawReading) -> str:
        if raw.page_key:
            return raw.page_key
        if raw.url:
            return self.pages.key_of_url(raw.url)
        found = self.pages.key_of_text(raw.text) if raw.text is not None else None
        if found is None:
            raise ReviewError(
                "it has no url and no page_key, and its text is that of no page of the input; "
                "add url to the record"
            )
        return found

    def _annotator(self, raw: RawReading, path: Path) -> str:
        name = self.annotator or raw.annotator or path.stem
        if is_pseudonym(name):
            return name
        if self.annotator is None and "@" not in name:
            name = f"import/{path.stem}/{name}"  # user 1 of one server is not user 1 of another
        return self.pseudonyms.of(name)

    # ------------------------------------------------------------ today's page

    def _tell(self, annotation: Annotation, lost: Sequence[str], result: ImportResult) -> None:
        for quote in lost:
            result.spans["orphan"] += 1
            result.problems.append(
                f"page {annotation.page_key}: the quote {quote[:60]!r} does not stand in its text"
            )
        text = self.pages.text_of(annotation.page_key)
        if text is None:
            outcomes: list[tuple[Span, str, tuple[Span, ...]]] = [
                (span, "no page", ()) for span in annotation.spans
            ]
        elif text_hash(replace_surrogates(text)) == annotation.text_hash:
            outcomes = [(span, "kept", (span,)) for span in annotation.spans]
        else:
            outcomes = [(a.span, a.outcome, a.found) for a in reanchor(annotation.spans, text)]
        for span, outcome, found in outcomes:
            result.spans[outcome] += 1
            if outcome != "kept":
                result.details.append(
                    SpanOutcome(
                        page_key=annotation.page_key,
                        annotation_id=annotation.annotation_id,
                        start=span.start,
                        end=span.end,
                        label=span.label,
                        quote=span.exact,
                        outcome=outcome,
                        found=tuple((s.start, s.end) for s in found),
                    )
                )


def _file_name(path: Path) -> str:
    """The file's name, unless an address may be in it: those stay out of `exports/`."""
    return f"file-{digest(path.name, chars=8)}" if "@" in path.name else path.name


def _chain(
    first: tuple[int, Mapping[str, Any]], rest: Iterator[tuple[int, Mapping[str, Any]]]
) -> Iterator[tuple[int, Mapping[str, Any]]]:
    yield first
    yield from rest


def _is_parquet(path: Path) -> bool:
    try:
        pq.read_schema(path)
    except (pa.ArrowInvalid, OSError):
        return False
    return True


def _time(value: str | None) -> datetime:
    if value is None:
        return UNDATED
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise ReviewError(f"its time {value!r} is none in the form 2026-03-01T12:00:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
