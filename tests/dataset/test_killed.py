"""A publish that is killed at any moment leaves the old version or the whole new one."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest

from curate.dataset.versions import MARK, Home
from curate.io import write_json

from .conftest import Bench, make_docs

ROOT = Path(__file__).parents[2]
CONFTEST = Path(__file__).with_name("conftest.py")

PUBLISH = f"""
import importlib.util, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("bench", {str(CONFTEST)!r})
module = importlib.util.module_from_spec(spec)
sys.modules["bench"] = module
spec.loader.exec_module(module)
import curate.dataset.publishing as publishing
if sys.argv[2] == "fast":
    publishing.Readers = module.NoReaders
print("ready", flush=True)
told = module.Bench(Path(sys.argv[1])).publish(module.make_docs(13))
print(told.version, flush=True)
"""


def start(folder: Path, mode: str = "fast") -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PUBLISH, str(folder), mode],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def whole(version: Path, n_pages: int) -> bool:
    manifest = json.loads((version / "manifest.json").read_text())
    rows = {"pages": 0, "segments": 0}
    for file in manifest["files"]:
        table = pq.read_table(version / file["path"])
        assert table.num_rows == file["rows"]
        rows[file["path"].split("/")[0]] += table.num_rows
    assert rows == {"pages": n_pages, "segments": n_pages * 8}
    return (version / "README.md").exists() and (version / "croissant.json").exists()


@pytest.mark.parametrize(
    "seed",
    [0, 1, *(pytest.param(seed, marks=pytest.mark.acceptance) for seed in range(2, 20))],
)
def test_killed_and_repeated(bench: Bench, fast: None, seed: int) -> None:
    bench.publish(make_docs())
    began = time.monotonic()
    with start(bench.folder) as process:
        process.wait()
    took = time.monotonic() - began  # of one that is not killed; only its version goes again
    told = json.loads((bench.home / "latest.json").read_text())
    told["versions"].pop()
    told |= told["versions"][-1]
    (bench.home / "latest.json").write_text(json.dumps(told))
    (bench.home / "v0002" / ".unpublished").touch()

    wait_s = random.Random(seed).uniform(0, took)
    with start(bench.folder) as process:
        try:
            process.wait(wait_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
    latest = json.loads((bench.home / "latest.json").read_text())["version"]
    assert latest in {"v0001", "v0002"}
    assert whole(bench.home / latest, 36 if latest == "v0001" else 39)

    told = bench.publish(make_docs(13))
    assert told.version == "v0002"
    assert whole(told.path, 39)
    assert sorted(path.name for path in bench.home.iterdir()) == [
        ".publish.lock",
        "latest.json",
        "v0001",
        "v0002",
    ]


def test_killed_before_every_step_of_the_commit(
    bench: Bench, fast: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The steps that make a version visible, each interrupted once, exactly."""

    class KilledError(BaseException):
        pass

    def at(real: Callable[..., Any], name: str) -> Callable[..., Any]:
        def step(path: Path, *args: Any, **kwargs: Any) -> Any:
            if path.name.startswith(name):
                raise KilledError
            return real(path, *args, **kwargs)

        return step

    bench.publish(make_docs())
    for target, real, name in (
        ("curate.dataset.versions.Path.rename", Path.rename, ".tmp-version"),
        ("curate.dataset.versions.write_json", write_json, "latest.json"),
        ("curate.dataset.versions.Path.unlink", Path.unlink, ".unpublished"),
    ):
        with monkeypatch.context() as patch:
            # A killed process runs no `finally`.
            nothing = SimpleNamespace(rmtree=lambda *args, **kwargs: None)
            patch.setattr("curate.dataset.publishing.shutil", nothing)
            patch.setattr(target, at(real, name))
            with pytest.raises(KilledError):
                bench.publish(make_docs(13))
        latest = json.loads((bench.home / "latest.json").read_text())["version"]
        assert whole(bench.home / latest, 36 if latest == "v0001" else 39)
    told = bench.publish(make_docs(13))
    assert (told.version, told.changed) == ("v0002", False)
    assert not (told.path / ".unpublished").exists()
    assert not list(bench.home.glob(".tmp-*"))


def test_killed_while_it_removes_what_another_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version that nobody published never passes for one, however much of it is left."""
    home = Home(tmp_path)
    home.stage().rename(tmp_path / "v0001")
    (tmp_path / "v0001" / "data").write_text("a page", encoding="utf-8")

    def killed(folder: Path) -> None:
        (Path(folder) / MARK).unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("curate.dataset.versions.shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            home.sweep()
    assert home.next_version() == "v0001"
    home.sweep()
    assert list(tmp_path.iterdir()) == []
