"""`paths.exports` at a URL: in memory, and on an S3 server on loopback."""

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import pytest

from curate.dataset import Published, Remote, exchange_work, remote_lock
from curate.dataset.remote_lock import RemoteLock
from curate.errors import DatasetError

from .conftest import Bench, make_docs

pytestmark = pytest.mark.usefixtures("fast")

BOTH = pytest.mark.parametrize("url", ["memory", "s3"], indirect=True)
"""In every run; the other tests are on S3 in `make acceptance`."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_lock, "RENEW_S", 0.1)
    monkeypatch.setattr(remote_lock, "PATIENCE_S", 0.6)
    monkeypatch.setattr(remote_lock, "LOOK_S", 0.02)


def there(url: str, under: str = "") -> dict[str, bytes]:
    fs, root = fsspec.core.url_to_fs(f"{url}/demo", skip_instance_cache=True)
    fs.invalidate_cache()
    found = {str(path).split(root + "/", 1)[1]: path for path in fs.find(root)}
    return {name: fs.cat_file(path) for name, path in found.items() if name.startswith(under)}


def latest(url: str) -> dict[str, Any]:
    return json.loads(there(url, "latest.json")["latest.json"])


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@BOTH
def test_the_url_holds_what_a_folder_would(url: str, tmp_path: Path) -> None:
    here, away = Bench(tmp_path / "here"), Bench(tmp_path / "away")
    for docs in (make_docs(), make_docs(13)):
        plain = here.publish(docs)
        told = away.publish(docs, exports_url=url, neighbours=("text",))
        assert told.url == f"{url}/demo/{plain.version}"
    at_url = there(url)
    neighbours = [name for name in at_url if name.startswith("neighbours/v0002/text/")]
    assert len(neighbours) == 39
    for version in ("v0001", "v0002"):
        mine = {
            name.split("/", 1)[1]: raw
            for name, raw in at_url.items()
            if name.startswith(f"{version}/")
        }
        plain_files = files(here.home / version)
        assert mine.pop("manifest.json")
        assert plain_files.pop("manifest.json")  # tells that neighbours were asked for
        assert mine == plain_files
    assert json.loads(at_url["latest.json"]) == json.loads((here.home / "latest.json").read_text())
    assert not any(name.startswith(".") for name in at_url)  # the lock is given back


def test_another_machine_goes_on_and_the_first_one_after_it(url: str, tmp_path: Path) -> None:
    one, two = Bench(tmp_path / "one"), Bench(tmp_path / "two")
    one.publish(make_docs(), exports_url=url)
    told = two.publish(make_docs(), exports_url=url)
    assert (told.version, told.changed) == ("v0001", False)
    told = two.publish(make_docs(13), exports_url=url)
    assert told.diff is not None
    assert (told.version, told.diff["pages"]["added"]) == ("v0002", 3)
    told = one.publish(make_docs(14), exports_url=url)
    assert told.diff is not None
    assert (told.version, told.diff["pages"]["added"]) == ("v0003", 3)
    assert [entry["version"] for entry in latest(url)["versions"]] == ["v0001", "v0002", "v0003"]


@dataclass
class Breaking:
    """A file system that breaks at one of its writes."""

    fs: Any
    at: int
    count: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.fs, name)

    def _step(self) -> None:
        self.count += 1
        if self.count == self.at:
            raise OSError("connection lost")

    def put_file(self, *args: Any) -> None:
        self._step()
        self.fs.put_file(*args)

    def pipe_file(self, path: str, *args: Any, **kwargs: Any) -> None:
        if not path.endswith(".lock"):
            self._step()
        self.fs.pipe_file(path, *args, **kwargs)


def broken_publish(bench: Bench, docs: list[Any], url: str, at: int) -> Published | str:
    init = Remote.__init__

    def breaking(self: Remote, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        self._fs = Breaking(self._fs, at)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Remote, "__init__", breaking)
        try:
            return bench.publish(docs, exports_url=url)
        except DatasetError as error:
            return str(error)


@pytest.mark.parametrize("at", [1, 4, pytest.param(9, marks=pytest.mark.acceptance), 10])
def test_an_upload_that_breaks_anywhere_is_invisible_and_made_good(
    url: str, bench: Bench, at: int
) -> None:
    """Nine files of a version, then latest.json."""
    bench.publish(make_docs(), exports_url=url)
    before = latest(url)
    told = broken_publish(bench, make_docs(13), url, at)
    assert told == (
        f"paths.exports {url}/demo: connection lost; correct it, or publish again later"
    )
    assert latest(url) == before
    again = bench.publish(make_docs(13), exports_url=url)
    assert (again.version, again.url) == ("v0002", f"{url}/demo/v0002")
    assert latest(url)["version"] == "v0002"
    version = there(url, "v0002/")
    assert {f"v0002/{k}": v for k, v in files(bench.home / "v0002").items()} == version


def test_what_never_went_up_gives_way_to_another_machines_version(
    memory: str, tmp_path: Path
) -> None:
    one, two = Bench(tmp_path / "one"), Bench(tmp_path / "two")
    one.publish(make_docs(), exports_url=memory)
    assert "connection lost" in str(broken_publish(one, make_docs(13), memory, 4))
    assert (one.home / "v0002").is_dir()
    two.publish(make_docs(14), exports_url=memory)
    told = one.publish(make_docs(13), exports_url=memory)
    assert told.diff is not None
    assert (told.version, told.diff["pages"]["removed"]) == ("v0003", 3)
    assert files(one.home / "v0002") == files(two.home / "v0002")


def test_notes_written_into_the_card_at_the_url_survive(memory: str, bench: Bench) -> None:
    bench.publish(make_docs(), exports_url=memory)
    fs, root = fsspec.core.url_to_fs(f"{memory}/demo/v0001/README.md")
    card = fs.cat_file(root).decode()
    fs.pipe_file(root, card.replace("Text written here", "Ask Ada. Text written here").encode())
    bench.publish(make_docs(13), exports_url=memory)
    assert b"Ask Ada. Text written here" in there(memory)["v0002/README.md"]


def test_credentials_in_the_url_are_refused(bench: Bench) -> None:
    with pytest.raises(DatasetError, match=r"paths\.exports holds credentials; take them out"):
        bench.publish(make_docs(), exports_url="s3://key:secret@bucket/exports")


# ------------------------------------------------------------------------- lock


@pytest.fixture
def held(url: str) -> Iterator[RemoteLock]:
    """A lock of somebody else, alive."""
    fs, root = fsspec.core.url_to_fs(f"{url}/demo")
    fs.makedirs(root, exist_ok=True)
    lock = RemoteLock(fs, f"{root}/.publish.lock", url, lambda line: None)
    lock.take()
    yield lock
    lock.give_back()


@BOTH
def test_a_second_publisher_is_refused(held: RemoteLock, url: str, bench: Bench) -> None:
    told: list[str] = []
    with pytest.raises(DatasetError, match=r"process \d+ on .* is publishing this dataset; wait"):
        bench.publish(make_docs(), exports_url=url, progress=lambda what, *_: told.append(what))
    assert "watching if it still works" in told[0]
    held.give_back()
    assert bench.publish(make_docs(), exports_url=url).version == "v0001"


def test_the_lock_of_a_publisher_that_died_is_taken_over(memory: str, bench: Bench) -> None:
    fs, root = fsspec.core.url_to_fs(f"{memory}/demo/.publish.lock")
    fs.makedirs(root.rsplit("/", 1)[0], exist_ok=True)
    # On another machine: only watching tells. On this one: its process is gone.
    for met in (
        {"process": 1, "host": "elsewhere", "machine": "x", "token": "t", "renewed": 7},
        {"process": 2**22 + 1, "machine": remote_lock._machine(), "token": "t", "renewed": 7},
    ):
        fs.pipe_file(root, json.dumps(met).encode())
        begun = time.monotonic()
        bench.publish(make_docs(), exports_url=memory)
        assert (time.monotonic() - begun > remote_lock.PATIENCE_S) or met["machine"] != "x"
        assert not fs.exists(root)


def test_a_publisher_that_lost_its_lock_makes_nothing_visible(
    memory: str, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = Remote._upload

    def overtaken(self: Remote, *args: Any) -> None:
        upload(self, *args)
        self._fs.pipe_file(f"{self._root}/.publish.lock", b'{"token": "another"}')

    monkeypatch.setattr(Remote, "_upload", overtaken)
    with pytest.raises(DatasetError, match="its lock was lost to another publisher"):
        bench.publish(make_docs(), exports_url=memory)
    assert "latest.json" not in there(memory)


# ------------------------------------------------------------------ people's work

RECORD = "withdrawn.jsonl"


@dataclass
class Machine:
    """A working copy with files of work; their content doesn't matter here."""

    folder: Path
    url: str

    def sync(self, **options: Any) -> int:
        remote = Remote(self.url, "demo", option="paths.exports", leads=True)
        return exchange_work(remote, self.folder, record=RECORD, **options)

    def pull(self, name: str) -> None:
        path = self.folder / "annotations" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)

    def withdraw(self, name: str, into: str | None, at: str) -> None:
        """As `curate review withdraw` does: the record, then files with fewer rows."""
        with (self.folder / "annotations" / RECORD).open("a") as file:
            file.write(json.dumps({"withdrawn": "annotator", "key": "a", "at": at}) + "\n")
        if into:
            self.pull(into)
        (self.folder / "annotations" / name).unlink()

    def names(self) -> set[str]:
        return {path.name for path in (self.folder / "annotations").glob("*.parquet")}


