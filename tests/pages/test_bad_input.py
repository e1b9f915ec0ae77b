"""What becomes of damaged and odd input: one test for each row of curate/docs/bad-input.md."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curate.pages import PagesConfig, plan_units, read_unit
from curate.schema import Page
from tests.conftest import ROOT
from tests.pages import archives
from tests.pages.archives import record, response

Read = Callable[..., Any]

MANY = [20_000, pytest.param(1_000_000, marks=pytest.mark.acceptance)]
HUGE = [64 << 20, pytest.param(2 << 30, marks=pytest.mark.acceptance)]

MEMORY_MB = 220
"""Largest size of a process that reads archives, whatever is in them; 90 MB are Python
and its libraries."""

READ = """
import sys
from collections import Counter
from pathlib import Path
from curate.pages import PagesConfig, plan_units, read_unit
config = PagesConfig(path=sys.argv[1], unit_bytes=int(sys.argv[2]))
units = list(plan_units(config))
told = Counter(
    getattr(item, "reason", "page") for unit in units for item in read_unit(unit, config)
)
status = Path("/proc/self/status").read_text()
peak = 1024 * int(status.split("VmHWM:")[1].split()[0]) / 1e6
print(len(units), round(peak), "|".join(f"{name}={n}" for name, n in sorted(told.items())))
"""


def read_apart(path: Path, unit_bytes: int = 32 << 20) -> tuple[int, float, dict[str, int]]:
    """Read an archive in a process of its own: units, its largest size in MB, outcomes."""
    command = [sys.executable, "-c", READ, str(path), str(unit_bytes)]
    told = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True).stdout
    units, peak, rest = told.strip().split(" ", 2)
    found = {name: int(n) for name, n in (part.split("=") for part in rest.split("|"))}
    return int(units), float(peak), found


def test_a_truncated_gzip_member(tmp_path: Path, read: Read) -> None:
    packed = archives.members(archives.pages(3))
    (tmp_path / "a.warc.gz").write_bytes(packed[:-9])
    found = read(tmp_path / "a.warc.gz")
    assert (len(found.pages), found.reasons) == (2, {"truncated archive": 1})
    assert found.quarantined[0].source.startswith("a.warc.gz#")


@pytest.mark.parametrize("error", [-10, 5_000])
def test_a_wrong_content_length(tmp_path: Path, read: Read, error: int) -> None:
    block = response(b"<p>Second page</p>" * 20)
    wrong = record("response", block, url="http://a.example/2", length=len(block) + error)
    first, third = archives.pages(2)
    (tmp_path / "a.warc.gz").write_bytes(archives.members([first, wrong, third]))
    found = read(tmp_path / "a.warc.gz")
    assert (len(found.pages), found.reasons) == (2, {"damaged record": 1})


def test_a_wrong_charset_is_passed_over(tmp_path: Path, read: Read) -> None:
    text = "Größe und Überfluß"
    told = ("Content-Type: text/html; charset=utf-8",)
    wrong = record("response", response(f"<p>{text}".encode("windows-1252"), headers=told))
    unknown = ("Content-Type: text/html; charset=klingon-8",)
    odd = record(
        "response", response(f"<p>{text}".encode(), headers=unknown), url="http://a.example/k"
    )
    (tmp_path / "a.warc").write_bytes(wrong + odd)
    found = read(tmp_path / "a.warc")
    assert [text in page.content for page in found.pages] == [True, True]
    assert found.quarantined == []


def test_records_with_one_id(tmp_path: Path, read: Read) -> None:
    # Both are read; the pipeline keeps the newest of a page and tells `superseded`.
    twice = archives.pages(1) * 2
    (tmp_path / "a.warc.gz").write_bytes(archives.members(twice))
    found = read(tmp_path / "a.warc.gz")
    assert len(found.pages) == 2
    assert len({page.page_key for page in found.pages}) == 1


def test_records_that_are_not_http(tmp_path: Path, read: Read) -> None:
    records = [
        record("response", b"host a.example\r\n", url="dns:a.example", block_type="text/dns"),
        record("response", b"20 text/gemini\r\n# Hello", url="gemini://a.example/"),
        record("request", b"GET / HTTP/1.1\r\n\r\n"),
        record("metadata", b"fetchTimeMs: 5", block_type="application/warc-fields"),
        record("response", response(status="404 Not Found")),
        *archives.pages(1),
    ]
    (tmp_path / "a.warc.gz").write_bytes(archives.members(records))
    found = read(tmp_path / "a.warc.gz")
    assert len(found.pages) == 1
    assert found.dropped == {
        "no HTTP response (dns)": 1,
        "no HTTP response (gemini)": 1,
        "request": 1,
        "metadata": 1,
        "http status 404": 1,
    }
    assert found.quarantined == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("n", MANY)
def test_many_tiny_records(tmp_path: Path, n: int, figure: Callable[[str], None]) -> None:
    tiny = gzip.compress(record("response", response(b"<p>x")), mtime=0)
    path = tmp_path / "a.warc.gz"
    with path.open("wb") as out:
        for _ in range(n // 1_000):
            out.write(tiny * 1_000)
    unit_bytes = path.stat().st_size // 4
    units, peak, told = read_apart(path, unit_bytes)
    figure(f"{n:,} tiny records, {path.stat().st_size / 1e6:.0f} MB: {peak:.0f} MB of memory")
    assert (units, told) == (4, {"page": n})
    assert peak < MEMORY_MB


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("n_bytes", HUGE)
@pytest.mark.parametrize("packed", [True, False])
def test_one_huge_record(
    tmp_path: Path, n_bytes: int, packed: bool, figure: Callable[[str], None]
) -> None:
    path = tmp_path / ("a.warc.gz" if packed else "a.warc")
    first, last = archives.pages(2)
    head, _, _ = record("response", b"", length=n_bytes, url="http://a.example/2").partition(
        b"\r\n\r\n"
    )
    chunk = b"<p>A story without an end. " * 40_000
    with path.open("wb") as out:
        out.write(gzip.compress(first) if packed else first)
        packer = zlib.compressobj(1, wbits=31) if packed else None

        def put(raw: bytes) -> None:
            out.write(raw if packer is None else packer.compress(raw))

        put(head + b"\r\n\r\n")
        body = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
        put(body)
        left = n_bytes - len(body)
        while left:
            put(chunk[:left])
            left -= min(left, len(chunk))
        put(b"\r\n\r\n")
        if packer is not None:
            out.write(packer.flush())
        out.write(gzip.compress(last) if packed else last)
    _, peak, told = read_apart(path)
    figure(f"a record of {n_bytes / 1e6:,.0f} MB in {path.name}: {peak:.0f} MB of memory")
    assert told == {"page": 2, "too large": 1}
    assert peak < MEMORY_MB


def test_a_large_archive_is_split_over_workers_by_range(tmp_path: Path) -> None:
    (tmp_path / "crawl").mkdir()
    for name in ("1", "2"):
        packed = archives.members(archives.pages(300))
        (tmp_path / "crawl" / f"{name}.warc.gz").write_bytes(packed)
    (tmp_path / "warc.paths.gz").write_bytes(gzip.compress(b"crawl/1.warc.gz\ncrawl/2.warc.gz\n"))
    config = PagesConfig(path=str(tmp_path / "warc.paths.gz"), unit_bytes=16_384)
    units = list(plan_units(config))
    ranges = Counter(unit.names[0] for unit in units)
    assert set(ranges) == {"crawl/1.warc.gz", "crawl/2.warc.gz"}
    assert min(ranges.values()) > 1
    items = [item for unit in units for item in read_unit(unit, config)]
    assert sum(isinstance(item, Page) for item in items) == len(items) == 600
    assert len({item.source for item in items}) == 600
