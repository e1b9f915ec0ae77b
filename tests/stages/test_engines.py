"""One input, every engine: equal bytes, also where a node of the cluster is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from curate.io import TEMP_PREFIX, file_digest

ray = pytest.importorskip("ray", reason="needs the extra: pip install 'pagecurate[ray]'")

PAGE = """<html><head><title>{title}</title></head><body><nav><a href="/">Home</a> <a
href="/n/{n}">Next</a></nav><main><h1>{title}</h1><p>{body}</p></main></body></html>"""


FIXED = ("name=e", "review=none", "labeler=rules")


def write_input(file: Path, n_pages: int, shared: Path | None = None) -> None:
    """JSONL of pages: real ones repeated with distinct URLs, or made up."""
    real: list[str] = []
    if shared is not None:
        import pyarrow.parquet as pq

        table = pq.read_table(shared / "data" / "wcxb-dev.parquet", columns=["html"])
        small = [html for html in table["html"].to_pylist() if 0 < len(html) <= 50_000]
        real = [html.decode("utf-8", "replace") for html in small]
    with file.open("w", encoding="utf-8") as out:
        for n in range(n_pages):
            body = f"The crane of dock {n} lifts {n * 3} crates before noon, says its keeper. " * 5
            html = real[n % len(real)] if real else PAGE.format(title=f"Crane {n}", body=body, n=n)
            record = {"url": f"https://s{n % 50}.example/{n}", "html": html}
            out.write(json.dumps(record) + "\n")


def command(folder: Path, source: Path, *overrides: str) -> subprocess.Popen[str]:
    folder.mkdir()
    return subprocess.Popen(
        [sys.executable, "-m", "curate", "run", f"pages.path={source}", *FIXED, *overrides],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )


def finished(process: subprocess.Popen[str], seconds: float = 400) -> None:
    told, _ = process.communicate(timeout=seconds)
    assert process.returncode == 0, told


def digests(folder: Path) -> dict[str, str]:
    """Every stored table and every data file of the version."""
    store = folder / ".curate" / "store"
    version = folder / "exports" / "e" / "v0001"
    files = [*store.rglob("*.parquet"), *version.rglob("*.parquet")]
    # What a lost worker was writing lies there until the next run sweeps it.
    files = [file for file in files if not file.name.startswith(TEMP_PREFIX)]
    return {str(file.relative_to(folder)): file_digest(file) for file in files}


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A Ray of two nodes on loopback, one core each."""
    from ray.cluster_utils import Cluster

    options = {"num_cpus": 1, "object_store_memory": 80_000_000}
    made = Cluster(initialize_head=True, head_node_args={**options, "include_dashboard": False})
    made.second = made.add_node(**options)
    made.wait_for_nodes()
    yield made
    made.shutdown()


def check(folder: Path, source: Path, cluster: Any, *overrides: str) -> None:
    finished(command(folder / "serial", source, "engine=serial", *overrides), 3_000)
    expected = digests(folder / "serial")
    assert expected
    finished(command(folder / "local", source, "engine.workers=2", *overrides), 3_000)
    assert digests(folder / "local") == expected
    joined = command(
        folder / "ray", source, "engine=ray", f"engine.address={cluster.address}", *overrides
    )
    # The second node goes while the segments are made: its tasks run again elsewhere.
    deadline = time.monotonic() + 300
    while not list((folder / "ray").glob(".curate/store/segments/*/*.json")):
        assert joined.poll() is None, joined.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.1)
    cluster.remove_node(cluster.second, allow_graceful=False)
    finished(joined, 3_000)
    assert digests(folder / "ray") == expected


@pytest.mark.filterwarnings("ignore")
def test_engines_agree_and_a_lost_node_changes_nothing(tmp_path: Path, cluster: Any) -> None:
    source = tmp_path / "pages.jsonl"
    write_input(source, 400)
    check(tmp_path, source, cluster, "pages.unit_bytes=8192")


@pytest.mark.acceptance
@pytest.mark.shared
@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(6_000)
def test_engines_agree_on_20000_pages(
    tmp_path: Path, cluster: Any, shared: Path, figure: Callable[[str], None]
) -> None:
    source = tmp_path / "pages.jsonl"
    write_input(source, 20_000, shared)
    began = time.monotonic()
    check(tmp_path, source, cluster)
    figure(f"20,000 pages equal under serial, local, ray: {time.monotonic() - began:.0f} s in all")


def test_a_cluster_that_does_not_answer_is_told(tmp_path: Path) -> None:
    source = tmp_path / "pages.jsonl"
    write_input(source, 2)
    process = command(tmp_path / "w", source, "engine=ray", "engine.address=127.0.0.1:1")
    told, _ = process.communicate(timeout=300)
    assert process.returncode == 1
    last = told.strip().splitlines()[-1]
    assert "engine.address=127.0.0.1:1: no Ray cluster answers there" in last
