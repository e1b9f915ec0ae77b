"""Counting over shards gives what counting in memory gives, whatever the cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from curate.labelers.recurrence import site_counts
from curate.labelers.training.corpus import text_page
from curate.runs.output import Output
from curate.schema import SEGMENTED_SCHEMA, SegmentedPage, page_id_of
from curate.segments.rows import to_batch
from curate.stages.evidence import census
from curate.stages.recurring import add_up, count_lines
from curate.text import text_hash

MENU = ["Home", "News", "Sport"]


def pages() -> list[tuple[str, SegmentedPage]]:
    out = []
    for site in range(3):
        out += [
            (f"s{site}.example", text_page([*MENU[: 2 + site % 2], f"Story {word}", "Imprint"]))
            for word in ("one", "two", "six")[: site + 1]
        ]
    # The same text under another address.
    return [*out, out[-1]]


def shards(folder: Path, cuts: list[int]) -> list[Path]:
    rows = [(head(site, number, page), page) for number, (site, page) in enumerate(pages())]
    paths = []
    for number, (begin, end) in enumerate(zip([0, *cuts], [*cuts, len(rows)], strict=True)):
        path = folder / f"{number}.parquet"
        batch = to_batch(rows[begin:end])
        with pq.ParquetWriter(path, SEGMENTED_SCHEMA) as writer:
            writer.write_batch(batch)
        paths.append(path)
    return paths


def head(site: str, number: int, page: SegmentedPage) -> dict[str, Any]:
    key = f"{number:024x}"
    return {
        "page_key": key,
        "page_id": page_id_of(key, page.text),
        "url": None,
        "site": site,
        "source": "x",
        "media_type": "text/plain",
        "title": None,
        "fetched_at": None,
        "text_hash": text_hash(page.text),
    }


@pytest.mark.parametrize("cuts", [[], [3], [1, 4, 5]])
def test_lines_of_every_site(tmp_path: Path, cuts: list[int]) -> None:
    files = shards(tmp_path, cuts)
    pages_of = census(files, "1GB")
    every = np.concatenate([pages_of.get(n, np.zeros(0, np.int32)) for n in range(len(files))])
    # One page of s0, two of s1, three of s2 and a copy of the last.
    assert sorted(every[every != 0].tolist()) == [-3, 2, 2, 3, 3, 3]
    counted = []
    for number, site_pages in sorted(pages_of.items()):
        out = Output(tmp_path / "counts", f"k{number}", "evidence")
        count_lines(out, files[number], site_pages)
        counted.append(tmp_path / "counts" / out.finish().shards[0].file)
        # What the run shows are pages, not lines.
        assert out.counts.n_out == np.count_nonzero(site_pages)
    out = Output(tmp_path / "lines", "all", "evidence")
    add_up(out, counted, "1GB")
    assert out.counts.n_out == 0
    told: dict[tuple[str, int], tuple[int, float]] = {}
    for shard in out.finish().shards:
        for row in pq.read_table(tmp_path / "lines" / shard.file).to_pylist():
            told[row["site"], row["key"]] = (row["seen"], row["spread"])
    expected = {}
    for site in ("s1.example", "s2.example"):
        counts = site_counts([page for name, page in pages() if name == site])
        for key, seen, spread in zip(counts.keys, counts.seen, counts.spread, strict=True):
            expected[site, int(key)] = (int(seen), spread)
    assert {k: v[0] for k, v in told.items()} == {k: v[0] for k, v in expected.items()}
    for key, (_, spread) in told.items():
        assert spread == pytest.approx(expected[key][1], abs=2e-3)


def lines_of(folder: Path, files: list[Path]) -> dict[str, str]:
    """Digest of what recurs beside each shard."""
    pages_of = census(files, "1GB")
    counted = {}
    for number, site_pages in sorted(pages_of.items()):
        out = Output(folder, f"{files[number].stem}", "evidence")
        count_lines(out, files[number], site_pages)
        counted[files[number].stem] = folder / out.finish().shards[0].file
    out = Output(folder, "all", "evidence")
    add_up(out, list(counted.values()), "1GB")
    return dict(zip(counted, (shard.digest for shard in out.finish().shards), strict=True))


def test_new_pages_change_only_what_lies_beside_their_own_sites(tmp_path: Path) -> None:
    one, two, three = shards(tmp_path, [3, 5])  # s0 and s1; two of s2; the third and its copy
    before = lines_of(tmp_path / "before", [one, two])
    after = lines_of(tmp_path / "after", [one, two, three])
    assert sorted(after) == ["0", "1", "2"]
    assert after["0"] == before["0"]
    assert after["1"] != before["1"]


def test_sites_of_one_page_are_left_out(tmp_path: Path) -> None:
    (first,) = shards(tmp_path, [])
    only = tmp_path / "only.parquet"
    pq.write_table(pq.read_table(first).slice(0, 1), only)
    assert census([only], "1GB") == {}
    assert census([], "1GB") == {}


def test_parts_by_site_hold_together_what_one_table_holds(tmp_path: Path) -> None:
    files = shards(tmp_path, [1, 4, 5])
    pages_of = census(files, "1GB")

    def lines(parts: int) -> list[list[dict[str, Any]]]:
        counted: list[list[Path]] = []
        for number, site_pages in sorted(pages_of.items()):
            out = Output(tmp_path / f"counts-{parts}", f"k{number}", "evidence")
            count_lines(out, files[number], site_pages, parts)
            counted.append([out.folder / shard.file for shard in out.finish().shards])
        found: list[list[dict[str, Any]]] = [[] for _ in counted]
        for part in range(parts):
            out = Output(tmp_path / f"lines-{parts}", f"p{part}", "evidence")
            add_up(out, [paths[part] for paths in counted], "1GB")
            for at, shard in enumerate(out.finish().shards):
                found[at] += pq.read_table(out.folder / shard.file).to_pylist()
        return [sorted(rows, key=lambda row: (row["site"], row["key"])) for rows in found]

    assert lines(3) == lines(1)
    assert sum(map(len, lines(1))) > 0
