"""Records with named fields (JSON objects, table rows): which field holds what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from curate.pages.base import PagesConfig
from curate.pages.make import Item, Maker, parse_time, quarantined
from curate.pages.sniff import is_html
from curate.schema import Dropped, MediaType

__all__ = ["FIELD_NAMES", "Fields", "find_fields", "item_of", "missing_fields"]

FIELD_NAMES: dict[str, tuple[str, ...]] = {
    "html": (
        "html", "raw_html", "html_content", "content_html", "page_html", "full_html",
        "html_source", "source_html", "html_raw", "rawhtml",
    ),
    "text": (
        "text", "plain_text", "raw_text", "page_text", "text_content", "full_text", "plaintext",
        "article_text", "lines",
    ),
    # Either of the two, told by content.
    "content": ("content", "raw_content", "page_content", "body", "document", "page"),
    "url": (
        "url", "page_url", "source_url", "uri", "warc_target_uri", "target_uri", "link", "href",
        "canonical_url",
    ),
    "title": ("title", "page_title", "headline"),
    "time": (
        "fetched_at", "fetch_time", "fetched", "crawled_at", "crawl_time", "crawl_date",
        "date_crawled", "date_download", "download_date", "warc_date", "timestamp",
    ),
}  # fmt: skip
"""Names looked for, best first; compared in lower case with `-` as `_`. A list of
strings is taken for the lines of a text."""

HEAD_CHARS = 16_384


@dataclass(frozen=True, slots=True)
class Fields:
    """Names of the fields, as they stand in the records."""

    html: str | None
    text: str | None
    content: str | None
    url: str | None
    title: str | None
    time: str | None
    id: str | None

    @property
    def readable(self) -> bool:
        """A page can be had from them."""
        return bool(self.html or self.text or self.content)

    @property
    def names(self) -> list[str]:
        """All that are there, each once."""
        found = (self.html, self.text, self.content, self.url, self.title, self.time, self.id)
        return list(dict.fromkeys(name for name in found if name))


def find_fields(names: Iterable[str], config: PagesConfig) -> Fields:
    """Tell the fields of a record by configuration, else by name."""
    there = list(names)
    plain: dict[str, str] = {}
    for name in there:
        plain.setdefault(name.lower().replace("-", "_"), name)

    def pick(what: str, configured: str | None) -> str | None:
        if configured is not None:
            return configured if configured in there else None
        return next((plain[name] for name in FIELD_NAMES[what] if name in plain), None)

    chosen = config.html_field is not None or config.text_field is not None
    html = pick("html", config.html_field) if config.html_field or not config.text_field else None
    text = pick("text", config.text_field) if config.text_field or not config.html_field else None
    return Fields(
        html=html,
        text=text,
        content=None if chosen else pick("content", None),
        url=pick("url", config.url_field),
        title=pick("title", config.title_field),
        time=pick("time", config.time_field),
        id=config.id_field if config.id_field in there else None,
    )


def missing_fields(names: Iterable[str], config: PagesConfig, where: str) -> str | None:
    """One line on why no page can be had from such records, None where it can.

    A configured field that is not there counts as missing, whichever it is.
    """
    there = list(names)
    listed = ", ".join(there[:40]) or "none"
    for option in (
        "html_field",
        "text_field",
        "url_field",
        "title_field",
        "time_field",
        "id_field",
    ):
        configured = getattr(config, option)
        if configured is not None and configured not in there:
            return f"pages.{option}={configured!r} is not in {where}; its fields are {listed}"
    if find_fields(there, config).readable:
        return None
    return (
        f"{where} has no field that holds a page by its name "
        f"({', '.join((*FIELD_NAMES['html'][:2], *FIELD_NAMES['text'][:2], 'content', '…'))}); "
        f"its fields are {listed}; name one with pages.html_field or pages.text_field"
    )


def item_of(
    record: Mapping[str, Any], fields: Fields, maker: Maker, *, name: str, number: int
) -> Item:
    """The page of one record; HTML before text where both are filled."""
    source = f"{name}#{number}"
    if not fields.readable:
        detail = f"fields are {', '.join(map(str, list(record)[:20])) or 'none'}"
        return quarantined(source, "no page field", detail)
    found = _content(record, fields)
    if found is None:
        return Dropped(source, "empty")
    field, content = found
    if isinstance(content, list) and all(isinstance(line, str) for line in content):
        content = "\n".join(content)
    if not isinstance(content, str | bytes):
        detail = f"field {field!r} holds {type(content).__name__}, not text"
        return quarantined(source, "bad field", detail)
    media_type: MediaType = "text/plain"
    if field == fields.html or (field == fields.content and _looks_html(content)):
        media_type = "text/html"
    url = record.get(fields.url) if fields.url else None
    title = record.get(fields.title) if fields.title else None
    return maker.make(
        content,
        media_type,
        name=name,
        record=_record_id(record, fields, number),
        source=source,
        url=_text(url),
        title=_text(title),
        fetched_at=parse_time(record.get(fields.time)) if fields.time else None,
    )


def _content(record: Mapping[str, Any], fields: Fields) -> tuple[str, Any] | None:
    for field in (fields.html, fields.text, fields.content):
        value = record.get(field) if field else None
        if field and value is not None and value not in ("", b""):
            return field, value
    return None


def _looks_html(content: str | bytes) -> bool:
    head = content[:HEAD_CHARS]
    return is_html(head.encode("utf-8", "replace") if isinstance(head, str) else head)


def _record_id(record: Mapping[str, Any], fields: Fields, number: int) -> int | str:
    value = record.get(fields.id) if fields.id else None
    return number if value is None else str(_text(value) or value)


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else None
