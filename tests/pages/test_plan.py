from __future__ import annotations

import pickle
from collections.abc import Iterable
from pathlib import Path

import pytest

from curate.errors import PageError
from curate.pages import DigestCache, PagesConfig, Unit, plan_units, read_unit
from curate.schema import Page

from . import archives


def fill(root: Path, n: int, size: int = 200) -> Path:
    for number in range(n):
        path = root / f"s{number % 7}/page-{number:04}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{number} " + "w" * size)
    return root


def plan(path: Path | str | list[str], cache: DigestCache | None = None, **options) -> list[Unit]:
    written = path if isinstance(path, list) else str(path)
    return list(plan_units(PagesConfig(path=written, **options), cache))


def states(units: Iterable[Unit]) -> set[tuple[str, str]]:
    return {(unit.key, unit.version) for unit in units}


def test_units_cover_each_file_once_and_can_be_sent(tmp_path: Path) -> None:
    units = plan(fill(tmp_path, 1500))
    assert sum(len(unit.names) for unit in units) == 1500
    assert len({name for unit in units for name in unit.names}) == 1500
    assert 5 < len(units) < 60
    assert pickle.loads(pickle.dumps(units)) == units
    assert len({unit.key for unit in units}) == len(units)


@pytest.mark.parametrize("new", ["s0/aaa.txt", "s3/page-0700b.txt", "s6/zzz.txt", "zz.txt"])
def test_one_file_more_changes_one_unit(tmp_path: Path, new: str) -> None:
    before = states(plan(fill(tmp_path, 1000)))
    (tmp_path / new).write_text("More words.")
    after = states(plan(tmp_path))
    assert len(after - before) <= 2
    assert len(before - after) <= 1


def test_a_changed_file_changes_one_version(tmp_path: Path) -> None:
    before = plan(fill(tmp_path, 1000))
    (tmp_path / "s3/page-0003.txt").write_text("Other words.")
    after = plan(tmp_path)
    assert [unit.key for unit in before] == [unit.key for unit in after]
    assert sum(a.version != b.version for a, b in zip(before, after, strict=True)) == 1


def test_touching_or_moving_files_changes_nothing(tmp_path: Path) -> None:
    one = fill(tmp_path / "one", 50)
    before = states(plan(one))
    (one / "s0/page-0000.txt").touch()
    assert states(plan(one)) == before
    assert states(plan(one.rename(tmp_path / "two"))) == before


def test_large_files_do_not_share_a_unit_with_many(tmp_path: Path) -> None:
    units = plan(fill(tmp_path, 60, size=2000), unit_bytes=8192)
    assert len(units) > 10
    assert max(unit.n_bytes for unit in units) <= 2 * 8192


def test_the_cache_spares_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    from curate.pages import facts

    root = fill(tmp_path / "in", 30)
    (root / "a.jsonl").write_text('{"text": "a"}\n' * 2000)
    for path in root.rglob("*"):
        os.utime(path, (10**9, 10**9))
    with DigestCache(tmp_path / "cache/digests") as cache:
        first = plan(root, cache, unit_bytes=4096)
    looked: list[str] = []
    look = facts._look
    monkeypatch.setattr(
        facts, "_look", lambda found, size: looked.append(found.name) or look(found, size)
    )
    with DigestCache(tmp_path / "cache/digests") as cache:
        assert plan(root, cache, unit_bytes=4096) == first
        assert looked == []
        (root / "s0/page-0000.txt").write_text("Changed.")
        assert plan(root, cache, unit_bytes=4096) != first
        assert looked == ["s0/page-0000.txt"]
        looked.clear()
        plan(root, cache, unit_bytes=8192)
        assert "a.jsonl" in looked


def test_a_file_changed_just_now_is_not_remembered(tmp_path: Path) -> None:
    import time

    with DigestCache(tmp_path / "digests") as cache:
        cache.put("a", 1, time.time_ns(), "new")
        cache.put("b", 1, time.time_ns() - 10**10, "old")
        cache.flush()
        assert cache.get("a", 1, time.time_ns()) is None
    with DigestCache(tmp_path / "digests") as cache:
        assert cache.get("b", 2, 0) is None


