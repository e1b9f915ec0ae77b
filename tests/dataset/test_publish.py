import json
import re
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curate.dataset import Published, compare
from curate.dataset.spool import SpoolFile, SpoolWriter
from curate.dataset.versions import publish_lock
from curate.errors import DatasetError
from curate.runs.calls import PoolCalls

from .conftest import LABELS, Bench, Doc, Seg, key_of, make_doc, make_docs

pytestmark = pytest.mark.usefixtures("fast")

SEGMENT_COLUMNS = [
    "segment_id",
    "page_key",
    "page_id",
    "url",
    "site",
    "index",
    "start",
    "end",
    "text",
    "label",
    "label_name",
    "origin",
    "action",
    "score",
    "n_annotators",
    "agreement",
    "adjudicated",
    "annotators",
    "labeler",
    "guideline",
    "kind",
    "page_type",
    "language",
]
PAGE_COLUMNS = [
    "page_key",
    "page_id",
    "url",
    "site",
    "title",
    "language",
    "page_type",
    "text",
    "main_text",
    "n_segments",
    "reviewed",
    "segments",
]


def rows_of(path: Path, shape: str) -> list[dict]:
    return [
        row
        for file in sorted((path / shape).glob("*.parquet"))
        for row in pq.read_table(file).to_pylist()
    ]


def test_layout_and_columns_are_the_contracts(bench: Bench) -> None:
    told = bench.publish(make_docs())
    assert told.path == bench.home / "v0001"
    assert sorted(p.relative_to(told.path).as_posix() for p in told.path.rglob("*")) == [
        "README.md",
        "croissant.json",
        "manifest.json",
        "pages",
        "pages/test-00000-of-00001.parquet",
        "pages/train-00000-of-00001.parquet",
        "pages/validation-00000-of-00001.parquet",
        "segments",
        "segments/test-00000-of-00001.parquet",
        "segments/train-00000-of-00001.parquet",
        "segments/validation-00000-of-00001.parquet",
    ]
    for path in told.path.glob("segments/*"):
        assert pq.read_schema(path).names == SEGMENT_COLUMNS
    for path in told.path.glob("pages/*"):
        assert pq.read_schema(path).names == PAGE_COLUMNS
    latest = json.loads((bench.home / "latest.json").read_text())
    assert latest["version"] == "v0001"
    assert [entry["version"] for entry in latest["versions"]] == ["v0001"]


def test_one_page_row_by_row(bench: Bench) -> None:
    doc = Doc(
        key=key_of("p"),
        site="s.example",
        url="https://s.example/p",
        title="T",
        labeler="model-3",
        reviewed=True,
        verdict="ok",
        segments=(
            Seg("Grüße 👩‍👩‍👧 aus", "article", main=True, kind="h1"),
            Seg("deleted", None),
            Seg("mehr", "teaser", "human", "relabelled", 0.25, ("a1", "b2"), 0.5, True),
        ),
    )
    told = bench.publish([doc])
    page_id = doc.page_id
    common = {
        "page_key": doc.key,
        "page_id": page_id,
        "url": "https://s.example/p",
        "site": "s.example",
        "labeler": "model-3",
        "guideline": LABELS.guideline_digest,
        "page_type": "article",
        "language": "en",
    }
    assert rows_of(told.path, "segments") == [
        common
        | {
            "segment_id": f"{page_id}-0-15",
            "index": 0,
            "start": 0,
            "end": 15,
            "text": "Grüße 👩‍👩‍👧 aus",
            "label": 0,
            "label_name": "article",
            "origin": "model",
            "action": None,
            "score": 0.75,
            "n_annotators": 0,
            "agreement": None,
            "adjudicated": False,
            "annotators": [],
            "kind": "h1",
        },
        common
        | {
            "segment_id": f"{page_id}-26-30",
            "index": 2,
            "start": 26,
            "end": 30,
            "text": "mehr",
            "label": 1,
            "label_name": "teaser",
            "origin": "human",
            "action": "relabelled",
            "score": 0.25,
            "n_annotators": 2,
            "agreement": 0.5,
            "adjudicated": True,
            "annotators": ["a1", "b2"],
            "kind": "p",
        },
    ]
    assert rows_of(told.path, "pages") == [
        {
            "page_key": doc.key,
            "page_id": page_id,
            "url": "https://s.example/p",
            "site": "s.example",
            "title": "T",
            "language": "en",
            "page_type": "article",
            "text": "Grüße 👩‍👩‍👧 aus\n\ndeleted\n\nmehr",
            "main_text": "Grüße 👩‍👩‍👧 aus",
            "n_segments": 2,
            "reviewed": True,
            "segments": [
                {"start": 0, "end": 15, "label": 0, "origin": "model", "score": 0.75},
                {"start": 26, "end": 30, "label": 1, "origin": "human", "score": 0.25},
            ],
        }
    ]
    assert told.left_out.pages == {}
    assert told.left_out.segments == {"no label": 1}


