from __future__ import annotations

import bz2
import gzip
import json
import lzma
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard

from curate.errors import PageError
from curate.pages import PagesConfig, plan_units
from curate.pages.jsonl import _parse
from curate.pages.make import Maker
from curate.schema import Page
from curate.text import digest


def lines(path: Path, *records: object) -> Path:
    texts = [item if isinstance(item, str) else json.dumps(item) for item in records]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8", errors="surrogatepass")
    return path


def test_fields_are_found_by_name(tmp_path: Path, read) -> None:
    record = {
        "URL": "https://www.example.com/a",
        "title": "A title",
        "html": "<p>Words.</p>",
        "text": "Words.",
        "warc-date": "2025-03-04T05:06:07+01:00",
    }
    (page,) = read(lines(tmp_path / "a.jsonl", record)).pages
    assert page.content == "<p>Words.</p>"
    assert page.media_type == "text/html"
    assert page.url == "https://www.example.com/a"
    assert page.site == "example.com"
    assert page.title == "A title"
    assert page.fetched_at == datetime(2025, 3, 4, 4, 6, 7, tzinfo=UTC)
    assert page.source == "a.jsonl#1"


def test_html_wins_unless_a_text_field_is_named(tmp_path: Path, read) -> None:
    path = lines(tmp_path / "a.jsonl", {"html": "<p>H</p>", "text": "T"}, {"html": "", "text": "T"})
    assert [page.content for page in read(path).pages] == ["<p>H</p>", "T"]
    assert [page.content for page in read(path, text_field="text").pages] == ["T", "T"]
    named = read(path, html_field="html")
    assert ([page.content for page in named.pages], named.dropped) == (["<p>H</p>"], {"empty": 1})


def test_content_is_told_by_itself(tmp_path: Path, read) -> None:
    path = lines(tmp_path / "a.jsonl", {"content": "<p>H</p>"}, {"content": "T & <b>"})
    assert [page.media_type for page in read(path).pages] == ["text/html", "text/plain"]


def test_every_line_has_one_outcome(tmp_path: Path, read) -> None:
    path = lines(
        tmp_path / "a.jsonl",
        {"text": "good"},
        "",
        '{"text": "cut',
        "[1]",
        {"text": " "},
        {"text": None},
        {"other": 1},
        {"text": 5},
        "[" * 100_000,
        '{"text": "raw\tcontrol"}',
        {"text": ["one", "two"]},
        {"text": "good"},
    )
    found = read(path)
    assert [page.content for page in found.pages] == ["good", "raw\tcontrol", "one\ntwo", "good"]
    assert [page.source for page in found.pages] == [f"a.jsonl#{n}" for n in (1, 10, 11, 12)]
    assert found.dropped == {"empty": 2}
    assert [(item.source, item.reason) for item in found.quarantined] == [
        ("a.jsonl#3", "bad JSON"),
        ("a.jsonl#4", "bad JSON"),
        ("a.jsonl#7", "no page field"),
        ("a.jsonl#8", "bad field"),
        ("a.jsonl#9", "bad JSON"),
    ]
    assert found.quarantined[0].detail.startswith("line 3: ")


def test_lone_surrogates_are_replaced_and_told(tmp_path: Path, read) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"text": "a\\ud83d b\\ude00 \\ud83d\\ude00", "url": "http://x.example/\\ud800"}\n'
    )
    (page,) = read(path).pages
    assert page.content == "a\N{REPLACEMENT CHARACTER} b\N{REPLACEMENT CHARACTER} \U0001f600"
    assert page.charset == "unicode (2 lone surrogates replaced)"
    assert page.url == "http://x.example/\N{REPLACEMENT CHARACTER}"


def test_bytes_that_are_no_utf8(tmp_path: Path, read) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"text": "gr\xf6\xdfe"}\r\n{"text": "b"}\r\n')
    assert [page.content for page in read(path).pages] == ["gr\ufffd\ufffde", "b"]


def test_a_long_line_and_one_too_long(tmp_path: Path, read) -> None:
    path = lines(tmp_path / "a.jsonl", {"text": "x" * 5_000_000}, {"text": "b"})
    assert [len(page.content) for page in read(path).pages] == [5_000_000, 1]
    found = read(path, max_bytes=4_000_000)
    assert [page.source for page in found.pages] == ["a.jsonl#2"]
    assert found.reasons == {"too large": 1}


PACKERS = [gzip.compress, bz2.compress, lzma.compress, zstandard.compress]


