"""A stand-in for the hub's HTTP interface, on loopback, for the real client.

It keeps repositories as lists of commits in memory and checks what the real
one checks: the token, `parentCommit`, that large files were uploaded before
they are committed, and that their digests fit.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_" + "standin" * 5


@dataclass
class File:
    content: bytes
    lfs: bool

    @property
    def oid(self) -> str:
        if self.lfs:
            pointer = (
                "version https://git-lfs.github.com/spec/v1\n"
                f"oid sha256:{self.sha256}\nsize {len(self.content)}\n"
            )
            return git_blob(pointer.encode())
        return git_blob(self.content)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def git_blob(raw: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(raw) + raw).hexdigest()


@dataclass
class Commit:
    sha: str
    title: str
    files: dict[str, File]


@dataclass
class Repo:
    private: bool
    commits: list[Commit]
    tags: dict[str, str] = field(default_factory=dict)

    def at(self, revision: str) -> Commit | None:
        revision = self.tags.get(revision, revision)
        if revision in {"main", "refs/heads/main"}:
            return self.commits[-1]
        return next((commit for commit in self.commits if commit.sha == revision), None)

    def add(self, title: str, files: dict[str, File]) -> Commit:
        named = "".join(f"{path}{file.oid}" for path, file in sorted(files.items()))
        sha = hashlib.sha1(f"{len(self.commits)}{title}{named}".encode()).hexdigest()
        self.commits.append(Commit(sha, title, files))
        return self.commits[-1]


@dataclass
class Hub:
    """The server's state.

    Attributes:
        before, after: called with the number of each writing request, before and
            after it is carried out; tests break connections there.
        uploads: digests of large files in the order of their upload.
    """

    repos: dict[str, Repo] = field(default_factory=dict)
    lfs: dict[str, bytes] = field(default_factory=dict)
    uploads: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    before: Callable[[int], None] = lambda number: None
    after: Callable[[int], None] = lambda number: None
    writes: int = 0
    endpoint: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


class RefusalError(Exception):
    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(message)
        self.status, self.code = status, code


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    @property
    def hub(self) -> Hub:
        return self.server.hub

    def log_message(self, *args: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # every method goes one way
            return self.handle_request
        raise AttributeError(name)

    def handle_request(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                raw += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        url = urlsplit(self.path)
        parts = [unquote(part) for part in url.path.strip("/").split("/")]
        writes = self.command in {"POST", "PUT"} and "validate-yaml" not in url.path
        with self.hub.lock:
            self.hub.requests.append(f"{self.command} {url.path}")
            number = self.hub.writes
            self.hub.writes += writes
        try:
            if writes:
                self.hub.before(number)
            if parts[0] != "lfs" and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise RefusalError(401, "", "Invalid username or password.")
            with self.hub.lock:
                status, headers, body = self.route(parts, parse_qs(url.query), raw)
            if writes:
                self.hub.after(number)
        except RefusalError as error:
            status, headers = error.status, {"X-Error-Code": error.code} if error.code else {}
            body = json.dumps({"error": str(error) or error.code}).encode()
        except ConnectionResetError:
            self.close_connection = True
            return
        self.send_response(status)
        headers.setdefault("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    # ------------------------------------------------------------------ routes

    def route(
        self, parts: list[str], query: dict[str, list[str]], raw: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        if parts[0] == "lfs":
            return self.put_lfs(parts[1], raw)
        if parts == ["api", "repos", "create"]:
            return self.create(json.loads(raw))
        if parts == ["api", "validate-yaml"]:
            return self.validate_yaml(json.loads(raw))
        if parts[:2] == ["api", "datasets"] and len(parts) >= 4:
            return self.api("/".join(parts[2:4]), parts[4:], query, raw)
        if parts[0] == "datasets" and parts[3:6] == ["info", "lfs", "objects"]:
            return self.lfs_batch(json.loads(raw))
        if parts[0] == "datasets" and parts[3] == "resolve":
            return self.resolve("/".join(parts[1:3]), parts[4], "/".join(parts[5:]))
        raise RefusalError(404, "", "no such page")

    def api(
        self, name: str, rest: list[str], query: dict[str, list[str]], raw: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        repo = self.hub.repos.get(name)
        if repo is None:
            raise RefusalError(404, "RepoNotFound", "Repository Not Found")
        if not rest or rest[0] == "revision":
            return self.info(name, repo, rest[1] if rest else "main")
        if rest[0] == "refs":
            tags = [
                {"name": tag, "ref": f"refs/tags/{tag}", "targetCommit": sha}
                for tag, sha in repo.tags.items()
            ]
            main = {
                "name": "main",
                "ref": "refs/heads/main",
                "targetCommit": repo.commits[-1].sha,
            }
            return answer({"branches": [main], "converts": [], "tags": tags})
        if rest[0] == "tree":
            return self.tree(repo, rest[1], "/".join(rest[2:]), "recursive" in query)
        if rest[0] == "paths-info":
            return self.paths_info(repo, rest[1], raw)
        if rest[0] == "preupload":
            return self.preupload(repo, json.loads(raw))
        if rest[0] == "commit":
            return self.commit(repo, raw)
        if rest[0] == "tag":
            return self.tag(repo, rest[1], json.loads(raw))
        raise RefusalError(404, "", "no such page")

    def create(self, told: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        name = f"{told['organization']}/{told['name']}"
        if name in self.hub.repos:
            raise RefusalError(409, "", "You already created this dataset repo")
        repo = Repo(told.get("visibility") == "private" or bool(told.get("private")), [])
        repo.add("initial commit", {".gitattributes": File(b"*.parquet filter=lfs\n", lfs=False)})
        self.hub.repos[name] = repo
        return answer({"url": f"{self.hub.endpoint}/datasets/{name}", "name": name})

    def validate_yaml(self, told: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        import yaml

        head = yaml.safe_load(told["content"].split("---")[1])
        errors = [] if "configs" in head else [{"message": "no configs"}]
        return answer({"errors": errors, "warnings": []}, 400 if errors else 200)

    def info(self, name: str, repo: Repo, revision: str) -> tuple[int, dict[str, str], bytes]:
        commit = repo.at(revision)
        if commit is None:
            raise RefusalError(404, "RevisionNotFound", "Invalid rev id")
        siblings = [{"rfilename": path} for path in commit.files]
        return answer(
            {
                "_id": name,
                "id": name,
                "sha": commit.sha,
                "private": repo.private,
                "tags": [],
                "downloads": 0,
                "likes": 0,
                "siblings": siblings,
            }
        )

    def tree(
        self, repo: Repo, revision: str, folder: str, recursive: bool
    ) -> tuple[int, dict[str, str], bytes]:
        commit = repo.at(revision)
        if commit is None:
            raise RefusalError(404, "RevisionNotFound", "Invalid rev id")
        prefix = f"{folder}/" if folder else ""
        entries: dict[str, dict[str, Any]] = {}
        for path, file in sorted(commit.files.items()):
            if not path.startswith(prefix):
                continue
            inner = path.removeprefix(prefix)
            if "/" in inner:
                top = prefix + inner.split("/")[0]
                entries.setdefault(
                    top,
                    {"type": "directory", "path": top, "oid": git_blob(top.encode()), "size": 0},
                )
            if "/" not in inner or recursive:
                entries[path] = entry(path, file)
        if folder and not entries:
            raise RefusalError(404, "EntryNotFound", "no such folder")
        return answer(list(entries.values()))

    def paths_info(
        self, repo: Repo, revision: str, raw: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        commit = repo.at(revision)
        if commit is None:
            raise RefusalError(404, "RevisionNotFound", "Invalid rev id")
        told = json.loads(raw) if raw[:1] == b"{" else parse_qs(raw.decode())
        paths = told.get("paths", [])
        return answer([entry(path, commit.files[path]) for path in paths if path in commit.files])

    def preupload(self, repo: Repo, told: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        files = []
        for file in told["files"]:
            there = repo.commits[-1].files.get(file["path"])
            files.append(
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(".parquet") else "regular",
                    "shouldIgnore": False,
                    "oid": there and (there.sha256 if there.lfs else there.oid),
                }
            )
        return answer({"files": files})

    def lfs_batch(self, told: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        objects = []
        for item in told["objects"]:
            found: dict[str, Any] = {"oid": item["oid"], "size": item["size"]}
            if item["oid"] not in self.hub.lfs:
                href = f"{self.hub.endpoint}/lfs/{item['oid']}"
                found["actions"] = {"upload": {"href": href, "header": {}}}
            objects.append(found)
        headers = {"Content-Type": "application/vnd.git-lfs+json"}
        body = json.dumps({"transfer": "basic", "objects": objects}).encode()
        return 200, headers, body

    def put_lfs(self, oid: str, raw: bytes) -> tuple[int, dict[str, str], bytes]:
        if hashlib.sha256(raw).hexdigest() != oid:
            raise RefusalError(400, "", "digest does not fit")
        self.hub.lfs[oid] = raw
        self.hub.uploads.append(oid)
        return 200, {}, b""

    def commit(self, repo: Repo, raw: bytes) -> tuple[int, dict[str, str], bytes]:
        files = dict(repo.commits[-1].files)
        title = ""
        for line in raw.splitlines():
            told = json.loads(line)
            key, value = told["key"], told["value"]
            if key == "header":
                title = value["summary"]
                parent = value.get("parentCommit")
                if parent is not None and parent != repo.commits[-1].sha:
                    raise RefusalError(412, "", "A commit has happened since")
            elif key == "file":
                files[value["path"]] = File(base64.b64decode(value["content"]), lfs=False)
            elif key == "lfsFile":
                if value["oid"] not in self.hub.lfs:
                    raise RefusalError(400, "", "LFS pointer pointed to a file that does not exist")
                files[value["path"]] = File(self.hub.lfs[value["oid"]], lfs=True)
            elif key == "deletedFile" and files.pop(value["path"], None) is None:
                raise RefusalError(404, "EntryNotFound", "A file with this name doesn't exist")
        commit = repo.add(title, files)
        name = next(name for name, held in self.hub.repos.items() if held is repo)
        url = f"{self.hub.endpoint}/datasets/{name}/commit/{commit.sha}"
        return answer({"success": True, "commitOid": commit.sha, "commitUrl": url})

    def tag(
        self, repo: Repo, revision: str, told: dict[str, Any]
    ) -> tuple[int, dict[str, str], bytes]:
        commit = repo.at(revision)
        if commit is None:
            raise RefusalError(404, "RevisionNotFound", "Invalid rev id")
        if told["tag"] in repo.tags:
            raise RefusalError(409, "", "Tag reference exists already")
        repo.tags[told["tag"]] = commit.sha
        return answer({}, 201)

    def resolve(self, name: str, revision: str, path: str) -> tuple[int, dict[str, str], bytes]:
        repo = self.hub.repos.get(name)
        if repo is None:
            raise RefusalError(404, "RepoNotFound", "Repository Not Found")
        commit = repo.at(revision)
        if commit is None:
            raise RefusalError(404, "RevisionNotFound", "Invalid rev id")
        file = commit.files.get(path)
        if file is None:
            raise RefusalError(404, "EntryNotFound", "Entry not found")
        headers = {
            "ETag": f'"{file.sha256 if file.lfs else file.oid}"',
            "X-Repo-Commit": commit.sha,
            "Accept-Ranges": "bytes",
        }
        body, status = file.content, 200
        asked = self.headers.get("Range", "")
        if asked.startswith("bytes="):
            first, _, last = asked.removeprefix("bytes=").partition("-")
            end = min(int(last) + 1 if last else len(body), len(body))
            headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(body)}"
            body, status = body[int(first) : end], 206
        headers["Content-Length"] = str(len(body))
        return status, headers, body


def entry(path: str, file: File) -> dict[str, Any]:
    told: dict[str, Any] = {
        "type": "file",
        "path": path,
        "oid": file.oid,
        "size": len(file.content),
    }
    if file.lfs:
        told["lfs"] = {"oid": file.sha256, "size": len(file.content), "pointerSize": 130}
    return told


def answer(value: Any, status: int = 200) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


@contextmanager
def running_hub() -> Iterator[Hub]:
    """The stand-in on a free port of the loopback interface."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub = Hub(endpoint=f"http://127.0.0.1:{server.server_port}")
    server.hub = hub  # type: ignore[attr-defined]
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
