"""Each check of the gate is tripped, and `latest` stays where it was."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from curate.dataset import Withdrawn, gate_scan, publishing
from curate.dataset.base import HERE, Workers
from curate.dataset.scan import find_secret, without_places
from curate.dataset.splits import split_of
from curate.errors import DatasetError
from curate.runs.calls import PoolCalls
from curate.schema import SPLITS

from .conftest import LABELS, Bench, NoReaders, make_docs

TOKEN = "hf_" + "aB3" * 12


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    table = pq.read_table(path)
    pq.write_table(change(table).replace_schema_metadata(table.schema.metadata), path)


def put(table: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, values)


def refused(bench: Bench, message: str, docs: list[Any], **options: Any) -> None:
    """The publish fails with this line, and nothing of it is visible."""
    before = (bench.home / "latest.json").read_bytes()
    with pytest.raises(DatasetError, match=message) as error:
        bench.publish(docs, **options)
    assert "\n" not in str(error.value)
    assert (bench.home / "latest.json").read_bytes() == before
    assert sorted(p.name for p in bench.home.iterdir()) == [
        ".publish.lock",
        "latest.json",
        "v0001",
    ]


def tamper(monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]) -> None:
    """Change the staged files between their writing and the checks."""
    build = publishing.build

    def damaged(*args: Any) -> Any:
        built = build(*args)
        change(args[5])
        return built

    monkeypatch.setattr(publishing, "build", damaged)


@pytest.mark.usefixtures("fast")
class TestSchema:
    def test_a_lost_column_is_breaking(self, bench: Bench) -> None:
        docs = make_docs()
        bench.publish(docs, paths=True)
        refused(bench, "segments.path is gone: whoever loads v0001 today would break", docs)
        assert bench.publish(docs, allow_breaking=True).version == "v0002"

    def test_a_lost_shape_is_breaking(self, bench: Bench) -> None:
        docs = make_docs()
        told = bench.publish(docs)
        (told.path / "annotations").mkdir()
        pq.write_table(pa.table({"a": [1]}), told.path / "annotations" / "train-0.parquet")
        refused(bench, "the new version has no annotations, v0001 has", make_docs(13))

    def test_another_type_is_breaking(self, bench: Bench) -> None:
        told = bench.publish(make_docs())
        for path in told.path.glob("segments/*"):
            rewrite(path, lambda t: put(t, "start", t.column("start").cast(pa.int16())))
        refused(bench, "segments.start was int16, is int32", make_docs(13))

    def test_reordered_labels_are_breaking(self, bench: Bench) -> None:
        bench.publish(make_docs())
        turned = replace(LABELS, labels=LABELS.labels[::-1])
        refused(
            bench,
            "labels of pages.segments.label were article, .*, boilerplate, are boilerplate, ",
            make_docs(),
            labels=turned,
        )

    def test_new_columns_and_new_labels_are_not(self, bench: Bench) -> None:
        bench.publish(make_docs())
        extra = replace(LABELS.labels[0], name="comment")
        more = replace(LABELS, labels=(*LABELS.labels, extra))
        assert bench.publish(make_docs(), labels=more, paths=True).version == "v0002"

    def test_shards_of_different_schema(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.publish(make_docs())

        def change(folder: Path) -> None:
            path = next(folder.glob("pages/test-*"))
            pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)

        tamper(monkeypatch, change)
        refused(bench, "train.*schema differs from the shape's first shard", make_docs(13))


@pytest.mark.usefixtures("fast")
class TestLeaks:
    def test_a_lost_split(self, bench: Bench) -> None:
        docs = make_docs()
        bench.publish(docs)
        left = [doc for doc in docs if split_of(doc.site, (0.8, 0.1, 0.1)) != "test"]
        refused(bench, "split test of v0001 has no page any more", left)
        assert bench.publish(left, allow_breaking=True).version == "v0002"

    def test_a_site_in_two_splits(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        bench.publish(make_docs())

        def change(folder: Path) -> None:
            site = pq.read_table(next(folder.glob("pages/train-*"))).column("site")[0]
            path = next(folder.glob("pages/test-*"))
            rewrite(path, lambda t: put(t, "site", pa.array([site.as_py()] * t.num_rows)))

        tamper(monkeypatch, change)
        refused(
            bench,
            r"leak: 1 site in more than one split, first site.* in test and train",
            make_docs(13),
        )

    def test_a_text_in_two_splits(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        bench.publish(make_docs())

        def change(folder: Path) -> None:
            text = pq.read_table(next(folder.glob("pages/train-*"))).column("text")[0].as_py()
            path = next(folder.glob("pages/validation-*"))
            rewrite(path, lambda t: put(t, "text", pa.array([text] * t.num_rows)))

        tamper(monkeypatch, change)
        refused(bench, "leak: 1 text in more than one split", make_docs(13))

    def test_near_duplicates_in_two_splits(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.publish(make_docs())

        def change(folder: Path) -> None:
            text = pq.read_table(next(folder.glob("pages/train-*"))).column("text")[0].as_py()
            path = next(folder.glob("pages/validation-*"))
            texts = [f"{text} {n}" for n in range(3)]
            rewrite(
                path,
                lambda t: put(
                    put(t, "text", pa.array(texts)), "main_text", pa.array([""] * t.num_rows)
                ),
            )
            rewrite(
                next(folder.glob("pages/train-*")),
                lambda t: put(t, "main_text", pa.array([""] * t.num_rows)),
            )

        tamper(monkeypatch, change)
        refused(bench, "leak: 1 clusters of near-duplicates stand in more than one", make_docs(13))


@pytest.mark.usefixtures("fast")
class TestSecrets:
    @pytest.mark.parametrize(
        ("column", "value", "message"),
        [
            ("annotators", "ann@example.org", r"segments.annotators holds an e-mail .*'ann…'"),
            ("labeler", "ann@example.org", "segments.labeler holds an e-mail address"),
            ("labeler", TOKEN, "segments.labeler holds what looks like a Hugging Face token"),
        ],
    )
    def test_in_columns(self, bench: Bench, column: str, value: str, message: str) -> None:
        bench.publish(make_docs())
        docs = make_docs()
        if column == "labeler":
            docs[0] = replace(docs[0], labeler=value)
        else:
            segments = tuple(replace(s, annotators=(value,)) for s in docs[0].segments)
            docs[0] = replace(docs[0], segments=segments)
        refused(bench, message, docs)

    def test_in_a_column_that_pages_have_too(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also where pages lack a value, to which none of the segments' values compares."""

        def change(folder: Path) -> None:
            for path in folder.glob("pages/*"):
                rewrite(path, lambda t: put(t, "page_id", pa.nulls(t.num_rows, pa.string())))
            path = next(folder.glob("segments/test-*"))
            rewrite(path, lambda t: put(t, "page_id", pa.array([TOKEN] * t.num_rows)))

        bench.publish(make_docs())
        tamper(monkeypatch, change)
        refused(bench, "segments.page_id holds what looks like a Hugging Face", make_docs(13))

    def test_password_in_an_address(self, bench: Bench) -> None:
        bench.publish(make_docs())
        docs = make_docs()
        docs[0] = replace(docs[0], url="https://ann:hunter2@shop.example/a")
        refused(bench, "url holds a user name and password for shop.example", docs)

    def test_page_text_may_hold_addresses(self, bench: Bench) -> None:
        docs = make_docs()
        first = replace(docs[0].segments[0], text="Mail editor@example.org, key " + TOKEN)
        docs[0] = replace(docs[0], segments=(first, *docs[0].segments[1:]))
        assert bench.publish(docs).changed

    def test_in_facts(self, bench: Bench) -> None:
        bench.publish(make_docs())
        docs = make_docs(13)
        refused(
            bench, r"facts hold an e-mail address \('ann…'\)", docs, facts={"by": "ann@x.example"}
        )
        refused(
            bench,
            "(README.md|manifest.json) would publish what looks like a password in a URL",
            docs,
            facts={"server": "https://ann:hunter2@ls.internal/"},
        )

    def test_own_secret_in_the_report(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        bench.publish(make_docs())
        monkeypatch.setenv("LABEL_STUDIO_API_KEY", "0123456789abcdef")
        refused(
            bench,
            "report.html would publish what looks like the value of LABEL_STUDIO_API_KEY",
            make_docs(13),
            report=lambda folder: (
                (folder / "report.html").write_text("x 0123456789abcdef") and None
            ),
        )

    def test_public_contact_is_allowed(self, bench: Bench) -> None:
        facts = {"config": {"contact": "data@example.org"}, "overrides": ["x=data@example.org"]}
        told = bench.publish(make_docs(), contact="data@example.org", facts=facts)
        assert "data@example.org" in (told.path / "README.md").read_text()


@pytest.mark.usefixtures("fast")
class TestWithdrawn:
    def test_a_page_is_absent_from_every_later_version(self, bench: Bench) -> None:
        docs = make_docs()
        bench.publish(docs)
        gone = Withdrawn(pages=frozenset({docs[1].key}))
        told = bench.publish(docs, withdrawn=gone)
        assert told.version == "v0002"
        assert told.left_out.pages == {"withdrawn": 1}
        assert docs[1].key.encode() not in b"".join(
            path.read_bytes() for path in told.path.rglob("*") if path.is_file()
        )
        again = bench.publish(docs, withdrawn=gone)
        assert (again.version, again.changed) == ("v0002", False)

    def test_a_version_tells_of_it_where_the_data_are_equal(self, bench: Bench) -> None:
        bench.publish(make_docs())
        told = bench.publish(make_docs(), withdrawn=Withdrawn(people=frozenset({"ann-77"})))
        assert (told.version, told.changed) == ("v0002", True)
        assert bench.data_bytes("v0001") == bench.data_bytes("v0002")
        assert "ann-77" not in (told.path / "manifest.json").read_text()

    def test_labels_of_a_withdrawn_person_are_refused(self, bench: Bench) -> None:
        bench.publish(make_docs())
        refused(
            bench,
            r"annotator ann-1f was withdrawn but is still in segments; run again with force",
            make_docs(13),
            withdrawn=Withdrawn(people=frozenset({"ann-1f"})),
        )

    def test_a_page_that_is_still_there_is_refused(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.publish(make_docs())
        monkeypatch.setattr("curate.dataset.build.select_pages", _without_withdrawn())
        docs = make_docs(13)
        refused(
            bench,
            f"page {docs[0].key} was withdrawn but is still in segments",
            docs,
            withdrawn=Withdrawn(pages=frozenset({docs[0].key})),
        )


def _without_withdrawn() -> Callable[..., Any]:
    from curate.dataset.select import select_pages

    return lambda *args: select_pages(*args[:5])


@pytest.mark.parametrize(
    "text",
    [
        "7e79323aa0a1f6c8d1f0e4b5a6c7d8e9f0a1b2c3",  # a commit
        "https://example.org:8080/a@b",
        "sk-learn",
        "manifest.json",
    ],
)
def test_what_is_no_secret(text: str) -> None:
    assert find_secret(text) is None


@pytest.mark.parametrize(
    ("told", "published"),
    [
        ("pages.path=/home/ann/crawl/a.warc.gz", "pages.path=…/a.warc.gz"),
        (["/srv/x/y.txt:3", {"k": "~/data/p.jsonl"}], ["…/y.txt:3", {"k": "…/p.jsonl"}]),
        ("a/b/c.txt", "a/b/c.txt"),
        ("https://host.example/a/b/c", "https://host.example/a/b/c"),
        ("s3://bucket/a/b", "s3://bucket/a/b"),
        ("text/html and 3/4, 1/2/3, /x", "text/html and 3/4, 1/2/3, /x"),
        (7, 7),
    ],
)
def test_places_of_this_machine_are_not_told(told: object, published: object) -> None:
    assert without_places(told) == published


class TestReload:
    """The real readers; the files are changed before they read them."""

    def change_values(self, folder: Path) -> None:
        path = next(folder.glob("segments/test-*"))

        def change(table: pa.Table) -> pa.Table:
            scores = pc.if_else(
                pc.is_null(table.column("score")), None, pa.scalar(0.5, pa.float32())
            )
            return put(table, "score", scores)

        rewrite(path, change)

    @pytest.mark.parametrize("workers", [HERE, PoolCalls(2)], ids=["one", "two"])
    def test_other_values(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch, workers: Workers
    ) -> None:
        monkeypatch.setattr(publishing, "TWO_READERS", 1)
        with monkeypatch.context() as patch:
            patch.setattr(publishing, "Readers", NoReaders)
            bench.publish(make_docs())
        tamper(monkeypatch, self.change_values)
        refused(
            bench,
            "duckdb reads other values of score from segments/test-00000",
            make_docs(13),
            workers=workers,
        )

    @pytest.mark.parametrize("workers", [HERE, PoolCalls(2)], ids=["one", "two"])
    def test_lost_class_labels(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch, workers: Workers
    ) -> None:
        """With workers there are two processes where much is read."""
        monkeypatch.setattr(publishing, "TWO_READERS", 1)
        with monkeypatch.context() as patch:
            patch.setattr(publishing, "Readers", NoReaders)
            bench.publish(make_docs())

        def change(folder: Path) -> None:
            for path in folder.glob("pages/*"):
                pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)

        tamper(monkeypatch, change)
        # The card's features restore what the files lost; without those, nothing does.
        monkeypatch.setattr(
            "curate.dataset.card_head._info", lambda told, shape: {"config_name": shape}
        )
        refused(
            bench,
            "datasets reads pages.segments as .*int64.*, written was",
            make_docs(13),
            allow_breaking=True,
            workers=workers,
        )

    def test_a_file_that_cannot_be_read(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def damage(folder: Path) -> None:
            """Spoil what only the readers read."""
            path = next(folder.glob("segments/test-*"))
            group = pq.read_metadata(path).row_group(0)
            column = next(
                group.column(n)
                for n in range(group.num_columns)
                if group.column(n).path_in_schema == "text"
            )
            first = column.dictionary_page_offset or column.data_page_offset
            data = bytearray(path.read_bytes())
            data[first : first + column.total_compressed_size] = (
                b"\xff" * column.total_compressed_size
            )
            path.write_bytes(data)

        tamper(monkeypatch, damage)
        with pytest.raises(DatasetError, match="the new version could not be read back: "):
            bench.publish(make_docs())
        assert [path.name for path in bench.home.iterdir()] == [".publish.lock"]

    def test_a_card_that_begins_otherwise(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What `datasets` read by must be what the published card tells."""
        write_words = publishing.write_words

        def changed(*args: Any) -> None:
            write_words(*args)
            card = args[1] / "README.md"
            card.write_text(card.read_text().replace("license: other", "license: mit"))

        monkeypatch.setattr(publishing, "write_words", changed)
        with pytest.raises(DatasetError, match="the card's head is not the one that datasets read"):
            bench.publish(make_docs())
        assert not (bench.home / "latest.json").exists()

    def test_the_users_cache_is_not_touched(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        home = tmp_path / "home"
        home.mkdir()
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("HF_HOME", str(home / "hf"))
        assert bench.publish(make_docs()).version == "v0001"
        assert list(home.rglob("*")) == []


def test_leak_table_of_the_manifest(bench: Bench, fast: None) -> None:
    told = bench.publish(make_docs())
    manifest = json.loads((told.path / "manifest.json").read_text())
    assert manifest["leaks"] == {"sites": 0, "texts": 0, "near-duplicate clusters": 0}
    assert set(manifest["splits"]) == set(SPLITS)
    assert re.fullmatch("[0-9a-f]{32}", manifest["digest"])
    assert gate_scan.WORDS[0] == "README.md"
