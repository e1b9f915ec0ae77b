"""`curate run` as a user meets it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curate.io import file_digest
from tests.cli.conftest import Command, write_pages

BASE = ("name=t", "pages.path=pages", "pages.url_from=path", "review=none", "engine=serial")


def data_digests(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): file_digest(p) for p in sorted(folder.rglob("*.parquet"))}


def passports(curate: Command) -> list[dict[str, object]]:
    lines = curate("runs", "--json").stdout.splitlines()
    return [json.loads(line) for line in lines]


def states(passport: dict[str, object]) -> dict[str, str]:
    stages = passport["stages"]
    assert isinstance(stages, dict)
    return {name: row["state"] for name, row in stages.items()}


def test_a_second_run_does_nothing_and_says_so(workspace: Path, curate: Command) -> None:
    curate("run", *BASE)
    first = data_digests(workspace / "exports" / "t")
    assert any(name.startswith("v0001/segments/train-00000-of-") for name in first)
    curate("run", *BASE)
    assert data_digests(workspace / "exports" / "t") == first
    newest, oldest = passports(curate)
    assert states(oldest)["pages"] == "ran"
    assert set(states(newest).values()) <= {"unchanged", "off"}
    assert not (workspace / "outputs").exists()


def test_counts_add_up_in_the_passport(workspace: Path, curate: Command) -> None:
    (workspace / "pages" / "s0.example" / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 64)
    curate("run", *BASE)
    (passport,) = passports(curate)
    stages = passport["stages"]
    assert isinstance(stages, dict)
    for name in ("pages", "segments", "predictions", "labels", "dataset"):
        row = stages[name]
        left = sum(row["dropped"].values()) + sum(row["quarantined"].values())
        assert row["in"] == row["out"] + left, name
    assert stages["pages"]["in"] == 13
    assert stages["dataset"]["out"] == 12


def test_one_new_page_redoes_one_shard_a_stage(workspace: Path, curate: Command) -> None:
    curate("run", *BASE)
    write_pages(workspace / "more", n_sites=1, n_pages=1)
    (workspace / "more" / "s0.example").rename(workspace / "more" / "s9.example")
    new = workspace / "more" / "s9.example" / "p0.html"
    new.write_text(new.read_text().replace("harbour board", "market council"))
    curate("run", *BASE[:1], "pages.path=[pages,more]", *BASE[2:])
    newest, _ = passports(curate)
    stages = newest["stages"]
    assert isinstance(stages, dict)
    for name in ("segments", "predictions", "labels"):
        assert stages[name]["tasks_ran"] == 1, name
        assert stages[name]["state"] == "partly"
    latest = json.loads((workspace / "exports" / "t" / "latest.json").read_text())
    assert latest["version"] == "v0002"


def test_an_option_of_the_splitter_redoes_it_and_what_follows(
    workspace: Path, curate: Command
) -> None:
    curate("run", *BASE)
    told = curate("run", *BASE, "segments.max_chars=200", "dry_run=true")
    assert "segments.max_chars" in told.stdout + told.stderr or "max_chars" in told.stdout
    assert "would run" in told.stdout
    curate("run", *BASE, "segments.max_chars=200")
    newest, _ = passports(curate)
    done = states(newest)
    assert done["pages"] == "unchanged"
    assert done["segments"] == "ran"


def test_engines_publish_the_same_bytes(workspace: Path, curate: Command) -> None:
    curate("run", *BASE)
    curate(
        "run", *BASE[:-1], "engine=local", "engine.workers=2", "paths.exports=e2", "paths.store=s2"
    )
    assert data_digests(workspace / "e2" / "t") == data_digests(workspace / "exports" / "t")


def test_force_runs_a_known_stage_again(workspace: Path, curate: Command) -> None:
    curate("run", *BASE)
    curate("run", *BASE, "force=[segments]")
    newest, _ = passports(curate)
    assert states(newest)["segments"] == "ran"
    assert states(newest)["predictions"] == "unchanged"


def test_the_newer_of_two_records_of_a_page_stays(workspace: Path, curate: Command) -> None:
    lines = [
        {"url": "https://a.example/x", "text": "The old words of the page.", "date": "2024-01-01"},
        {"url": "https://a.example/x", "text": "The new words of the page.", "date": "2025-01-01"},
        {"url": "https://a.example/x", "text": "No time was told for it.", "date": None},
    ]
    (workspace / "d.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    curate("run", "name=d", "pages.path=d.jsonl", "pages.time_field=date", "review=none")
    (file,) = (workspace / "exports" / "d" / "v0001" / "pages").glob("*.parquet")
    assert pq.read_table(file).column("text").to_pylist() == ["The new words of the page."]
    (passport,) = passports(curate)
    stages = passport["stages"]
    assert isinstance(stages, dict)
    assert stages["pages"]["dropped"] == {"superseded": 2}


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("pages.pth=x", ["pages.pth", "did you mean pages.path?", "allowed are"]),
        ("engine=ry", ["engine=ry is not known", "local", "serial"]),
        ("engine.workers=zero", ["engine.workers='zero'", "valid integer"]),
        ("engine.workers=0", ["engine.workers=0", "greater than or equal to 1"]),
        ("stages=[pages,segment]", ["'segment'", "did you mean segments?"]),
        ("pages.path=nowhere", ["nowhere"]),
        ("labeler._target_=os.system", ["labeler._target_=os.system", "only classes of curate"]),
        ("name=../x", ["name='../x'"]),
    ],
)
def test_a_mistake_ends_in_one_line(
    workspace: Path, curate: Command, override: str, words: list[str]
) -> None:
    done = curate(
        "run",
        *(b for b in BASE if not override.startswith(b.split("=")[0] + "=")),
        override,
        status=1,
    )
    (line,) = done.stderr.strip().splitlines()
    for word in words:
        assert word in line
    assert not (workspace / "exports").exists()


def test_an_empty_folder_ends_in_one_line(workspace: Path, curate: Command) -> None:
    (workspace / "empty").mkdir()
    done = curate("run", "pages.path=empty", "review=none", status=1)
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("PageError: ")
    assert "empty" in line


def test_a_missing_server_ends_in_one_line_and_keeps_earlier_results(
    workspace: Path, curate: Command
) -> None:
    curate("run", *BASE)
    before = data_digests(workspace / "exports")
    done = curate(
        "run",
        *(b for b in BASE if not b.startswith("review")),
        "review=label_studio",
        "review.url=http://127.0.0.1:9",
        status=1,
        LABEL_STUDIO_API_KEY="0" * 40,
    )
    assert done.stderr.strip().splitlines()[-1].startswith("ReviewError: ")
    assert "127.0.0.1:9" in done.stderr
    assert data_digests(workspace / "exports") == before


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
def test_a_full_disk_ends_in_one_line_and_keeps_earlier_results(
    workspace: Path, curate: Command
) -> None:
    disk = workspace / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", disk], check=False
    )
    if mounted.returncode:
        pytest.skip("may not mount a file system here")
    try:
        curate("run", *BASE)
        before = data_digests(workspace / "exports")
        (disk / "filler").write_bytes(b"x" * 560_000)
        done = curate("run", *BASE, "paths.store=disk/store", status=1)
        (line,) = done.stderr.strip().splitlines()[-1:]
        assert "No space left on device" in line
        assert "free some space" in line
        assert data_digests(workspace / "exports") == before
        (disk / "filler").unlink()
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_secret_in_a_url_reaches_no_file(workspace: Path, curate: Command) -> None:
    curate(
        "run", *BASE, "review.url=http://ada:hunter2@127.0.0.1:9", LABEL_STUDIO_API_KEY="f00d" * 10
    )
    for path in (workspace / ".curate").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"hunter2" not in data, path
            assert b"f00df00d" not in data, path
    for path in (workspace / "exports").rglob("*"):
        if path.is_file():
            assert b"hunter2" not in path.read_bytes(), path
