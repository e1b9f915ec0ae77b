"""Gold: pages whose lines or main content somebody labelled, as files.

Read to score a labeler and to train one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from curate.errors import EvaluateError
from curate.text import digest

__all__ = [
    "GoldPage",
    "LineLabels",
    "ReferencePage",
    "lines_digest",
    "read_gold_folder",
    "read_line_labels",
    "read_reference",
]

_LETTERS = {"A": "article", "B": "boilerplate", "T": "teaser", "C": "caption"}


@dataclass(frozen=True, slots=True)
class GoldPage:
    """A page of labelled lines.

    Attributes:
        page_id: as the gold names it.
        lines: the page's text, cut in lines.
        labels: label names, one a line.
        html: the page's HTML where it is at hand.
        renderer: name of the tool that made the lines, if any.
        source: the file that they come from, if any.
    """

    page_id: str
    url: str | None
    page_type: str | None
    lines: Sequence[str]
    labels: Sequence[str]
    html: bytes | None = None
    renderer: str | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class LineLabels:
    """Labels of a page's lines without the lines, which its HTML gives when rendered again.

    Attributes:
        page_id: the page's id in the benchmark.
        renderer: name of the tool that made the lines.
        digest: `lines_digest` of the lines.
        labels: label names, one a line.
    """

    page_id: str
    renderer: str
    digest: str
    labels: Sequence[str]

    def on(self, page: ReferencePage, lines: Sequence[str]) -> GoldPage | None:
        """The labels on the lines of a rendering; None where it isn't the one that was labelled."""
        if len(lines) != len(self.labels) or lines_digest(lines) != self.digest:
            return None
        return GoldPage(
            page.page_id, page.url, page.page_type, lines, self.labels, renderer=self.renderer
        )


@dataclass(frozen=True, slots=True)
class ReferencePage:
    """A page with its main content as plain text."""

    page_id: str
    url: str | None
    page_type: str | None
    html: bytes
    reference: str


def read_gold_folder(folder: Path, benchmark: Path | None = None) -> list[GoldPage]:
    """Pages of a gold folder (`pages.jsonl`, `labels.jsonl`).

    Args:
        folder: the gold.
        benchmark: Parquet file that holds the pages' HTML by `file_id`, with
            which a gold page's id ends.

    Raises:
        EvaluateError: a file is missing, or labels and lines don't fit.
    """
    try:
        with (folder / "labels.jsonl").open(encoding="utf-8") as file:
            letters = {row["id"]: row["labels"] for row in map(json.loads, file)}
        with (folder / "pages.jsonl").open(encoding="utf-8") as file:
            pages = list(map(json.loads, file))
    except FileNotFoundError as error:
        raise EvaluateError(
            f"{error.filename}: not found; a gold folder holds pages.jsonl and labels.jsonl"
        ) from error
    html = {page.page_id: page.html for page in read_reference(benchmark)} if benchmark else {}
    out = []
    for page in pages:
        labels = letters.get(page["id"], "")
        wrong = sorted(set(labels) - set(_LETTERS))
        if len(labels) != len(page["lines"]) or wrong:
            raise EvaluateError(
                f"{folder}: page {page['id']} has {len(page['lines'])} lines and {len(labels)} "
                f"labels{f', among them {wrong}' if wrong else ''}; give each line one letter of "
                "A, B, T, C"
            )
        out.append(
            GoldPage(
                page["id"],
                page.get("url"),
                page.get("page_type"),
                page["lines"],
                [_LETTERS[letter] for letter in labels],
                html.get(page["id"].rsplit("-", 1)[-1]),
                page.get("renderer"),
                page.get("source", ""),
            )
        )
    return out


def lines_digest(lines: Sequence[str]) -> str:
    """What tells whether a rendering is the one whose lines were labelled."""
    return digest("\n".join(lines), chars=16)


def read_line_labels(folder: Path) -> list[LineLabels]:
    """Labels of lines that are rendered anew (`labels.jsonl`: `id, renderer, lines, labels`).

    Raises:
        EvaluateError: the file is missing, or a row can't be read.
    """
    path = folder / "labels.jsonl"
    if not path.is_file():
        raise EvaluateError(
            f"{path}: not found; line labels are rows of id, renderer, lines, labels"
        )
    out = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                row = json.loads(line)
                labels = [_LETTERS[letter] for letter in row["labels"]]
                out.append(LineLabels(row["id"], row["renderer"], row["lines"], labels))
            except (ValueError, KeyError, TypeError) as error:
                raise EvaluateError(
                    f"{path}, line {number}: {type(error).__name__}: {error}; a row has id, "
                    "renderer, lines (their digest) and labels (one letter of A, B, T, C a line)"
                ) from error
    return out


def read_reference(path: Path) -> Iterator[ReferencePage]:
    """Pages of a benchmark Parquet file (`file_id, url, page_type, html, main_content`).

    Raises:
        EvaluateError: the file is missing or lacks a column.
    """
    import pyarrow.parquet as pq

    columns = ["file_id", "url", "page_type", "html", "main_content"]
    if not path.is_file():
        raise EvaluateError(f"{path}: not found; give a Parquet file with {', '.join(columns)}")
    with pq.ParquetFile(path) as file:
        missing = [name for name in columns if name not in file.schema_arrow.names]
        if missing:
            raise EvaluateError(f"{path}: no column {', '.join(missing)}; needed: {columns}")
        for batch in file.iter_batches(batch_size=64, columns=columns):
            for row in batch.to_pylist():
                yield ReferencePage(
                    str(row["file_id"]),
                    row["url"],
                    row["page_type"],
                    row["html"] or b"",
                    row["main_content"] or "",
                )
