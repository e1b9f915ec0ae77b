"""`curate rerun`, `diff`, `runs` and sweeps, by their commands."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from curate.cli import main
from curate.cli.runs import set_apart, state_of
from tests.cli.conftest import write_pages

BASE = ("name=t", "pages.path=pages", "pages.url_from=path", "review=none", "engine=serial")
RULES = (*BASE, "labeler=rules")

Call = Callable[..., str]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run a command in a folder, in this process; its standard output."""

    def run(folder: Path, *args: str, status: int = 0) -> str:
        monkeypatch.chdir(folder)
        capsys.readouterr()
        got = main(args)
        told = capsys.readouterr()
        assert got == status, told.err
        return told.out if not status else told.err

    return run


def passport(folder: Path) -> dict[str, Any]:
    newest = max((folder / ".curate" / "runs").glob("*/passport.json"))
    value: dict[str, Any] = json.loads(newest.read_text())
    return value


def test_a_run_and_its_record(tmp_path: Path, call: Call) -> None:
    here, clone = tmp_path / "here", tmp_path / "clone"
    for folder in (here, clone):
        write_pages(folder / "pages", 4, 2)
    call(here, "run", *RULES)
    told = passport(here)
    assert told["choices"]["labeler"] == "rules"
    assert told["seeds"] == {"sample.seed": 0, "dataset.split_salt": ""} | told["seeds"]
    assert told["people"] == {}
    assert set(told["published"]["files"]) >= {"segments/train-00000-of-00001.parquet"}
    assert told["stages"]["segments"]["output"]
    assert told["guideline"]
    manifest = json.loads((here / "exports/t/v0001/manifest.json").read_text())["facts"]
    for key in ("choices", "seeds", "packages", "inputs", "guideline", "overrides"):
        assert manifest[key] == told[key], key
    assert manifest["stages"]["labels"]["output"] == told["stages"]["labels"]["output"]
    assert not any("second" in key or "time" in key for key in manifest)

    # Another clone: nothing but the record is brought over.
    shutil.copytree(here / ".curate/runs", tmp_path / "records")
    record = next((tmp_path / "records").glob("*/passport.json"))
    assert call(clone, "rerun", str(record)).count("same bytes: 4 stages and ") == 1
    assert not (clone / "exports").exists()
    assert not list((clone / ".curate/reruns/t").glob("v*"))
    shutil.copy(here / "exports/t/v0001/manifest.json", tmp_path / "m.json")
    answer = json.loads(call(clone, "rerun", str(tmp_path / "m.json"), "--json"))
    assert (answer["same_bytes"], answer["differs"], answer["because"]) == (True, [], [])

    # Something differs: named, and since when.
    page = clone / "pages" / "s1.example" / "p0.html"
    page.write_text(page.read_text().replace("Monday", "Tuesday"))
    overrides = ("segments.max_chars=300", "--json")
    answer = json.loads(call(clone, "rerun", str(record), *overrides))
    assert answer["same_bytes"] is False
    assert answer["overrides"] == ["segments.max_chars=300"]
    because = {(row["where"], row["what"]): row for row in answer["because"]}
    assert ("input", "s0.example/p0.html") in because
    option = because["stage segments", "max_chars"]
    assert (option["then"], option["now"], option["since"]) == ("10000", "300", "this run")
    assert any(row["what"].startswith("segments/") for row in answer["differs"])
    call(clone, "rerun", str(record), "--check", status=1)


def splits(version: Path) -> dict[str, str]:
    """The split of each site of a version."""
    return {
        site: file.name.partition("-")[0]
        for file in (version / "pages").glob("*.parquet")
        for site in pq.read_table(file, columns=["site"]).column(0).to_pylist()
    }


