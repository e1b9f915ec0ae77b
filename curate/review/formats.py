"""Files of labelled pages, whoever wrote them, as readings of one form.

Told by content: Label Studio's JSON and JSON-MIN exports, and labelled pages as
JSON lines, a JSON list or Parquet (one page a row: a text and its spans).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.errors import ReviewError
from curate.io import read_rows
from curate.review.interface import LABEL_CONTROL, PAGE_CONTROL
from curate.review.tasks import REGION_TYPE, restored_text

__all__ = ["RawReading", "UnknownFormError", "readings_of", "records_of"]

SPAN_FIELDS = ("spans", "segments", "regions")
LABEL_FIELDS = ("label", "label_name", "labels")

HUMAN = "human"
"""Of labels that tell their origin (a published dataset's) only people's count."""

_URL = re.compile(r"\s*[a-z][a-z0-9+.-]*://\S+\s*$", re.IGNORECASE)

_FLAT_FIELDS = ("id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "page")

TEXT_TYPES = (REGION_TYPE, "paragraphlabels", "hypertextlabels")


class UnknownFormError(ReviewError):
    """A record that is none of the forms."""


@dataclass(frozen=True, slots=True)
class RawReading:
    """One person's labels on one page as a file tells them, not yet checked.

    Attributes:
        where: file and record, for messages.
        result: regions as Label Studio has them; `value.text` is the quote.
        exact: the spans are meant to the character: no gap is closed.
        identity: what tells this reading from the file's others, for good.
        annotator: who, as the file calls them; None: it doesn't say.
        server_ids: project, task and annotation on the server it comes from.
    """

    where: str
    text: str | None
    url: str | None
    page_key: str | None
    result: tuple[Mapping[str, Any], ...]
    exact: bool
    identity: tuple[str, ...]
    annotator: str | None = None
    skipped: bool = False
    updated_at: str | None = None
    lead_time_s: float | None = None
    server_ids: tuple[int | None, int | None, int | None] = (None, None, None)


def records_of(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The file's records with their numbers from 1.

    Raises:
        ReviewError: it is none of the formats, or broken.
    """
    if not path.is_file():
        raise ReviewError(f"{path} is no file; name an export, a Parquet or JSON lines file")
    with path.open("rb") as file:
        head = file.read(4096)
    if head[:4] == b"PAR1":
        return enumerate(_parquet(path), 1)
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"[":
        return enumerate(_json_list(path), 1)
    return _json_lines(path)


def _parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        for batch in read_rows(path):
            yield from batch.to_pylist()
    except (pa.ArrowInvalid, OSError) as error:
        raise ReviewError(f"{path} can't be read as Parquet ({error})") from error


def _json_list(path: Path) -> list[Mapping[str, Any]]:
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ReviewError(f"{path} is no JSON ({error}); export it again") from error
    if not all(isinstance(record, dict) for record in value):
        raise ReviewError(f"{path} is a JSON list, but not of objects; nothing to import")
    return list(value)


def _json_lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                value = json.loads(line)
                if not isinstance(value, dict):
                    raise ReviewError(f"{path}, line {number}: no JSON object")
                yield number, value
    except UnicodeDecodeError as error:
        raise ReviewError(f"{path} is neither Parquet nor UTF-8 text ({error})") from error
    except (ValueError, RecursionError) as error:
        raise ReviewError(
            f"{path} is neither Parquet, a JSON list nor JSON lines ({error})"
        ) from error


def readings_of(
    record: Mapping[str, Any], where: str, *, text_field: str | None = None
) -> list[RawReading]:
    """What people said in one record; empty where nobody did.

    Args:
        text_field: field of the page's text; None: `text`, or the only one that fits.

    Raises:
        UnknownFormError: the record is of no known form.
        ReviewError: it is of one, and wrong.
    """
    if isinstance(record.get("data"), dict) and (
        isinstance(record.get("annotations"), list) or isinstance(record.get("completions"), list)
    ):
        return _task_readings(record, where, text_field)
    if "annotation_id" in record and "annotator" in record:
        return [_flat_reading(record, where, text_field)]
    for name in SPAN_FIELDS:
        if isinstance(record.get(name), list):
            found = _labelled(record, record[name], where, text_field)
            return [found] if found else []
    if {"start", "end"} <= set(record):
        raise UnknownFormError(
            f"{where}: a row of this file is a segment; import the files of pages instead "
            "(a published version has them in pages/), which hold the text too"
        )
    raise UnknownFormError(
        f"{where}: neither a Label Studio task (data, annotations) nor a labelled page "
        f"(text and {' or '.join(SPAN_FIELDS)}); it has {', '.join(map(str, list(record)[:8]))}"
    )


# ----------------------------------------------------------------- Label Studio


def _task_readings(
    record: Mapping[str, Any], where: str, text_field: str | None
) -> list[RawReading]:
    data = record["data"]
    text = _task_text(data, where, text_field)
    found = []
    for raw in record.get("annotations") or record.get("completions") or ():
        number = raw.get("id")
        who = raw.get("completed_by")
        if isinstance(who, Mapping):
            who = who.get("email") or who.get("id")
        unique = f"{record.get('id')}/{number}/{raw.get('created_at')}"  # both exports have it
        found.append(
            RawReading(
                where=f"{where}, annotation {number}",
                text=text,
                url=_text_or_none(data.get("url")),
                page_key=_text_or_none(data.get("page_key")) if data.get("page_id") else None,
                result=tuple(_own_regions(raw.get("result") or ())),
                exact=False,
                identity=("label-studio", str(unique)),
                annotator=None if who is None else str(who),
                skipped=bool(raw.get("was_cancelled")),
                updated_at=_text_or_none(raw.get("updated_at") or raw.get("created_at")),
                lead_time_s=_seconds(raw.get("lead_time")),
                server_ids=(_int(record.get("project")), _int(record.get("id")), _int(number)),
            )
        )
    return found


def _task_text(data: Mapping[str, Any], where: str, text_field: str | None) -> str:
    if data.get("page_id") and data.get("text_hash"):
        try:
            return restored_text(data)
        except (ReviewError, ValueError, TypeError, IndexError) as error:
            raise ReviewError(f"{where}: {error}") from error
    name = text_field or ("text" if "text" in data else None)
    if name is None:
        words = [k for k, v in data.items() if isinstance(v, str) and not _URL.match(v)]
        fit = [key for key in words if "\n" in data[key]] or words
        name = fit[0] if len(fit) == 1 else None
    text = data.get(name) if name else None
    if not isinstance(text, str):
        raise ReviewError(
            f"{where}: no text in the field {name or 'text'}; it has "
            f"{', '.join(map(str, data))}; name the right one with --text-field"
        )
    return text


def _own_regions(result: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    """Regions of any control over text as those of ours; choices about the page as they are."""
    for item in result:
        if not isinstance(item, Mapping) or not isinstance(item.get("value"), Mapping):
            continue
        kind, value = item.get("type"), item["value"]
        if kind in TEXT_TYPES:
            labels = value.get("labels") or value.get(str(kind)) or []
            yield {
                "id": item.get("id"),
                "type": REGION_TYPE,
                "from_name": LABEL_CONTROL,
                "origin": item.get("origin"),
                "of": kind,
                "value": {**value, "labels": list(labels)},
            }
        elif kind == "choices" and item.get("from_name") == PAGE_CONTROL:
            yield item


def _flat_reading(record: Mapping[str, Any], where: str, text_field: str | None) -> RawReading:
    """JSON-MIN: the data's fields and the controls' values side by side."""
    regions: list[Mapping[str, Any]] = []
    for value in record.values():
        if isinstance(value, list):
            regions += [v for v in value if isinstance(v, Mapping) and "start" in v and "end" in v]
    data = {key: value for key, value in record.items() if key not in _FLAT_FIELDS}
    verdict = record.get(PAGE_CONTROL)
    result: list[Mapping[str, Any]] = [
        {"type": REGION_TYPE, "from_name": LABEL_CONTROL, "value": dict(region)}
        for region in regions
    ]
    if isinstance(verdict, str):
        result.append(
            {"type": "choices", "from_name": PAGE_CONTROL, "value": {"choices": [verdict]}}
        )
    who = record["annotator"]
    unique = f"{record.get('id')}/{record['annotation_id']}/{record.get('created_at')}"
    return RawReading(
        where=f"{where}, annotation {record['annotation_id']}",
        text=_task_text(data, where, text_field),
        url=_text_or_none(record.get("url")),
        page_key=_text_or_none(record.get("page_key")) if record.get("page_id") else None,
        result=tuple(result),
        exact=False,
        identity=("label-studio", unique),
        annotator=None if who is None else str(who),
        updated_at=_text_or_none(record.get("updated_at") or record.get("created_at")),
        lead_time_s=_seconds(record.get("lead_time")),
        server_ids=(None, _int(record.get("id")), _int(record["annotation_id"])),
    )


# --------------------------------------------------------------- labelled pages


def _labelled(
    record: Mapping[str, Any], spans: Sequence[Any], where: str, text_field: str | None
) -> RawReading | None:
    """A text with its spans; None where all its labels are a machine's."""
    result = []
    for span in spans:
        if not isinstance(span, Mapping):
            raise ReviewError(f"{where}: a span is {type(span).__name__}, not start, end and label")
        if span.get("origin", HUMAN) != HUMAN:
            continue
        label = next((span[name] for name in LABEL_FIELDS if span.get(name) is not None), None)
        labels = list(label) if isinstance(label, list | tuple) else [label]
        quote = span.get("exact", span.get("quote"))
        value = {"start": span.get("start"), "end": span.get("end"), "labels": labels}
        if isinstance(quote, str):
            context = {"prefix": span.get("prefix") or "", "suffix": span.get("suffix") or ""}
            value |= {"text": quote, **context}
        elif isinstance(span.get("text"), str):
            value["text"] = span["text"]
        result.append({"type": REGION_TYPE, "from_name": LABEL_CONTROL, "value": value})
    if not result:
        return None
    text = record.get(text_field or "text")
    page = record.get("page_key") or record.get("url") or text
    return RawReading(
        where=where,
        text=text if isinstance(text, str) else None,
        url=_text_or_none(record.get("url")),
        page_key=_text_or_none(record.get("page_key")),
        result=tuple(result),
        exact=True,
        identity=("labelled", str(page)),
        annotator=_text_or_none(record.get("annotator")),
        updated_at=_moment(record.get("updated_at")),
    )


def _moment(value: Any) -> str | None:
    return value.isoformat() if hasattr(value, "isoformat") else _text_or_none(value)


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _seconds(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and value >= 0 else None


def _int(value: Any) -> int | None:
    return int(value) if isinstance(value, int) else None