def test_every_segment_is_its_pages_text(bench: Bench) -> None:
    told = bench.publish(make_docs())
    pages = {row["page_key"]: row for row in rows_of(told.path, "pages")}
    segments = rows_of(told.path, "segments")
    assert len(pages) == 36
    assert len(segments) == 288
    for row in segments:
        assert pages[row["page_key"]]["text"][row["start"] : row["end"]] == row["text"]
        assert LABELS.names[row["label"]] == row["label_name"]
    for split in ("train", "validation", "test"):
        keys = [
            (row["page_key"], row["start"])
            for path in told.path.glob(f"segments/{split}-*")
            for row in pq.read_table(path).to_pylist()
        ]
        assert keys == sorted(keys)
        assert len(keys) == told.splits[split].segments


def test_same_input_same_bytes_whatever_the_sharding_and_order(
    tmp_path: Path,
) -> None:
    docs = make_docs()
    one, two = Bench(tmp_path / "one"), Bench(tmp_path / "two")
    one.publish(docs, per_shard=10)
    two.publish(docs[::-1], per_shard=7)
    assert one.data_bytes() == two.data_bytes()
    for name in ("README.md", "croissant.json", "manifest.json"):
        assert (one.home / "v0001" / name).read_bytes() == (two.home / "v0001" / name).read_bytes()


