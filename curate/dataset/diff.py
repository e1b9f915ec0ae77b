"""What changed between two versions, counted over their files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from curate.dataset.facts import connect, files_of
from curate.dataset.versions import MANIFEST
from curate.errors import DatasetError

__all__ = ["compare", "diff_versions"]


def diff_versions(connection: Any, before: Path, after: Path) -> dict[str, Any]:
    """Pages and segments added, removed and changed, and which labels became which.

    A page is changed where its text or any of its published spans differ; a
    segment, where its label or the label's origin does.

    Args:
        connection: DuckDB.
        before, after: folders of two versions.
    """
    pages = _rows(
        connection,
        _joined(before, after, "pages", "page_key", "page_id, segments"),
    )
    segments = _rows(
        connection,
        _joined(before, after, "segments", "segment_id", "label_name, origin, action"),
    )
    relabelled = connection.execute(
        "SELECT b.label_name || ' → ' || a.label_name AS change, count(*) AS n "
        f"FROM {files_of(before, 'segments')} b JOIN {files_of(after, 'segments')} a "
        "USING (segment_id) WHERE b.label_name != a.label_name GROUP BY 1 ORDER BY n DESC, 1"
    ).fetchall()
    return {
        "from": before.name,
        "pages": pages,
        "segments": segments,
        "relabelled": {str(change): int(n) for change, n in relabelled},
    }


def compare(before: Path, after: Path, *, memory_limit: str = "1GB") -> dict[str, Any]:
    """`diff_versions` of two folders, for callers without a connection."""
    for folder in (before, after):
        if not (folder / MANIFEST).is_file():
            raise DatasetError(
                f"{folder} is no published version (it has no {MANIFEST}); "
                "name a folder like exports/samples/v0001"
            )
    with tempfile.TemporaryDirectory() as scratch:
        connection = connect(memory_limit, Path(scratch))
        try:
            return diff_versions(connection, before, after)
        finally:
            connection.close()


def _joined(before: Path, after: Path, shape: str, key: str, compared: str) -> str:
    old = ", ".join(f"b.{name.strip()}" for name in compared.split(","))
    new = ", ".join(f"a.{name.strip()}" for name in compared.split(","))
    return (
        f"SELECT count(*) FILTER (WHERE b.{key} IS NULL), count(*) FILTER (WHERE a.{key} IS NULL), "
        f"count(*) FILTER (WHERE a.{key} = b.{key} "
        f"AND ROW({old}) IS DISTINCT FROM ROW({new})), count(*) "
        f"FROM {files_of(before, shape)} b FULL JOIN {files_of(after, shape)} a "
        f"ON a.{key} = b.{key}"
    )


def _rows(connection: Any, query: str) -> dict[str, int]:
    added, removed, changed, total = connection.execute(query).fetchone()
    return {
        "added": int(added),
        "removed": int(removed),
        "changed": int(changed),
        "unchanged": int(total) - int(added) - int(removed) - int(changed),
    }
