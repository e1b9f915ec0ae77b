"""WARC framing: records out of plain, gzip or zstd archives, however wounded.

Existing readers skip in silence what they can't read: a cut file ends early, and
a wrong Content-Length swallows the next record. Here a member of the compressed
stream is a second witness of where records begin, so a wound costs the record
it is in, and every wound is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Literal

from curate.pages.inflate import BLOCK_BYTES, Damaged, Member
from curate.pages.sniff import compression_of

__all__ = ["Record", "Wound", "records"]

MAX_HEADER_BYTES = 1 << 18
"""Real WARC headers have some hundred bytes; URLs in them reach 100 KB."""

_VERSION = re.compile(rb"WARC/\d+\.\d+[ \t]*\r?\n")
_NEXT = re.compile(rb"\n(?=WARC/\d\.\d+[ \t]*\r?\n)")
_LINE_FOLD = re.compile(r"\r?\n[ \t]+")
_MAGIC = {"gzip": b"\x1f\x8b\x08", "zstd": b"\x28\xb5\x2f\xfd"}
PROBE_BYTES = 4096
"""Packed bytes tried at a place that may begin a member: enough for the first
block's code tables and some characters."""
_ZSTD_DICTIONARY = b"\x5d\x2a\x4d\x18"


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


class _Cut(Exception):  # noqa: N818 - control flow within this module
    """The file ended where more had to come."""


@dataclass(slots=True)
class _Raw:
    """The file's bytes, with their offset; can look back within one block."""

    file: IO[bytes]
    offset: int
    rest: bytes = b""

    def block(self) -> bytes:
        """The next bytes, empty at the end."""
        if self.rest:
            out, self.rest = self.rest, b""
        else:
            out = self.file.read(BLOCK_BYTES)
        self.offset += len(out)
        return out

    def put_back(self, data: bytes) -> None:
        """Give back the last bytes of what was read."""
        self.rest = data + self.rest
        self.offset -= len(data)


@dataclass(slots=True)
class _Flow:
    """Unpacked bytes of one member after another."""

    raw: _Raw
    kind: str | None
    dictionary: bytes | None = None
    buffer: bytes = b""
    position: int = 0
    ended: bool = True
    offset: int = 0
    _output: Iterator[bytes] | None = None
    _member: Member | None = None

    def open_member(self) -> bool:
        """Begin the next member; False at the end of the file."""
        self.buffer, self.position = b"", 0
        first = self.raw.block()
        while self.kind is not None and first and not first.strip(b"\x00"):
            first = self.raw.block()
        if not first:
            return False
        self.raw.put_back(first)
        self.offset = self.raw.offset
        self.ended = False
        if self.kind is not None:
            if len(first) < 4:  # so that the magic can be seen
                first = self._joined()
            if compression_of(first) != self.kind:
                self.ended, self._output = True, None
                raise Damaged(f"bytes that are no {self.kind} data between records")
            self._member, self._output = Member(self.kind, self.dictionary), None
        return True

    def fill(self) -> bool:
        """More bytes into the buffer; False where the member ends.

        Raises:
            Damaged: the packed data is broken.
            _Cut: the file ends within the member.
        """
        if self.ended:
            return False
        block = self._more()
        if block:
            self.buffer = self.buffer[self.position :] + block
            self.position = 0
        return bool(block)

    def _more(self) -> bytes:
        if self.kind is None:
            block = self.raw.block()
            self.ended = not block
            return block
        assert self._member is not None
        while True:
            if self._output is None:
                data = self.raw.block()
                if not data:
                    self.ended = True
                    raise _Cut
                self._output = self._member.feed(data)
            try:
                out = next(self._output, None)
            except Damaged:
                self.ended = True
                raise
            if out:
                return out
            if out is None:
                self._output = None
                if self._member.eof:
                    self.raw.put_back(self._member.unused)
                    self.ended = True
                    return b""

    def _joined(self) -> bytes:
        first = self.raw.block()
        second = self.raw.block()
        self.raw.put_back(first + second)
        return first + second

    def peek(self, size: int) -> bytes:
        """Up to `size` bytes without taking them; fewer only at the member's end."""
        while len(self.buffer) - self.position < size and self.fill():
            pass
        return self.buffer[self.position : self.position + size]

    def begins_record(self) -> bool:
        """True where a record begins here, line ends apart."""
        return _VERSION.match(self.peek(32).lstrip(b"\r\n")) is not None

    def take(self, size: int, *, keep: bool) -> tuple[bytes, int]:
        """Up to `size` bytes and their number; with `keep` false only the number."""
        parts: list[bytes] = []
        taken = 0
        while taken < size:
            if self.position >= len(self.buffer) and not self.fill():
                break
            part = self.buffer[self.position : self.position + size - taken]
            self.position += len(part)
            taken += len(part)
            if keep:
                parts.append(part)
        return b"".join(parts), taken

    def skip_blank(self) -> bool:
        """Pass over line ends; False where the member ends there."""
        while True:
            here = self.buffer[self.position :].lstrip(b"\r\n")
            self.position = len(self.buffer) - len(here)
            if here:
                return True
            if not self.fill():
                return False

    def skip_to_record(self) -> int:
        """Pass over bytes up to the next record or the member's end; their number."""
        skipped = 0
        while True:
            found = _NEXT.search(self.buffer, self.position)
            if found is not None:
                skipped += found.end() - self.position
                self.position = found.end()
                return skipped
            keep = min(16, len(self.buffer) - self.position)
            skipped += len(self.buffer) - self.position - keep
            self.position = len(self.buffer) - keep
            if not self.fill():
                self.position = len(self.buffer)
                return skipped + keep


