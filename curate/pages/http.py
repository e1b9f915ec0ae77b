"""HTTP messages as archives keep them: head, chunks, content encoding."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from curate.pages.inflate import Damaged, Member

__all__ = ["Message", "TooLarge", "Undecodable", "parse_message"]

_STATUS = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r?\n")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([^\s;"',]+)""", re.I)

OUTPUT_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"


class Undecodable(Exception):  # noqa: N818 - told to the reader, not to the user
    """The body is not in the encoding that the header names."""


class TooLarge(Exception):  # noqa: N818 - as above
    """The body unpacks to more than allowed."""


@dataclass(frozen=True, slots=True)
class Message:
    """A response.

    Attributes:
        status: 0 where the first line is no status line.
        media_type: in lower case, without parameters; empty where not told.
        charset: of the Content-Type, if any.
        body: as sent, still packed.
        headers: names in lower case.
    """

    status: int
    media_type: str
    charset: str | None
    body: bytes
    headers: dict[str, str]

    def content(self, max_bytes: int) -> bytes:
        """The body, unchunked and unpacked.

        Archives differ in whether they keep bodies as sent; a body that does
        not look like what the header says is taken as unpacked already.

        Raises:
            Undecodable: the packed data is broken, or packed in an unknown way.
            TooLarge: it unpacks to more than `max_bytes`.
        """
        body = self.body
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            body = _unchunk(body)
        codings = [part.strip() for part in self.headers.get("content-encoding", "").split(",")]
        for coding in reversed([part.lower() for part in codings if part]):
            body = _unpack(body, coding, max_bytes)
        return body


def parse_message(block: bytes) -> Message:
    """Split a response into status, headers and body."""
    end = _HEAD_END.search(block)
    head, body = (block[: end.start()], block[end.end() :]) if end else (block, b"")
    status = _STATUS.match(head)
    headers: dict[str, str] = {}
    last = ""
    for line in head.decode("latin-1").splitlines()[1:]:
        if line[:1] in " \t" and last:
            headers[last] += " " + line.strip()
            continue
        name, mark, value = line.partition(":")
        if mark:
            last = name.strip().lower()
            value = value.strip()
            headers[last] = f"{headers[last]}, {value}" if last in headers else value
    kind = headers.get("content-type", "")
    return Message(
        status=int(status.group(1)) if status else 0,
        media_type=kind.partition(";")[0].partition(",")[0].strip().lower(),
        charset=charset_of(kind),
        body=body,
        headers=headers,
    )


def charset_of(content_type: str) -> str | None:
    """The charset parameter of a Content-Type."""
    found = _CHARSET.search(content_type)
    return found.group(1) if found else None


def _unchunk(body: bytes) -> bytes:
    """Join the chunks; what follows a broken chunk is kept as it stands."""
    parts: list[bytes] = []
    position = 0
    while True:
        size = _CHUNK_SIZE.match(body, position)
        if size is None:
            # No chunks at all: unchunked by the archive. Else the connection broke.
            return b"".join(parts) if parts else body
        n_bytes = int(size.group(1), 16)
        if n_bytes == 0:
            return b"".join(parts)
        parts.append(body[size.end() : size.end() + n_bytes])
        position = size.end() + n_bytes
        if position >= len(body):
            return b"".join(parts)
        for mark in (b"\r\n", b"\n"):
            if body.startswith(mark, position):
                position += len(mark)
                break


def _unpack(body: bytes, coding: str, max_bytes: int) -> bytes:
    if not body or coding == "identity":
        return body
    unpack = _UNPACKERS.get(coding.removeprefix("x-"))
    if unpack is None:
        if body.lstrip()[:1] == b"<":  # `utf-8`, `none` and the like are seen here
            return body
        raise Undecodable(f"Content-Encoding {coding!r} is not one of {', '.join(_UNPACKERS)}")
    return unpack(body, max_bytes)


def _gzip(body: bytes, max_bytes: int) -> bytes:
    return _packed(body, "gzip", max_bytes) if body.startswith(_GZIP) else body


def _zstd(body: bytes, max_bytes: int) -> bytes:
    return _packed(body, "zstd", max_bytes) if body.startswith(_ZSTD) else body


def _packed(body: bytes, kind: str, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    rest = body
    try:
        while rest:
            member = Member(kind)
            for part in member.feed(rest):
                size += len(part)
                if size > max_bytes:
                    raise TooLarge
                parts.append(part)
            if not member.eof:
                raise Undecodable(f"the {kind} body ends in the middle")
            # Bytes after the member are ignored, as browsers do, but for another member.
            rest = member.unused if member.unused.startswith((_GZIP, _ZSTD)) else b""
    except Damaged as error:
        raise Undecodable(str(error)) from error
    return b"".join(parts)


def _deflate(body: bytes, max_bytes: int) -> bytes:
    for wbits in (zlib.MAX_WBITS, -zlib.MAX_WBITS):  # servers send either
        inner = zlib.decompressobj(wbits=wbits)
        try:
            out = inner.decompress(body, max_bytes + 1)
        except zlib.error:
            continue
        if len(out) > max_bytes:
            raise TooLarge
        if inner.eof:
            return out
    if body.lstrip()[:1] == b"<":
        return body
    raise Undecodable("the body is no deflate data")


def _brotli(body: bytes, max_bytes: int) -> bytes:
    import brotli

    inner = brotli.Decompressor()
    parts: list[bytes] = []
    size = 0
    try:
        rest = body
        while not inner.is_finished() and (rest or not inner.can_accept_more_data()):
            part = inner.process(rest, output_buffer_limit=OUTPUT_BYTES)
            rest = b""
            size += len(part)
            if size > max_bytes:
                raise TooLarge
            parts.append(part)
    except brotli.error as error:
        if body.lstrip()[:1] == b"<":
            return body
        raise Undecodable("the body is no brotli data") from error
    if not inner.is_finished():
        raise Undecodable("the br body ends in the middle")
    return b"".join(parts)


_UNPACKERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
