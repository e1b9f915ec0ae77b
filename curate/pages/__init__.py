"""Readers: files, archives and datasets to decoded pages.

The driver calls `plan_units` once; tasks call `read_unit` for one piece each.
Names are loaded on first use: importing this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curate.pages.base import PagesConfig, Unit
    from curate.pages.cache import DigestCache
    from curate.pages.decode import Decoded, decode_html, decode_text
    from curate.pages.identity import canonical_url, page_key_of, site_of
    from curate.pages.plan import plan_units
    from curate.pages.read import read_unit

__all__ = [
    "Decoded",
    "DigestCache",
    "PagesConfig",
    "Unit",
    "canonical_url",
    "decode_html",
    "decode_text",
    "page_key_of",
    "plan_units",
    "read_unit",
    "site_of",
]

_HOME = {
    "Decoded": "decode",
    "DigestCache": "cache",
    "PagesConfig": "base",
    "Unit": "base",
    "canonical_url": "identity",
    "decode_html": "decode",
    "decode_text": "decode",
    "page_key_of": "identity",
    "plan_units": "plan",
    "read_unit": "read",
    "site_of": "identity",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