@pytest.fixture
def machines(url: str, tmp_path: Path) -> tuple[Machine, Machine]:
    return Machine(tmp_path / "one", url), Machine(tmp_path / "two", url)


def test_work_of_all_machines_is_everywhere(machines: tuple[Machine, Machine], url: str) -> None:
    one, two = machines
    one.pull("000001-a.parquet")
    two.pull("000001-b.parquet")  # pulled at the same time: another digest, another file
    assert (one.sync(), two.sync(), one.sync()) == (1, 2, 1)
    both = {"000001-a.parquet", "000001-b.parquet"}
    assert one.names() == two.names() == both
    assert {name.split("/")[1] for name in there(url, "annotations/")} == both
    assert (one.sync(), two.sync()) == (0, 0)
    one.pull("000002-c.parquet")
    assert one.sync(send=False) == 0  # a dry run only reads
    assert len(there(url, "annotations/")) == 2


def test_a_lost_working_copy_comes_back_whole(machines: tuple[Machine, Machine], url: str) -> None:
    one, _ = machines
    one.pull("000001-a.parquet")
    one.pull("000002-b.parquet")
    one.sync()
    (one.folder / "annotations" / "000001-a.parquet").unlink()  # nobody withdrew it
    one.sync()
    assert one.names() == {"000001-a.parquet", "000002-b.parquet"}
    shutil.rmtree(one.folder)
    one.sync()
    assert one.names() == {"000001-a.parquet", "000002-b.parquet"}
    assert len(there(url, "annotations/")) == 2


