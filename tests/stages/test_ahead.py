"""Workers that start before a run has looked at its configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curate.stages import ahead

UNIT = 1000


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many workers were asked for, each time."""
    asked: list[int] = []
    monkeypatch.setattr(ahead, "warm", lambda _modules, n=1: asked.append(n))
    return asked


def config(folder: Path, n_units: int, **engine: Any) -> dict[str, Any]:
    (folder / "pages.jsonl").write_bytes(b"x" * (n_units * UNIT))
    return {
        "engine": {"kind": "local", "workers": 64, **engine},
        "pages": {"path": str(folder / "pages.jsonl"), "unit_bytes": UNIT},
        "paths": {"store": str(folder / "store")},
        "dry_run": False,
    }


@pytest.mark.parametrize(("n_units", "workers", "asked"), [(3, 64, []), (5, 64, [5]), (9, 2, [2])])
def test_no_more_than_there_are_units_and_none_for_a_few(
    tmp_path: Path, started: list[int], n_units: int, workers: int, asked: list[int]
) -> None:
    ahead.start_workers(config(tmp_path, n_units, workers=workers))
    assert started == asked


def test_none_where_they_may_have_nothing_to_do(tmp_path: Path, started: list[int]) -> None:
    large = config(tmp_path, 9)
    ahead.start_workers({**large, "dry_run": True})
    ahead.start_workers(config(tmp_path, 9, kind="serial"))
    (tmp_path / "store").mkdir()
    ahead.start_workers(large)
    assert started == []


@pytest.mark.parametrize("path", [["a", "b"], None, "nowhere", "s3://bucket/pages.jsonl"])
def test_what_is_wrong_or_elsewhere_is_left_to_planning(
    tmp_path: Path, started: list[int], path: object
) -> None:
    wrong = config(tmp_path, 9)
    wrong["pages"]["path"] = path
    ahead.start_workers(wrong)
    assert started == []
