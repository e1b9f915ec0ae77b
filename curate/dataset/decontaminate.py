"""Texts that must not be in the dataset, such as an evaluation set's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from curate.dataset.duplicates import Signatures
from curate.errors import DatasetError

__all__ = ["read_texts"]

_FIELDS = ("text", "main_text", "content")


def read_texts(paths: Sequence[str], scratch: Path) -> Signatures | None:
    """Signatures of the given texts.

    Args:
        paths: `.txt` (one text), `.jsonl` or `.parquet` files with a column
            text, main_text or content, or folders of such.
        scratch: folder for the signatures.

    Raises:
        DatasetError: a path that is not there or of another kind.
    """
    if not paths:
        return None
    signatures = Signatures(scratch / "others")
    for path in paths:
        for text in _texts(Path(path)):
            if text and not text.isspace():
                signatures.add(text)
    return signatures


def _texts(path: Path) -> Iterator[str]:
    if path.is_dir():
        for child in sorted(path.iterdir()):
            if child.suffix in {".txt", ".jsonl", ".parquet"} or child.is_dir():
                yield from _texts(child)
    elif not path.exists():
        raise DatasetError(f"dataset.decontaminate: no file {path}; correct the path or remove it")
    elif path.suffix == ".txt":
        yield path.read_text(encoding="utf-8", errors="replace")
    elif path.suffix == ".jsonl":
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                yield _field(path, number, line)
    elif path.suffix == ".parquet":
        yield from _parquet(path)
    else:
        raise DatasetError(
            f"dataset.decontaminate: {path} is not .txt, .jsonl, .parquet or a folder of these; "
            "convert it or remove it"
        )


def _field(path: Path, number: int, line: str) -> str:
    if not line.strip():
        return ""
    try:
        row = json.loads(line)
        return str(next(row[name] for name in _FIELDS if name in row))
    except (ValueError, TypeError, StopIteration):
        raise DatasetError(
            f"dataset.decontaminate: line {number} of {path} is no JSON object with "
            f"{', '.join(_FIELDS)}; correct it or remove the file"
        ) from None


def _parquet(path: Path) -> Iterator[str]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        name = next((name for name in _FIELDS if name in file.schema_arrow.names), None)
        if name is None:
            raise DatasetError(
                f"dataset.decontaminate: {path} has no column {', '.join(_FIELDS)}, only "
                f"{', '.join(file.schema_arrow.names)}; rename one or remove the file"
            )
        for batch in file.iter_batches(batch_size=256, columns=[name]):
            yield from (text or "" for text in batch.column(0).to_pylist())
