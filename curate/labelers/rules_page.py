"""What the rules say of a whole page: its type, and which segments are its main content."""

from __future__ import annotations

import numpy as np

from curate.labelers.rules_lines import Bools, Floats, Lines
from curate.schema import SegmentedPage

__all__ = ["main_segments", "page_type"]

_ARTICLE, _TEASER, _CAPTION = 0, 2, 3

LISTING_RATIO = 0.6
"""Words of teasers in article and teaser text from which a page only lists others."""


def page_type(page: SegmentedPage, scores: Floats, lines: Lines) -> tuple[str, float]:
    """A simple guess: listing, forum, product, documentation or article, and how sure."""
    words = lines.words
    article = float((scores[:, _ARTICLE] * words).sum())
    teaser = float((scores[:, _TEASER] * words).sum())
    share = teaser / max(article + teaser, 1.0)
    if share >= LISTING_RATIO:
        return "listing", min(0.9, share)
    url = (page.url or "").lower()
    n_prices = int((lines.sum("currency") >= 1).sum())
    comments = float((lines.sum("comment") >= 1)[lines.words <= 8].sum())
    code = 0.0
    if page.layout is not None:
        code = float(words[np.array([kind == "pre" for kind in page.kinds], bool)].sum())
    if any(
        part in url for part in ("/forum", "/thread", "forum.", "/t/", "community.", "showthread")
    ):
        return "forum", 0.8
    if any(part in url for part in ("/docs", "docs.", "/documentation", "/reference", "/manual")):
        return "documentation", 0.8
    if any(part in url for part in ("/product", "/shop", "/item", "/dp/", "/p/")) and n_prices:
        return "product", 0.8
    if comments >= 12 and lines.moment.sum() >= 6:
        return "forum", 0.5
    if n_prices >= 8 and article < 800:
        return "product", 0.5
    if code > 0.15 * article:
        return "documentation", 0.5
    return "article", 0.6


def main_segments(scores: Floats, kind: str) -> Bools:
    """Segments of the main content: the article's text, on listing pages the cards too."""
    best = scores.argmax(axis=1)
    main: Bools = best == _ARTICLE
    if kind == "listing":
        main |= best == _TEASER
    return main
