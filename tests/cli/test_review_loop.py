"""Pages to a real Label Studio, people's work back, the next version: by commands alone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from curate.review.server_env import VENV_VARIABLE
from tests.cli.conftest import Command
from tests.conftest import ROOT

pytestmark = pytest.mark.server

BASE = ("name=t", "pages.path=pages", "pages.url_from=path", "engine=serial")


@pytest.fixture
def env() -> dict[str, str]:
    """Where the server's environment is built once for all tests."""
    if os.environ.get("CURATE_SKIP_SERVER") == "1":
        pytest.skip("CURATE_SKIP_SERVER=1: no Label Studio in this run")
    return {VENV_VARIABLE: os.environ.get(VENV_VARIABLE, str(ROOT / ".curate/test-server-venv"))}


@pytest.fixture
def api(workspace: Path, curate: Command, env: dict[str, str]) -> Iterator[httpx.Client]:
    """The workspace's own server, as its user."""
    curate("server", "start", "--port", "8390", **env)
    home = workspace / ".curate/state/label-studio"
    token = json.loads((home / "credentials.json").read_text())["token"]
    url = json.loads((home / "server.json").read_text())["url"]
    assert (home / "credentials.json").stat().st_mode & 0o077 == 0
    with httpx.Client(
        base_url=url, headers={"Authorization": f"Token {token}"}, timeout=60, trust_env=False
    ) as client:
        yield client
    curate("server", "stop", **env)


def tasks(api: httpx.Client) -> list[dict[str, Any]]:
    answer = api.get("/api/tasks", params={"project": 1, "fields": "all", "page_size": 100})
    found: list[dict[str, Any]] = answer.json()["tasks"]
    return found


def rows(workspace: Path, version: str, shape: str) -> list[dict[str, Any]]:
    folder = workspace / "exports" / "t" / version / shape
    return [
        row for file in sorted(folder.glob("*.parquet")) for row in pq.read_table(file).to_pylist()
    ]