def test_versions_and_runs_are_compared(tmp_path: Path, call: Call) -> None:
    write_pages(tmp_path / "pages", 4, 2)
    call(tmp_path, "run", *RULES)
    first = passport(tmp_path)["run_id"]
    page = tmp_path / "pages" / "s1.example" / "p0.html"
    page.write_text(page.read_text().replace("on Monday and", "on Tuesday and"))
    (tmp_path / "pages" / "s2.example" / "p0.html").unlink()
    write_pages(tmp_path / "more", 1, 1)
    shutil.copy(tmp_path / "more/s0.example/p0.html", tmp_path / "pages/s3.example/another.html")
    call(tmp_path, "run", *RULES, "dataset.exact_duplicates=across_splits", "dataset.min_chars=5")
    told = json.loads(call(tmp_path, "diff", "t/v0001", "t/v0002", "--json"))
    assert told["pages"] == {"added": 1, "removed": 1, "changed": 1, "unchanged": 6}
    assert told["segments"]["changed"] == 0
    # Of the changed page's five segments one has other words.
    assert told["segments"] == {"added": 6, "removed": 6, "changed": 0, "unchanged": 34}
    assert {row["key"] for row in told["config"]} == {
        "dataset.exact_duplicates",
        "dataset.min_chars",
    }
    assert told["flips"] == {}
    # A site keeps its split, whatever comes and goes.
    before, after = (splits(tmp_path / "exports/t" / version) for version in ("v0001", "v0002"))
    assert set(before) == set(after) == {f"s{n}.example" for n in range(4)}
    assert before == after
    assert len(set(before.values())) > 1
    assert call(tmp_path, "diff", "t/v0002").startswith("t v0001 → t v0002")
    # The same of the runs, from the store.
    second = passport(tmp_path)["run_id"]
    stored = json.loads(call(tmp_path, "diff", first, second, "--json"))
    assert stored["pages"] == told["pages"]
    assert stored["segments"] == told["segments"]
    assert "is the first version" in call(tmp_path, "diff", "t/v0001", status=1)


def test_a_sweep_shares_the_store_and_publishes_nothing(tmp_path: Path, call: Call) -> None:
    write_pages(tmp_path / "pages", 3, 2)
    told = call(tmp_path, "run", "-m", *BASE, "labeler=rules", "segments.max_chars=120,10000")
    assert "segments.max_chars=120" in told
    assert "nothing was published" in told
    assert not (tmp_path / "exports").exists()
    runs = call(tmp_path, "runs", "--json").splitlines()
    stages = [json.loads(line)["stages"] for line in runs]
    assert [row["pages"]["state"] for row in stages] == ["unchanged", "ran"]
    assert set(stages[0]) <= {"pages", "segments", "predictions", "labels", "pull", "sample"} | {
        "push",
        "evidence",
        "train",
    }
    history = call(tmp_path, "runs")
    assert "segments.max_chars=10000" in history.splitlines()[1]


def test_what_set_a_run_apart() -> None:
    first = {"overrides": ["name=t", "labeler=rules"]}
    second = {"overrides": ["name=t", "labeler=model"]}
    third = {"overrides": ["name=t"]}
    same = {
        "overrides": ["name=t"],
        "stages": {"pages": {"tasks_ran": 1, "note": "1 of 9 inputs are new"}},
    }
    assert set_apart(first, None) == "name=t labeler=rules"
    assert set_apart(second, first) == "labeler=model"
    assert set_apart(third, second) == "without labeler=model"
    assert set_apart(same, third) == "pages: 1 of 9 inputs are new"
    assert set_apart({**first, "rerun_of": "run x"}, third) == "repeats run x name=t labeler=rules"


def test_runs_that_go_on_and_that_were_killed() -> None:
    going = {
        "status": "running",
        "pid": os.getpid(),
        "host": platform.node(),
        "started_at": "2026-01-01T00:00:00Z",
        "now": {"stage": "segments", "tasks": 9},
    }
    assert state_of(going) == "running in segments"
    assert state_of({**going, "pid": 4_194_305}) == "killed in segments"
    assert state_of({**going, "status": "failed"}) == "failed"
