"""Bytes of an archive as one member of a compressed stream after another.

The place where a member begins is a second witness of where records begin: with
it a wound costs the record it is in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from curate.pages.inflate import BLOCK_BYTES, Damaged, Member
from curate.pages.sniff import compression_of

__all__ = [
    "VERSION",
    "ZSTD_DICTIONARY",
    "Cut",
    "Flow",
    "Raw",
    "next_member",
    "read_dictionary",
    "scan",
]

PROBE_BYTES = 4096
"""Packed bytes tried at a place that may begin a member: enough for the first
block's code tables and some characters."""

VERSION = re.compile(rb"WARC/\d+\.\d+[ \t]*\r?\n")
"""First line of a record."""

ZSTD_DICTIONARY = b"\x5d\x2a\x4d\x18"

_BLANK = re.compile(rb"[\r\n]*")
_NEXT = re.compile(rb"\n(?=WARC/\d\.\d+[ \t]*\r?\n)")
_MAGIC = {"gzip": b"\x1f\x8b\x08", "zstd": b"\x28\xb5\x2f\xfd"}


class Cut(Exception):  # noqa: N818 - control flow of the archive reader
    """The file ended where more had to come."""


@dataclass(slots=True)
class Raw:
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
class Flow:
    """Unpacked bytes of one member after another.

    Attributes:
        kind: of compression; None takes the whole file for one member.
        buffer, position: unpacked bytes, and how many of them are taken.
        ended: no more bytes come from this member.
        offset: where the member begins in the file.
        held: the member was opened to look at, and is still to be read.
        lost: what the member before left over then.
    """

    raw: Raw
    kind: str | None
    dictionary: bytes | None = None
    buffer: bytes = b""
    position: int = 0
    ended: bool = True
    offset: int = 0
    held: bool = False
    lost: bytes = b""
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
            # A file may be cut within the magic; the member then has no end.
            is_start = len(first) < 4 and _MAGIC.get(self.kind, b"?").startswith(first)
            if compression_of(first) != self.kind and not is_start:
                self.ended, self._output = True, None
                raise Damaged(f"bytes that are no {self.kind} data between records")
            self._member, self._output = Member(self.kind, self.dictionary), None
        return True

    def fill(self) -> bool:
        """More bytes into the buffer; False where the member ends.

        Raises:
            Damaged: the packed data is broken.
            Cut: the file ends within the member.
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
                    raise Cut
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
        return VERSION.match(self.peek(32).lstrip(b"\r\n")) is not None

    def join_next(self) -> bool:
        """Let the next member go on where this one ended, within a record.

        False where the next begins a record itself: it is held then.

        Raises:
            Cut: there is none.
        """
        rest = self.buffer[self.position :]
        if self.kind is None or not self.open_member():
            raise Cut
        if self.begins_record():
            self.held, self.lost = True, rest
            return False
        self.buffer = rest + self.buffer[self.position :]
        self.position = 0
        return True

    def take(self, size: int, *, keep: bool) -> tuple[list[bytes], int]:
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
        return parts, taken

    def skip_blank(self) -> bool:
        """Pass over line ends; False where the member ends there."""
        while True:
            blank = _BLANK.match(self.buffer, self.position)
            self.position = blank.end() if blank else self.position
            if self.position < len(self.buffer):
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


def read_dictionary(raw: Raw) -> bytes | None:
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


def next_member(raw: Raw, flow: Flow, start: int) -> bool:
    """Stand at the first member at or after `start` that begins a record, if any."""
    if flow.kind not in _MAGIC:
        return False
    raw.file.seek(start)
    raw.offset, raw.rest = start, b""
    return scan(raw, None, flow.kind, flow.dictionary)


def scan(raw: Raw, stop: int | None, kind: str, dictionary: bytes | None) -> bool:
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
    return VERSION.match(out.lstrip(b"\r\n")) is not None
