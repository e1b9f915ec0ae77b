"""Compressed streams as blocks of bytes, with their wounds told.

Libraries differ in what they do at a cut or broken stream: some raise, some end
in silence. Here every stream that does not end where its format says raises.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Iterator
from typing import IO, Any

from curate.pages.sniff import compression_of

__all__ = ["BLOCK_BYTES", "Damaged", "Member", "Truncated", "blocks", "head_of"]

BLOCK_BYTES = 65_536

ZSTD_STEP_BYTES = 4096
"""zstd can't be told to stop at an output size; 4 KB of input unpack to 128 MB
at the very worst, and to some 40 KB in practice."""

OUTPUT_BYTES = 1 << 20


class Truncated(Exception):  # noqa: N818 - a state of the input, not of the program
    """The stream ends before its format says."""


class Damaged(Exception):  # noqa: N818 - as above
    """The stream holds bytes that its format forbids."""


class Member:
    """One member (gzip, xz, bz2) or frame (zstd) of a compressed stream.

    Attributes:
        eof: the member is complete; its checksum was right.
        unused: what was fed beyond its end.
    """

    __slots__ = ("_errors", "_inner", "_kind", "eof", "unused")

    def __init__(self, kind: str, dictionary: bytes | None = None) -> None:
        self.eof = False
        self.unused = b""
        self._kind = kind
        self._inner: Any
        self._errors: tuple[type[Exception], ...] = (zlib.error, OSError, lzma.LZMAError)
        if kind == "gzip":
            self._inner = zlib.decompressobj(wbits=31)
        elif kind == "bz2":
            self._inner = bz2.BZ2Decompressor()
        elif kind == "xz":
            self._inner = lzma.LZMADecompressor()
        else:
            import zstandard

            data = zstandard.ZstdCompressionDict(dictionary) if dictionary else None
            self._inner = zstandard.ZstdDecompressor(dict_data=data).decompressobj()
            self._errors = (zstandard.ZstdError,)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Blocks of output, each of bounded size.

        Raises:
            Damaged: the bytes are no such data, or a checksum is wrong.
        """
        try:
            if self._kind == "gzip":
                yield from self._feed_gzip(data)
            elif self._kind == "zstd":
                yield from self._feed_zstd(data)
            else:
                yield from self._feed_other(data)
        except self._errors as error:
            raise Damaged(f"broken {self._kind} data: {error}") from error

    def _feed_gzip(self, data: bytes) -> Iterator[bytes]:
        inner = self._inner
        yield inner.decompress(data, OUTPUT_BYTES)
        while not inner.eof and inner.unconsumed_tail:
            yield inner.decompress(inner.unconsumed_tail, OUTPUT_BYTES)
        self.eof, self.unused = inner.eof, inner.unused_data

    def _feed_zstd(self, data: bytes) -> Iterator[bytes]:
        inner = self._inner
        for start in range(0, len(data), ZSTD_STEP_BYTES):
            stop = start + ZSTD_STEP_BYTES
            yield inner.decompress(data[start:stop])
            if inner.eof:
                self.eof, self.unused = True, inner.unused_data + data[stop:]
                return

    def _feed_other(self, data: bytes) -> Iterator[bytes]:
        inner = self._inner
        yield inner.decompress(data, OUTPUT_BYTES)
        while not inner.eof and not inner.needs_input:
            yield inner.decompress(b"", OUTPUT_BYTES)
        self.eof, self.unused = inner.eof, inner.unused_data


def head_of(raw: bytes, size: int) -> bytes | None:
    """The first bytes of a file, unpacked as far as they go.

    None where nothing could be unpacked: they are broken, or too few.
    """
    kind = compression_of(raw)
    if kind is None:
        return raw[:size]
    out = bytearray()
    try:
        for block in _members(iter([raw]), kind):
            out += block
            if len(out) >= size:
                break
    except (Truncated, Damaged):
        if not out:
            return None
    return bytes(out[:size])


def blocks(file: IO[bytes]) -> Iterator[bytes]:
    """Uncompressed blocks of a file, plain or compressed (told by its magic).

    Raises:
        Truncated, Damaged: after the blocks that could be had.
    """
    first = file.read(BLOCK_BYTES)
    kind = compression_of(first)
    raw = _raw(first, file)
    yield from raw if kind is None else _members(raw, kind)


def _raw(first: bytes, file: IO[bytes]) -> Iterator[bytes]:
    block = first
    while block:
        yield block
        block = file.read(BLOCK_BYTES)


def _members(raw: Iterator[bytes], kind: str) -> Iterator[bytes]:
    member: Member | None = None
    n_members = 0
    for block in raw:
        rest = block
        while rest:
            if member is None:
                if n_members and not _may_start(rest, kind):
                    # Zeros pad a stream on some media; nothing else belongs there.
                    if rest.strip(b"\x00"):
                        raise Damaged(f"other bytes after the {kind} stream")
                    break
                member = Member(kind)
                n_members += 1
            yield from (out for out in member.feed(rest) if out)
            if not member.eof:
                break
            rest, member = member.unused, None
    if member is not None:
        raise Truncated(f"the {kind} stream ends in the middle")


def _may_start(rest: bytes, kind: str) -> bool:
    # A block may end within the magic of the next member.
    return compression_of(rest) == kind or (len(rest) < 6 and rest[:1] in b"\x1f\x28BP\xfd")