def test_workers_write_the_same_version(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curate.dataset.build.MAX_PART_SHARDS", 2)
    docs, options = make_docs(n_sites=12, pages_a_site=8), {"clusters": True, "per_shard": 7}
    bench.publish(docs, **options)
    other = Bench(tmp_path / "other")
    other.publish(docs, workers=PoolCalls(2), **options)
    assert files(bench.home / "v0001") == files(other.home / "v0001")


def test_a_spool_of_many_shards_is_compressed(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    def close(self: SpoolWriter) -> SpoolFile:
        made = closed(self)
        sizes.append(made.path.stat().st_size)
        return made

    closed = SpoolWriter.close
    monkeypatch.setattr(SpoolWriter, "close", close)
    docs = make_docs(n_sites=12, pages_a_site=8)
    bench.publish(docs, per_shard=48)
    monkeypatch.setattr("curate.dataset.build.PLAIN_SHARDS", 1)
    other = Bench(tmp_path / "other")
    other.publish(docs, per_shard=48)
    assert files(bench.home / "v0001") == files(other.home / "v0001")
    assert sum(sizes[len(sizes) // 2 :]) < 0.8 * sum(sizes[: len(sizes) // 2])


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_unchanged_data_makes_no_version(bench: Bench) -> None:
    first = bench.publish(make_docs())
    again = bench.publish(make_docs(), facts={"code": "another"})
    assert (again.version, again.changed, again.path) == ("v0001", False, first.path)
    assert again.counts == first.counts
    assert again.splits == first.splits
    assert sorted(p.name for p in bench.home.iterdir()) == [
        ".publish.lock",
        "latest.json",
        "v0001",
    ]


def test_another_license_makes_a_version_with_the_same_data(bench: Bench) -> None:
    bench.publish(make_docs())
    told = bench.publish(make_docs(), license="cc-by-4.0")
    assert (told.version, told.changed) == ("v0002", True)
    assert bench.data_bytes("v0001") == bench.data_bytes("v0002")


def test_a_changed_page_changes_one_file_in_each_shape(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curate.dataset.build.MB", 4096)
    docs = make_docs(n_sites=12, pages_a_site=8)
    bench.publish(docs, shard_mb=1)
    changed = list(docs)
    segments = (replace(docs[5].segments[0], text="Quite another sentence."), *docs[5].segments[1:])
    changed[5] = replace(docs[5], segments=segments)
    told = bench.publish(changed, shard_mb=1)
    before, after = bench.data_bytes("v0001"), bench.data_bytes("v0002")
    assert before.keys() == after.keys()
    assert len(before) > 12
    differ = [path for path in before if before[path] != after[path]]
    assert [path.split("/")[0] for path in differ] == ["pages", "segments"]
    assert differ[0].split("/")[1] == differ[1].split("/")[1]
    assert told.diff is not None
    assert told.diff["pages"] == {"added": 0, "removed": 0, "changed": 1, "unchanged": 95}
    # Another text is another page state, so all its segments have new ids.
    assert told.diff["segments"] == {"added": 8, "removed": 8, "changed": 0, "unchanged": 760}


def test_growth_doubles_the_shards_and_keeps_the_splits(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curate.dataset.build.MB", 8192)
    bench.publish(make_docs(n_sites=12, pages_a_site=4), shard_mb=1)
    bench.publish(make_docs(n_sites=24, pages_a_site=8), shard_mb=1)

    def splits(version: str) -> dict[str, str]:
        return {
            row["site"]: path.name.split("-")[0]
            for path in (bench.home / version / "pages").iterdir()
            for row in pq.read_table(path).to_pylist()
        }

    old, new = splits("v0001"), splits("v0002")
    assert len(new) == 24
    assert old == {site: new[site] for site in old}
    counts = [
        sorted({p.name[-13:-8] for p in (bench.home / version / "pages").glob("train-*")})
        for version in ("v0001", "v0002")
    ]
    assert counts == [["00008"], ["00032"]]


def test_relabelling_shows_in_the_diff(bench: Bench) -> None:
    docs = make_docs()
    bench.publish(docs)
    number = next(n for n, s in enumerate(docs[1].segments) if s.label == "article")
    segments = list(docs[1].segments)
    segments[number] = replace(
        segments[number], label="teaser", origin="human", action="relabelled", main=False
    )
    docs[1] = replace(docs[1], segments=tuple(segments), reviewed=True)
    lines: list[str] = []

    def show(what: str, done: int, total: int) -> None:
        if total == 0:  # shown before anything is visible
            assert json.loads((bench.home / "latest.json").read_text())["version"] == "v0001"
            lines.append(what)

    told = bench.publish(docs, progress=show)
    assert lines == [
        (
            "v0002 against v0001: pages 0 added, 0 removed, 1 changed; "
            "segments 0 added, 0 removed, 1 changed; labels article → teaser 1"
        )
    ]
    assert told.diff == {
        "from": "v0001",
        "pages": {"added": 0, "removed": 0, "changed": 1, "unchanged": 35},
        "segments": {"added": 0, "removed": 0, "changed": 1, "unchanged": 287},
        "relabelled": {"article → teaser": 1},
    }
    assert "article → teaser (1)" in (told.path / "README.md").read_text()


@pytest.mark.parametrize("n_sites", [1, 2])
def test_fewer_than_three_sites_are_all_train(bench: Bench, n_sites: int) -> None:
    told = bench.publish(make_docs(n_sites=n_sites))
    assert list(told.splits) == ["train"]
    plural = "s" if n_sites > 1 else ""
    assert told.notes == (
        f"{n_sites} site{plural}: all pages are train (splits are by site and need at least 3)",
    )
    card = (told.path / "README.md").read_text()
    assert "validation-*" not in card
    assert told.notes[0] in card


def test_a_split_without_sites_has_no_file_and_no_entry(bench: Bench) -> None:
    docs = [make_doc(f"p{n}", f"{site}.example") for n, site in enumerate("abc")]
    told = bench.publish(docs)
    assert list(told.splits) == ["train"]
    assert told.notes == (
        "no site of 3 falls into validation: the split is not published",
        "no site of 3 falls into test: the split is not published",
    )
    assert [p.name for p in (told.path / "pages").iterdir()] == ["train-00000-of-00001.parquet"]


def test_report_is_written_into_the_version(bench: Bench) -> None:
    told = bench.publish(
        make_docs(), report=lambda folder: (folder / "report.html").write_text("<p>ok") and None
    )
    assert (told.path / "report.html").read_text() == "<p>ok"


def test_what_a_killed_publish_left_is_swept(bench: Bench) -> None:
    bench.publish(make_docs())
    half = bench.home / ".tmp-version-123"
    (half / "pages").mkdir(parents=True)
    renamed = bench.home / "v0002"  # killed between its renaming and latest.json
    renamed.mkdir()
    (renamed / ".unpublished").touch()
    (renamed / "junk").touch()
    told = bench.publish(make_docs(n_sites=13))
    assert told.version == "v0002"
    assert not (told.path / "junk").exists()
    assert not (told.path / ".unpublished").exists()
    assert not half.exists()


def test_killed_after_latest_json_only_the_mark_goes(bench: Bench) -> None:
    first = bench.publish(make_docs())
    (first.path / ".unpublished").touch()
    again = bench.publish(make_docs())
    assert (again.version, again.changed) == ("v0001", False)
    assert not (first.path / ".unpublished").exists()


def test_a_folder_that_is_not_ours_is_left_alone(bench: Bench) -> None:
    bench.publish(make_docs())
    kept = bench.home / "v0007"
    kept.mkdir()
    told = bench.publish(make_docs(n_sites=13))
    assert told.version == "v0008"
    assert kept.is_dir()


def test_two_publishers_at_once(bench: Bench) -> None:
    with (
        publish_lock(bench.home),
        pytest.raises(DatasetError, match=r"process \d+ on .* is publishing this dataset; wait"),
    ):
        bench.publish(make_docs())
    assert bench.publish(make_docs()).version == "v0001"


def test_failure_on_the_way_leaves_latest_and_no_litter(bench: Bench) -> None:
    bench.publish(make_docs())

    def fail(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        bench.publish(make_docs(n_sites=13), report=fail)
    assert json.loads((bench.home / "latest.json").read_text())["version"] == "v0001"
    assert sorted(p.name for p in bench.home.iterdir()) == [
        ".publish.lock",
        "latest.json",
        "v0001",
    ]


def test_latest_json_that_is_damaged_is_told(bench: Bench) -> None:
    bench.publish(make_docs())
    (bench.home / "latest.json").write_text("{")
    with pytest.raises(DatasetError, match="not readable as the record of published versions"):
        bench.publish(make_docs())
    (bench.home / "latest.json").write_text(
        '{"version": "v0009", "versions": [{"version": "v0009"}]}'
    )
    with pytest.raises(DatasetError, match="names v0009, but there is no such version"):
        bench.publish(make_docs())


def test_nothing_in_a_version_tells_when_or_where_it_was_made(bench: Bench) -> None:
    told = bench.publish(make_docs())
    words = "".join(
        (told.path / name).read_text() for name in ("README.md", "croissant.json", "manifest.json")
    )
    assert str(bench.folder) not in words
    assert re.findall(r"20\d\d-\d\d-\d\d", words) == []
    for path in told.path.glob("*/*.parquet"):
        raw = path.read_bytes()
        assert str(bench.folder).encode() not in raw


def test_a_path_that_datasets_takes_for_a_pattern_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"datasets can't load from a path with '\['"):
        Bench(tmp_path / "a [1]").publish(make_docs())
    assert Bench(tmp_path / "it's {mine} é").publish(make_docs()).version == "v0001"


def test_compare_two_folders(bench: Bench) -> None:
    one = bench.publish(make_docs())
    two = bench.publish(make_docs(13))
    assert compare(one.path, two.path) == two.diff
    assert compare(two.path, two.path)["pages"] == {
        "added": 0,
        "removed": 0,
        "changed": 0,
        "unchanged": 39,
    }
    with pytest.raises(DatasetError, match="is no published version"):
        compare(one.path, bench.home)


def test_published_result_counts(bench: Bench) -> None:
    told: Published = bench.publish(make_docs())
    assert told.counts["pages"] == 36
    assert told.counts["segments"] == 288
    assert told.counts["sites"] == 12
    assert told.counts["reviewed"] == 12
    assert sum(told.counts[f"label/{name}"] for name in LABELS.names) == 288
    assert told.counts["origin/human"] + told.counts["origin/model"] == 288
    assert sum(split.pages for split in told.splits.values()) == 36
