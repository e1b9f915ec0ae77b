"""A copy of a dataset's versions at any fsspec URL, such as `s3://bucket/exports`.

A version is uploaded whole before the copy's `latest.json` names it; that file
is one object, written last. Whoever reads it sees the old version or the whole
new one. A machine that has no versions yet takes over the copy's latest one
first, so that numbers, differences and checks go on from there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from curate.dataset.base import Progress, no_progress
from curate.dataset.versions import LATEST, MANIFEST, Home
from curate.errors import DatasetError
from curate.io import file_digest, read_json

__all__ = ["Mirror"]


class Mirror:
    """The folder of one dataset at a URL.

    Args:
        url: of the folder that holds all datasets.
        name: of this one.

    Raises:
        DatasetError: a URL of an unknown kind, or one that carries a password.
    """

    def __init__(self, url: str, name: str) -> None:
        import fsspec

        if "@" in url.split("://", 1)[-1].split("/", 1)[0]:
            raise DatasetError(
                "dataset.mirror holds credentials; take them out of the URL and give them to the "
                "file system's own environment variables"
            )
        self.url = f"{url.rstrip('/')}/{name}"
        with self._told():
            self._fs, root = fsspec.core.url_to_fs(self.url)
        self._root = str(root).rstrip("/")

    def take_over(self, home: Home) -> None:
        """Bring the copy's latest version here, where it is newer than what is here.

        Raises:
            DatasetError: the copy can't be read, is damaged, or its history is
                another one than the folder's.
        """
        with self._told():
            told = self._latest()
            if told is None or self._missing(home, told) is not None:
                return
            version = str(told["version"])
            staging = home.stage()
            for path in self._fs.find(f"{self._root}/{version}"):
                relative = str(path).split(f"{self._root}/{version}/", 1)[1]
                target = staging / relative
                target.parent.mkdir(parents=True, exist_ok=True)
                self._fs.get_file(path, str(target))
            _check_copy(staging, f"{self.url}/{version}")
            if (home.folder / version).exists():
                raise DatasetError(
                    f"{home.folder / version} is there, but {LATEST} doesn't name it; "
                    "move it away, then publish again"
                )
            home.adopt(staging, version, told)

    def bring(self, home: Home, progress: Progress = no_progress) -> str:
        """Upload the versions that the copy lacks; returns the latest one's URL.

        Raises:
            DatasetError: the copy can't be written, or somebody else has
                published to it meanwhile.
        """
        with self._told():
            before = self._latest()
            missing = self._missing(home, before)
            here = home.latest()
            assert here is not None
            for entry in missing or ():
                folder = home.folder / entry["version"]
                if folder.is_dir():
                    self._upload(folder, progress)
            if missing:
                if self._latest() != before:
                    raise DatasetError(
                        f"{self.url}: somebody else has published there meanwhile; "
                        "publish again to go on from their version"
                    )
                raw = json.dumps(here, indent=2) + "\n"
                self._fs.pipe_file(f"{self._root}/{LATEST}", raw.encode())
        return f"{self.url}/{here['version']}"

    def _upload(self, folder: Path, progress: Progress) -> None:
        target = f"{self._root}/{folder.name}"
        if self._fs.exists(target):  # left by a killed upload: latest.json doesn't name it
            self._fs.rm(target, recursive=True)
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        for done, path in enumerate(paths):
            progress(f"copy to {self.url}", done, len(paths))
            remote = f"{target}/{path.relative_to(folder).as_posix()}"
            self._fs.makedirs(remote.rsplit("/", 1)[0], exist_ok=True)
            self._fs.put_file(str(path), remote)
        self._fs.invalidate_cache()
        for path in paths:
            remote = f"{target}/{path.relative_to(folder).as_posix()}"
            if self._fs.info(remote)["size"] != path.stat().st_size:
                raise DatasetError(f"{remote}: not stored whole; publish again")
        progress(f"copy to {self.url}", len(paths), len(paths))

    def _latest(self) -> dict[str, Any] | None:
        self._fs.invalidate_cache()
        try:
            raw = self._fs.cat_file(f"{self._root}/{LATEST}")
        except FileNotFoundError:
            return None
        try:
            told = json.loads(raw)
            if told["version"] not in {entry["version"] for entry in told["versions"]}:
                raise KeyError("version")
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(
                f"{self.url}/{LATEST} is not the record of published versions; restore it, "
                "or mirror to another folder"
            ) from error
        return dict(told)

    def _missing(self, home: Home, told: dict[str, Any] | None) -> list[dict[str, str]] | None:
        """Versions that are here and not there; None where it is the other way round."""
        latest = home.latest()
        here = list(latest["versions"]) if latest else []
        there = list(told["versions"]) if told else []
        if here[: len(there)] == there:
            return here[len(there) :]
        if there[: len(here)] == here:
            return None
        raise DatasetError(
            f"{self.url} has other versions than {home.folder}; mirror to another folder, or move "
            "this one away to go on from there"
        )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of the file system as one line."""
        try:
            yield
        except (DatasetError, AssertionError):
            raise
        except Exception as error:  # each file system has errors of its own
            line = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise DatasetError(
                f"dataset.mirror {self.url}: {line}; correct it, or publish again later"
            ) from error


def _check_copy(folder: Path, url: str) -> None:
    """Every data file of a downloaded version is as its manifest says."""
    try:
        files = read_json(folder / MANIFEST)["files"]
        whole = all(file_digest(folder / file["path"]) == file["digest"] for file in files)
    except (OSError, ValueError, KeyError):
        whole = False
    if not whole:
        raise DatasetError(f"{url} is damaged: its files are not as {MANIFEST} says; restore it")
