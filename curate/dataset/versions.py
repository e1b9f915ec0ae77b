"""Version folders of a dataset, and which one is the latest.

`latest.json` is the one thing that makes a version visible, and it is written
last. What a killed publish leaves behind is told by a mark inside its folder
and swept by the next one; a folder without the mark is never touched.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from curate.errors import DatasetError
from curate.io import TEMP_PREFIX, file_digest, read_json, write_json

__all__ = ["LATEST", "MANIFEST", "Home", "check_copy", "publish_lock"]

LATEST = "latest.json"
MANIFEST = "manifest.json"
LOCK = ".publish.lock"
MARK = ".unpublished"
"""Stands in a version's folder from before its renaming until `latest.json` names it."""

STAGING_PREFIX = f"{TEMP_PREFIX}version-"

_VERSION = re.compile(r"v(\d{4,})")


@contextmanager
def publish_lock(home: Path) -> Iterator[None]:
    """Held while a dataset is published; a second publisher is refused at once.

    The lock is the operating system's, so it ends with its process however that
    ends; the file only tells who holds it.
    """
    home.mkdir(parents=True, exist_ok=True)
    path = home / LOCK
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            owner = file.read().strip() or "another process"
            raise DatasetError(
                f"{home}: {owner} is publishing this dataset; wait until it has ended, "
                "or publish under another name="
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield
        file.truncate(0)


class Home:
    """The folder of one dataset, `exports/<name>/`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def latest(self) -> dict[str, Any] | None:
        """The content of `latest.json`, None before the first publish."""
        path = self.folder / LATEST
        if not path.exists():
            return None
        try:
            told = read_json(path)
            version = told["version"]
            known = {entry["version"] for entry in told["versions"]}
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(
                f"{path}: not readable as the record of published versions ({error}); "
                "restore it, or move the folder away to start anew"
            ) from error
        if version not in known or not (self.folder / version).is_dir():
            raise DatasetError(
                f"{path} names {version}, but there is no such version in {self.folder}; "
                "restore the folder, or let latest.json name one that is there"
            )
        return dict(told)

    def latest_path(self) -> Path | None:
        """Folder of the latest version."""
        told = self.latest()
        return None if told is None else self.folder / str(told["version"])

    def sweep(self) -> None:
        """Remove what a killed publish left; call under the lock."""
        if not self.folder.is_dir():
            return
        told = self.latest()
        known = {entry["version"] for entry in told["versions"]} if told else set()
        for path in sorted(self.folder.iterdir()):
            if path.name.startswith(STAGING_PREFIX):
                shutil.rmtree(path)
            elif path.is_dir() and _VERSION.fullmatch(path.name) and (path / MARK).exists():
                if path.name in known:  # killed between latest.json and here
                    (path / MARK).unlink()
                else:
                    # Half removed it could have lost its mark, and would pass for a version.
                    shutil.rmtree(path.rename(self.folder / f"{STAGING_PREFIX}{path.name}"))

    def stage(self) -> Path:
        """A new staging folder beside the versions, already marked."""
        path = self.folder / f"{STAGING_PREFIX}{os.getpid()}"
        path.mkdir(parents=True)
        (path / MARK).touch()
        return path

    def next_version(self) -> str:
        """The name after the highest that is there."""
        numbers = [
            int(match[1])
            for path in (self.folder.iterdir() if self.folder.is_dir() else ())
            if (match := _VERSION.fullmatch(path.name))
        ]
        return f"v{max(numbers, default=0) + 1:04d}"

    def commit(self, staging: Path, version: str, digest: str) -> Path:
        """Make a whole staging folder the latest version.

        Every file is on disk before the folder gets its name, the name before
        `latest.json`, and `latest.json` decides.
        """
        for path in sorted(staging.rglob("*")):
            _sync(path)
        _sync(staging)
        told = self.latest()
        versions = [*(told["versions"] if told else ()), {"version": version, "digest": digest}]
        return self.adopt(
            staging, version, {"version": version, "digest": digest, "versions": versions}
        )

    def adopt(self, staging: Path, version: str, latest: dict[str, Any]) -> Path:
        """Give a staging folder its name, then let `latest.json` say so."""
        target = self.folder / version
        staging.rename(target)
        _sync(self.folder)
        write_json(self.folder / LATEST, latest)
        _sync(self.folder / LATEST)
        _sync(self.folder)
        (target / MARK).unlink()
        return target


def check_copy(folder: Path, url: str) -> None:
    """Compare a downloaded version's data files with what its manifest says.

    Raises:
        DatasetError: one is not there or differs.
    """
    try:
        files = read_json(folder / MANIFEST)["files"]
        whole = all(file_digest(folder / file["path"]) == file["digest"] for file in files)
    except (OSError, ValueError, KeyError):
        whole = False
    if not whole:
        raise DatasetError(f"{url} is damaged: its files are not as {MANIFEST} says; restore it")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
