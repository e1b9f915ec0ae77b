from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.errors import PageError
from curate.pages import PagesConfig, plan_units

from . import archives
from .archives import HTML


@pytest.fixture
def memory() -> Iterator[Any]:
    fs = fsspec.filesystem("memory")
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]
    yield fs
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]


def test_a_remote_folder_reads_as_a_local_one(tmp_path: Path, read, memory: Any) -> None:
    files = {
        "a.html": HTML,
        "b.png": b"\x89PNG\r\n\x1a\n" + bytes(20),
        "sub/c.warc.gz": archives.members(archives.pages(3)),
        "sub/d.jsonl": b'{"text": "one"}\n{"text": "two"}\n',
        "sub/.hidden": b"x",
    }
    pq.write_table(pa.table({"text": ["x", "y"]}), tmp_path / "t.parquet")
    files["sub/t.parquet"] = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").unlink()
    for name, content in files.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        memory.pipe(f"/root/{name}", content)
    local = read(tmp_path / "root")
    assert read("memory://root").items == local.items
    assert [page.source for page in read("memory://root/sub/*.jsonl").pages] == [
        "d.jsonl#1",
        "d.jsonl#2",
    ]
    assert len(read("memory://root/sub/c.warc.gz").pages) == 3
    before = [unit.version for unit in plan_units(PagesConfig(path="memory://root"))]
    memory.pipe("/root/a.html", HTML)
    assert [unit.version for unit in plan_units(PagesConfig(path="memory://root"))] == before
    memory.pipe("/root/a.html", HTML + b"<p>more</p>")
    assert [unit.version for unit in plan_units(PagesConfig(path="memory://root"))] != before


@pytest.mark.usefixtures("memory")
@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("memory://none", "there is no such file or folder"),
        ("nosuch://bucket/x", "this kind of URL can't be read"),
        ("http://127.0.0.1:9/page.html", "can't be read|there is no such file"),
        ("hf://models/org/name", "is not of the form hf://datasets/org/name"),
    ],
)
def test_remote_trouble_is_one_line(path: str, message: str, read) -> None:
    with pytest.raises(PageError, match=message) as caught:
        read(path)
    assert "\n" not in str(caught.value)


# ------------------------------------------------------------------ a small Hub

SHA = "0123456789abcdef0123456789abcdef01234567"
CONVERTED = "fedcba9876543210fedcba9876543210fedcba98"


class Hub:
    """The few addresses of a Hub that reading a dataset needs."""

    def __init__(self) -> None:
        self.repos: dict[str, dict[str, dict[str, bytes]]] = {}
        self.requests: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: Any) -> None:
                pass

            def do_HEAD(self) -> None:
                hub.answer(self, head=True)

            def do_GET(self) -> None:
                hub.answer(self)

            def do_POST(self) -> None:
                hub.answer(self, self.rfile.read(int(self.headers["Content-Length"])))

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def answer(self, to: Any, body: bytes = b"", *, head: bool = False) -> None:
        self.requests.append(f"{to.command} {to.path}")
        path, _, _ = to.path.partition("?")
        parts = [part.replace("%2F", "/") for part in path.strip("/").split("/")]
        if parts[:2] == ["api", "datasets"]:
            self.api(to, parts[2:], body)
            return
        if parts[0] == "datasets" and parts[3] == "resolve":
            files = self.files("/".join(parts[1:3]), parts[4])
            content = None if files is None else files.get("/".join(parts[5:]))
            if content is not None:
                self.send(to, content, head=head)
                return
        self.fail(to, "EntryNotFound")

    def api(self, to: Any, parts: list[str], body: bytes) -> None:
        repo = "/".join(parts[:2])
        what, revision = (parts[2], parts[3]) if len(parts) > 3 else ("revision", "main")
        if repo not in self.repos:
            self.fail(to, "RepoNotFound")
            return
        files = self.files(repo, revision)
        if files is None:
            self.fail(to, "RevisionNotFound")
        elif what == "revision":
            self.json(to, self.info(repo, revision, files))
        elif what == "tree":
            self.json(to, self.tree(files, "/".join(parts[4:])))
        elif what == "paths-info":
            wanted = json.loads(body)["paths"] if body.startswith(b"{") else self.form(body)
            self.json(to, [item for path in wanted for item in self.at(files, path)])
        else:
            self.fail(to, "EntryNotFound")

    def form(self, body: bytes) -> list[str]:
        from urllib.parse import parse_qs

        return parse_qs(body.decode())["paths"]

    def info(self, repo: str, revision: str, files: dict[str, bytes]) -> dict[str, Any]:
        import yaml

        card = files.get("README.md", b"").decode()
        data = yaml.safe_load(card[4:].partition("\n---")[0]) if card.startswith("---") else None
        return {
            "id": repo,
            "sha": CONVERTED if "convert" in revision or revision == CONVERTED else SHA,
            "cardData": data,
            "siblings": [{"rfilename": name} for name in files],
            "private": False,
            "tags": [],
        }

    def files(self, repo: str, revision: str) -> dict[str, bytes] | None:
        branches = self.repos.get(repo, {})
        name = {SHA: "main", CONVERTED: "refs/convert/parquet"}.get(revision, revision)
        return branches.get(name)

    def at(self, files: dict[str, bytes], path: str) -> list[dict[str, Any]]:
        import hashlib

        if path in files:
            content = files[path]
            oid = hashlib.sha1(content).hexdigest()
            return [{"type": "file", "path": path, "size": len(content), "oid": oid}]
        if any(name.startswith(f"{path}/") for name in files):
            return [{"type": "directory", "path": path, "oid": "0" * 40}]
        return []

    def tree(self, files: dict[str, bytes], folder: str) -> list[dict[str, Any]]:
        prefix = f"{folder}/" if folder else ""
        names = {
            prefix + name.removeprefix(prefix).split("/")[0]
            for name in files
            if name.startswith(prefix)
        }
        return [item for name in sorted(names) for item in self.at(files, name)]

    def send(self, to: Any, content: bytes, *, head: bool = False) -> None:
        wanted = to.headers.get("Range")
        total = len(content)
        if wanted:
            low, _, high = wanted.removeprefix("bytes=").partition("-")
            stop = min(int(high) + 1 if high else total, total)
            to.send_response(206)
            to.send_header("Content-Range", f"bytes {low}-{stop - 1}/{total}")
            content = content[int(low) : stop]
        else:
            to.send_response(200)
        to.send_header("Content-Length", str(len(content)))
        to.send_header("ETag", '"x"')
        to.send_header("X-Repo-Commit", SHA)
        to.end_headers()
        if not head:
            to.wfile.write(content)

    def json(self, to: Any, value: object) -> None:
        body = json.dumps(value).encode()
        to.send_response(200)
        to.send_header("Content-Type", "application/json")
        to.send_header("Content-Length", str(len(body)))
        to.end_headers()
        to.wfile.write(body)

    def fail(self, to: Any, code: str) -> None:
        to.send_response(404)
        to.send_header("X-Error-Code", code)
        to.send_header("Content-Length", "0")
        to.end_headers()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    import huggingface_hub.constants as constants
    from huggingface_hub import HfFileSystem

    server = Hub()
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(
        constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        server.url + "/{repo_id}/resolve/{revision}/{filename}",
    )
    HfFileSystem.clear_instance_cache()
    yield server
    HfFileSystem.clear_instance_cache()
    server.server.shutdown()
    server.server.server_close()


