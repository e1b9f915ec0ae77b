from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.errors import PageError
from curate.pages import PagesConfig, plan_units

HTML = "<html><body><p>Größe {}</p></body></html>"


def table(n: int) -> pa.Table:
    return pa.table(
        {
            "url": [f"https://example.com/{i}" for i in range(n)],
            "html": [HTML.format(i).encode() for i in range(n)],
            "timestamp": pa.array(
                [datetime(2025, 1, 2, tzinfo=UTC)] * n, pa.timestamp("ms", "UTC")
            ),
            "other": [[i] for i in range(n)],
        }
    )


def test_parquet(tmp_path: Path, read) -> None:
    pq.write_table(table(10), tmp_path / "a.parquet", row_group_size=3)
    pages = read(tmp_path).pages
    assert [page.content for page in pages] == [HTML.format(i) for i in range(10)]
    assert [page.source for page in pages] == [f"a.parquet#{i}" for i in range(10)]
    assert pages[0].fetched_at == datetime(2025, 1, 2, tzinfo=UTC)
    assert (pages[0].site, pages[0].media_type) == ("example.com", "text/html")


@pytest.mark.parametrize("row_group_size", [10, 100, 1000])
def test_row_ranges_give_the_same_rows(tmp_path: Path, read, row_group_size: int) -> None:
    pq.write_table(table(1000), tmp_path / "a.parquet", row_group_size=row_group_size)
    whole = read(tmp_path).items
    units = list(plan_units(PagesConfig(path=str(tmp_path), unit_bytes=8192)))
    assert len(units) > 3
    assert [unit.start for unit in units[1:]] == [unit.stop for unit in units[:-1]]
    assert read(tmp_path, unit_bytes=8192).items == whole


def test_strings_of_all_kinds(tmp_path: Path, read) -> None:
    values = ["one", None, "three"]
    for number, kind in enumerate(
        [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.string_view()]
    ):
        written = pa.table({"text": pa.array(values, pa.string()).cast(kind)})
        path = tmp_path / f"{number}.parquet"
        pq.write_table(written, path)
        found = read(path)
        assert [page.content for page in found.pages] == ["one", "three"]
        assert found.dropped == {"empty": 1}


def test_string_columns_that_hold_other_bytes(tmp_path: Path, read) -> None:
    raw = pa.array([b"gr\xf6\xdfe", b"fine"], pa.binary())
    text = pa.Array.from_buffers(pa.string(), 2, raw.buffers())
    pq.write_table(pa.table({"text": text}), tmp_path / "a.parquet")
    assert [page.content for page in read(tmp_path).pages] == ["gr\ufffd\ufffde", "fine"]


def test_cut_and_damaged_parquet(tmp_path: Path, read) -> None:
    good = tmp_path / "a.parquet"
    pq.write_table(table(300), good, row_group_size=100, compression="zstd")
    data = bytearray(good.read_bytes())
    (tmp_path / "b.parquet").write_bytes(data[: len(data) // 2])
    column = pq.ParquetFile(good).metadata.row_group(1).column(1)
    at = column.data_page_offset + 30
    data[at : at + 200] = bytes(200)
    (tmp_path / "c.parquet").write_bytes(data)
    found = read(tmp_path)
    assert [(item.source, item.reason) for item in found.quarantined] == [
        ("b.parquet", "truncated archive"),
        ("c.parquet#100", "damaged archive"),
    ]
    assert "rows 100 to 199" in found.quarantined[1].detail
    assert len(found.pages) == 300 + 200


def test_unknown_columns(tmp_path: Path, read) -> None:
    pq.write_table(pa.table({"a": ["x"], "b": ["y"]}), tmp_path / "a.parquet")
    with pytest.raises(PageError, match=r"its fields are a, b; name one with pages\.html_field"):
        read(tmp_path)
    with pytest.raises(PageError, match=r"pages\.text_field='c' is not in a\.parquet"):
        read(tmp_path, text_field="c")
    assert [page.content for page in read(tmp_path, text_field="b").pages] == ["y"]


def test_one_table_of_several_without_the_field(tmp_path: Path, read) -> None:
    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"label": ["x"]}), tmp_path / "b.parquet")
    found = read(tmp_path)
    assert (len(found.pages), found.reasons) == (1, {"no page field": 1})


@pytest.mark.parametrize("new", [pa.ipc.new_stream, pa.ipc.new_file])
def test_arrow_streams_and_files(tmp_path: Path, read, new) -> None:
    data = table(500)
    with new(tmp_path / "a.arrow", data.schema) as writer:
        writer.write_table(data, max_chunksize=50)
    whole = read(tmp_path)
    assert [page.content for page in whole.pages] == [HTML.format(i) for i in range(500)]
    assert len(list(plan_units(PagesConfig(path=str(tmp_path), unit_bytes=8192)))) > 2
    assert read(tmp_path, unit_bytes=8192).items == whole.items


def test_cut_arrow_stream(tmp_path: Path, read) -> None:
    path = tmp_path / "a.arrow"
    with pa.ipc.new_stream(path, table(1).schema) as writer:
        writer.write_table(table(500), max_chunksize=50)
    path.write_bytes(path.read_bytes()[:-3000])
    found = read(path)
    assert len(found.pages) == 450
    assert found.reasons == {"truncated archive": 1}


def test_saved_datasets(tmp_path: Path, read) -> None:
    datasets = pytest.importorskip("datasets")
    saved = datasets.DatasetDict(
        {
            "train": datasets.Dataset.from_dict({"text": ["a", "b"]}),
            "test": datasets.Dataset.from_dict({"text": ["c"]}),
        }
    )
    saved.save_to_disk(tmp_path)
    found = read(tmp_path)
    assert [page.content for page in found.pages] == ["c", "a", "b"]
    assert found.dropped["not a page (application/json)"] == 5


def test_a_dataset_folder_by_its_card(tmp_path: Path, read) -> None:
    for name in ("pages", "segments"):
        (tmp_path / name).mkdir()
        pq.write_table(pa.table({"text": [name]}), tmp_path / name / "train.parquet")
    card = "---\nconfigs:\n- config_name: segments\n  data_files: segments/*.parquet\n"
    pages = "- config_name: pages\n  data_files:\n  - split: train\n    path: pages/train*\n"
    (tmp_path / "README.md").write_text(f"{card}{pages}---\n# Card\n")
    with pytest.raises(PageError, match="2 configurations and none is its default"):
        read(tmp_path)
    (tmp_path / "README.md").write_text(f"{card}{pages}  default: true\n---\n# Card\n")
    assert [page.content for page in read(tmp_path).pages] == ["pages"]
