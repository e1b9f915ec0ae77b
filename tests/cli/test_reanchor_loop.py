"""Work pulled from a real Label Studio through a new splitter, edited pages, a new label set."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
import yaml

from curate.io import file_digest
from curate.review.annotations import load, read_all
from curate.review.server_env import VENV_VARIABLE
from tests.cli.conftest import Command
from tests.conftest import ROOT

pytestmark = [pytest.mark.server, pytest.mark.acceptance]

BASE = (
    *("name=t", "pages.path=pages", "pages.url_from=path", "engine=serial", "labeler=rules"),
    # The made-up pages are near-duplicates of each other.
    # Labels are wrong on purpose: no second looks at them.
    *("dataset.near_duplicates=keep", "dataset.allow_breaking=true", "sample.suspects=0"),
)
PORT = "8391"
FIRST = "The harbour board met on Monday and heard forty-one residents"
INSERTED, CHANGED, MOVED, REPLACED = "s0.example", "s1.example", "s2.example", "s3.example"


@pytest.fixture
def env() -> dict[str, str]:
    if os.environ.get("CURATE_SKIP_SERVER") == "1":
        pytest.skip("CURATE_SKIP_SERVER=1: no Label Studio in this run")
    return {VENV_VARIABLE: os.environ.get(VENV_VARIABLE, str(ROOT / ".curate/test-server-venv"))}


@pytest.fixture
def api(workspace: Path, curate: Command, env: dict[str, str]) -> Iterator[httpx.Client]:
    curate("server", "start", "--port", PORT, **env)
    home = workspace / ".curate/state/label-studio"
    token = json.loads((home / "credentials.json").read_text())["token"]
    url = json.loads((home / "server.json").read_text())["url"]
    headers = {"Authorization": f"Token {token}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60, trust_env=False) as client:
        yield client
    curate("server", "stop", **env)


def tasks(api: httpx.Client) -> list[dict[str, Any]]:
    answer = api.get("/api/tasks", params={"project": 1, "fields": "all", "page_size": 100})
    found: list[dict[str, Any]] = answer.json()["tasks"]
    return found


def annotate(api: httpx.Client, task: dict[str, Any]) -> None:
    """Submit: the first region relabelled as teaser, the first paragraph cut in two by hand."""
    result = task["predictions"][0]["result"]
    result[0] |= {"origin": "prediction-changed"}
    result[0]["value"]["labels"] = ["teaser"]
    text = task["data"]["text"]
    cut = text.index(FIRST)
    (body,) = (r for r in result if r["value"]["start"] <= cut < r["value"]["end"])
    value = body["value"]
    parts = [(value["start"], cut - 1, "caption"), (cut, value["end"], "article")]
    drawn = [
        {
            **{k: body[k] for k in ("from_name", "to_name", "type")},
            "id": f"drawn{n}",
            "origin": "manual",
            "value": {"start": start, "end": end, "labels": [label]},
        }
        for n, (start, end, label) in enumerate(parts)
    ]
    regions = [r for r in result if r is not body] + drawn
    url = f"/api/tasks/{task['id']}/annotations/"
    api.post(url, json={"result": regions, "lead_time": 9.0}).raise_for_status()


def fates(workspace: Path) -> dict[str, dict[str, str]]:
    """By page key the outcome of each span that did not simply stay, by its first words."""
    newest = max((workspace / ".curate/runs").glob("*/passport.json"))
    told = json.loads(newest.read_text())["standing"]
    value = json.loads((workspace / ".curate/store/segments" / told["file"]).read_text())
    return {
        page["page_key"]: {fate["exact"][:14]: fate["outcome"] for fate in page["fates"]}
        for page in value["pages"]
    }


def published(workspace: Path) -> list[dict[str, Any]]:
    latest = json.loads((workspace / "exports/t/latest.json").read_text())["version"]
    files = sorted((workspace / "exports/t" / latest / "segments").glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def human(workspace: Path, key: str) -> dict[str, str]:
    """Published human labels of a page, by the words without their blanks."""
    return {
        "".join(row["text"].split()): row["label_name"]
        for row in published(workspace)
        if row["page_key"] == key and row["origin"] == "human"
    }


def test_every_span_has_its_fate(
    workspace: Path, curate: Command, api: httpx.Client, env: dict[str, str]
) -> None:
    curate("run", *BASE, **env)
    chosen = {}
    for task in tasks(api):
        site = task["data"]["site"]
        if "/p0.html" in task["data"]["url"]:
            annotate(api, task)
            chosen[site] = task["data"]["page_key"]
    assert set(chosen) == {INSERTED, CHANGED, MOVED, REPLACED}
    curate("run", *BASE, **env)
    folder = workspace / "exports/t/annotations"
    pulled = {path.name: file_digest(path) for path in folder.glob("*.parquet")}
    spans = {
        (a.annotation_id, s.start, s.end, s.exact, s.label) for a in load(folder) for s in a.spans
    }
    read = {key: human(workspace, key) for key in chosen.values()}
    for found in read.values():
        words = next(w for w in found if w.startswith("".join(FIRST.split())))
        assert found[words] == "article"  # the drawn border cut the paragraph
        assert sorted(found.values()).count("caption") == 1

    # Another splitter: other segments, the same words.
    curate("run", *BASE, "segments.max_chars=90", **env)
    assert {o for page in fates(workspace).values() for o in page.values()} <= {"moved"}
    for key, before in read.items():
        # Borders inside a label don't matter: compare label by label what is covered.
        after = human(workspace, key)
        for label in set(before.values()):
            covered = [
                "".join(w for w, name in found.items() if name == label)
                for found in (before, after)
            ]
            assert sorted(covered[0]) == sorted(covered[1]), (key, label)

    # Edited pages.
    def edit(site: str, old: str, new: str) -> None:
        file = workspace / "pages" / site / "p0.html"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))

    edit(INSERTED, "</h1>", "</h1><p>A paragraph that was put in before all the others today.</p>")
    edit(CHANGED, "forty-one residents", "many people of the quarter")
    moved = workspace / "pages" / MOVED / "p0.html"
    text = moved.read_text()
    first = text[text.index("<p>") : text.index("</p>") + 4]
    moved.write_text(text.replace(first, "").replace("</main>", f"{first}</main>"))
    (workspace / "pages" / REPLACED / "p0.html").write_text(
        "<html><body><h1>Quite another thing</h1><p>Not one word of what was here is left, "
        "since somebody wrote of beekeeping instead, at length and well.</p></body></html>"
    )
    told = curate("run", *BASE, **env)
    assert "reviewed passages no longer stand as they were read" in told.stderr + told.stdout
    found = fates(workspace)
    assert set(found) == set(chosen.values())
    assert set(found[chosen[INSERTED]].values()) == {"moved"}
    assert found[chosen[CHANGED]][FIRST[:14]] == "partial"
    assert set(found[chosen[CHANGED]].values()) == {"partial", "moved"}
    assert set(found[chosen[MOVED]].values()) == {"moved"}
    assert set(found[chosen[REPLACED]].values()) == {"orphan"}
    assert human(workspace, chosen[INSERTED]) == read[chosen[INSERTED]]
    assert human(workspace, chosen[MOVED]) == read[chosen[MOVED]]
    kept = human(workspace, chosen[CHANGED])
    lost = {w: name for w, name in read[chosen[CHANGED]].items() if w not in kept}
    assert [w.startswith("".join(FIRST.split())) for w in lost] == [True]
    assert kept == {w: name for w, name in read[chosen[CHANGED]].items() if w not in lost}
    assert human(workspace, chosen[REPLACED]) == {}

    # What changed goes first in the queue, with the old labels as suggestions.
    new = [t for t in tasks(api) if not t["annotations"] and "changed since" in t["data"]["why"]]
    assert {t["data"]["page_key"] for t in new} == {chosen[CHANGED], chosen[REPLACED]}
    last_round = max(t["id"] for t in tasks(api) if t["annotations"])
    fresh = sorted(t["id"] for t in tasks(api) if t["id"] > last_round and not t["annotations"])
    assert {t["id"] for t in new} == set(fresh[:2])
    # Of the moved block every word was read: nobody is asked again.
    assert chosen[MOVED] not in {t["data"]["page_key"] for t in tasks(api) if not t["annotations"]}
    (again,) = (t for t in new if t["data"]["page_key"] == chosen[CHANGED])
    result = again["predictions"][0]["result"]
    assert result[0]["value"]["labels"] == ["teaser"]
    assert "a person said so" in result[0]["meta"]["text"][0]
    status = curate("review", "status", **env).stdout
    assert "partial" in status
    assert "orphan" in status

    # A label is renamed.
    schema = yaml.safe_load((ROOT / "configs/schema/web4.yaml").read_text())
    schema |= {"name": "cards", "from_labels": {"teaser": "card"}}
    for label in schema["labels"]:
        label["name"] = "card" if label["name"] == "teaser" else label["name"]
    (workspace / "conf" / "schema").mkdir(parents=True)
    (workspace / "conf" / "schema" / "cards.yaml").write_text(yaml.safe_dump(schema))
    renamed = ("--config-dir", "conf", *BASE, "schema=cards")
    curate("run", *renamed, **env)
    as_card = {w: "card" if name == "teaser" else name for w, name in read[chosen[MOVED]].items()}
    assert human(workspace, chosen[MOVED]) == as_card
    assert "card" in as_card.values()
    config = api.get("/api/projects/1/").json()["label_config"]
    assert 'value="card"' in config
    assert 'value="teaser"' not in config
    open_tasks = [t for t in tasks(api) if not t["annotations"]]
    labels = {r["value"]["labels"][0] for t in open_tasks for r in t["predictions"][0]["result"]}
    assert "teaser" not in labels

    # Nothing that was pulled is gone or other than it was.
    for name, digest in pulled.items():
        assert file_digest(folder / name) == digest
    everything = {
        (a.annotation_id, s.start, s.end, s.exact, s.label)
        for a in read_all(folder)
        for s in a.spans
    }
    assert spans <= everything