def parquet(tmp_path: Path, texts: list[str]) -> bytes:
    pq.write_table(pa.table({"text": texts}), tmp_path / "x.parquet", row_group_size=2)
    return (tmp_path / "x.parquet").read_bytes()


def test_a_dataset_of_the_hub(tmp_path: Path, read, hub: Hub) -> None:
    hub.repos["org/name"] = {
        "main": {
            "README.md": b"# Card",
            ".gitattributes": b"x",
            "data/train-0.parquet": parquet(tmp_path, list("abcde")),
            "data/more.jsonl": b'{"text": "f"}\n',
        }
    }
    found = read("hf://datasets/org/name")
    assert [page.content for page in found.pages] == list("fabcde")
    assert found.pages[1].source == "data/train-0.parquet#0"
    assert found.dropped == {"hidden file": 1, "not a page (notes on the folder)": 1}
    assert [page.content for page in read("hf://datasets/org/name@main/data").pages] == list(
        "fabcde"
    )
    assert len(read("hf://datasets/org/name/data/train-0.parquet").pages) == 5
    units = list(plan_units(PagesConfig(path="hf://datasets/org/name")))
    assert all(f"@{SHA}/" in uri for unit in units for uri in unit.uris)


def test_a_card_names_the_files(tmp_path: Path, read, hub: Hub) -> None:
    card = "---\nconfigs:\n- config_name: default\n  data_files: 'a/*'\n---\n"
    hub.repos["org/name"] = {
        "main": {
            "README.md": card.encode(),
            "a/1.parquet": parquet(tmp_path, ["a"]),
            "b/1.parquet": parquet(tmp_path, ["b"]),
        }
    }
    assert [page.content for page in read("hf://datasets/org/name").pages] == ["a"]


def test_other_formats_by_their_parquet_copy(tmp_path: Path, read, hub: Hub) -> None:
    hub.repos["org/name"] = {
        "main": {"data.csv": b"text\na\n"},
        "refs/convert/parquet": {"default/train/0000.parquet": parquet(tmp_path, ["a"])},
    }
    assert [page.content for page in read("hf://datasets/org/name").pages] == ["a"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("hf://datasets/org/none", "the Hub has no dataset org/none, or it is private"),
        ("hf://datasets/org/name@old", "has no revision 'old'"),
        ("hf://datasets/org/name/nowhere", "the dataset has no nowhere; it has data"),
    ],
)
def test_hub_trouble(path: str, message: str, tmp_path: Path, read, hub: Hub) -> None:
    hub.repos["org/name"] = {"main": {"data/1.parquet": parquet(tmp_path, ["a"])}}
    with pytest.raises(PageError, match=message):
        read(path)


def test_no_network(read, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants as constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(PageError, match="the Hugging Face Hub can't be reached"):
        read("hf://datasets/org/name")
