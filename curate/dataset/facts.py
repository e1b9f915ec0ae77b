"""Counts over the published files, for the card, the manifest and the result."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curate.dataset.base import SplitCounts
from curate.dataset.quality import Agreement, agreement, kept
from curate.dataset.shards import ShardFile
from curate.schema import SPLITS
from curate.sql import sql_memory, sql_threads

__all__ = ["Facts", "connect", "count", "files_of", "languages", "sql_path"]

_GLOB = re.compile(r"[\[*?]")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the card and the manifest tell of the data.

    Attributes:
        splits: counts of each split that is there, in order.
        labels: segments by split and label name.
        origins: segments by origin.
        actions: human segments by action.
        page_types, languages: pages by value, largest first.
        kept_suggestions: for each label, among segments that people saw with the
            labeler's suggestion and gave this label: (kept, all, low, high), a
            95 % interval from resampling pages.
        agreement: of people on segments that two or more labelled, None without any.
        chars: median and 95th percentile of characters a page.
        largest_sites: sites and their pages.
        scores: machine-labelled segments by tenth of the score, from 0-0.1 to 0.9-1.
        reviewed: page_ids of reviewed pages.
    """

    splits: Mapping[str, SplitCounts]
    labels: Mapping[str, Mapping[str, int]]
    origins: Mapping[str, int]
    actions: Mapping[str, int]
    page_types: Mapping[str, int]
    languages: Mapping[str, int]
    kept_suggestions: Mapping[str, tuple[int, int, float, float]]
    agreement: Agreement | None
    chars: tuple[int, int]
    annotators: int
    adjudicated: int
    largest_sites: Mapping[str, int] = field(default_factory=dict)
    scores: tuple[int, ...] = ()
    reviewed: frozenset[str] = frozenset()

    def flat(self) -> dict[str, int]:
        """Totals under simple names."""
        counts = {
            "pages": sum(split.pages for split in self.splits.values()),
            "segments": sum(split.segments for split in self.splits.values()),
            "sites": sum(split.sites for split in self.splits.values()),
            "reviewed": sum(split.reviewed for split in self.splits.values()),
        }
        for by_label in self.labels.values():
            for name, n in by_label.items():
                counts[f"label/{name}"] = counts.get(f"label/{name}", 0) + n
        return counts | {f"origin/{name}": n for name, n in self.origins.items()}


def connect(memory_limit: str, scratch: Path) -> Any:
    """A DuckDB connection whose process stays within its memory; it spills beside the data."""
    import duckdb

    scratch.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(":memory:")
    n_bytes = sql_memory(memory_limit)
    connection.execute(f"SET memory_limit = '{n_bytes}B'")
    connection.execute(f"SET temp_directory = '{_quoted(str(scratch))}'")
    connection.execute(f"SET threads = {min(2, sql_threads(n_bytes))}")
    connection.execute("SET enable_progress_bar = false")
    return connection


def files_of(folder: Path, shape: str, split: str | None = None) -> str:
    """A shape's files as a SQL table expression, in the order of their names."""
    paths = sorted((folder / shape).glob(f"{split}-*.parquet" if split else "*.parquet"))
    return f"read_parquet([{', '.join(sql_path(path) for path in paths)}])"


def sql_path(path: Path) -> str:
    """A path as a SQL literal, its own brackets and stars not taken for a pattern."""
    literal = _GLOB.sub(r"[\g<0>]", str(path))
    return f"'{_quoted(literal)}'"


def count(connection: Any, folder: Path, files: Sequence[ShardFile], names: Sequence[str]) -> Facts:
    """Count what the files of a version hold."""
    splits = {
        split: _split_counts(connection, folder, files, split)
        for split in SPLITS
        if any(file.split == split for file in files)
    }
    labels: dict[str, dict[str, int]] = {}
    for split in splits:
        found = _by(connection, "label_name", files_of(folder, "segments", split))
        labels[split] = {name: found.get(name, 0) for name in names}
    segments, pages = files_of(folder, "segments"), files_of(folder, "pages")
    adjudicated = connection.execute(
        f"SELECT count(*) FILTER (WHERE adjudicated) FROM {segments}"
    ).fetchone()[0]
    scored = dict(
        connection.execute(
            "SELECT least(floor(score::DOUBLE * 10), 9)::INT, count(*) "
            f"FROM {segments} WHERE origin != 'human' AND score IS NOT NULL GROUP BY 1"
        ).fetchall()
    )
    reviewed = connection.execute(f"SELECT page_id FROM {pages} WHERE reviewed").fetchall()
    chars = connection.execute(
        f"SELECT quantile_disc(length(text), [0.5, 0.95]) FROM {pages}"
    ).fetchone()[0]
    people = connection.execute(
        f"SELECT count(DISTINCT a) FROM (SELECT unnest(annotators) AS a FROM {segments})"
    ).fetchone()[0]
    return Facts(
        splits=splits,
        labels=labels,
        origins=_by(connection, "origin", segments),
        actions=_by(connection, "action", segments),
        page_types=_by(connection, "page_type", pages),
        languages=languages(connection, folder),
        kept_suggestions=kept(connection, segments, names),
        agreement=agreement(connection, segments, names),
        chars=(int(chars[0]), int(chars[1])),
        annotators=int(people),
        adjudicated=int(adjudicated),
        largest_sites=dict(list(_by(connection, "site", pages).items())[:10]),
        scores=tuple(int(scored.get(tenth, 0)) for tenth in range(10)) if scored else (),
        reviewed=frozenset(page_id for (page_id,) in reviewed),
    )


def languages(connection: Any, folder: Path) -> dict[str, int]:
    """Pages by language, largest first."""
    return _by(connection, "language", files_of(folder, "pages"))


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _by(connection: Any, column: str, source: str) -> dict[str, int]:
    rows = connection.execute(
        f"SELECT {column}, count(*) AS n FROM {source} WHERE {column} IS NOT NULL "
        f"GROUP BY 1 ORDER BY n DESC, 1"
    ).fetchall()
    return {str(value): int(n) for value, n in rows}


def _split_counts(
    connection: Any, folder: Path, files: Sequence[ShardFile], split: str
) -> SplitCounts:
    mine = [file for file in files if file.split == split]
    sites, reviewed = connection.execute(
        "SELECT count(DISTINCT site), count(*) FILTER (WHERE reviewed) "
        f"FROM {files_of(folder, 'pages', split)}"
    ).fetchone()
    return SplitCounts(
        pages=sum(file.rows for file in mine if file.shape == "pages"),
        segments=sum(file.rows for file in mine if file.shape == "segments"),
        sites=int(sites),
        reviewed=int(reviewed),
        shards=sum(1 for file in mine if file.shape == "pages"),
    )
