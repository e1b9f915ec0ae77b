"""A published version in the forms that other tools read.

Written beside the versions, `neighbours/<version>/<form>/`, each form whole or
not at all; nothing here is a source: it can be deleted and made again.
"""

from __future__ import annotations

import json
import shutil
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from curate.dataset.versions import STAGING_PREFIX
from curate.errors import DatasetError
from curate.schema import SPLITS
from curate.text import REPLACEMENT, text_hash

__all__ = ["FORMS", "NEIGHBOURS", "export_neighbours", "read_pages"]

NEIGHBOURS = "neighbours"
"""Folder of the forms, beside the versions."""

LABEL_CONTROL, TEXT_OBJECT = "label", "text"
"""Names in the review's labelling interface; a project made by `curate review` has them."""

_ORIGINS = {"accepted": "prediction", "relabelled": "prediction-changed", "drawn": "manual"}

READ_PAGES = 64


def read_pages(version: Path, split: str) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each page of a split with its segments, streamed.

    Shards of both shapes hold the same pages in the same order, so they are
    read side by side.
    """
    for path in sorted((version / "pages").glob(f"{split}-*.parquet")):
        with (
            pq.ParquetFile(path) as pages,
            pq.ParquetFile(version / "segments" / path.name) as segments,
        ):
            rows = _rows(segments)
            for page in _rows(pages):
                mine = [next(rows) for _ in range(page["n_segments"])]
                if any(row["page_key"] != page["page_key"] for row in mine):
                    raise DatasetError(
                        f"{path}: its pages are not those of segments/{path.name}; "
                        "the version is damaged: restore it"
                    )
                yield page, mine


def export_neighbours(version: Path, forms: Sequence[str]) -> list[Path]:
    """Write a version in the given forms; one that is there already stays.

    Args:
        version: its folder.
        forms: `label_studio`, `spacy`, `text`.

    Returns:
        Folder of each form.
    """
    folders = []
    for form in forms:
        target = version.parent / NEIGHBOURS / version.name / form
        folders.append(target)
        if target.is_dir():
            continue
        staging = version.parent / f"{STAGING_PREFIX}{form}"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        try:
            for split in SPLITS:
                if any((version / "pages").glob(f"{split}-*.parquet")):
                    FORMS[form](version, split, staging)
            target.parent.mkdir(parents=True, exist_ok=True)
            staging.rename(target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return folders


def _rows(file: pq.ParquetFile) -> Iterator[dict[str, Any]]:
    for batch in file.iter_batches(batch_size=READ_PAGES):
        yield from batch.to_pylist()


# ---------------------------------------------------------------- Label Studio


def _label_studio(version: Path, split: str, folder: Path) -> None:
    """One JSON list of tasks a split, as Label Studio imports it.

    What people labelled is an annotation, what a machine did a prediction.
    """
    with (folder / f"{split}.json").open("w", encoding="utf-8") as file:
        lead = "["
        for page, segments in read_pages(version, split):
            file.write(lead + "\n")
            json.dump(_task(page, segments), file, ensure_ascii=False)
            lead = ","
        file.write("\n]\n")


def _task(page: dict[str, Any], segments: list[dict[str, Any]]) -> dict[str, Any]:
    text, replaced = _importable(page["text"])
    data: dict[str, Any] = {
        "title": _importable(page["title"] or "")[0],
        "site": page["site"],
        "url": page["url"] or "",
        "why": "",
        "head": "",
        "text": text,
        "page_key": page["page_key"],
        "page_id": page["page_id"],
        "text_hash": text_hash(page["text"]),
        "labeler": segments[0]["labeler"],
    }
    if replaced:
        data["replaced"] = replaced
    human = [_region(row) for row in segments if row["origin"] == "human"]
    machine = [_region(row) for row in segments if row["origin"] != "human"]
    task: dict[str, Any] = {"data": data, "annotations": [], "predictions": []}
    if human:
        task["annotations"] = [{"result": human, "was_cancelled": False, "ground_truth": False}]
    if machine:
        scores = [row["score"] for row in segments if row["score"] is not None]
        mean = sum(scores) / len(scores) if scores else 0.0
        task["predictions"] = [
            {"model_version": "curate", "score": round(mean, 4), "result": machine}
        ]
    return task


def _region(row: dict[str, Any]) -> dict[str, Any]:
    region: dict[str, Any] = {
        "id": row["segment_id"],
        "from_name": LABEL_CONTROL,
        "to_name": TEXT_OBJECT,
        "type": "labels",
        "value": {"start": row["start"], "end": row["end"], "labels": [row["label_name"]]},
    }
    if row["score"] is not None:
        region["score"] = round(row["score"], 4)
    if row["origin"] == "human":
        region["origin"] = _ORIGINS[row["action"] or "accepted"]
    return region


def _importable(text: str) -> tuple[str, list[list[int]]]:
    """The text without control characters, which break a server, and where they stood."""
    replaced = [
        [at, ord(char)]
        for at, char in enumerate(text)
        if char not in "\t\n\r" and unicodedata.category(char) == "Cc"
    ]
    chars = list(text)
    for at, code in replaced:
        chars[at] = " " if chr(code).isspace() else REPLACEMENT
    return "".join(chars), replaced


# ----------------------------------------------------------------- spaCy, text


def _spacy(version: Path, split: str, folder: Path) -> None:
    """One JSON object a line: text, and spans in characters, as Prodigy writes them.

    `doc.char_span(s["start"], s["end"], s["label"], alignment_mode="contract")`
    makes each a span of a spaCy document.
    """
    with (folder / f"{split}.jsonl").open("w", encoding="utf-8") as file:
        for page, segments in read_pages(version, split):
            spans = [
                {"start": row["start"], "end": row["end"], "label": row["label_name"]}
                for row in segments
            ]
            meta = {key: page[key] for key in ("page_key", "url", "site", "language", "page_type")}
            line = {"text": page["text"], "spans": spans, "meta": meta}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _text(version: Path, split: str, folder: Path) -> None:
    """The main content of each page as one file, `<split>/<page_key>.txt`."""
    (folder / split).mkdir()
    for page, _ in read_pages(version, split):
        path = folder / split / f"{page['page_key']}.txt"
        path.write_text(page["main_text"] + "\n", encoding="utf-8", newline="\n")


FORMS: dict[str, Callable[[Path, str, Path], None]] = {
    "label_studio": _label_studio,
    "spacy": _spacy,
    "text": _text,
}
"""What can be asked for, and what writes one split of it into a folder."""
