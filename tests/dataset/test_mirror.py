"""Copies of versions at fsspec URLs: in memory, and on an S3 server on loopback."""

import json
from pathlib import Path
from typing import Any

import fsspec
import pytest

from curate.dataset.remote import Remote
from curate.dataset.versions import Home
from curate.errors import DatasetError

from .conftest import Bench, make_docs

pytestmark = pytest.mark.usefixtures("fast")


def there(url: str) -> dict[str, bytes]:
    fs, root = fsspec.core.url_to_fs(f"{url}/demo", skip_instance_cache=True)
    return {path.split(root + "/", 1)[1]: fs.cat_file(path) for path in fs.find(root)}


def here(bench: Bench, *versions: str) -> dict[str, bytes]:
    return {
        path.relative_to(bench.home).as_posix(): path.read_bytes()
        for version in versions
        for path in (bench.home / version).rglob("*")
        if path.is_file()
    }


class Breaking:
    """A file system whose fourth upload breaks."""

    def __init__(self, fs: Any) -> None:
        self.fs, self.count = fs, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.fs, name)

    def put_file(self, *args: Any) -> None:
        self.count += 1
        if self.count == 4:
            raise OSError("connection lost")
        self.fs.put_file(*args)


def test_every_version_is_copied_and_another_machine_goes_on(url: str, tmp_path: Path) -> None:
    one, two = Bench(tmp_path / "one"), Bench(tmp_path / "two")
    told = one.publish(make_docs(), mirror=url)
    assert told.mirrored == f"{url}/demo/v0001"
    copied = there(url)
    assert json.loads(copied.pop("latest.json")) == json.loads(
        (one.home / "latest.json").read_text()
    )
    assert copied == here(one, "v0001")
    assert b"bucket" not in copied["v0001/manifest.json"]

    told = two.publish(make_docs(13), mirror=url)
    assert told.version == "v0002"
    assert told.diff is not None
    assert told.diff["pages"] == {"added": 3, "removed": 0, "changed": 0, "unchanged": 36}
    assert here(two, "v0001") == here(one, "v0001")

    again = one.publish(make_docs(13), mirror=url)
    assert (again.version, again.changed) == ("v0002", False)
    copied = there(url)
    assert [v["version"] for v in json.loads(copied.pop("latest.json"))["versions"]] == [
        "v0001",
        "v0002",
    ]
    assert copied == here(two, "v0001", "v0002")


def test_an_upload_that_breaks_is_invisible_and_made_good(
    url: str, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.publish(make_docs(), mirror=url)
    before = there(url)["latest.json"]
    init = Remote.__init__

    def breaks_at_the_fourth(self: Remote, *args: str, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        self._fs = Breaking(self._fs)

    with monkeypatch.context() as patch:
        patch.setattr(Remote, "__init__", breaks_at_the_fourth)
        with pytest.raises(DatasetError, match="connection lost; correct it, or publish again"):
            bench.publish(make_docs(13), mirror=url)
    half = there(url)
    assert half["latest.json"] == before
    assert 0 < len([path for path in half if path.startswith("v0002/")]) < 9
    told = bench.publish(make_docs(13), mirror=url)
    assert (told.version, told.changed, told.mirrored) == ("v0002", False, f"{url}/demo/v0002")
    copied = there(url)
    assert json.loads(copied.pop("latest.json"))["version"] == "v0002"
    assert copied == here(bench, "v0001", "v0002")


def test_somebody_elses_version_meanwhile_is_not_overwritten(
    memory: str, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.publish(make_docs(), mirror=memory)
    upload = Remote._upload

    def meanwhile(self: Remote, *args: Any) -> None:
        upload(self, *args)
        told = json.loads(self._fs.cat_file(f"{self._root}/latest.json"))
        told["versions"].append({"version": "v0002", "digest": "other"})
        self._fs.pipe_file(f"{self._root}/latest.json", json.dumps(told).encode())

    monkeypatch.setattr(Remote, "_upload", meanwhile)
    with pytest.raises(DatasetError, match="somebody else has published there meanwhile"):
        bench.publish(make_docs(13), mirror=memory)
    with pytest.raises(DatasetError, match="has other versions than"):
        bench.publish(make_docs(14), mirror=memory)


def test_a_damaged_copy_is_not_taken_over(memory: str, tmp_path: Path) -> None:
    Bench(tmp_path / "one").publish(make_docs(), mirror=memory)
    fs, root = fsspec.core.url_to_fs(f"{memory}/demo")
    path = next(path for path in fs.find(root) if "pages/train" in path)
    fs.pipe_file(path, fs.cat_file(path)[:-1] + b"x")
    two = Bench(tmp_path / "two")
    with pytest.raises(DatasetError, match=r"v0001 is damaged: its files are not as"):
        two.publish(make_docs(13), mirror=memory)
    assert not (two.home / "latest.json").exists()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("s3://key:secret@bucket/exports", "dataset.mirror holds credentials; take them out"),
        ("nosuch://bucket", "Protocol not known: nosuch"),
    ],
)
def test_unusable_urls_are_told(bench: Bench, url: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message) as error:
        bench.publish(make_docs(), mirror=url)
    assert "secret" not in str(error.value)
    assert not (bench.home / "v0001").exists()


def test_versions_deleted_here_stay_there(memory: str, bench: Bench) -> None:
    import shutil

    bench.publish(make_docs(), mirror=memory)
    bench.publish(make_docs(13), mirror=memory)
    shutil.rmtree(bench.home / "v0001")
    told = bench.publish(make_docs(14), mirror=memory)
    assert told.version == "v0003"
    assert {path.split("/")[0] for path in there(memory)} == {
        "latest.json",
        "v0001",
        "v0002",
        "v0003",
    }
    assert Home(bench.home).next_version() == "v0004"