def test_the_whole_loop(
    workspace: Path, curate: Command, api: httpx.Client, env: dict[str, str]
) -> None:
    first = curate("run", *BASE, **env)
    assert "next: open http://127.0.0.1:" in first.stdout
    assert len(tasks(api)) == 12

    again = curate("run", *BASE, **env)
    assert len(tasks(api)) == 12
    newest = json.loads(curate("runs", "--json", "--limit", "1").stdout)
    assert {row["state"] for row in newest["stages"].values()} == {"unchanged"}, again.stdout

    task = min(tasks(api), key=lambda t: t["id"])
    result = task["predictions"][0]["result"]
    relabelled, deleted = result[0], result[-1]
    old = relabelled["value"]["labels"][0]
    new = "caption" if old != "caption" else "article"
    relabelled["value"]["labels"] = [new]
    relabelled["origin"] = "prediction-changed"
    api.post(
        f"/api/tasks/{task['id']}/annotations/",
        json={"result": result[:-1], "lead_time": 12.5},
    ).raise_for_status()

    assert "1 annotated" in curate("review", "status", **env).stdout
    third = curate("run", *BASE, **env)
    assert "1 new, 0 changed, 0 deleted" in third.stdout
    key = task["data"]["page_key"]
    (page,) = [row for row in rows(workspace, "v0002", "pages") if row["page_key"] == key]
    assert page["reviewed"] is True
    segments = {
        (row["start"], row["end"]): row
        for row in rows(workspace, "v0002", "segments")
        if row["page_key"] == key
    }
    value = relabelled["value"]
    row = segments[value["start"], value["end"]]
    assert (row["label_name"], row["origin"], row["action"]) == (new, "human", "relabelled")
    assert row["text"] == page["text"][value["start"] : value["end"]]
    assert row["annotators"][0].startswith("annotator-")
    gone = deleted["value"]
    assert (gone["start"], gone["end"]) not in segments
    others = [r for r in segments.values() if r is not row]
    assert {(r["origin"], r["action"]) for r in others} == {("human", "accepted")}
    assert all(r["origin"] != "human" for r in rows(workspace, "v0001", "segments"))

    for file in (workspace / "exports").rglob("*"):
        if file.is_file() and file.suffix != ".lock":
            assert b"@curate.local" not in file.read_bytes(), file

    # The page is open once more, for the text whose region was taken away.
    assert "1 reviewed pages are open once more" in third.stderr
    assert len(tasks(api)) == 13
    (again_task,) = [t for t in tasks(api) if t["data"].get("round")]
    assert again_task["data"]["page_key"] == key
    curate("run", *BASE, "labeler.max_reasons=1", **env)
    assert len(tasks(api)) == 13
    latest = json.loads((workspace / "exports/t/latest.json").read_text())
    assert latest["version"] in ("v0002", "v0003")
    published = rows(workspace, latest["version"], "segments")
    assert sum(r["origin"] == "human" for r in published) == len(segments)
    api.post(
        f"/api/tasks/{again_task['id']}/annotations/",
        json={"result": again_task["predictions"][0]["result"], "lead_time": 3},
    ).raise_for_status()
    last = curate("run", *BASE, **env)
    assert "open once more" not in last.stderr
    latest = json.loads((workspace / "exports/t/latest.json").read_text())
    labelled = {
        (r["start"], r["end"]): r
        for r in rows(workspace, latest["version"], "segments")
        if r["page_key"] == key
    }
    assert labelled[gone["start"], gone["end"]]["origin"] == "human"
    assert {place: labelled[place]["label_name"] for place in segments} == {
        place: row["label_name"] for place, row in segments.items()
    }
    assert labelled[value["start"], value["end"]]["action"] == "relabelled"

    # Withdrawn on request: here, on the server, and in every later version.
    who = labelled[value["start"], value["end"]]["annotators"][0]
    told = curate("review", "withdraw", "--annotator", who, "--on-server", *BASE, **env).stdout
    assert "withdrew 2 rows: 2 annotations of 1 pages by 1 annotators" in told
    assert "deleted 2 annotations and drafts in Label Studio" in told
    assert f"versions published before still hold it: v0002, {latest['version']}" in told
    assert [t["id"] for t in tasks(api) if t["annotations"]] == []
    assert len(tasks(api)) == 13  # the pages stay; only the work is gone
    curate("run", *BASE, **env)
    latest = json.loads((workspace / "exports/t/latest.json").read_text())
    assert all(
        r["origin"] != "human" and r["annotators"] == []
        for r in rows(workspace, latest["version"], "segments")
    )
    # Of the withdrawn person nothing is taken in again, and the second round is over.
    assert [t["id"] for t in tasks(api) if t["data"].get("round")] == []
    api.post(
        f"/api/tasks/{task['id']}/annotations/", json={"result": result, "lead_time": 1}
    ).raise_for_status()
    pulled = curate("review", "pull", *BASE, **env)
    assert "1 annotations were withdrawn here; left there" in pulled.stdout + pulled.stderr
    draft = {"result": result[:1], "lead_time": 1}
    api.post(f"/api/tasks/{tasks(api)[1]['id']}/drafts", json=draft).raise_for_status()
    # What was never taken in is found there all the same, drafts too.
    told = curate("review", "withdraw", "--annotator", who, "--on-server", *BASE, **env).stdout
    assert "deleted 2 annotations and drafts in Label Studio" in told
    assert not any(t["annotations"] or t["drafts"] for t in tasks(api))


def test_plan_tells_and_push_does(
    workspace: Path, curate: Command, api: httpx.Client, env: dict[str, str]
) -> None:
    assert "send 12 pages" in curate("review", "plan", *BASE, **env).stdout
    assert api.get("/api/projects/").json()["count"] == 0
    curate("review", "push", *BASE, **env)
    assert len(tasks(api)) == 12
    # Without overrides the last run's are taken.
    told = curate("review", "plan", **env).stdout.split("\n")
    lines = [" ".join(line.split()) for line in told]
    assert "new 0 pages that get a task" in lines
    assert "unchanged 12 left as they are" in lines
    assert not (workspace / "exports").exists()
