"""Places: a path on this machine, or a file or folder at an fsspec URL.

A `Path` stays a `Path`, so that work on files here costs nothing more. What lies at
a URL (`s3://bucket/store`) is a `UrlPath`: the few operations that a store needs,
each of which reads or writes a file as a whole.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from curate.errors import RunError

__all__ = ["ATOMIC", "Place", "UrlPath", "place"]

ATOMIC = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "memory"}
"""Stores where an object is either there whole or not there; elsewhere a file is
uploaded under a temporary name and renamed."""

TEMP_PREFIX = ".tmp-"
"""Beginning of the name of every file that is not complete."""

LOCAL = ("file", "local")


@dataclass(frozen=True, slots=True)
class UrlPath:
    """A file or folder at an fsspec URL; a plain value that travels to workers.

    Attributes:
        url: without a slash at its end. Credentials are not in it: file systems
            take them from their own environment variables.
    """

    url: str

    def __truediv__(self, name: str) -> UrlPath:
        """What lies below."""
        return UrlPath(f"{self.url}/{name}")

    def __str__(self) -> str:
        """The URL."""
        return self.url

    @property
    def name(self) -> str:
        """Last part of the URL."""
        return self.url.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """Ending of the name, with its dot."""
        return Path(self.name).suffix

    @property
    def parent(self) -> UrlPath:
        """The folder that it lies in."""
        return UrlPath(self.url.rpartition("/")[0])

    @property
    def protocol(self) -> str:
        """What stands before `://`."""
        return self.url.partition("://")[0]

    def is_file(self) -> bool:
        """Whether it is there now, whoever wrote it."""
        with self._opened() as (fs, root):
            return bool(fs.isfile(root))

    def read_bytes(self) -> bytes:
        """All of it.

        Raises:
            FileNotFoundError: it is not there.
        """
        with self._opened() as (fs, root):
            return bytes(fs.cat_file(root))

    def read_text(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """All of it as text."""
        return self.read_bytes().decode(encoding, errors)

    def write_text(self, text: str, encoding: str = "utf-8") -> None:
        """Write a small file; a reader sees the old one or the new one."""
        with self._replaced() as (fs, target):
            fs.pipe_file(target, text.encode(encoding))

    def put(self, source: Path) -> None:
        """Upload a file; a reader sees the old one, or nothing, or the whole new one."""
        with self._replaced() as (fs, target):
            fs.put_file(str(source), target)

    def get(self, target: Path) -> None:
        """Download it.

        Raises:
            FileNotFoundError: it is not there.
        """
        with self._opened() as (fs, root):
            fs.get_file(root, str(target))

    def get_texts(self, names: Sequence[str]) -> list[str]:
        """The texts of some files of this folder, read side by side where the store can."""
        with self._opened() as (fs, root):
            found = fs.cat([f"{root}/{name}" for name in names]) if names else {}
            by_name = {str(path).rpartition("/")[2]: raw for path, raw in found.items()}
            return [by_name[name].decode() for name in names]

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove it."""
        with self._opened() as (fs, root):
            try:
                fs.rm_file(root)
            except FileNotFoundError:
                if not missing_ok:
                    raise

    def sizes(self) -> dict[str, int]:
        """Files below this folder by their path in it, with their bytes; {} without any."""
        with self._opened() as (fs, root):
            try:
                found = fs.find(root, detail=True)
            except FileNotFoundError:
                return {}
            base = f"{root.rstrip('/')}/"
            return {
                str(path).split(base, 1)[1]: int(info["size"] or 0)
                for path, info in found.items()
                if base in str(path)
            }

    def names(self) -> set[str]:
        """Names of the files in this folder."""
        with self._opened() as (fs, root):
            try:
                return {str(path).rpartition("/")[2] for path in fs.ls(root, detail=False)}
            except FileNotFoundError:
                return set()

    def filesystem(self) -> Any:
        """The fsspec file system."""
        with self._opened() as (fs, _root):
            return fs

    @contextmanager
    def _replaced(self) -> Iterator[tuple[Any, str]]:
        """Where to write, so that what is there gives way in one step."""
        with self._opened(missing="the bucket or folder is not there") as (fs, root):
            folder, _, name = root.rpartition("/")
            protocols = fs.protocol
            if ATOMIC & ({protocols} if isinstance(protocols, str) else set(protocols)):
                yield fs, root
                return
            fs.makedirs(folder, exist_ok=True)
            temp = f"{folder}/{TEMP_PREFIX}{uuid.uuid4().hex[:8]}-{name}"
            try:
                yield fs, temp
                fs.mv(temp, root)
            except BaseException:
                with suppress(Exception):
                    fs.rm_file(temp)
                raise

    @contextmanager
    def _opened(self, missing: str | None = None) -> Iterator[tuple[Any, str]]:
        """The file system and the path on it; its errors as one line.

        Args:
            missing: what a missing file means; None lets its error through.
        """
        try:
            import fsspec

            fs, root = fsspec.core.url_to_fs(self.url)
            fs.invalidate_cache()  # other machines write there too
            yield fs, str(root)
        except RunError:
            raise
        except Exception as error:  # each file system has errors of its own
            line = (str(error).strip().splitlines() or [type(error).__name__])[0]
            if isinstance(error, FileNotFoundError):
                if missing is None:
                    raise
                line = f"{missing} ({line})"
            raise RunError(
                f"{self.url}: {line}; correct it, then run again: finished work is kept"
            ) from error


Place: TypeAlias = Path | UrlPath


def place(name: str, option: str = "paths.store") -> Place:
    """A folder or URL that a configuration names.

    Raises:
        RunError: the URL holds credentials, or only this process could see it.
    """
    scheme, found, rest = name.partition("://")
    if not found:
        return Path(name)
    if scheme in LOCAL:
        return Path(rest)
    if "@" in rest.split("/", 1)[0]:
        raise RunError(
            f"{option} holds credentials; take them out of the URL and give them to the file "
            "system's own environment variables"
        )
    if scheme == "memory":
        raise RunError(f"{option}={name}: workers can't see memory; name a folder or a store's URL")
    return UrlPath(name.rstrip("/"))
