"""Files that hold one page each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from curate.pages.base import PagesConfig, Unit
from curate.pages.identity import url_from_path
from curate.pages.inflate import Damaged, Truncated, blocks
from curate.pages.make import Item, Maker, quarantined
from curate.pages.sniff import HEAD_BYTES, Kind, kind_of, not_a_page_by_name
from curate.pages.storage import is_remote
from curate.schema import Dropped, MediaType

__all__ = ["CONTAINER_KINDS", "is_hidden", "read_page_file", "reads_as_page"]

CONTAINER_KINDS = ("jsonl", "parquet", "arrow", "warc", "paths")

_PAGE_SUFFIXES = (".html", ".htm", ".xhtml", ".shtml", ".txt", ".text", ".md", ".php", ".asp")


def is_hidden(name: str) -> bool:
    """True where a file or folder of the relative name begins with a dot."""
    return any(part.startswith(".") for part in name.split("/"))


def reads_as_page(kind: Kind, name: str) -> bool:
    """True where a file gives a page, or is a fault: binary under a page's name."""
    return kind.name in ("html", "text", "unreadable") or (
        kind.mime == "binary" and _plain_name(name).lower().endswith(_PAGE_SUFFIXES)
    )


def read_page_file(
    file: IO[bytes], name: str, uri: str, unit: Unit, config: PagesConfig
) -> Iterator[Item]:
    """The page that a file holds, or why it holds none."""
    by_name = None if unit.named else not_a_page_by_name(name, mirror=config.url_from == "path")
    if by_name is not None and config.format == "auto":
        yield Dropped(name, f"not a page ({by_name})")
        return
    parts: list[bytes] = []
    size = 0
    try:
        for block in blocks(file):
            parts.append(block)
            size += len(block)
            if size > config.max_bytes:
                break
    except Truncated as wound:
        yield quarantined(name, "truncated archive", str(wound))
        return
    except Damaged as wound:
        yield quarantined(name, "damaged archive", str(wound))
        return
    data = b"".join(parts)
    kind = kind_of(data[:HEAD_BYTES], _plain_name(name), whole=len(data) <= HEAD_BYTES)
    if kind.name == "empty":
        yield Dropped(name, "empty")
        return
    media_type: MediaType = "text/html" if kind.name == "html" else "text/plain"
    if config.format in ("html", "text"):
        media_type = "text/html" if config.format == "html" else "text/plain"
    elif not reads_as_page(kind, name):
        yield Dropped(name, f"not a page ({_what(kind)})")
        return
    if size > config.max_bytes:
        detail = f"more than pages.max_bytes={config.max_bytes:,}"
        yield quarantined(name, "too large", detail)
        return
    url = url_from_path(name, unit.root) if config.url_from == "path" else None
    if url is None and is_remote(uri) and uri.startswith(("http://", "https://")):
        url = uri
    yield Maker(config, unit.root).make(data, media_type, name=name, record=0, source=name, url=url)


def _plain_name(name: str) -> str:
    name = name.rpartition("/")[2].partition("?")[0]
    for suffix in (".gz", ".zst", ".bz2", ".xz"):
        name = name.removesuffix(suffix)
    return name


def _what(kind: Kind) -> str:
    return "application/octet-stream" if kind.mime == "binary" else kind.mime or kind.name
