from __future__ import annotations

import gzip
import io
import random
from itertools import pairwise

import pytest
import zstandard
from fastwarc.warc import ArchiveIterator
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.pages.archive import Record, Wound, records

from . import archives

MAX = 1 << 20


def read(data: bytes, **options: int | None) -> list[Record | Wound]:
    return list(records(io.BytesIO(data), MAX, **options))


def bodies(found: list[Record | Wound]) -> list[bytes | None]:
    return [item.body for item in found if isinstance(item, Record)]


def wounds(found: list[Record | Wound]) -> list[str]:
    return [item.kind for item in found if isinstance(item, Wound)]


def blocks(n: int) -> list[bytes]:
    rng = random.Random(n)
    return [bytes(rng.choices(b"abcd <p>\r\n", k=rng.choice([0, 50, 3000]))) for _ in range(n)]


def pack(items: list[bytes], kind: str) -> bytes:
    joined = b"".join(items)
    if kind == "plain":
        return joined
    if kind == "members":
        return archives.members(items)
    if kind == "one member":
        return gzip.compress(joined)
    if kind == "members at random":
        return b"".join(gzip.compress(joined[i : i + 700]) for i in range(0, len(joined), 700))
    if kind == "zstd dictionary":
        dictionary = joined[:500] + b"WARC/1.0"
        frame = zstandard.ZstdCompressor(dict_data=zstandard.ZstdCompressionDict(dictionary))
        packed = b"".join(frame.compress(item) for item in items)
        return b"\x5d\x2a\x4d\x18" + len(dictionary).to_bytes(4, "little") + dictionary + packed
    return b"".join(zstandard.compress(item) for item in items)


KINDS = ["plain", "members", "one member", "members at random", "zstd", "zstd dictionary"]


@pytest.mark.parametrize("kind", KINDS)
def test_whole_archives(kind: str) -> None:
    content = blocks(40)
    found = read(pack([archives.record("resource", block) for block in content], kind))
    assert wounds(found) == []
    assert bodies(found) == content
    places = [item.place for item in found]
    assert len(set(places)) == 40
    assert places[0] == "0" or kind == "zstd dictionary"


@pytest.mark.parametrize("kind", ["plain", "members", "one member"])
def test_agrees_with_fastwarc(kind: str) -> None:
    data = pack([archives.record("resource", block) for block in blocks(30)], kind)
    theirs = [item.reader.read() for item in ArchiveIterator(io.BytesIO(data), parse_http=False)]
    assert bodies(read(data)) == theirs


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_ranges_share_nothing_and_miss_nothing(data: st.DataObject) -> None:
    kinds = ["members", "one member", "members at random", "zstd", "zstd dictionary"]
    kind = data.draw(st.sampled_from(kinds))
    packed = pack([archives.record("resource", block) for block in blocks(25)], kind)
    cuts = data.draw(st.lists(st.integers(1, len(packed)), max_size=6, unique=True).map(sorted))
    edges = [0, *cuts, None]
    parts = [
        item
        for start, stop in pairwise(edges)
        for item in read(packed, start=start or 0, stop=stop)
    ]
    assert parts == read(packed)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_cut_is_told_and_what_stands_before_it_is_kept(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(KINDS[:5]))
    content = blocks(12)
    items = [archives.record("resource", block) for block in content]
    packed = pack(items, kind)
    whole = {len(pack(items[:n], kind)) for n in range(12)} if kind != "one member" else set()
    cut = data.draw(st.integers(6, len(packed) - 1).filter(lambda n: n not in whole))
    found = read(packed[:cut])
    kept = bodies(found)
    assert kept == content[: len(kept)]
    if kind != "members at random" or wounds(found):
        assert wounds(found) == ["truncated archive"]
        assert f"file ends at byte {cut}" in found[-1].detail
        assert f"{len(kept)} whole records" in found[-1].detail


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_changed_bit_costs_one_record(data: st.DataObject) -> None:
    content = blocks(12)
    packed = bytearray(archives.members([archives.record("resource", b) for b in content]))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    found = read(bytes(packed))
    kept = bodies(found)
    assert len(kept) >= 11
    assert kept == content or wounds(found) != []


@pytest.mark.parametrize("kind", KINDS[:5])
@pytest.mark.parametrize("error", [-30, 60, 5000])
def test_wrong_content_length_costs_its_record_only(kind: str, error: int) -> None:
    content = [b"<p>%d</p>" % i * 30 for i in range(9)]
    items = [archives.record("resource", block) for block in content]
    items[4] = archives.record("resource", content[4], length=len(content[4]) + error)
    found = read(pack(items, kind))
    assert bodies(found) == content[:4] + content[5:]
    # Without members that begin with records, the rest of its body counts as garbage.
    expected = ["damaged record"]
    if kind == "members at random" and error < 0:
        expected.append("damaged archive")
    assert wounds(found) == expected


@pytest.mark.parametrize("length", ["", "-5", "12x"])
def test_content_length_that_is_no_number(length: str) -> None:
    good = archives.record("resource", b"good")
    bad = good.replace(b"Content-Length: 4", f"Content-Length: {length}".encode())
    for packed in (bad + good, archives.members([bad, good])):
        found = read(packed)
        assert (wounds(found), bodies(found)) == (["damaged record"], [b"good"])


def test_garbage_between_records() -> None:
    good = archives.record("resource", b"good")
    for packed in (
        good + b"garbage of some length\r\n" + good,
        gzip.compress(good) + b"garbage of some length" + gzip.compress(good),
        gzip.compress(good) + gzip.compress(b"no record at all") + gzip.compress(good),
    ):
        found = read(packed)
        assert (wounds(found), bodies(found)) == (["damaged archive"], [b"good", b"good"])


def test_zero_padding_and_line_ends_are_no_wound() -> None:
    good = archives.record("resource", b"good")
    assert wounds(read(gzip.compress(good) + bytes(3000))) == []
    assert wounds(read(b"\r\n\r\n" + good + b"\r\n\r\n\r\n")) == []


def test_missing_line_ends_after_the_last_record_are_told() -> None:
    found = read(archives.record("resource", b"good")[:-4])
    assert (bodies(found), wounds(found)) == ([b"good"], ["truncated archive"])


def test_a_record_beyond_the_limit_is_passed_over() -> None:
    large = archives.record("resource", bytes(MAX + 1))
    good = archives.record("resource", b"good")
    for packed in (large + good, archives.members([large, good]), gzip.compress(large + good)):
        found = read(packed)
        assert bodies(found) == [None, b"good"]
        assert found[0].n_bytes == MAX + 1


def test_folded_headers_and_bare_line_feeds() -> None:
    data = b"WARC/1.0\nWARC-Type: resource\nX-A: one\n two\nContent-Length: 4\n\ngood\n\n"
    (found,) = read(data + b"\n")
    assert found.headers["x-a"] == "one two"
    assert found.body == b"good"


@given(st.binary(max_size=4000))
def test_any_bytes_end(data: bytes) -> None:
    read(data)
    read(b"WARC/1.0\r\n" + data)
    read(b"\x1f\x8b\x08" + data)