@BOTH
def test_withdrawn_work_is_gone_everywhere_and_stays_so(
    machines: tuple[Machine, Machine], url: str
) -> None:
    one, two = machines
    for name in ("000001-a.parquet", "000002-b.parquet"):
        one.pull(name)
    one.sync()
    two.sync()
    one.withdraw("000001-a.parquet", "000001-f.parquet", "2026-01-01T00:00:00+00:00")
    one.sync()
    left = {"000001-f.parquet", "000002-b.parquet"}
    assert {n.split("/")[1] for n in there(url, "annotations/") if n.endswith("t")} >= left
    assert "annotations/000001-a.parquet" not in there(url)
    two.withdraw("000002-b.parquet", None, "2026-01-02T00:00:00+00:00")  # not yet knowing of it
    two.sync()
    one.sync()
    assert one.names() == two.names() == {"000001-f.parquet"}
    assert {n for n in there(url, "annotations/") if n.endswith(".parquet")} == {
        "annotations/000001-f.parquet"
    }
    records = [(m.folder / "annotations" / RECORD).read_text() for m in machines]
    assert records[0] == records[1] == there(url)[f"annotations/{RECORD}"].decode()
    assert [json.loads(line)["at"][:10] for line in records[0].splitlines()] == [
        "2026-01-01",
        "2026-01-02",
    ]


def test_work_that_could_not_go_up_stays_and_goes_up_later(memory: str, tmp_path: Path) -> None:
    one = Machine(tmp_path / "one", memory)
    one.pull("000001-a.parquet")
    init = Remote.__init__

    def breaking(self: Remote, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        self._fs = Breaking(self._fs, 1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Remote, "__init__", breaking)
        with pytest.raises(DatasetError, match="connection lost"):
            one.sync()
    assert one.names() == {"000001-a.parquet"}
    assert one.sync() == 1
    assert "annotations/000001-a.parquet" in there(memory)
