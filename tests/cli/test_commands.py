"""The other commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.cli.conftest import Command


def test_help_lists_the_commands_without_heavy_imports() -> None:
    code = (
        "import sys; from curate.cli import main; main(['--help']);"
        "print(sorted({m.split('.')[0] for m in sys.modules} & "
        "{'pyarrow','numpy','datasets','hydra','pandas','duckdb','lightgbm','rich'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *_, last = done.stdout.strip().splitlines()
    assert last == "[]"
    for command in ("run", "label", "review", "server", "runs", "store"):
        assert f"  {command}" in done.stdout


def test_an_unknown_command_is_a_usage_error(curate: Command) -> None:
    done = curate("rum", status=2)
    assert "did you mean run?" in done.stderr


def test_label_prints_the_contract_as_json(workspace: Path, curate: Command) -> None:
    done = curate("label", "pages/s0.example/p0.html", "--json", "--url", "https://s0.example/p0")
    page = json.loads(done.stdout)
    assert list(page) == ["text", "main_text", "page_type", "language", "segments"]
    for segment in page["segments"]:
        assert list(segment) == [
            "start",
            "end",
            "label",
            "score",
            "scores",
            "reasons",
            "kind",
            "path",
        ]
        assert page["text"][segment["start"] : segment["end"]].strip()
    labels = {page["text"][s["start"] : s["end"]]: s["label"] for s in page["segments"]}
    assert labels["Crane 0-0 stays 😀"] == "article"
    assert labels["© Daily. All rights reserved. Imprint. Privacy."] == "boilerplate"


def test_label_reads_standard_input(workspace: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "curate", "label", "-", "--json"],
        input="A plain line.\r\nAnother one.\n",
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ},
    )
    assert json.loads(done.stdout)["text"] == "A plain line.\r\nAnother one.\n"


def test_label_tells_a_missing_file(curate: Command) -> None:
    done = curate("label", "nowhere.html", status=1)
    assert done.stderr.strip() == (
        "PageError: nowhere.html: no such file; give a page's file, or - for stdin"
    )


def test_store_status_and_gc(workspace: Path, curate: Command) -> None:
    base = ("name=t", "pages.path=pages", "review=none", "engine=serial")
    curate("run", *base)
    curate("run", *base, "segments.max_chars=300")
    assert "segments" in curate("store", "status").stdout
    curate("store", "gc", "--keep", "1")
    files = list((workspace / ".curate" / "store" / "segments").glob("*"))
    assert len(files) == 1
    curate("run", *base, "segments.max_chars=300")
    newest = json.loads(curate("runs", "--json", "--limit", "1").stdout)
    assert {row["state"] for row in newest["stages"].values()} <= {"unchanged", "off"}


def test_gc_waits_for_no_running_run(workspace: Path, curate: Command) -> None:
    folder = workspace / ".curate" / "runs" / "20990101-000000-aaaa"
    folder.mkdir(parents=True)
    import platform

    running = {"run_id": folder.name, "status": "running", "pid": os.getpid(), "name": "x"}
    (folder / "passport.json").write_text(json.dumps({**running, "host": platform.node()}))
    done = curate("store", "gc", status=1)
    assert "is going on" in done.stderr


def test_completion_knows_commands_groups_and_keys(workspace: Path) -> None:
    def choices(line: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-m", "curate", "-sc", "query=bash"],
            env={**os.environ, "COMP_LINE": line},
            capture_output=True,
            text=True,
            check=True,
            cwd=workspace,
        )
        return done.stdout.split()

    assert "run" in choices("curate r")
    assert "engine=" in choices("curate run eng")
    assert "pages.path=" in choices("curate run pages.pa") or any(
        c.startswith("pages.path") for c in choices("curate run pages.pa")
    )


def test_an_unchanged_run_is_quick(workspace: Path, curate: Command) -> None:
    # No time is asserted: the figure is printed for whoever reads the log.
    base = ("name=t", "pages.path=pages", "review=none", "engine=serial")
    curate("run", *base)
    began = time.perf_counter()
    curate("run", *base)
    sys.stdout.write(f"unchanged run: {time.perf_counter() - began:.2f} s\n")
    newest = json.loads(curate("runs", "--json", "--limit", "1").stdout)
    assert newest["stages"]["pages"]["tasks_ran"] == 0


def test_evaluate_scores_a_labeler_on_a_gold_folder(workspace: Path, curate: Command) -> None:
    gold = workspace / "gold"
    gold.mkdir()
    lines = ["Home | News | Sport", "© Daily. All rights reserved."]
    page = {"id": "g-1", "url": None, "page_type": "article", "source": "x", "lines": lines}
    (gold / "pages.jsonl").write_text(json.dumps(page) + "\n")
    (gold / "labels.jsonl").write_text(json.dumps({"id": "g-1", "labels": "BB"}) + "\n")
    overrides = ("labeler=rules", "evaluate.gold=gold", "evaluate.tasks=[text]")
    told = json.loads(curate("evaluate", *overrides, "--json").stdout)
    assert told["labeler"].startswith("rules@")
    assert told["text"]["pages"] == 1
    assert told["text"]["labels"]["boilerplate"]["recall"] == 1.0
    assert "Labels of rules@" in curate("evaluate", *overrides).stdout


def test_evaluate_and_train_say_what_is_missing(curate: Command) -> None:
    done = curate("evaluate", "labeler=rules", status=1)
    assert done.stderr.startswith("EvaluateError: nothing to score on; give evaluate.gold")
    done = curate("train", "train.out=x", status=1)
    assert done.stderr.strip() == (
        "ConfigError: train.benchmark is not set; give it as train.benchmark=VALUE"
    )


def test_a_reader_that_stops_early_gets_no_traceback(workspace: Path) -> None:
    page = workspace / "long.txt"
    page.write_text("A line of the page, one of very many.\n" * 20_000)
    for option, first in (("", "boilerplate"), ("--json", "{")):
        command = f"{sys.executable} -m curate label {page} {option} | head -c 11"
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
        assert done.stderr == ""
        assert done.stdout.startswith(first)
