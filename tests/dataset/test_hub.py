"""Pushing with the real client to a stand-in of the hub on loopback."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from .conftest import Bench, make_docs
from .fake_hub import TOKEN, File, Hub, Repo, running_hub

REPO = "team/pages"

ROOT = Path(__file__).parents[2]
CONFTEST = Path(__file__).with_name("conftest.py")


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as hub:
        yield hub


@pytest.fixture
def versions(bench: Bench, fast: None, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Two versions, the second with fewer shards than the first."""
    with monkeypatch.context() as patch:
        patch.setattr("curate.dataset.build.MB", 4096)
        bench.publish(make_docs(), shard_mb=1)
    bench.publish(make_docs(13), shard_mb=1)
    return bench


class Client:
    """The pushing side, in a process of its own: the client reads its endpoint on import."""

    def __init__(self, hub: Hub, home: Path, *, token: str | None = TOKEN) -> None:
        self.env = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("HF_", "HUGGING"))
        } | {
            "HF_ENDPOINT": hub.endpoint,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HOME": str(home),
            "PYTHONPATH": str(ROOT),
        }
        if token:
            self.env["HF_TOKEN"] = token

    def start(self, code: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", code],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, code: str) -> str:
        with self.start(code) as process:
            out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return out

    def push(self, version: Path, repo: str = REPO, *, private: bool = True) -> dict[str, Any]:
        return json.loads(self.run(push_code(version, repo, private=private)))


def push_code(version: Path, repo: str = REPO, *, private: bool = True, call: str = "push") -> str:
    return f"""
import dataclasses, json
from pathlib import Path
from curate.dataset import plan_push, push
from curate.errors import DatasetError
try:
    told = {call}(Path({str(version)!r}), {repo!r}, private={private})
    print(json.dumps(dataclasses.asdict(told)))
except DatasetError as error:
    print(json.dumps({{"error": str(error)}}))
"""


def local(version: Path) -> dict[str, bytes]:
    return {
        path.relative_to(version).as_posix(): path.read_bytes()
        for path in version.rglob("*")
        if path.is_file()
    }


def remote(repo: Repo, revision: str = "main") -> dict[str, bytes]:
    commit = repo.at(revision)
    assert commit is not None
    return {path: f.content for path, f in commit.files.items() if path != ".gitattributes"}


def test_push_two_versions(hub: Hub, versions: Bench, tmp_path: Path) -> None:
    client = Client(hub, tmp_path / "hf")
    one, two = versions.home / "v0001", versions.home / "v0002"

    plan = json.loads(client.run(push_code(one, call="plan_push")))
    assert hub.writes == 0
    assert plan["create"] is True
    assert plan["private"] is True
    assert sorted(plan["add"]) == sorted(local(one))

    told = client.push(one)
    repo = hub.repos[REPO]
    assert repo.private is True
    assert [commit.title for commit in repo.commits] == ["initial commit", "demo v0001"]
    assert remote(repo) == local(one)
    assert repo.tags == {"v0001": repo.commits[-1].sha}
    assert told["commit"] == repo.commits[-1].sha
    assert told["url"] == f"{hub.endpoint}/datasets/{REPO}/tree/v0001"

    # A file of the user's own in the repository is left alone; old shards go.
    repo.add("note", repo.commits[-1].files | {"NOTES.txt": File(b"mine", lfs=False)})
    told = client.push(two)
    assert [commit.title for commit in repo.commits][-1] == "demo v0002"
    assert remote(repo) == local(two) | {"NOTES.txt": b"mine"}
    assert len(told["plan"]["delete"]) > 4
    assert remote(repo, "v0001") == local(one)
    assert set(repo.tags) == {"v0001", "v0002"}

    writes = hub.writes
    again = client.push(two)
    assert hub.writes == writes
    assert again["commit"] == told["commit"]
    assert again["plan"]["done"] == told["commit"]


def test_load_dataset_from_the_hub_gives_equal_rows(
    hub: Hub, versions: Bench, tmp_path: Path
) -> None:
    client = Client(hub, tmp_path / "hf")
    version = versions.home / "v0001"
    client.push(version)
    client.push(versions.home / "v0002")
    code = f"""
import json
from datasets import load_dataset
told = {{}}
for shape in ("segments", "pages"):
    data = load_dataset({REPO!r}, shape, revision="v0001")
    told[shape] = {{split: list(rows) for split, rows in data.items()}}
    label = data["train"].features["label" if shape == "segments" else "segments"]
    label = label if shape == "segments" else label.feature["label"]
    told[shape + " names"] = label.names
    streamed = load_dataset({REPO!r}, shape, revision="v0001", split="train", streaming=True)
    assert list(streamed) == told[shape]["train"]
    assert streamed.features == data["train"].features
print(json.dumps(told))
"""
    told = json.loads(client.run(code))
    for shape in ("segments", "pages"):
        assert told[f"{shape} names"] == ["article", "teaser", "caption", "boilerplate"]
        for split in ("train", "validation", "test"):
            wanted = [
                row
                for path in sorted((version / shape).glob(f"{split}-*"))
                for row in pq.read_table(path).to_pylist()
            ]
            assert told[shape][split] == wanted


@pytest.mark.parametrize(
    "seed",
    [0, 1, 2, *(pytest.param(seed, marks=pytest.mark.acceptance) for seed in range(3, 10))],
)
def test_interrupted_anywhere_and_repeated(
    hub: Hub, versions: Bench, tmp_path: Path, seed: int
) -> None:
    """Killed at a seeded request, before or after it was carried out, then pushed again."""
    client = Client(hub, tmp_path / "hf")
    one, two = versions.home / "v0001", versions.home / "v0002"
    client.push(one)
    first = hub.writes
    old, new = ({raw for path, raw in local(v).items() if "/" in path} for v in (one, two))
    n_writes = len(new - old) + 4  # what may be uploaded, which files, where to, commit, tag
    rng = random.Random(seed)
    number = first + (rng.randrange(n_writes) if seed else n_writes - 1)
    process = client.start(push_code(two))

    def kill(at: int) -> None:
        if at == number:
            process.kill()
            process.wait()
            raise ConnectionResetError

    setattr(hub, rng.choice(("before", "after")), kill)
    process.communicate(timeout=120)
    assert process.returncode == -9
    repo = hub.repos[REPO]
    assert remote(repo) in (local(one), local(two))  # never in between
    uploaded = list(hub.uploads)

    hub.before = hub.after = lambda at: None
    client.push(two)
    assert [commit.title for commit in repo.commits[1:]] == ["demo v0001", "demo v0002"]
    assert remote(repo) == local(two)
    assert repo.tags == {"v0001": repo.commits[1].sha, "v0002": repo.commits[2].sha}
    assert hub.uploads[: len(uploaded)] == uploaded
    assert len(set(hub.uploads)) == len(hub.uploads)  # nothing went up twice


@pytest.mark.parametrize(
    ("setup", "message"),
    [
        ("no token", "needs a token with write access: set HF_TOKEN"),
        ("wrong token", "the hub refuses this token (401); give HF_TOKEN write access"),
        ("public", "team/pages is public, but dataset.hub_private=true"),
        ("other tag", "team/pages has a v0001 with other files"),
        ("no server", "can't be reached"),
    ],
)
def test_what_the_hub_refuses_is_one_line(
    hub: Hub, versions: Bench, tmp_path: Path, setup: str, message: str
) -> None:
    tokens = {"no token": None, "wrong token": "hf_wrong"}
    client = Client(hub, tmp_path / "hf", token=tokens.get(setup, TOKEN))
    repo = Repo(private=setup != "public", commits=[])
    repo.add("initial commit", {"README.md": File(b"another", lfs=False)})
    hub.repos[REPO] = repo
    if setup == "other tag":
        repo.tags["v0001"] = repo.commits[0].sha
    if setup == "no server":
        client.env["HF_ENDPOINT"] = "http://127.0.0.1:9"
    told = client.push(versions.home / "v0001")
    assert message in told["error"]
    assert "\n" not in told["error"]
    assert len(repo.commits) == 1


def test_someone_elses_commit_in_between_is_not_overwritten(
    hub: Hub, versions: Bench, tmp_path: Path
) -> None:
    client = Client(hub, tmp_path / "hf")
    client.push(versions.home / "v0001")
    repo = hub.repos[REPO]
    first = hub.writes

    def meanwhile(number: int) -> None:
        if number == first:
            repo.add("by hand", repo.commits[-1].files | {"X": File(b"x", lfs=False)})

    hub.before = meanwhile
    told = client.push(versions.home / "v0002")
    assert "somebody else changed the repository meanwhile (412); push again" in told["error"]
    assert [commit.title for commit in repo.commits][-1] == "by hand"


def test_publish_pushes_once_and_tells_where(hub: Hub, bench: Bench, tmp_path: Path) -> None:
    client = Client(hub, tmp_path / "hf")
    code = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import importlib.util, json, os
from pathlib import Path
import curate.dataset.publishing as publishing
spec = importlib.util.spec_from_file_location("bench", {str(CONFTEST)!r})
module = importlib.util.module_from_spec(spec)
sys.modules["bench"] = module
spec.loader.exec_module(module)
publishing.Readers = module.NoReaders
bench = module.Bench(Path({str(bench.folder)!r}))
n_sites = int(os.environ.get("N_SITES", 12))
told = [bench.publish(module.make_docs(n_sites), push_to_hub={REPO!r}) for _ in range(2)]
print(json.dumps([[t.version, t.changed, t.pushed] for t in told]))
"""
    url = f"{hub.endpoint}/datasets/{REPO}/tree/v0001"
    assert json.loads(client.run(code)) == [["v0001", True, url], ["v0001", False, url]]
    record = json.loads((bench.home / "hub.json").read_text())
    sha = hub.repos[REPO].tags["v0001"]
    assert record == {REPO: {"v0001": {"commit": sha, "revision": "v0001", "url": url}}}
    # The record lost, the tag on the hub still tells that it is there.
    (bench.home / "hub.json").unlink()
    shutil.rmtree(tmp_path / "hf", ignore_errors=True)
    writes = hub.writes
    assert json.loads(client.run(code))[0] == ["v0001", False, url]
    assert hub.writes == writes
    # What somebody wrote into the card on the hub is in the next version's.
    repo = hub.repos[REPO]
    files = dict(repo.commits[-1].files)
    card = files["README.md"].content.replace(b"Text written here", b"Ask Ada. Text written here")
    repo.add("by hand", files | {"README.md": File(card, lfs=False)})
    client.env["N_SITES"] = "13"
    assert json.loads(client.run(code))[0][:2] == ["v0002", True]
    for card in (
        (bench.home / "v0002" / "README.md").read_bytes(),
        repo.commits[-1].files["README.md"].content,
    ):
        assert b"Ask Ada. Text written here" in card
