"""What an addition and an unchanged rerun cost, on the real development pages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

pytestmark = [pytest.mark.acceptance, pytest.mark.shared]

PER_PAGE = ("pages", "segments", "predictions", "labels")
ADDED = 10
NOT_ENGLISH = 487


def cpu_of(cwd: Path, *args: str) -> float:
    """CPU seconds of a command and all that it started."""
    before = os.times()
    subprocess.run([sys.executable, "-m", "curate", *args], cwd=cwd, check=True, timeout=3000)
    after = os.times()
    return (
        after.children_user + after.children_system - before.children_user - before.children_system
    )


def passport(cwd: Path) -> dict[str, Any]:
    newest = max((cwd / ".curate" / "runs").glob("*/passport.json"))
    value: dict[str, Any] = json.loads(newest.read_text())
    return value


def per_page(told: dict[str, Any]) -> float:
    return float(sum(told["stages"][name]["cpu_seconds"] for name in PER_PAGE))


def new_page(folder: Path, number: int, html: str) -> None:
    words = f"<p>Another paragraph, number {number}, makes this page a new one.</p>"
    (folder / f"new{number}.html").write_text(f"{html}{words}")


@pytest.mark.parametrize("labeler", ["rules", "model"])
def test_ten_pages_more(
    shared: Path, tmp_path: Path, figure: Callable[[str], None], labeler: str
) -> None:
    data = shared / "data" / "wcxb-dev.parquet"
    html = pq.read_table(data, columns=["html"]).column(0)
    more = tmp_path / "more"
    more.mkdir()
    # One page is there from the start: a folder without pages would be refused.
    new_page(more, 0, html[40].as_py())
    base = ("name=t", f"pages.path=[{data},more]", "review=none", f"labeler={labeler}")

    cpu_of(tmp_path, "run", *base)
    first = per_page(passport(tmp_path))
    start = cpu_of(tmp_path, "run", *base, "--cfg", "job")
    again = cpu_of(tmp_path, "run", *base)
    assert all(row["tasks_ran"] == 0 for row in passport(tmp_path)["stages"].values())

    # Loading the labeler and its tables costs the same for one page as for ten. This page
    # needs them all, the language classifier's too: it does not read like English.
    new_page(more, 1, html[NOT_ENGLISH].as_py())
    cpu_of(tmp_path, "run", *base)
    one = per_page(passport(tmp_path))
    for number in range(ADDED):
        new_page(more, 2 + number, html[120 * number + 7].as_py())
    whole = cpu_of(tmp_path, "run", *base)
    told = passport(tmp_path)
    n_pages = told["stages"]["pages"]["in"]
    loading = one - first / n_pages
    cost = per_page(told) - loading
    rest = whole - per_page(told) - start
    figure(f"labeler={labeler}: per-page stages {first:.1f} CPU s in the first run")
    figure(f"{ADDED} pages more: {cost:.2f} CPU s, {100 * cost / first:.1f} % of it")
    figure(f"apart: loading {loading:.2f}, start-up {start:.2f}, aggregations and gate {rest:.1f}")
    figure(f"unchanged rerun: {again - start:.2f} CPU s on top of {start:.2f} of start-up")
    assert cost <= 0.03 * first
    assert again - start <= 2.0
