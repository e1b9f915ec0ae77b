"""Pieces of HTML that all sections use; text of others is made safe here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

__all__ = ["Series", "count", "cut", "ratio", "safe", "tag", "where"]

Series = Mapping[str, int]
"""Label name to the number of its colour."""

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_WEB = re.compile(r"https?://", re.IGNORECASE)


def safe(text: str) -> str:
    """Text of others as HTML: markup escaped, control characters gone."""
    return escape(_CONTROLS.sub("", text))


def count(n: int) -> str:
    """A count with thousands set apart."""
    return f"{n:,}"


def ratio(part: float, whole: float) -> str:
    """A share in per cent with one decimal; 0% of nothing."""
    return f"{part / whole:.1%}" if whole else "0%"


def cut(text: str, chars: int) -> str:
    """The beginning of a long text, all of a short one."""
    return text if len(text) <= chars else text[:chars].rstrip() + " …"


def tag(label: str, series: Series) -> str:
    """A label's name on its colour."""
    number = series.get(label)
    style = f" g{number}" if number is not None else ""
    return f'<span class="tag{style}">{safe(label)}</span>'


def where(name: str, url: str | None) -> str:
    """A page's name, linked where it has an address on the web."""
    shown = safe(name or url or "")
    if url and _WEB.match(url):
        return f'<a href="{safe(url)}" rel="noreferrer noopener nofollow"><bdi>{shown}</bdi></a>'
    return f"<bdi>{shown}</bdi>" if shown else ""
