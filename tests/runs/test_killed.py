"""Killed at any moment, a run that is started again ends with the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curate.io import TEMP_PREFIX, file_digest
from tests.cli.conftest import write_pages
from tests.conftest import ROOT

SITES, PAGES = 4, 5
RUN = (
    *("run", "name=t", "pages.path=pages", "pages.url_from=path", "review=none", "labeler=rules"),
    *("engine=local", "engine.workers=2", "pages.unit_bytes=4096"),
)
ORPHANS_END_S = 20.0
"""Workers end at once; under load the machine may take its time to tell."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@dataclass(frozen=True)
class Undisturbed:
    """What a run that nobody killed leaves.

    Attributes:
        digests: of every file of store and exports.
        n_files: how many it makes on its way, to place the moments of killing.
    """

    digests: dict[str, str]
    n_files: int


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "curate", *RUN],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(folder: Path) -> None:
    with start(folder) as process:
        told = process.communicate(timeout=300)[0]
    assert process.returncode == 0, told


def files(folder: Path) -> list[Path]:
    found = []
    for root in (folder / ".curate" / "store", folder / "exports"):
        for path, folders, names in os.walk(root):
            folders[:] = [name for name in folders if name != ".locks"]
            found += [Path(path, name) for name in names if not name.endswith(".lock")]
    return sorted(found)


def digests(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): file_digest(path) for path in files(folder)}


def session(leader: int) -> list[int]:
    """Processes of a session that are alive."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                rest = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(rest[3]) == leader and rest[0] != "Z":
                found.append(int(entry.name))
    return found


def workers(leader: int) -> list[int]:
    found = []
    for pid in session(leader):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if pid != leader and b"loky" in command and b"resource_tracker" not in command:
            found.append(pid)
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    write_pages(folder / "pages", SITES, PAGES)
    finish(folder)
    found = digests(folder)
    keys = Counter(
        key
        for path in (folder / "exports").rglob("pages/*.parquet")
        for key in pq.read_table(path).column("page_key").to_pylist()
    )
    assert set(keys.values()) == {1}
    assert len(keys) == SITES * PAGES
    return Undisturbed(found, len(found))


@pytest.mark.parametrize(
    "seed",
    [*range(2), *(pytest.param(n, marks=pytest.mark.acceptance) for n in range(2, 40))],
)
def test_killed_and_started_again(tmp_path: Path, undisturbed: Undisturbed, seed: int) -> None:
    """Moments are told by what was written, so that they spread over the work under any load."""
    dice = random.Random(seed)
    write_pages(tmp_path / "pages", SITES, PAGES)
    who, moment, wait_s = dice.choice(["driver", "worker"]), dice.random(), dice.random() * 0.05
    with start(tmp_path) as process:
        while len(files(tmp_path)) < moment * undisturbed.n_files and process.poll() is None:
            time.sleep(0.005)
        time.sleep(wait_s)
        found = workers(process.pid) if who == "worker" else []
        os.kill(dice.choice(found) if found else process.pid, signal.SIGKILL)
        told = process.communicate(timeout=300)[0]
    if found:
        assert process.returncode == 0, told  # a dead worker costs its task, not the run
    end = time.monotonic() + ORPHANS_END_S
    while (left := session(process.pid)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left, f"orphans: {left}"
    finish(tmp_path)
    assert digests(tmp_path) == undisturbed.digests
    assert not [p for p in tmp_path.rglob(f"{TEMP_PREFIX}*") if p.is_file()]


@pytest.mark.acceptance
def test_two_runs_at_once_share_a_store(tmp_path: Path, undisturbed: Undisturbed) -> None:
    write_pages(tmp_path / "pages", SITES, PAGES)
    with start(tmp_path) as one, start(tmp_path) as other:
        told = [process.communicate(timeout=300)[0] for process in (one, other)]
    assert (one.returncode, other.returncode) == (0, 0), told
    assert digests(tmp_path) == undisturbed.digests
    assert "waiting for" in "".join(told)
