"""Files of a version here and on the hub, and whether they are the same."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from curate.dataset.base import SHAPES
from curate.dataset.gate_scan import WORDS

__all__ = ["local_files", "ours", "remote_files", "same"]

CHUNK_BYTES = 1 << 20


def local_files(version: Path) -> list[str]:
    """Files of a version, relative to its folder, with slashes."""
    return sorted(
        path.relative_to(version).as_posix()
        for path in version.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    )


def remote_files(api: Any, repo: str, revision: str) -> dict[str, Any]:
    """Files of a repository at a revision, as the client describes them."""
    from huggingface_hub.errors import EntryNotFoundError
    from huggingface_hub.hf_api import RepoFile

    try:
        tree = list(
            api.list_repo_tree(repo, recursive=True, revision=revision, repo_type="dataset")
        )
    except EntryNotFoundError:  # no commit with files yet
        return {}
    return {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}


def ours(path: str) -> bool:
    """Whether a push made this file; others in the repository are left alone."""
    return path in WORDS or path.split("/", 1)[0] in SHAPES


def same(path: Path, remote: Any) -> bool:
    """Whether a file on the hub holds the same bytes as the local one."""
    if remote is None or remote.size != path.stat().st_size:
        return False
    if remote.lfs is not None:
        return bool(remote.lfs.sha256 == _hash(path, "sha256"))
    return bool(remote.blob_id == _hash(path, "sha1", f"blob {path.stat().st_size}\0".encode()))


def _hash(path: Path, name: str, prefix: bytes = b"") -> str:
    # Git names a blob by SHA-1; nothing rests on its strength here.
    hasher = hashlib.new(name, prefix, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            hasher.update(chunk)
    return hasher.hexdigest()
