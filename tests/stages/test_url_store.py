"""`paths.store` at a URL: an S3 server on loopback that workers share, and nothing else."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from curate.errors import RunError
from curate.io import TEMP_PREFIX, atomic_path, fetched, read_rows, read_schema, write_json
from curate.places import UrlPath, place
from curate.runs import leases
from curate.runs.fingerprint import Recipe
from curate.runs.output import load_result, load_results
from curate.runs.store import Store
from tests.conftest import ROOT
from tests.dataset.servers import s3_server
from tests.runs.test_store import SCHEMA, made
from tests.stages.test_engines import write_input

SMALL = ("name=e", "review=none", "pages.unit_bytes=8192")


@pytest.fixture
def bucket() -> Iterator[str]:
    with s3_server() as (_env, url):
        yield url.rpartition("/")[0]


def start(folder: Path, source: object, *overrides: str) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "curate", "run", f"pages.path={source}", *SMALL, *overrides],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str]) -> str:
    told, _ = process.communicate(timeout=300)
    assert process.returncode == 0, told
    return told


def stored(root: Path | str) -> dict[str, str]:
    """Digest of every table of a store, here or at a URL."""
    if isinstance(root, Path):
        found = {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in root.rglob("*")
            if path.suffix == ".parquet"
        }
    else:
        url = UrlPath(root)
        names = [name for name in url.sizes() if name.endswith(".parquet")]
        found = {name: (url / name).read_bytes() for name in names}
    assert not [name for name in found if TEMP_PREFIX in name]
    return {name: hashlib.sha256(raw).hexdigest() for name, raw in found.items()}


def published(folder: Path) -> dict[str, str]:
    files = (folder / "exports" / "e" / "v0001").rglob("*.parquet")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("labeler", ["rules", pytest.param("model", marks=pytest.mark.acceptance)])
def test_a_killed_run_goes_on_and_leaves_what_a_folder_would(
    tmp_path: Path, bucket: str, labeler: str
) -> None:
    source, url = tmp_path / "pages.jsonl", f"{bucket}/store"
    write_input(source, 120)
    options = ("engine.workers=2", f"labeler={labeler}")
    ended(start(tmp_path / "here", source, *options))
    away = (*options, f"paths.store={url}")
    killed = start(tmp_path / "away", source, *away)
    while not any(name.startswith("segments/") for name in stored(url)):
        assert killed.poll() is None, killed.communicate()[0]
        time.sleep(0.05)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    before = UrlPath(url).sizes()
    told = ended(start(tmp_path / "away", source, *away))
    assert set(before) - {n for n in before if n.startswith(".locks/")} <= set(UrlPath(url).sizes())
    assert stored(url) == stored(tmp_path / "here" / ".curate" / "store")
    assert published(tmp_path / "away") == published(tmp_path / "here")
    assert not (tmp_path / "away" / ".curate" / "store").exists()
    states = [line.split()[:2] for line in told.splitlines()]
    assert ["pages", "unchanged"] in states


@pytest.mark.filterwarnings("ignore")
def test_two_nodes_share_the_url_alone(tmp_path: Path, bucket: str) -> None:
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    source, url = tmp_path / "pages.jsonl", f"{bucket}/store"
    write_input(source, 60)
    pages = f"{bucket}/pages.jsonl"
    fsspec.filesystem("s3").put_file(str(source), pages)
    ended(start(tmp_path / "here", pages, "engine=serial", "labeler=rules"))
    options: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80_000_000}
    cluster = Cluster(initialize_head=True, head_node_args={**options, "include_dashboard": False})
    try:
        cluster.add_node(**options)
        cluster.wait_for_nodes()
        ended(
            start(
                tmp_path / "away",
                pages,
                "engine=ray",
                f"engine.address={cluster.address}",
                f"paths.store={url}",
                "labeler=rules",
            )
        )
    finally:
        cluster.shutdown()
    assert stored(url) == stored(tmp_path / "here" / ".curate" / "store")
    assert not (tmp_path / "away" / ".curate" / "store").exists()


def test_outputs_at_a_url_are_found_and_collected(tmp_path: Path, bucket: str) -> None:
    store = Store.of(f"{bucket}/store", str(tmp_path / "state"))
    folder = UrlPath(str(made(store, "aaaa")))
    made(store, "bbbb")
    assert sorted(load_results(folder, ["aaaa", "none", "bbbb"])) == ["aaaa", "bbbb"]
    assert load_result(folder, "none") is None
    (folder / "bbbb-0000.parquet").unlink()
    assert list(load_results(folder, ["aaaa", "bbbb"])) == ["aaaa"]
    assert load_result(folder, "bbbb") is None
    assert [b.num_rows for b in read_rows(folder / "aaaa-0000.parquet", columns=["n"])] == [3]
    assert read_schema(folder / "aaaa-0000.parquet") == SCHEMA
    used = [("pages", folder.name, "aaaa")]
    (row,) = store.status(used).stages
    assert (row.n_files, row.n_unused) == (4, 1)
    with store.alone():
        assert store.collect(used) == row.n_unused_bytes
    assert sorted(folder.names()) == ["aaaa-0000.parquet", "aaaa.json", "recipe.json"]
    with store.alone():
        store.collect([])
    assert folder.sizes() == {}


def test_a_run_elsewhere_keeps_a_collector_out_until_its_lease_is_old(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Store.of(f"{bucket}/store", str(tmp_path / "here"))
    away = Store.of(f"{bucket}/store", str(tmp_path / "away"))
    with here.in_use(print), away.in_use(print), pytest.raises(RunError) as caught, here.alone():
        pass
    assert "is going on and uses" in str(caught.value)
    with here.in_use(print), pytest.raises(RunError) as caught, away.alone():
        pass
    assert str(caught.value).startswith("a run of process")
    with away.alone():
        pass
    locks = UrlPath(f"{bucket}/store/.locks")
    assert locks.sizes() == {}
    write_json(locks / "run-dead.json", {"process": 1, "host": "gone", "time": time.time() - 700})
    with away.alone():
        assert locks.names() == {"collecting.json"}
    write_json(locks / "collecting.json", {"process": 1, "host": "h", "time": time.time() - 599.8})
    monkeypatch.setattr(leases, "LOOK_S", 0.05)
    waits: list[str] = []
    with here.in_use(waits.append):
        assert waits == ["waiting for `curate store gc` of process 1 on h, which is collecting"]


def test_what_fails_leaves_nothing_at_the_url(bucket: str) -> None:
    target = UrlPath(f"{bucket}/store/pages/f/x.json")
    temps: list[Path] = []

    def break_off() -> None:
        with atomic_path(target) as temp:
            temps.append(temp)
            temp.write_text("half")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        break_off()
    assert not target.is_file()
    assert not temps[0].exists()
    with atomic_path(target) as temp:
        temp.write_text("whole")
    with fetched(target) as here:
        assert here.read_text() == "whole"
    assert not here.exists()
    with pytest.raises(FileNotFoundError):
        (target.parent / "other.json").read_bytes()


def test_urls_that_can_not_be_a_store(tmp_path: Path, bucket: str) -> None:
    with pytest.raises(RunError, match=r"paths\.store holds credentials"):
        place("s3://key:secret@bucket/store")
    with pytest.raises(RunError, match="workers can't see memory"):
        place("memory://store")
    assert place("file:///data/store") == Path("/data/store")
    assert place("store") == Path("store")
    assert place("s3://b/store/") == UrlPath("s3://b/store")
    store = Store.of("s3://no-such-bucket-here/store", str(tmp_path))
    with pytest.raises(RunError, match=r"s3://no-such-bucket-here/store/.*finished work is kept"):
        store.folder(Recipe("pages", {}, {}, {}))
    with pytest.raises(RunError, match=r"nosuch://x/.*Protocol not known"):
        Store.of("nosuch://x/y", str(tmp_path)).folder(Recipe("pages", {}, {}, {}))


def test_where_a_store_is_not_atomic_a_file_gets_its_name_last(tmp_path: Path) -> None:
    target = UrlPath(f"file://{tmp_path}/pages/f/x.json")
    target.write_text("old")
    with pytest.raises(RunError, match=r"pages/f/x\.json: "), atomic_path(target) as temp:
        temp.unlink(missing_ok=True)  # so that there is nothing to upload
    assert target.read_text() == "old"
    assert [path.name for path in (tmp_path / "pages" / "f").iterdir()] == ["x.json"]
    assert target.parent.names() == {"x.json"}
    assert UrlPath(f"file://{tmp_path}").sizes() == {"pages/f/x.json": 3}