def test_a_damaged_cache_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "digests"
    path.write_bytes(b"not a database" * 100)
    with DigestCache(path) as cache:
        cache.put("a", 1, 5, {"x": 1})
        cache.flush()
        assert cache.get("a", 1, 5) == {"x": 1}


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with DigestCache(tmp_path / "file/digests") as cache:
        cache.put("a", 1, 5, "x")
        assert cache.get("a", 1, 5) is None


def test_two_runs_share_a_cache(tmp_path: Path) -> None:
    with DigestCache(tmp_path / "d") as one, DigestCache(tmp_path / "d") as two:
        for number in range(1200):
            (one if number % 2 else two).put(f"f{number}", 1, 1, number)
        one.flush()
        two.flush()
        assert one.get("f2", 1, 1) == 2
        assert two.get("f1199", 1, 1) == 1199


@pytest.mark.parametrize("limit", [1, 3, 10, 11, 12, 100])
def test_limit(tmp_path: Path, limit: int) -> None:
    fill(tmp_path / "in", 8)
    (tmp_path / "in/b.warc.gz").write_bytes(archives.members(archives.pages(4)))
    config = PagesConfig(path=str(tmp_path / "in"), limit=limit)
    units = list(plan_units(config))
    pages = [item for unit in units for item in read_unit(unit, config) if isinstance(item, Page)]
    assert len(pages) == min(limit, 12)
    everything = PagesConfig(path=str(tmp_path / "in"))
    whole = [
        item
        for unit in plan_units(everything)
        for item in read_unit(unit, everything)
        if isinstance(item, Page)
    ]
    assert pages == whole[:limit]
    if limit < 12:
        assert units[-1].version not in {unit.version for unit in plan_units(everything)}


def test_lists_keep_their_entries_apart(tmp_path: Path, read) -> None:
    for name in ("x/in/1.txt", "y/in/1.txt", "z.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    paths = [str(tmp_path / name) for name in ("x/in", "y/in", "z.txt", "z.txt")]
    found = read(paths)
    assert [page.source for page in found.pages] == ["x/in/1.txt", "y/in/1.txt", "z.txt"]
    assert len({page.page_key for page in found.pages}) == 3


def test_globs(tmp_path: Path, read) -> None:
    fill(tmp_path, 20)
    assert len(read(f"{tmp_path}/s1/*.txt").pages) == 3
    assert len(read(f"{tmp_path}/**/*.txt").pages) == 20
    assert len(read(f"{tmp_path}/s[12]").pages) == 6
    assert [page.source for page in read(f"{tmp_path}/s1/*1.txt").pages] == ["page-0001.txt"]


def test_a_folder_whose_name_is_a_glob(tmp_path: Path, read) -> None:
    fill(tmp_path / "odd[1]*", 3)
    assert len(read(tmp_path / "odd[1]*").pages) == 3


@pytest.mark.shared
def test_real_pages(shared: Path, read) -> None:
    found = read(shared / "data/wcxb-dev.parquet")
    assert (len(found.pages), len(found.items)) == (1354, 1354)
    assert sum("undecodable" in (page.charset or "") for page in found.pages) < 20
    text = read(shared / "data/pages").pages
    raw = (shared / "data/pages/gvwire-iraqi-militia-leader.txt").read_bytes().decode()
    assert [page.content for page in text] == [raw]


def test_the_message_for_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(PageError, match=r"^pages\.path=.*: there is no file in it; give a folder"):
        plan(tmp_path)


def test_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read) -> None:
    fill(tmp_path / "in", 3)
    monkeypatch.chdir(tmp_path)
    assert all(Path(uri).is_absolute() for unit in plan("in") for uri in unit.uris)
    assert read("in").items == read(tmp_path / "in").items
    assert plan("./in/*/*.txt")[0].names[0] == "s0/page-0000.txt"
    assert [page.source for page in read("in/s0/page-0000.txt").pages] == ["page-0000.txt"]
