"""Annotators by pseudonym: no e-mail address leaves the server."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

from curate.errors import ReviewError

__all__ = ["Pseudonyms", "is_pseudonym"]

KEY_BYTES = 32
PREFIX = "annotator-"


def is_pseudonym(name: str) -> bool:
    """Whether a name is one that `Pseudonyms` gave."""
    digits = name.removeprefix(PREFIX)
    return digits != name and len(digits) == 10 and set(digits) <= set("0123456789abcdef")


class Pseudonyms:
    """Names that are the same for one person everywhere, and can't be traced back without the key.

    Args:
        path: the key's file, made on first use and readable by its user only.
            Whoever has it can test whether an address is behind a name.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._key: bytes | None = None

    def of(self, identity: str) -> str:
        """The pseudonym of an e-mail address, or of any other name of a person."""
        told = hmac.new(self._load(), identity.strip().lower().encode("utf-8"), hashlib.sha256)
        return f"{PREFIX}{told.hexdigest()[:10]}"

    def _load(self) -> bytes:
        if self._key is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(fd, "w") as file:
                    file.write(secrets.token_hex(KEY_BYTES) + "\n")
            try:
                self._key = bytes.fromhex(self._path.read_text().strip())
            except ValueError:
                self._key = b""
            if len(self._key) != KEY_BYTES:
                raise ReviewError(
                    f"{self._path} holds no key of {KEY_BYTES} bytes in hex; restore it from a "
                    "backup, or remove it: annotators then get new pseudonyms"
                )
        return self._key
