"""Who reads back a new version, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from curate.dataset import reread


class Noting:
    """Stands for a process that reads: notes what it is asked for."""

    asked: list[tuple[str, str]]

    def __init__(self, home: Path, library: str) -> None:
        self._library = library

    def ask(self, reader: str, *_: object) -> None:
        """Note who was asked for what."""
        self.asked.append((self._library, reader))


@pytest.mark.parametrize(
    ("n", "asked"),
    [
        # What `datasets` has mapped would be taken from DuckDB's memory.
        (1, [("datasets", "duckdb"), ("datasets", "datasets")]),
        (2, [("duckdb", "duckdb"), ("datasets", "datasets")]),
    ],
)
def test_in_one_process_duckdb_reads_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n: int, asked: list[tuple[str, str]]
) -> None:
    Noting.asked = []
    monkeypatch.setattr(reread, "_Reader", Noting)
    (tmp_path / "README.md").write_text("---\n---\n", encoding="utf-8")
    reread.Readers(tmp_path, n).read(tmp_path, [], "2GB")
    assert Noting.asked == asked
