"""WARC framing: records out of plain, gzip or zstd archives, however wounded.

Existing readers skip in silence what they can't read: a cut file ends early, and
a wrong Content-Length swallows the next record. Here every wound is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Literal

from curate.pages.inflate import Damaged
from curate.pages.members import (
    VERSION,
    ZSTD_DICTIONARY,
    Cut,
    Flow,
    Raw,
    next_member,
    read_dictionary,
    scan,
)
from curate.pages.sniff import compression_of

__all__ = ["HEAD_BYTES", "Record", "Wound", "has_frames", "is_plain", "records"]

MAX_HEADER_BYTES = 1 << 18
"""Real WARC headers have some hundred bytes; URLs in them reach 100 KB."""

HEAD_BYTES = 64
"""Bytes at the beginning that tell a plain archive from a compressed one."""

_LINE_FOLD = re.compile(r"\r?\n[ \t]+")


@dataclass(frozen=True, slots=True)
class Record:
    """A whole record.

    Attributes:
        offset: where its member (or itself, uncompressed) begins in the file.
        number: records before it in the same member; 0 with a member a record.
        headers: names in lower case.
        body: its block, or None where longer than allowed.
        n_bytes: declared length of the block.
    """

    offset: int
    number: int
    headers: dict[str, str]
    body: bytes | None
    n_bytes: int

    @property
    def place(self) -> str:
        """Name of the record within its file, the same however the file is cut."""
        return f"{self.offset}.{self.number}" if self.number else str(self.offset)


@dataclass(frozen=True, slots=True)
class Wound:
    """Bytes that are no whole record.

    Attributes:
        kind: `truncated archive`, `damaged archive` or `damaged record`.
        place: as `Record.place`.
        detail: what was met.
    """

    kind: Literal["truncated archive", "damaged archive", "damaged record"]
    place: str
    detail: str


@dataclass(slots=True)
class _State:
    n_good: int = 0
    place: str = "0"
    got: str = ""
    over: bool = False


def is_plain(head: bytes) -> bool:
    """Whether an archive that begins so is not compressed."""
    return VERSION.match(head) is not None


def has_frames(file: IO[bytes], n_bytes: int) -> bool:
    """Whether a second frame of a zstd archive begins a record, within its first bytes."""
    first = file.read(len(ZSTD_DICTIONARY))
    file.seek(0)
    raw = Raw(file, offset=0)
    dictionary = read_dictionary(raw) if first == ZSTD_DICTIONARY else None
    if not scan(raw, n_bytes, "zstd", dictionary):
        return False
    data = raw.block()  # stands at the first one
    raw.put_back(data[1:])
    return scan(raw, n_bytes, "zstd", dictionary)


def records(
    file: IO[bytes], max_bytes: int, start: int = 0, stop: int | None = None, n_before: int = 0
) -> Iterator[Record | Wound]:
    """Records of an archive, and its wounds, in order.

    A range of a compressed archive owns the records from the first member at or
    after `start` that begins with a record up to the first such member at or after
    `stop`, so ranges that join share nothing and miss nothing. Where one member
    holds everything, so does the first range. Of a plain archive, whose bodies may
    themselves hold archives, ranges must begin and end where records do.

    Args:
        file: opened for reading bytes; must seek where `start` is not 0.
        max_bytes: bodies longer than this are passed over.
        start, stop: bytes of the file.
        n_before: whole records before `start`, for what is told of a cut file.
    """
    raw = Raw(file, offset=start)
    dictionary = None
    if start:
        head = file.read(HEAD_BYTES)
        packed_by = compression_of(head) or "gzip"
        if head.startswith(ZSTD_DICTIONARY):
            file.seek(0)
            dictionary = read_dictionary(Raw(file, offset=0))
        file.seek(start)
        if not is_plain(head) and not scan(raw, stop, packed_by, dictionary):
            return
    first = raw.block()
    raw.put_back(first)
    kind = compression_of(first)
    if kind is None and not VERSION.search(first) and scan(raw, None, "gzip", None):
        # The very first bytes are broken; what they were of is told by the next member.
        detail = f"{raw.offset} bytes that begin no record, before the first that does"
        yield Wound("damaged archive", "0", detail)
        kind = "gzip"
    elif kind is None:
        file.seek(start)
        raw = Raw(file, offset=start)
    flow = Flow(raw, kind, dictionary)
    if kind == "zstd" and first.startswith(ZSTD_DICTIONARY):
        flow.dictionary = read_dictionary(raw)
    state = _State(n_good=n_before)
    while not state.over:
        try:
            if not (flow.held or flow.open_member()):
                return
            flow.held = False
            if stop is not None and flow.offset >= stop and flow.begins_record():
                return
            state.place, state.got = str(flow.offset), "nothing"
            yield from _member_records(flow, state, max_bytes, stop)
        except Cut:
            end, begin = raw.offset, int(state.place.partition(".")[0])
            if next_member(raw, flow, begin + 1):
                # Not the file but the record runs on for ever: its bytes are broken.
                detail = f"the record has no end; reading goes on at byte {raw.offset}"
                yield Wound("damaged archive", state.place, detail)
                continue
            detail = (
                f"the file ends at byte {end} within the record that begins at "
                f"{state.place} ({state.got} of it is there); {state.n_good} whole records "
                "before it were read"
            )
            yield Wound("truncated archive", state.place, detail)
            return
        except Damaged as error:
            lost = flow.offset
            found = next_member(raw, flow, lost + 1)
            where = f"reading goes on at byte {raw.offset}" if found else "nothing follows"
            yield Wound("damaged archive", str(lost), f"{error} at byte {lost}; {where}")
            if not found:
                return


def _member_records(
    flow: Flow, state: _State, max_bytes: int, stop: int | None
) -> Iterator[Record | Wound]:
    number, member = 0, flow.offset
    while not flow.held and flow.skip_blank():
        if flow.kind is None:
            offset = flow.raw.offset - (len(flow.buffer) - flow.position)
            if stop is not None and offset >= stop:
                state.over = True
                return
        else:
            offset = flow.offset
            number = number if offset == member else 0
            member = offset
        state.place = f"{offset}.{number}" if number else str(offset)
        state.got = "the beginning"
        yield from _one_record(flow, state, max_bytes, offset, number)
        if flow.kind is not None:
            number += 1


def _one_record(
    flow: Flow, state: _State, max_bytes: int, offset: int, number: int
) -> Iterator[Record | Wound]:
    place = state.place
    headers = _read_header(flow)
    if headers is None:
        skipped = len(flow.lost) if flow.held else flow.skip_to_record()
        yield Wound("damaged archive", place, f"{skipped} bytes that begin no record")
        return
    length = headers.get("content-length", "")
    if not (length.isascii() and length.isdigit()):
        flow.skip_to_record()
        yield Wound("damaged record", place, f"Content-Length is {length or 'missing'!r}")
        return
    size = int(length)
    keep = size <= max_bytes
    body_at = flow.raw.offset - (len(flow.buffer) - flow.position)
    parts, taken = flow.take(size, keep=keep)
    while taken < size:
        # The member is over. Archives cut into members anywhere go on in the next.
        state.got = f"{taken} of {size} bytes"
        try:
            opened = flow.kind is not None and flow.open_member()
            # Where the next member begins a record, this one had no more bytes.
            flow.held = opened and flow.begins_record()
        except Damaged:
            yield _wrong_length(place, size)
            raise
        if flow.held:
            yield _wrong_length(place, size)
            return
        if not opened:
            if _step_back(flow, body_at, parts):
                yield _wrong_length(place, size)
                return
            raise Cut
        more, n_more = flow.take(size - taken, keep=keep)
        parts += more
        taken += n_more
    state.got = f"{taken} of {size} bytes, but not its end,"
    tail = flow.peek(4)
    if tail.strip(b"\r\n") and not flow.begins_record():
        _step_back(flow, body_at, parts)
        yield _wrong_length(place, size)
        return
    ends = not flow.skip_blank()
    state.n_good += 1
    yield Record(offset, number, headers, b"".join(parts) if keep else None, size)
    if ends and flow.kind is None and tail.count(b"\n") < 2:
        raise Cut


def _wrong_length(place: str, size: int) -> Wound:
    return Wound("damaged record", place, f"Content-Length is {size}, which is not its length")


def _step_back(flow: Flow, body_at: int, parts: list[bytes]) -> bool:
    """Look from the beginning of a body for the record that follows it."""
    if flow.kind is None:
        flow.raw.file.seek(body_at)
        flow.raw.offset, flow.raw.rest = body_at, b""
        flow.buffer, flow.position, flow.ended = b"", 0, False
    else:
        flow.buffer = b"".join(parts) + flow.buffer[flow.position :]
        flow.position = 0
    flow.skip_to_record()
    return flow.position < len(flow.buffer)


def _read_header(flow: Flow) -> dict[str, str] | None:
    head = flow.peek(16)
    while len(head) < 16 and b"WARC/".startswith(head[:5]) and flow.join_next():
        head = flow.peek(16)
    if not VERSION.match(head):
        return None
    size = 1024
    while True:
        head = flow.peek(size)
        ends = [(head.find(mark), len(mark)) for mark in (b"\r\n\r\n", b"\n\n")]
        found = [(at, width) for at, width in ends if at >= 0]
        if found:
            at, width = min(found)
            break
        if len(head) < size:
            if not flow.join_next():
                return None
        elif size >= MAX_HEADER_BYTES:
            return None
        else:
            size *= 4
    flow.position += at + width
    text = _LINE_FOLD.sub(" ", head[:at].decode("utf-8", "replace"))
    headers: dict[str, str] = {}
    for line in text.split("\n")[1:]:
        name, mark, value = line.partition(":")
        if mark:
            headers.setdefault(name.strip().lower(), value.strip())
    return headers
