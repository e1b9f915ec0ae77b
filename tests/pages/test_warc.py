from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import brotli
import pytest
import zstandard

from curate.pages import PagesConfig, plan_units, read_unit
from curate.pages.http import parse_message

from . import archives
from .archives import HTML, record, response


def test_every_record_type_has_one_outcome(tmp_path: Path, read) -> None:
    items = [
        record("warcinfo", b"software: x", url=None, block_type="application/warc-fields"),
        record("request", b"GET / HTTP/1.1\r\n\r\n"),
        record("response", response()),
        record("metadata", b"a: b", block_type="application/warc-fields"),
        record("revisit", response(b"")),
        record("response", response(status="404 Not Found")),
        record("response", response(b"", status="301 Moved", headers=["Location: /b"])),
        record("response", response(b"\x89PNG", headers=["Content-Type: image/png"])),
        record("response", response(b"{}", headers=["Content-Type: application/json"])),
        record("response", b"20250304050607\n1.2.3.4\n", url="dns:news.example"),
        record("resource", HTML, url="http://news.example/r", block_type="text/html"),
        record("conversion", b"Words.", url="http://news.example/c", block_type="text/plain"),
        record("resource", b"%PDF", block_type="application/pdf"),
        record("continuation", b"x"),
        record("response", response(b"")),
        record("response", response(headers=[]), url="http://news.example/untold"),
        record("response", response(b"plain", headers=[])),
        record("x", b"x").replace(b"WARC-Type: x\r\n", b""),
    ]
    path = tmp_path / "a.warc.gz"
    path.write_bytes(archives.members(items))
    found = read(path)
    assert [(page.url, page.media_type) for page in found.pages] == [
        ("http://news.example/a", "text/html"),
        ("http://news.example/r", "text/html"),
        ("http://news.example/c", "text/plain"),
        ("http://news.example/untold", "text/html"),
    ]
    assert found.dropped == {
        "warcinfo": 1,
        "request": 1,
        "metadata": 1,
        "revisit": 1,
        "http status 404": 1,
        "http status 301": 1,
        "not a page (image/png)": 1,
        "not a page (application/json)": 1,
        "no HTTP response (dns)": 1,
        "not a page (application/pdf)": 1,
        "continuation": 1,
        "empty": 1,
        "not a page (untold type)": 1,
    }
    assert found.reasons == {"damaged record": 1}
    assert len(found.items) == len(items)


def test_what_a_page_carries(tmp_path: Path, read) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in/a.warc"
    path.write_bytes(
        record("request", b"x") + record("response", response(), url="<http://www.a.co.uk/x>")
    )
    (page,) = read(tmp_path).pages
    assert page.url == "http://www.a.co.uk/x"
    assert page.site == "a.co.uk"
    assert page.source == f"in/a.warc#{len(record('request', b'x'))}"
    assert page.fetched_at == datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert page.charset == "utf-8 (http header)"
    assert page.content == HTML.decode()


def test_header_charset(tmp_path: Path, read) -> None:
    body = "<html><meta charset=utf-8><p>Größe</p></html>".encode("latin-1")
    headers = ['Content-Type: text/html; charset="ISO-8859-1"']
    path = tmp_path / "a.warc"
    path.write_bytes(record("response", response(body, headers=headers)))
    assert "Größe" in read(path).pages[0].content


def chunked(body: bytes, size: int = 7) -> bytes:
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x;x=y\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("br", brotli.compress),
        ("zstd", zstandard.compress),
        ("identity", bytes),
        ("gzip, br", lambda body: brotli.compress(gzip.compress(body))),
    ],
)
def test_content_encodings(coding: str, pack: Callable[[bytes], bytes]) -> None:
    body = HTML * 1000
    for transfer, wrap in (("", bytes), ("chunked", chunked)):
        headers = [f"Content-Encoding: {coding}", f"Transfer-Encoding: {transfer}"]
        message = parse_message(response(wrap(pack(body)), headers=headers))
        assert message.content(10**6) == body


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "none"])
def test_bodies_that_the_archive_unpacked_already(coding: str) -> None:
    headers = [f"Content-Encoding: {coding}", "Transfer-Encoding: chunked"]
    assert parse_message(response(HTML, headers=headers)).content(10**6) == HTML


