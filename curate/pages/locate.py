"""`pages.path` to the files it means, each with a name that is the same everywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.errors import PageError
from curate.pages.base import PagesConfig
from curate.pages.hub import card_patterns, hub_place
from curate.pages.storage import (
    Found,
    filesystem,
    is_remote,
    local_file,
    local_path,
    remote,
    remote_file,
    walk_local,
    walk_remote,
)

__all__ = ["Entry", "entries_of"]

_MAGIC = "*?["


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of the configuration.

    Attributes:
        path: as written.
        place: the path or URL it stands for.
        root: name of the folder that relative names start from.
        prefix: put before relative names, so that entries of a list keep apart.
        named: it is a file, named by the user.
        patterns: globs below `place` that its files match; else empty, for all.
    """

    path: str
    place: str
    root: str
    prefix: str = ""
    named: bool = False
    patterns: tuple[str, ...] = ()

    def files(self) -> Iterator[Found]:
        """The files, in the order of their names.

        Raises:
            PageError: the store can't be reached.
        """
        if is_remote(self.place):
            yield from self._remote_files()
        elif self.named:
            path = Path(self.place)
            yield local_file(path, self.prefix or path.name)
        elif self.patterns:
            yield from self._local_matches()
        else:
            yield from walk_local(Path(self.place), self.prefix)

    def _local_matches(self) -> Iterator[Found]:
        base = Path(self.place)
        matches = {path for pattern in self.patterns for path in base.glob(pattern)}
        deep = any("**" in pattern for pattern in self.patterns)
        for path in sorted(matches, key=lambda path: path.parts):
            name = self.prefix + path.relative_to(base).as_posix()
            if not path.is_dir():
                yield local_file(path, name)
            elif not deep:
                yield from walk_local(path, f"{name}/")

    def _remote_files(self) -> Iterator[Found]:
        with remote(self.place):
            fs, root = filesystem(self.place)
            scheme = self.place.partition("://")[0]

            def to_uri(path: str) -> str:
                return path if "://" in path else f"{scheme}://{path}"

            if self.named:
                info = dict(fs.info(root))
                yield remote_file(info, self.prefix or _last(root), self.place)
            elif self.patterns:
                found: dict[str, Any] = {}
                for pattern in self.patterns:
                    found |= fs.glob(f"{root.rstrip('/')}/{pattern}", detail=True)
                for path in sorted(found):
                    if found[path]["type"] != "directory":
                        name = self.prefix + path.removeprefix(root.rstrip("/")).lstrip("/")
                        yield remote_file(found[path], name, to_uri(path))
            else:
                yield from walk_remote(fs, root.rstrip("/"), self.prefix, to_uri)


def entries_of(config: PagesConfig) -> list[Entry]:
    """The entries of `pages.path`, checked.

    Raises:
        PageError: a path is missing or can't be reached.
    """
    written = [config.path] if isinstance(config.path, str) else list(config.path)
    written = list(dict.fromkeys(path for path in written if path))
    if not written:
        raise PageError(
            "pages.path is empty; set it to a file, a folder, a glob, a URL or a list of them"
        )
    entries = [_entry(path) for path in written]
    # A mirror's names are addresses already; a single entry needs no telling apart.
    if len(entries) == 1 or config.url_from == "path":
        return entries
    labels = _labels([_parts(entry) for entry in entries])
    return [
        Entry(
            entry.path,
            entry.place,
            entry.root,
            label if entry.named else f"{label}/",
            entry.named,
            entry.patterns,
        )
        for entry, label in zip(entries, labels, strict=True)
    ]


def _entry(path: str) -> Entry:
    if path.startswith("pkg://"):
        return _package_entry(path)
    if path.startswith("hf://"):
        place, named, patterns = hub_place(path)
        # Without the commit: the root's name is the same for every revision.
        root = _last(place.rpartition("/")[0] if named else place).partition("@")[0]
        return Entry(path, place, root, named=named, patterns=patterns)
    if is_remote(path):
        return _remote_entry(path)
    # Absolute: workers elsewhere need not stand in the same folder.
    local = local_path(path).absolute()
    if local.exists() and not os.access(local, os.R_OK | (os.X_OK if local.is_dir() else 0)):
        raise PageError(f"pages.path={path}: no permission to read {local}; change its mode")
    if local.is_dir():
        return Entry(path, str(local), local.resolve().name, patterns=card_patterns(local))
    if local.exists():
        return Entry(path, str(local), local.resolve().parent.name, named=True)
    if any(char in path for char in _MAGIC):
        fixed = _fixed_parts(local.parts)
        base, pattern = Path(*fixed), "/".join(local.parts[len(fixed) :])
        if base.is_dir():
            return Entry(path, str(base), base.resolve().name, patterns=(pattern,))
        local = base
    raise PageError(
        f"pages.path={path}: there is no {local}; give a file, a folder, a glob in "
        "quotes, a URL such as s3://bucket/folder, hf://datasets/org/name or pkg://samples"
    )


def _package_entry(path: str) -> Entry:
    from importlib.resources import files

    name = path.removeprefix("pkg://").strip("/")
    folder = Path(str(files("curate"))).joinpath(*name.split("/"))
    if name.split("/")[0] != "samples" or ".." in name.split("/") or not folder.exists():
        raise PageError(f"pages.path={path}: the package holds only pkg://samples")
    return Entry(path, str(folder), folder.name, named=folder.is_file())


def _remote_entry(path: str) -> Entry:
    # `?` and `[` are common in URLs; only `*` is taken for a glob there.
    if "*" in path:
        parts = path.split("/")
        n_fixed = next(i for i, part in enumerate(parts) if "*" in part)
        base, pattern = "/".join(parts[:n_fixed]), "/".join(parts[n_fixed:])
        return Entry(path, base, _last(base), patterns=(pattern,))
    with remote(path):
        fs, root = filesystem(path)
        try:
            kind = fs.info(root)["type"]
        except FileNotFoundError as error:
            raise PageError(
                f"pages.path={path}: there is no such file or folder; check the address"
            ) from error
        except PermissionError as error:
            raise PageError(
                f"pages.path={path}: the store refuses access; check its credentials"
            ) from error
    if kind == "directory":
        return Entry(path, path.rstrip("/"), _last(path.rstrip("/")))
    return Entry(path, path, _last(path.rpartition("/")[0]), named=True)


def _fixed_parts(parts: Sequence[str]) -> list[str]:
    fixed: list[str] = []
    for part in parts:
        if any(char in part for char in _MAGIC):
            break
        fixed.append(part)
    return fixed


def _parts(entry: Entry) -> tuple[str, ...]:
    if is_remote(entry.place):
        return tuple(part for part in entry.place.split("/") if part)
    path = Path(entry.place)
    folder = path.parent.resolve() / path.name if entry.named else path.resolve()
    return folder.parts


def _labels(paths: Sequence[tuple[str, ...]]) -> list[str]:
    """For each path its shortest end that no other one shares."""
    return ["/".join(_own_end(parts, set(paths) - {parts})).lstrip("/") for parts in paths]


def _own_end(parts: tuple[str, ...], others: set[tuple[str, ...]]) -> tuple[str, ...]:
    for n_parts in range(1, len(parts)):
        if all(other[-n_parts:] != parts[-n_parts:] for other in others):
            return parts[-n_parts:]
    return parts


def _last(path: str) -> str:
    return path.partition("?")[0].rstrip("/").rpartition("/")[2]
