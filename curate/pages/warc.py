"""WARC and WET records to pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from curate.pages.archive import Record, Wound, records
from curate.pages.base import PagesConfig, Unit
from curate.pages.http import Message, TooLarge, Undecodable, charset_of, parse_message
from curate.pages.make import Item, Maker, parse_time, quarantined
from curate.pages.sniff import is_html
from curate.schema import Dropped, MediaType

__all__ = ["read_warc"]

HTML_TYPES: tuple[str, ...] = ("text/html", "application/xhtml+xml")
UNTOLD_TYPES = ("", "application/octet-stream", "unknown/unknown", "application/unknown", "*/*")
"""Types that tell nothing; such bodies are looked into."""


def read_warc(file: IO[bytes], unit: Unit, config: PagesConfig) -> Iterator[Item]:
    """Pages of an archive, or of a range of its bytes.

    Pages come from `response` (status 200, HTML), `resource` and `conversion`
    records (HTML or plain text); others are dropped with their type.
    """
    name = unit.names[0]
    maker = Maker(config, unit.root)
    for found in records(file, config.max_bytes, unit.start, unit.stop, unit.first):
        source = f"{name}#{found.place}"
        if isinstance(found, Wound):
            yield quarantined(source, found.kind, found.detail)
        else:
            yield _item(found, name, source, maker)


def _item(record: Record, name: str, source: str, maker: Maker) -> Item:
    kind = record.headers.get("warc-type", "").lower()
    if kind not in ("response", "resource", "conversion"):
        if not kind:
            return quarantined(source, "damaged record", "the record has no WARC-Type")
        return Dropped(source, kind)
    if record.body is None:
        detail = f"{record.n_bytes:,} bytes, more than pages.max_bytes={maker.config.max_bytes:,}"
        return quarantined(source, "too large", detail)
    block_type = record.headers.get("content-type", "")
    if kind == "response":
        if not record.body.startswith(b"HTTP/"):
            scheme = record.headers.get("warc-target-uri", "").strip("<>").partition(":")[0]
            return Dropped(source, f"no HTTP response ({scheme or 'unknown'})")
        message = parse_message(record.body)
        if message.status != 200:
            return Dropped(source, f"http status {message.status}")
        allowed = HTML_TYPES
    else:
        media = block_type.partition(";")[0].strip().lower()
        message = Message(200, media, charset_of(block_type), record.body, {})
        allowed = (*HTML_TYPES, "text/plain")
    if message.media_type not in allowed and message.media_type not in UNTOLD_TYPES:
        return Dropped(source, f"not a page ({message.media_type[:60]})")
    try:
        body = message.content(maker.config.max_bytes)
    except Undecodable as error:
        return quarantined(source, "bad content encoding", str(error))
    except TooLarge:
        detail = f"it unpacks to more than pages.max_bytes={maker.config.max_bytes:,}"
        return quarantined(source, "too large", detail)
    media_type: MediaType = "text/html"
    if message.media_type == "text/plain":
        media_type = "text/plain"
    elif message.media_type in UNTOLD_TYPES and not is_html(body):
        return Dropped(source, f"not a page ({message.media_type or 'untold type'})")
    return maker.make(
        body,
        media_type,
        name=name,
        record=record.place,
        source=source,
        url=record.headers.get("warc-target-uri", "").strip("<>") or None,
        fetched_at=parse_time(record.headers.get("warc-date")),
        http_charset=message.charset,
    )
