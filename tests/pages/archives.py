"""Archives made for the tests, whole and wounded."""

from __future__ import annotations

import gzip
from collections.abc import Sequence

HTML = b"<!doctype html><html><body><p>A page of its own.</p></body></html>"


def record(
    kind: str,
    block: bytes,
    *,
    url: str | None = "http://news.example/a",
    block_type: str = "application/http; msgtype=response",
    length: int | None = None,
    date: str = "2025-03-04T05:06:07Z",
) -> bytes:
    """One WARC record; `length` overrides the true Content-Length."""
    lines = ["WARC/1.0", f"WARC-Type: {kind}", f"WARC-Date: {date}"]
    if url is not None:
        lines.append(f"WARC-Target-URI: {url}")
    lines += [
        f"Content-Type: {block_type}",
        f"Content-Length: {len(block) if length is None else length}",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def response(
    body: bytes = HTML,
    *,
    status: str = "200 OK",
    headers: Sequence[str] = ("Content-Type: text/html; charset=utf-8",),
) -> bytes:
    """An HTTP response."""
    return "\r\n".join([f"HTTP/1.1 {status}", *headers]).encode() + b"\r\n\r\n" + body


def members(records: Sequence[bytes]) -> bytes:
    """Gzip with one member a record, as crawlers write."""
    return b"".join(gzip.compress(item, mtime=0) for item in records)


def pages(n: int, size: int = 0) -> list[bytes]:
    """Response records of distinct pages."""
    return [
        record(
            "response",
            response(b"<html><body><p>Page %d</p>%s</body></html>" % (i, b"<p>text</p>" * size)),
            url=f"http://news.example/{i}",
        )
        for i in range(n)
    ]