@dataclass(slots=True)
class _State:
    n_good: int = 0
    place: str = "0"
    got: str = ""


def records(
    file: IO[bytes], max_bytes: int, start: int = 0, stop: int | None = None
) -> Iterator[Record | Wound]:
    """Records of an archive, and its wounds, in order.

    A range owns the records from the first member at or after `start` that
    begins with a record up to the first such member at or after `stop`, so
    ranges that join share nothing and miss nothing.

    Args:
        file: opened for reading bytes; must seek where `start` is not 0.
        max_bytes: bodies longer than this are passed over.
        start, stop: bytes of the file. Of use with gzip, one member a record;
            of other archives the first range holds everything.
    """
    raw = _Raw(file, offset=start)
    if start:
        file.seek(start)
        if not _scan(raw, stop, "gzip", None):
            return
    first = raw.block()
    raw.put_back(first)
    kind = compression_of(first)
    flow = _Flow(raw, kind)
    if kind == "zstd" and first.startswith(_ZSTD_DICTIONARY):
        flow.dictionary = _read_dictionary(raw)
    state = _State()
    while True:
        try:
            if not flow.open_member():
                return
            if stop is not None and flow.offset >= stop and flow.begins_record():
                return
            state.place, state.got = str(flow.offset), "nothing"
            yield from _member_records(flow, state, max_bytes)
        except _Cut:
            detail = (
                f"the file ends at byte {raw.offset} within the record that begins at "
                f"{state.place} ({state.got} of it is there); {state.n_good} whole records "
                "before it were read"
            )
            yield Wound("truncated archive", state.place, detail)
            return
        except Damaged as error:
            lost = flow.offset
            found = _next_member(raw, flow)
            where = f"reading goes on at byte {raw.offset}" if found else "nothing follows"
            yield Wound("damaged archive", str(lost), f"{error} at byte {lost}; {where}")
            if not found:
                return


