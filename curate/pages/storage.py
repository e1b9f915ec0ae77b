"""Where input lies: local paths and fsspec URLs, listed and opened alike."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from curate.errors import PageError

__all__ = ["Found", "is_remote", "local_path", "open_uri", "remote", "walk_local", "walk_remote"]

LOCAL_BUFFER_BYTES = 1 << 17
REMOTE_BLOCK_BYTES = 4 << 20
"""Bytes of one request: some 100 ms of transfer at 40 MB/s, like its latency."""

_CONTENT_NAMES = (
    "sha256",
    "md5Hash",
    "content_md5",
    "checksum",
    "crc32c",
    "blob_id",
    "ETag",
    "etag",
)
"""What stores call a name of a file's content, surest first."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file, or what stands in for one.

    Attributes:
        name: relative to the input's root, `/` between folders; a hidden
            folder ends in `/` and is not gone into.
        uri: local path or URL.
        size: bytes, -1 where unknown.
        mtime_ns: of local files.
        token: the store's name of the content, for remote files that have one.
        trouble: why it can't be opened, else empty.
    """

    name: str
    uri: str
    size: int
    mtime_ns: int = 0
    token: str = ""
    trouble: str = ""


def is_remote(path: str) -> bool:
    """True for URLs but `file:`."""
    return "://" in path and not path.startswith(("file://", "local://"))


def local_path(path: str) -> Path:
    """The path of a local name or `file://` URL."""
    for scheme in ("file://", "local://"):
        path = path.removeprefix(scheme)
    return Path(path).expanduser()


def open_uri(uri: str) -> IO[bytes]:
    """Open for reading bytes.

    Raises:
        OSError: a local file can't be opened, or a remote one is not there.
        PageError: the remote store can't be reached.
    """
    if not is_remote(uri):
        path = Path(uri)
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would wait for ever
            raise OSError(errno.EINVAL, "no regular file")
        return path.open("rb", buffering=LOCAL_BUFFER_BYTES)
    with remote(uri):
        fs, name = filesystem(uri)
        file: IO[bytes] = fs.open(name, "rb", block_size=REMOTE_BLOCK_BYTES)
        return file


def filesystem(uri: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path within it.

    Raises:
        PageError: the protocol is unknown or its package is not installed.
    """
    import fsspec

    try:
        fs, path = fsspec.core.url_to_fs(uri)
    except (ImportError, ValueError) as error:
        raise PageError(
            f"pages.path={uri}: this kind of URL can't be read ({error}); install the package "
            "that fsspec names for it, or copy the files here"
        ) from error
    return fs, str(path)


@contextmanager
def remote(uri: str) -> Iterator[None]:
    """Turn whatever a remote store raises into one line.

    "Not there" and "not allowed" of a single file stay what they are, as does
    everything of a local one.
    """
    if not is_remote(uri):
        yield
        return
    try:
        yield
    except (PageError, FileNotFoundError, PermissionError):
        raise
    except (TypeError, AttributeError, LookupError, AssertionError):
        raise  # ours to mend
    except Exception as error:  # each store has its own
        if type(error).__module__.startswith("pyarrow"):
            raise  # the content's fault
        text = " ".join(str(error).split())[:200] or type(error).__name__
        raise PageError(
            f"{uri} can't be read: {type(error).__name__}: {text}; check the address, the "
            "network and the credentials of the store"
        ) from error


def walk_local(root: Path, prefix: str = "") -> Iterator[Found]:
    """Files below a folder in the order of their relative names, folder by folder.

    Only one folder's names are held at a time. Links are followed, but never
    into a folder that is being walked already.
    """
    yield from _walk_local(root, prefix, [])


def _walk_local(folder: Path, prefix: str, above: list[tuple[int, int]]) -> Iterator[Found]:
    try:
        here = folder.stat()
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        yield Found(prefix, str(folder), 0, trouble=str(error.strerror or error))
        return
    identity = (here.st_dev, here.st_ino)
    if identity in above:
        return
    for entry in found:
        name = prefix + entry.name
        try:
            is_folder = entry.is_dir()
        except OSError as error:
            yield Found(name, entry.path, 0, trouble=str(error.strerror or error))
            continue
        if is_folder and entry.name.startswith("."):
            yield Found(f"{name}/", entry.path, 0)
        elif is_folder:
            yield from _walk_local(Path(entry.path), f"{name}/", [*above, identity])
        else:
            yield local_file(Path(entry.path), name)


def local_file(path: Path, name: str) -> Found:
    """A local file as found."""
    try:
        status = path.stat()
    except OSError as error:
        return Found(name, str(path), 0, trouble=str(error.strerror or error))
    if not stat.S_ISREG(status.st_mode):
        return Found(name, str(path), 0, trouble="no regular file")
    return Found(name, str(path), status.st_size, status.st_mtime_ns)


def walk_remote(fs: Any, root: str, prefix: str, to_uri: Callable[[str], str]) -> Iterator[Found]:
    """As `walk_local`, for a folder of a remote store; one listing a folder."""
    for entry in sorted(fs.ls(root, detail=True), key=lambda entry: str(entry["name"])):
        path = str(entry["name"])
        last = path.rstrip("/").rpartition("/")[2]
        if path.rstrip("/") == root.rstrip("/"):
            continue
        if entry["type"] == "directory":
            if last.startswith("."):
                yield Found(f"{prefix}{last}/", to_uri(path), 0)
            else:
                yield from walk_remote(fs, path, f"{prefix}{last}/", to_uri)
        else:
            yield remote_file(entry, prefix + last, to_uri(path))


def remote_file(entry: dict[str, Any], name: str, uri: str) -> Found:
    """A remote file as found, with the store's own name of its content."""
    size = entry.get("size")
    token = ""
    lfs = entry.get("lfs")
    if lfs:
        token = str(lfs["sha256"] if isinstance(lfs, dict) else lfs.sha256)
    for key in _CONTENT_NAMES:
        token = token or str(entry.get(key) or "")
    return Found(name, uri, -1 if size is None else int(size), token=token)
