"""How deep a document is nested, told before the parser sees it."""

from __future__ import annotations

from curate.errors import SegmentError

__all__ = ["check_depth"]

MAX_DEPTH = 100_000
"""Open block elements at once. The parser's time grows with the square of it:
3 s at 50,000 (measured), minutes at 500,000."""

DEPTH_CHECK_CHARS = 500_000
"""Shorter documents can't be nested that deep."""


def check_depth(content: str | bytes) -> None:
    """Refuse what would keep the parser busy for minutes.

    Raises:
        SegmentError: nested deeper than the parser can take in bounded time.
    """
    if len(content) <= DEPTH_CHECK_CHARS:
        return
    raw = content.encode("utf-8", "replace") if isinstance(content, str) else content
    n_tags = raw.count(b"<")
    if n_tags <= MAX_DEPTH or n_tags - 2 * raw.count(b"</") <= MAX_DEPTH:
        return
    raw = raw.lower()
    depth = sum(
        max(0, raw.count(b"<" + name) - raw.count(b"</" + name))
        for name in (b"div", b"ul", b"ol", b"section", b"article", b"blockquote", b"center", b"dl")
    )
    if depth > MAX_DEPTH:
        raise SegmentError(
            f"about {depth} elements nested in {len(raw)} bytes, at most {MAX_DEPTH} can be "
            "parsed in bounded time; drop the page, or cut what was never closed"
        )