def _member_records(flow: _Flow, state: _State, max_bytes: int) -> Iterator[Record | Wound]:
    number, member = 0, flow.offset
    while flow.skip_blank():
        if flow.kind is None:
            offset = flow.raw.offset - (len(flow.buffer) - flow.position)
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
    flow: _Flow, state: _State, max_bytes: int, offset: int, number: int
) -> Iterator[Record | Wound]:
    place = state.place
    headers = _read_header(flow)
    if headers is None:
        skipped = flow.skip_to_record()
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
    body, taken = flow.take(size, keep=keep)
    while taken < size:
        # The member is over. Archives cut into members anywhere go on in the next.
        state.got = f"{taken} of {size} bytes"
        if flow.kind is None or not flow.open_member():
            if _step_back(flow, body_at, body):
                yield _wrong_length(place, size)
                return
            raise _Cut
        if flow.begins_record():
            yield _wrong_length(place, size)
            return
        more, n_more = flow.take(size - taken, keep=keep)
        body += more
        taken += n_more
    state.got = f"{taken} of {size} bytes, but not its end,"
    tail = flow.peek(4)
    if tail.strip(b"\r\n") and not flow.begins_record():
        if not _step_back(flow, body_at, body):
            flow.skip_to_record()
        yield _wrong_length(place, size)
        return
    ends = not flow.skip_blank()
    state.n_good += 1
    yield Record(offset, number, headers, body if keep else None, size)
    if ends and flow.kind is None and tail.count(b"\n") < 2:
        raise _Cut


def _wrong_length(place: str, size: int) -> Wound:
    return Wound("damaged record", place, f"Content-Length is {size}, which is not its length")


def _step_back(flow: _Flow, body_at: int, body: bytes) -> bool:
    """Look from the beginning of a body for the record that follows it."""
    if flow.kind is None:
        flow.raw.file.seek(body_at)
        flow.raw.offset, flow.raw.rest = body_at, b""
        flow.buffer, flow.position, flow.ended = b"", 0, False
    else:
        flow.buffer, flow.position = body + flow.buffer[flow.position :], 0
    flow.skip_to_record()
    return flow.position < len(flow.buffer)


def _read_header(flow: _Flow) -> dict[str, str] | None:
    if not _VERSION.match(flow.peek(16)):
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
            if flow.kind is None:
                raise _Cut
            return None
        if size >= MAX_HEADER_BYTES:
            return None
        size *= 4
    flow.position += at + width
    text = _LINE_FOLD.sub(" ", head[:at].decode("utf-8", "replace"))
    headers: dict[str, str] = {}
    for line in text.split("\n")[1:]:
        name, mark, value = line.partition(":")
        if mark:
            headers.setdefault(name.strip().lower(), value.strip())
    return headers


def _read_dictionary(raw: _Raw) -> bytes | None:
    """The dictionary that a `.warc.zst` carries in a skippable first frame."""
    data = raw.block()
    size = int.from_bytes(data[4:8], "little")
    while len(data) < 8 + size:
        more = raw.block()
        if not more:
            break
        data += more
    raw.put_back(data[8 + size :])
    content = data[8 : 8 + size]
    if compression_of(content) == "zstd":
        member = Member("zstd")
        content = b"".join(member.feed(content))
    return content


def _next_member(raw: _Raw, flow: _Flow) -> bool:
    """After a broken member: stand at the next that begins a record."""
    if flow.kind not in _MAGIC:
        return False
    raw.file.seek(flow.offset + 1)
    raw.offset, raw.rest = flow.offset + 1, b""
    return _scan(raw, None, flow.kind, flow.dictionary)


def _scan(raw: _Raw, stop: int | None, kind: str, dictionary: bytes | None) -> bool:
    """Stand at the first member that begins a record; False if none begins before `stop`."""
    magic = _MAGIC[kind]
    data = raw.block()
    while data:
        at = data.find(magic)
        if at < 0:
            more = raw.block()
            if not more:
                return False
            data = data[1 - len(magic) :] + more
            continue
        data = data[at:]
        if stop is not None and raw.offset - len(data) >= stop:
            return False
        if len(data) < PROBE_BYTES:
            data += raw.block()
        if _begins_record(data, kind, dictionary):
            raw.put_back(data)
            return True
        data = data[1:]
    return False


def _begins_record(data: bytes, kind: str, dictionary: bytes | None) -> bool:
    out = b""
    try:
        for block in Member(kind, dictionary).feed(data[:PROBE_BYTES]):
            out += block
            if len(out) >= 32:
                break
    except Damaged:
        return False
    return _VERSION.match(out.lstrip(b"\r\n")) is not None
