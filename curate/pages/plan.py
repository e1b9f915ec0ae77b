"""The input cut into units, each for one task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from curate.errors import PageError
from curate.pages.base import PagesConfig, Unit
from curate.pages.cache import DigestCache
from curate.pages.cuts import container_units, field_trouble
from curate.pages.facts import Facts, facts_of
from curate.pages.files import CONTAINER_KINDS, is_hidden, reads_as_page
from curate.pages.locate import Entry, entries_of
from curate.pages.read import read_unit
from curate.pages.sniff import Kind, not_a_page_by_name
from curate.pages.storage import Found
from curate.schema import Page
from curate.text import digest

__all__ = ["plan_units"]

MAX_GROUP_FILES = 256
MEAN_GROUP_FILES = 128
"""Small files are read a hundred at a time, so that a task costs more than its
start; the cap bounds the work lost with a crash."""

_HASH_SPAN = 1 << 64


def plan_units(config: PagesConfig, cache: DigestCache | None = None) -> Iterator[Unit]:
    """The input's units, in a fixed order, found by looking at names and heads.

    Files of one page each are grouped where the hash of a name and its size
    say so: a file more or less changes the unit it is in, and no other (at
    worst the few up to the next such cut).

    Args:
        cache: facts on files from earlier runs; without it all are read.

    Raises:
        PageError: a path is missing or unreachable, or nothing there can be
            read as pages.
    """
    config.check()
    units = _readable(config, cache)
    if config.limit is not None:
        units = _limited(units, config, config.limit)
    try:
        yield from units
    finally:
        if cache is not None:
            cache.flush()


def _limited(units: Iterator[Unit], config: PagesConfig, limit: int) -> Iterator[Unit]:
    """Units up to the one with the last page wanted: they are read to know."""
    for unit in units:
        n_pages = sum(
            isinstance(item, Page) for item in read_unit(replace(unit, limit=limit), config)
        )
        if n_pages < limit:
            limit -= n_pages
            yield unit
            continue
        yield replace(unit, limit=limit, version=digest(unit.version, str(limit)))
        return


@dataclass(slots=True)
class _Seen:
    """What was met so far, to say if nothing of it can be read."""

    kinds: Counter[str] = field(default_factory=Counter)
    trouble: str = ""
    readable: bool = False


def _readable(config: PagesConfig, cache: DigestCache | None) -> Iterator[Unit]:
    """The units, held back until one of them can give pages.

    Raises:
        PageError: none can.
    """
    seen = _Seen()
    held: list[Unit] = []
    keys: set[str] = set()
    for unit in _units(config, cache, seen):
        unique = _unique(unit, keys)
        if seen.readable:
            yield from held
            held = []
            yield unique
        else:
            held.append(unique)
    if seen.readable:
        yield from held
        return
    raise PageError(_nothing(config, seen))


def _unique(unit: Unit, keys: set[str]) -> Unit:
    # A list may name a file twice, or give two mirrors of one host.
    key, count = unit.key, 1
    while key in keys:
        count += 1
        key = f"{unit.key}~{count}"
    keys.add(key)
    return unit if key == unit.key else replace(unit, key=key)


def _units(config: PagesConfig, cache: DigestCache | None, seen: _Seen) -> Iterator[Unit]:
    for entry in entries_of(config):
        group = _Group(entry, config)
        for found in entry.files():
            if found.name.endswith("/") or (is_hidden(found.name) and not entry.named):
                seen.kinds["hidden"] += 1
                yield from group.add(found, digest("hidden", found.name))
                continue
            facts = facts_of(found, config, cache)
            kind = _forced_kind(config, facts)
            if kind.name not in CONTAINER_KINDS:
                _note_file(found, kind, entry, config, seen)
                yield from group.add(found, facts.digest)
                continue
            trouble = field_trouble(found, kind, config)
            if trouble is None:
                seen.readable = True
            else:
                seen.trouble = seen.trouble or trouble
            seen.kinds[kind.name] += 1
            yield from container_units(found, facts, kind, entry, config)
        yield from group.rest()


def _forced_kind(config: PagesConfig, facts: Facts) -> Kind:
    if config.format == "auto" or facts.kind.name in ("empty", "unreadable"):
        return facts.kind
    return Kind("warc" if config.format == "wet" else config.format)


def _note_file(found: Found, kind: Kind, entry: Entry, config: PagesConfig, seen: _Seen) -> None:
    by_name = None
    if not entry.named and config.format == "auto":
        by_name = not_a_page_by_name(found.name, mirror=config.url_from == "path")
    if by_name is None and reads_as_page(kind, found.name):
        seen.readable = True
    seen.kinds[by_name or kind.mime or kind.name] += 1


def _nothing(config: PagesConfig, seen: _Seen) -> str:
    path = config.path if isinstance(config.path, str) else ", ".join(config.path)
    if seen.trouble:
        return f"pages.path={path}: {seen.trouble}"
    if not seen.kinds:
        return f"pages.path={path}: there is no file in it; give a folder or file that holds pages"
    met = ", ".join(f"{count} {kind}" for kind, count in seen.kinds.most_common(6))
    return (
        f"pages.path={path}: nothing in it can be read as pages (met: {met}); readable are HTML, "
        "plain text, JSON lines, Parquet, Arrow, WARC and WET, also compressed"
    )


@dataclass(slots=True)
class _Group:
    """Files of one page each, on their way into a unit."""

    entry: Entry
    config: PagesConfig
    names: list[str] = field(default_factory=list)
    uris: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    n_bytes: int = 0

    def add(self, found: Found, content: str) -> Iterator[Unit]:
        """Take a file in; gives a unit where it is the last of one."""
        size = max(found.size, 0)
        if self.names and self.n_bytes + size > 2 * self.config.unit_bytes:
            yield self._unit()
        self.names.append(found.name)
        self.uris.append(found.uri)
        self.digests.append(digest(found.name, content))
        self.n_bytes += size
        # A cut after each file with a chance that grows with its size: units hold
        # half of `unit_bytes` on average, and only one in fifty meets a cap.
        chance = min(2 * size / self.config.unit_bytes + 1 / MEAN_GROUP_FILES, 1.0)
        is_cut = int(digest(found.name, chars=16), 16) < chance * _HASH_SPAN
        if is_cut or len(self.names) >= MAX_GROUP_FILES:
            yield self._unit()

    def rest(self) -> Iterator[Unit]:
        """The unit of what is left, if anything is."""
        if self.names:
            yield self._unit()

    def _unit(self) -> Unit:
        unit = Unit(
            key=self.names[0],
            version=digest("files", *self.digests, *identity_of(self.entry, self.config)),
            container="files",
            names=tuple(self.names),
            uris=tuple(self.uris),
            n_bytes=self.n_bytes,
            root=self.entry.root,
            named=self.entry.named,
        )
        self.names, self.uris, self.digests, self.n_bytes = [], [], [], 0
        return unit


def identity_of(entry: Entry, config: PagesConfig) -> tuple[str, ...]:
    """What of an entry changes how its files are read."""
    uses_root = config.site == "folder" or config.url_from == "path"
    return ("named" if entry.named else "", entry.root if uses_root else "")
