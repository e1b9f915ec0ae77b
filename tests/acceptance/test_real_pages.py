"""The real development pages, whole, through the command line."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.acceptance, pytest.mark.shared]


def run(cwd: Path, *args: str) -> None:
    subprocess.run([sys.executable, "-m", "curate", "run", *args], cwd=cwd, check=True)


def passport(cwd: Path) -> dict[str, Any]:
    newest = max((cwd / ".curate" / "runs").glob("*/passport.json"))
    value: dict[str, Any] = json.loads(newest.read_text())
    return value


def balanced(row: dict[str, Any]) -> bool:
    left = sum(row["dropped"].values()) + sum(row["quarantined"].values())
    return bool(row["in"] == row["out"] + left)


def test_benchmark_pages(shared: Path, tmp_path: Path, figure: Callable[[str], None]) -> None:
    began = time.monotonic()
    path = shared / "data" / "wcxb-dev.parquet"
    run(tmp_path, "name=wcxb", f"pages.path={path}", "review=none")
    wall = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    stages = passport(tmp_path)["stages"]
    assert all(balanced(row) for row in stages.values())
    assert stages["pages"]["in"] == 1354
    n = stages["pages"]["out"]
    figure(f"{n} pages in {wall:.0f} s, {n / wall:.1f} pages/s on {os.cpu_count()} cores")
    figure(f"largest process {peak:.0f} MB")
    for name, row in stages.items():
        figure(f"{name}: {row['seconds']:.1f} s wall, {row['cpu_seconds']:.1f} s CPU in tasks")
    began = time.monotonic()
    run(tmp_path, "name=wcxb", f"pages.path={path}", "review=none")
    figure(f"unchanged rerun {time.monotonic() - began:.1f} s")
    assert all(row["tasks_ran"] == 0 for row in passport(tmp_path)["stages"].values())


def test_archives(shared: Path, tmp_path: Path, figure: Callable[[str], None]) -> None:
    run(tmp_path, "name=w", f"pages.path={shared / 'data' / 'warc'}", "review=none")
    row = passport(tmp_path)["stages"]["pages"]
    assert balanced(row)
    figure(f"{row['in']} records, {row['out']} pages, dropped {row['dropped']}")
    assert row["out"] >= 1
    assert row["quarantined"] == {}
