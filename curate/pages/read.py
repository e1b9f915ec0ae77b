"""One unit of input to its pages: what a task runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import IO

from curate.pages.base import PagesConfig, Unit
from curate.pages.files import is_hidden, read_page_file
from curate.pages.jsonl import read_jsonl
from curate.pages.make import Item, quarantined
from curate.pages.storage import open_uri, remote
from curate.schema import Dropped, Page
from curate.text import replace_surrogates

__all__ = ["read_unit"]

Reader = Callable[[IO[bytes], Unit, PagesConfig], Iterator[Item]]


def read_unit(unit: Unit, config: PagesConfig) -> Iterator[Item]:
    """Pages of one unit, in order, streamed.

    Each record gives exactly one `Page`, `Dropped` or `Quarantined`; wounds
    between records give one `Quarantined` each. Bad content never raises.

    Raises:
        PageError: a remote store can't be reached.
    """
    left = unit.limit
    if left == 0:
        return
    for item in _items(unit, config):
        yield item
        if left is not None and isinstance(item, Page):
            left -= 1
            if left == 0:
                return


def _items(unit: Unit, config: PagesConfig) -> Iterator[Item]:
    if unit.container == "files":
        for name, uri in zip(unit.names, unit.uris, strict=True):
            yield from _file(name, uri, unit, config)
        return
    yield from _opened(unit.names[0], unit.uris[0], _reader(unit.container), unit, config)


def _file(name: str, uri: str, unit: Unit, config: PagesConfig) -> Iterator[Item]:
    if name.endswith("/") and is_hidden(name):
        yield Dropped(replace_surrogates(name), "hidden folder")
    elif is_hidden(name) and not unit.named:
        yield Dropped(replace_surrogates(name), "hidden file")
    else:

        def read(file: IO[bytes], unit: Unit, config: PagesConfig) -> Iterator[Item]:
            return read_page_file(file, name, uri, unit, config)

        yield from _opened(name, uri, read, replace(unit, names=(name,), uris=(uri,)), config)


def _opened(name: str, uri: str, read: Reader, unit: Unit, config: PagesConfig) -> Iterator[Item]:
    """Open, read, and tell what can't be opened or breaks off."""
    try:
        with open_uri(uri) as file, remote(uri):
            yield from read(file, unit, config)
    except OSError as error:
        detail = str(error.strerror or error)
        yield quarantined(name, "unreadable file", detail)


def _reader(container: str) -> Reader:
    # Arrow and the archive reader are loaded only where there is something for them.
    if container == "jsonl":
        return read_jsonl
    if container == "warc":
        from curate.pages.warc import read_warc

        return read_warc
    from curate.pages.tables import read_arrow, read_parquet

    return read_parquet if container == "rows" else read_arrow
