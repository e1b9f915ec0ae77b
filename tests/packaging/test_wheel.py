"""The wheel holds everything: configuration, samples, models, server pins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content, as an installation lays it out."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("pagecurate-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(site: Path, cwd: Path, *args: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(site), "NO_COLOR": "1", "COLUMNS": "160"}
    return subprocess.run(
        [sys.executable, "-m", "curate", *args],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_configuration_lies_inside_the_wheel(unpacked: Path) -> None:
    inside = {str(p.relative_to(unpacked / "curate")) for p in unpacked.rglob("*.yaml")}
    outside = {str(p.relative_to(ROOT)) for p in (ROOT / "configs").rglob("*.yaml")}
    assert "configs/curate.yaml" in inside
    assert {p for p in inside if p.startswith("configs/")} == outside


def test_tests_and_data_stay_out(unpacked: Path) -> None:
    tops = {p.relative_to(unpacked).parts[0] for p in unpacked.rglob("*")}
    assert {t for t in tops if not t.endswith(".dist-info")} == {"curate"}


def test_the_wheel_runs_in_an_empty_folder(unpacked: Path, tmp_path: Path) -> None:
    code = "import curate; print(curate.__file__)"
    where = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(where.stdout.strip()).is_relative_to(unpacked)
    done = run(unpacked, tmp_path, "run", "experiment=samples", "review=none", "engine=serial")
    assert done.returncode == 0, done.stderr
    latest = json.loads((tmp_path / "exports" / "samples" / "latest.json").read_text())
    assert latest["version"] == "v0001"
    assert {p.name for p in tmp_path.iterdir()} == {"exports", ".curate"}


def test_hydra_shows_the_configuration(unpacked: Path, tmp_path: Path) -> None:
    done = run(unpacked, tmp_path, "run", "--cfg", "job", "engine=serial")
    assert done.returncode == 0, done.stderr
    assert "kind: serial" in done.stdout
    assert list(tmp_path.iterdir()) == []
