"""A dataset at any fsspec URL, such as `s3://bucket/exports`.

Either a copy of what is published here (`dataset.mirror`), or the dataset's
home itself (`paths.exports`), of which the folder here is the working copy.

A version is uploaded whole before the URL's `latest.json` names it; that file
is one object, written last. Whoever reads it sees the old version or the whole
new one. A machine that has no versions yet takes over the latest one there
first, so that numbers, differences and checks go on from it.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from curate.dataset.base import Progress, no_progress
from curate.dataset.remote_lock import RemoteLock
from curate.dataset.versions import LATEST, Home, check_copy
from curate.errors import DatasetError
from curate.io import TEMP_PREFIX, write_json

__all__ = ["Remote"]

ATOMIC = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "memory"}
"""Stores where an object is either there whole or not there; elsewhere a file is
uploaded under a temporary name and renamed."""


class Remote:
    """The folder of one dataset at a URL.

    Args:
        url: of the folder that holds all datasets.
        name: of this one.
        option: that named the URL, for messages.
        leads: what is there is the dataset's history and what is here a working
            copy, which gives way where the two differ.

    Raises:
        DatasetError: a URL of an unknown kind, or one that carries a password.
    """

    def __init__(
        self, url: str, name: str, *, option: str = "dataset.mirror", leads: bool = False
    ) -> None:
        import fsspec

        if "@" in url.split("://", 1)[-1].split("/", 1)[0]:
            raise DatasetError(
                f"{option} holds credentials; take them out of the URL and give them to the "
                "file system's own environment variables"
            )
        self.url = f"{url.rstrip('/')}/{name}"
        self._option, self._leads = option, leads
        with self._told():
            self._fs, root = fsspec.core.url_to_fs(self.url)
        self._root = str(root).rstrip("/")
        self._lock: RemoteLock | None = None

    # -------------------------------------------------------------- versions

    @contextmanager
    def locked(self, progress: Progress = no_progress) -> Iterator[None]:
        """Held while a version is published there; a second publisher is refused.

        Raises:
            DatasetError: another machine is publishing there.
        """

        def tell(line: str) -> None:
            progress(line, 0, 0)

        with self._told():
            self._fs.makedirs(self._root, exist_ok=True)
            lock = RemoteLock(self._fs, f"{self._root}/.publish.lock", self.url, tell)
            lock.take()
        self._lock = lock
        try:
            yield
        finally:
            self._lock = None
            with self._told():
                lock.give_back()

    def latest_version(self) -> str | None:
        """The version that `latest.json` there names."""
        with self._told():
            told = self._latest()
        return None if told is None else str(told["version"])

    def take_over(self, home: Home) -> None:
        """Bring the latest version there here, where it is newer than what is here.

        Raises:
            DatasetError: the URL can't be read, what is there is damaged, or (of a
                copy) its history is another one than the folder's.
        """
        with self._told():
            told = self._latest()
            if self._leads and told is not None:
                self._give_way(home, told)
            if told is None or self._missing(home, told) is not None:
                if self._leads and told is not None:
                    self._take_card(home, str(told["version"]))
                return
            version = str(told["version"])
            staging = home.stage()
            self._download(version, staging)
            if (home.folder / version).exists():
                if not self._leads:
                    raise DatasetError(
                        f"{home.folder / version} is there, but {LATEST} doesn't name it; "
                        "move it away, then publish again"
                    )
                shutil.rmtree(home.folder / version)
            home.adopt(staging, version, told)

    def bring(self, home: Home, progress: Progress = no_progress) -> str:
        """Upload the versions that are not there; returns the latest one's URL.

        Raises:
            DatasetError: the URL can't be written, or somebody else has
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
                if self._lock is not None:
                    self._lock.check()
                if self._latest() != before:
                    raise DatasetError(
                        f"{self.url}: somebody else has published there meanwhile; "
                        "publish again to go on from their version"
                    )
                self._put(LATEST, (json.dumps(here, indent=2) + "\n").encode())
        return f"{self.url}/{here['version']}"

    def _give_way(self, home: Home, told: dict[str, Any]) -> None:
        """Drop versions of the working copy that are not in the history there.

        They were never seen by anyone: an upload that failed before somebody
        else published, or what was deleted there.
        """
        latest = home.latest()
        here = list(latest["versions"]) if latest else []
        there = list(told["versions"])
        shared = min(len(here), len(there))
        if here[:shared] == there[:shared]:
            return
        for entry in here:
            if entry not in there:
                shutil.rmtree(home.folder / entry["version"], ignore_errors=True)
        (home.folder / LATEST).unlink()
        kept = [entry for entry in there if (home.folder / entry["version"]).is_dir()]
        if kept and kept[-1] == there[-1]:
            write_json(home.folder / LATEST, told)

    def _take_card(self, home: Home, version: str) -> None:
        """The card as it is there: somebody may have written into its notes."""
        path = home.folder / version / "README.md"
        if path.exists() and (raw := self.get(f"{version}/README.md")) is not None:
            path.write_bytes(raw)

    def _download(self, version: str, staging: Path) -> None:
        for path in self._fs.find(f"{self._root}/{version}"):
            relative = str(path).split(f"{self._root}/{version}/", 1)[1]
            target = staging / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            self._fs.get_file(path, str(target))
        check_copy(staging, f"{self.url}/{version}")

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
                f"or set {self._option} to another folder"
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

    # ------------------------------------------------------------- other files

    def names(self, folder: str) -> dict[str, int]:
        """Files in a folder there and their sizes, by their path in it; none that are hidden."""
        base = f"{self._root}/{folder}"
        with self._told():
            self._fs.invalidate_cache()
            found = {
                str(path).split(f"{base}/", 1)[1]: int(info["size"])
                for path, info in self._fs.find(base, detail=True).items()
            }
        return {name: n for name, n in found.items() if not Path(name).name.startswith(".")}

    def get(self, name: str) -> bytes | None:
        """One small file, None where there is none."""
        with self._told():
            try:
                return bytes(self._fs.cat_file(f"{self._root}/{name}"))
            except FileNotFoundError:
                return None

    def put(self, name: str, raw: bytes) -> None:
        """One small file, visible only when it is whole; replaces what is there."""
        with self._told():
            self._put(name, raw)

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens where there is none."""
        with self._told(), suppress(FileNotFoundError):
            self._fs.rm_file(f"{self._root}/{name}")

    def _put(self, name: str, raw: bytes) -> None:
        target = f"{self._root}/{name}"
        self._fs.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
        protocols = self._fs.protocol
        if ATOMIC & ({protocols} if isinstance(protocols, str) else set(protocols)):
            self._fs.pipe_file(target, raw)
            return
        folder, last = target.rsplit("/", 1)
        temp = f"{folder}/{TEMP_PREFIX}{uuid.uuid4().hex[:8]}-{last}"
        self._fs.pipe_file(temp, raw)
        self._fs.mv(temp, target)

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
                f"{self._option} {self.url}: {line}; correct it, or publish again later"
            ) from error
