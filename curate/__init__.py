"""Dataset curation and annotation for web pages.

>>> import curate
>>> page = curate.label_html(b"<h1>News</h1><p>Something happened today.</p>")
>>> page.segments[0].label
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from curate.version import __version__

if TYPE_CHECKING:
    from curate.api import LabeledPage, LabeledSegment, label_html, label_many, label_text

__all__ = [
    "LabeledPage",
    "LabeledSegment",
    "__version__",
    "label_html",
    "label_many",
    "label_text",
]


def __getattr__(name: str) -> Any:
    # Loaded on first use: `curate --help` and workers that only move files
    # don't wait for the parser and the models.
    if name in __all__:
        from curate import api

        return getattr(api, name)
    raise AttributeError(f"module 'curate' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
