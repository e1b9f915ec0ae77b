"""Publishing keeps to `engine.memory_limit`: the driver, its workers and the readers together."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.benchmarks.measure import real_pages

RUN = ("run", "pages.path=pages.jsonl", "name=m", "review=none", "labeler=rules")
N_PAGES = int(os.environ.get("CURATE_PUBLISH_PAGES", "6000"))

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.shared,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


def below(root: int) -> Iterator[int]:
    """A process and all that it started."""
    yield root
    for task in Path(f"/proc/{root}/task").glob("*"):
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in children:
            yield from below(int(child))


def held_bytes(root: int) -> int:
    """Memory of the tree; what processes share is counted once."""
    total = 0
    for pid in below(root):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


@pytest.mark.parametrize(("limit", "workers"), [(1.0, 1), (2.0, 2), (3.0, 3)])
def test_publishing_keeps_to_the_memory_limit(
    tmp_path: Path, shared: Path, limit: float, workers: int, figure: Callable[[str], None]
) -> None:
    source = shared / "data" / "wcxb-dev.parquet"
    real_pages(source, tmp_path / "pages.jsonl", N_PAGES, max_bytes=50_000)
    command = [sys.executable, "-m", "curate", *RUN, f"engine.workers={workers}"]
    command.append(f"engine.memory_limit={limit:g}GB")
    staged = ["stages=[pages,segments,predictions,labels]"]
    subprocess.run([*command, *staged], cwd=tmp_path, check=True, capture_output=True)
    peak = 0
    with (tmp_path / "told").open("wb") as out:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=out, stderr=out)
        while process.poll() is None:
            peak = max(peak, held_bytes(process.pid))
            time.sleep(0.05)
    assert process.returncode == 0, (tmp_path / "told").read_text()
    assert (tmp_path / "exports" / "m" / "latest.json").is_file()
    figure(f"publish of {N_PAGES:,} pages: {peak / 1e6:,.0f} MB of {limit:g} GB")
    assert peak < 1e9 * limit