def test_a_broken_off_chunk_is_kept() -> None:
    headers = ["Transfer-Encoding: chunked"]
    block = response(b"5\r\nHello\r\nff\r\n world", headers=headers)
    assert parse_message(block).content(10**6) == b"Hello world"


@pytest.mark.parametrize(
    ("coding", "body", "reason"),
    [
        ("gzip", gzip.compress(HTML * 9)[:-20], "bad content encoding"),
        ("gzip", gzip.compress(HTML * 9)[:20] + b"?" * 40, "bad content encoding"),
        ("br", brotli.compress(HTML * 9)[:-9], "bad content encoding"),
        ("deflate", b"?" * 40, "bad content encoding"),
        ("compress", b"\x1f\x9d?", "bad content encoding"),
        ("gzip", gzip.compress(b"<p>" * 10**6), "too large"),
        ("br", brotli.compress(b"<p>" * 10**6), "too large"),
        ("zstd", zstandard.compress(b"<p>" * 10**6), "too large"),
        ("deflate", zlib.compress(b"<p>" * 10**6), "too large"),
    ],
    # Names of their own: gzip writes the time, and a test's name must not hang on it.
    ids=[
        *("gzip cut off", "gzip garbled", "brotli cut off", "deflate garbled", "compress"),
        *("gzip bomb", "brotli bomb", "zstd bomb", "deflate bomb"),
    ],
)
def test_bodies_that_cannot_be_unpacked(
    tmp_path: Path, read, coding: str, body: bytes, reason: str
) -> None:
    headers = ["Content-Type: text/html", f"Content-Encoding: {coding}"]
    path = tmp_path / "a.warc.gz"
    bad = record("response", response(body, headers=headers))
    path.write_bytes(archives.members([bad, *archives.pages(1)]))
    found = read(path, max_bytes=10**6)
    assert (found.reasons, len(found.pages)) == ({reason: 1}, 1)


def test_a_cut_archive(tmp_path: Path, read) -> None:
    packed = archives.members(archives.pages(20))
    path = tmp_path / "a.warc.gz"
    path.write_bytes(packed[:-30])
    found = read(path)
    assert len(found.pages) == 19
    assert found.reasons == {"truncated archive": 1}
    assert "19 whole records before it were read" in found.quarantined[0].detail


def test_a_broken_first_byte(tmp_path: Path, read) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(b"?" + archives.members(archives.pages(20))[1:])
    found = read(path)
    assert (len(found.pages), found.reasons) == (19, {"damaged archive": 1})


def test_ranges_of_a_large_archive(tmp_path: Path, read) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(archives.members(archives.pages(400)))
    whole = read(path)
    units = list(plan_units(PagesConfig(path=str(path), unit_bytes=4096)))
    assert len(units) == path.stat().st_size // 4096
    assert read(path, unit_bytes=4096).items == whole.items
    assert len(whole.pages) == 400


def wounded() -> list[bytes]:
    """Pages, and among them what may confuse whoever looks for records in the middle."""
    items = archives.pages(300, size=20)
    inner = b"".join(archives.pages(40, size=30))
    items[60] = record("resource", inner, block_type="text/plain", url="http://news.example/warc")
    items[120] = items[120].replace(b"Content-Length: ", b"Content-Length: 9")
    items[180] = record("resource", items[0][:200] * 9, block_type="text/plain", length=100)
    items.insert(240, b"garbage of some length\r\n" * 400)
    return items


@pytest.mark.parametrize("unit_bytes", [4096, 5000, 20_000])
@pytest.mark.parametrize("cut", [0, 150])
def test_parts_of_a_plain_archive(tmp_path: Path, read, unit_bytes: int, cut: int) -> None:
    path = tmp_path / "a.warc"
    packed = b"".join(wounded())
    path.write_bytes(packed[: len(packed) - cut])
    whole = read(path)
    config = PagesConfig(path=str(path), unit_bytes=unit_bytes)
    units = list(plan_units(config))
    assert len(units) > path.stat().st_size // unit_bytes // 4
    assert [unit.stop for unit in units[:-1]] == [unit.start for unit in units[1:]]
    # The same pages, keys, wounds and words, whatever the number of parts.
    assert [item for unit in units for item in read_unit(unit, config)] == whole.items
    assert len(whole.pages) > 250
    assert whole.reasons["damaged record"] == 2
    assert whole.reasons["truncated archive" if cut else "damaged archive"] == 1


