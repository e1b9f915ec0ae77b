"""Finding secrets in what is about to be published."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["find_secret", "without_places"]

MIN_SECRET_CHARS = 8
"""Shorter values of environment variables would match by chance."""

_OWN = re.compile(r"(TOKEN|API_KEY|SECRET|PASSWORD|PASSWD|ACCESS_KEY|CREDENTIAL)", re.IGNORECASE)

_KINDS = (
    ("a Hugging Face token", re.compile(r"\bhf_[A-Za-z0-9]{30,}")),
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{22,})")),
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a Slack token", re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}")),
    ("a Google API key", re.compile(r"\bAIza[0-9A-Za-z_-]{35}")),
    ("an API key", re.compile(r"\bsk-[A-Za-z0-9_-]{20,}")),
    ("a JSON web token", re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}")),
    ("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("a password in a URL", re.compile(r"://[^\s/:@?#\"']+:[^\s/@?#\"']+@[\w.-]+")),
)


_PLACE = re.compile(r"(?<![\w.~:/-])(?:~|/[^\s/:,;'\"]+)(?:/[^\s/:,;'\"]+)*/([^\s/:,;'\"]+)")
"""An absolute path of two parts or more, or one below the home folder; not a URL."""


def without_places(value: Any) -> Any:
    """A JSON-like value in which absolute paths keep their last part only.

    Where files lay tells of a machine and its user, not of the data.
    """
    if isinstance(value, str):
        return _PLACE.sub(r"…/\1", value)
    if isinstance(value, Mapping):
        return {name: without_places(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_places(part) for part in value]
    return value


def find_secret(text: str, *, own_only: bool = False) -> str | None:
    """The kind of the first secret met, None without any.

    Args:
        text: to be searched.
        own_only: look only for the values of this process's own secret
            environment variables.
    """
    for name, value in os.environ.items():
        if _OWN.search(name) and len(value) >= MIN_SECRET_CHARS and value in text:
            return f"the value of {name}"
    if own_only:
        return None
    return next((kind for kind, pattern in _KINDS if pattern.search(text)), None)
