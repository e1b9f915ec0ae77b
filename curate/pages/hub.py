"""Datasets on the Hugging Face Hub: their files, at one revision."""

from __future__ import annotations

from curate.errors import PageError

__all__ = ["hub_entry"]


def hub_entry(path: str) -> tuple[str, bool]:
    """Where a dataset's files are, with the revision pinned; and whether it is one file.

    Raises:
        PageError: no such dataset, no access, or no network.
    """
    raise PageError(path)
