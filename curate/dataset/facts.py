"""Counts over the published files, for the card, the manifest and the result."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.dataset.base import SplitCounts
from curate.dataset.shards import ShardFile
from curate.schema import SPLITS

__all__ = ["Facts", "connect", "count", "files_of", "sql_path"]

_GLOB = re.compile(r"[\[*?]")

BOOTSTRAP_ROUNDS = 1_000
BOOTSTRAP_CELLS = 1_000_000
"""Rows drawn at a time, some 24 MB."""

BOOTSTRAP_SEED = 7
"""Fixed, so that the card of unchanged data is unchanged."""


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
        agreement: mean agreement and number of segments with two or more
            annotators, None without any.
        chars: median and 95th percentile of characters a page.
        largest_sites: sites and their pages.
    """

    splits: Mapping[str, SplitCounts]
    labels: Mapping[str, Mapping[str, int]]
    origins: Mapping[str, int]
    actions: Mapping[str, int]
    page_types: Mapping[str, int]
    languages: Mapping[str, int]
    kept_suggestions: Mapping[str, tuple[int, int, float, float]]
    agreement: tuple[float, int] | None
    chars: tuple[int, int]
    annotators: int
    adjudicated: int
    largest_sites: Mapping[str, int] = field(default_factory=dict)

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
    """A DuckDB connection that stays within its memory and spills beside the data."""
    import duckdb

    scratch.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(":memory:")
    connection.execute(f"SET memory_limit = '{_quoted(memory_limit)}'")
    connection.execute(f"SET temp_directory = '{_quoted(str(scratch))}'")
    connection.execute("SET threads = 2")
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
    agreed = connection.execute(
        "SELECT avg(agreement), count(agreement), count(*) FILTER (WHERE adjudicated) "
        f"FROM {segments}"
    ).fetchone()
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
        languages=_by(connection, "language", pages),
        kept_suggestions=_kept_suggestions(connection, segments, names),
        agreement=(float(agreed[0]), int(agreed[1])) if agreed[1] else None,
        chars=(int(chars[0]), int(chars[1])),
        annotators=int(people),
        adjudicated=int(agreed[2]),
        largest_sites=dict(list(_by(connection, "site", pages).items())[:10]),
    )


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


def _kept_suggestions(
    connection: Any, segments: str, names: Sequence[str]
) -> dict[str, tuple[int, int, float, float]]:
    """Share of suggestions that reviewers left as they were, by the label they gave.

    Segments of one page are not independent, so pages are resampled.
    """
    rows = connection.execute(
        "SELECT label_name, page_id, count(*) FILTER (WHERE action = 'accepted'), count(*) "
        f"FROM {segments} WHERE action IN ('accepted', 'relabelled') GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()
    told = {}
    for name in names:
        table = np.array([(kept, n) for label, _, kept, n in rows if label == name], np.float64)
        if not len(table):
            continue
        low, high = np.quantile(_resampled_shares(table), [0.025, 0.975])
        kept, n = table.sum(axis=0)
        told[name] = (int(kept), int(n), float(low), float(high))
    return told


def _resampled_shares(table: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Share of the first column's sum in the second's, in samples of the rows with replacement."""
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    at_once = max(1, BOOTSTRAP_CELLS // len(table))
    shares = []
    for first in range(0, BOOTSTRAP_ROUNDS, at_once):
        rounds = min(at_once, BOOTSTRAP_ROUNDS - first)
        sums = table[rng.integers(0, len(table), (rounds, len(table)))].sum(axis=1)
        shares.append(sums[:, 0] / sums[:, 1])
    return np.concatenate(shares)