def test_a_plain_archive_that_grows_keeps_its_parts(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    config = PagesConfig(path=str(path), unit_bytes=4096)
    items = archives.pages(200)
    path.write_bytes(b"".join(items[:150]))
    before = {(unit.key, unit.version) for unit in plan_units(config)}
    path.write_bytes(b"".join(items))
    after = {(unit.key, unit.version) for unit in plan_units(config)}
    assert len(before - after) <= 1  # the last one, where it did not end at a cut
    assert len(after) > len(before)


@pytest.mark.parametrize("dictionary", [False, True])
def test_frames_of_a_zstd_archive(tmp_path: Path, read, dictionary: bool) -> None:
    path = tmp_path / "a.warc.zst"
    items = archives.pages(400)
    words = zstandard.ZstdCompressionDict(b"".join(items[:3]) if dictionary else b"")
    frame = zstandard.ZstdCompressor(dict_data=words) if dictionary else zstandard.ZstdCompressor()
    head = b"\x5d\x2a\x4d\x18" + len(words).to_bytes(4, "little") + words.as_bytes()
    packed = b"".join(frame.compress(item) for item in items)
    path.write_bytes(head + packed if dictionary else packed)
    whole = read(path)
    units = list(plan_units(PagesConfig(path=str(path), unit_bytes=4096)))
    assert len(units) == path.stat().st_size // 4096 > 2
    assert read(path, unit_bytes=4096).items == whole.items
    assert len(whole.pages) == 400


def test_a_zstd_archive_of_one_frame_is_one_unit(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.zst"
    noise = [random.Random(n).randbytes(400).hex().encode() for n in range(60)]
    path.write_bytes(zstandard.compress(b"".join(record("resource", b) for b in noise)))
    assert path.stat().st_size > 3 * 4096
    assert len(list(plan_units(PagesConfig(path=str(path), unit_bytes=4096)))) == 1


def test_an_archive_by_content_and_name(tmp_path: Path, read) -> None:
    (tmp_path / "a.txt").write_bytes(archives.members(archives.pages(2)))
    (tmp_path / "b").write_bytes(zstandard.compress(b"".join(archives.pages(2))))
    assert len(read(tmp_path).pages) == 4


def test_lists_of_archives(tmp_path: Path, read) -> None:
    for name in ("x/1.warc.gz", "x/2.warc.gz"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(archives.members(archives.pages(3)))
    listed = tmp_path / "warc.paths.gz"
    listed.write_bytes(gzip.compress(b"x/1.warc.gz\nx/2.warc.gz\nx/3.warc.gz\n"))
    found = read(listed)
    assert len(found.pages) == 6
    assert [(item.source, item.reason) for item in found.quarantined] == [
        ("x/3.warc.gz", "unreadable file")
    ]
    listed.write_bytes(gzip.compress(b"crawl-data/CC-MAIN-2025-05/1.warc.gz\n"))
    (unit,) = plan_units(PagesConfig(path=str(listed)))
    assert unit.uris == ("https://data.commoncrawl.org/crawl-data/CC-MAIN-2025-05/1.warc.gz",)
    (unit,) = plan_units(PagesConfig(path=str(listed), base_url="s3://commoncrawl/"))
    assert unit.uris == ("s3://commoncrawl/crawl-data/CC-MAIN-2025-05/1.warc.gz",)
    assert unit.key == "crawl-data/CC-MAIN-2025-05/1.warc.gz"


def test_tiny_records_are_streamed(tmp_path: Path) -> None:
    import tracemalloc

    from curate.pages import read_unit

    path = tmp_path / "a.warc.gz"
    path.write_bytes(gzip.compress(record("request", b"x") * 10_000, 1))
    config = PagesConfig(path=str(path))
    (unit,) = plan_units(config)
    tracemalloc.start()
    n_items = sum(1 for _ in read_unit(unit, config))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n_items == 10_000
    assert peak < 8 * 2**20


@pytest.mark.shared
def test_real_archives(shared: Path, read: Any) -> None:
    found = read(shared / "data/warc")
    assert [(page.source, page.site) for page in found.pages] == [
        ("example-iana.org-chunked.warc#405", "iana.org"),
        ("example.warc.gz#784", "example.com"),
    ]
    assert found.dropped == {"warcinfo": 3, "request": 3, "revisit": 1}
    assert found.quarantined == []