@pytest.mark.parametrize("pack", PACKERS)
def test_compressed_whole_and_cut(tmp_path: Path, read, pack) -> None:
    import random

    rng = random.Random(0)
    records = [{"text": "".join(rng.choices("abcdefgh ", k=400))} for _ in range(300)]
    data = "".join(json.dumps(record) + "\n" for record in records).encode()
    whole, cut = tmp_path / "whole", tmp_path / "cut.jsonl.gz"
    whole.write_bytes(pack(data))
    cut.write_bytes(
        pack(data)[: len(pack(data)) // 2] if pack is gzip.compress else pack(data)[:-20]
    )
    assert len(read(whole).pages) == 300
    found = read(cut)
    assert [page.content for page in found.pages] == [
        record["text"] for record in records[: len(found.pages)]
    ]
    assert found.reasons == {"truncated archive": 1}
    assert f"{len(found.pages)} records before it were read" in found.quarantined[0].detail


def test_two_members(tmp_path: Path, read) -> None:
    one, two = (json.dumps({"text": text}).encode() + b"\n" for text in "ab")
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(one) + gzip.compress(two))
    assert [page.content for page in read(path).pages] == ["a", "b"]


def test_ranges_of_lines(tmp_path: Path, read) -> None:
    path = lines(tmp_path / "a.jsonl", *({"text": f"{n} " * (n % 50 + 1)} for n in range(1, 2001)))
    whole = read(path)
    config = PagesConfig(path=str(path), unit_bytes=4096)
    units = list(plan_units(config))
    size = path.stat().st_size
    assert len(units) == size // 4150 or len(units) > 20
    assert [unit.start for unit in units[1:]] == [unit.stop for unit in units[:-1]]
    assert (units[0].start, units[-1].stop) == (0, size)
    assert read(path, unit_bytes=4096).items == whole.items


def test_appended_lines_leave_the_units_before_as_they_were(tmp_path: Path) -> None:
    records = [{"text": "words " * 20, "n": n} for n in range(500)]
    path = lines(tmp_path / "a.jsonl", *records)
    config = PagesConfig(path=str(path), unit_bytes=10_000)
    before = list(plan_units(config))
    lines(path, *records, {"text": "one more"})
    after = list(plan_units(config))
    assert [(u.key, u.version) for u in before[:-1]] == [
        (u.key, u.version) for u in after[: len(before) - 1]
    ]
    assert before[-1].version != after[len(before) - 1].version


def test_key_by_line_or_by_id(tmp_path: Path, read) -> None:
    path = lines(tmp_path / "a.jsonl", {"text": "a", "id": "x"}, {"text": "b", "id": 7})
    assert [page.page_key for page in read(path).pages] == [
        digest("a.jsonl#1", chars=24),
        digest("a.jsonl#2", chars=24),
    ]
    assert [page.page_key for page in read(path, id_field="id").pages] == [
        digest("a.jsonl#x", chars=24),
        digest("a.jsonl#7", chars=24),
    ]


def test_an_unknown_field_is_refused_with_what_there_is(tmp_path: Path, read) -> None:
    path = lines(tmp_path / "a.jsonl", {"text": "a", "address": "b"})
    with pytest.raises(PageError, match=r"pages\.url_field='link' .* its fields are text, address"):
        read(path, url_field="link")


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2025-03-04", datetime(2025, 3, 4, tzinfo=UTC)),
        ("2025-03-04T05:06:07Z", datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("20250304050607", datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("Tue, 04 Mar 2025 05:06:07 GMT", datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)),
        (1741064767, datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)),
        (1741064767000, datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("yesterday", None),
        (True, None),
        (10**30, None),
        ("0001-01-01", None),
        (None, None),
    ],
)
def test_times(tmp_path: Path, read, value, moment) -> None:
    path = lines(tmp_path / "a.jsonl", {"text": "a", "fetched_at": value})
    assert read(path).pages[0].fetched_at == moment


@pytest.mark.parametrize(
    "value",
    ["18446744073709551616", "-9223372036854775809", "1" * 30, "-0", "1.5", "1e400", "NaN",
     '"\\u0000"', '"\\ud800"', '"a\x01b"', '"\\ud83d\\ude00"', '[1,"x",null]', '{"a":1,"a":2}'],
)  # fmt: skip
def test_a_line_is_read_as_pythons_own_parser_reads_it(value: str) -> None:
    line = f'{{"id": {value}, "text": "a"}}'
    read = _parse(line.encode())
    assert repr(read) == repr(json.loads(line, strict=False))


@pytest.mark.parametrize(
    "content",
    ["plain", "Ünï 😀", "\ud800 lone", b"\xef\xbb\xbfWith a mark", "Grüße".encode(),
     "Grüße".encode("latin-1"), b"wound \xff\xfe in it", "Grüße".encode("utf-16")],
)  # fmt: skip
def test_bytes_kept_beside_the_content_are_the_content(content: str | bytes) -> None:
    for encoding in (None, "utf-8"):
        maker = Maker(PagesConfig(path="x", encoding=encoding), "")
        page = maker.make(content, "text/html", name="a", record=1, source="a#1")
        if isinstance(page, Page) and page.utf8 is not None:
            assert page.utf8.decode() == page.content
