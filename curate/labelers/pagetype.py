"""What kind of page it is: a few trees over sums of the segments' features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from curate.labelers.batch import Batch, Floats, Ints
from curate.labelers.trees import Trees

__all__ = ["PAGE_TYPES", "TYPE_NAMES", "PageTypes", "page_columns", "page_feature_names"]

PAGE_TYPES = (
    "article",
    "forum",
    "product",
    "collection",
    "listing",
    "documentation",
    "service",
)

TYPE_NAMES = [f"type_{name}" for name in PAGE_TYPES]
"""Features that hold these probabilities; both heads may read them."""

_URL_WORDS = (
    ("forum", "thread", "topic", "questions", "discuss", "community", "viewtopic", "comments"),
    ("product", "products", "item", "itm", "dp", "sku", "app"),
    ("collection", "collections", "category", "categories", "shop", "department", "shopping"),
    ("tag", "tags", "archive", "author", "search", "section", "topics", "list", "lists", "best"),
    ("doc", "docs", "documentation", "wiki", "api", "reference", "manual", "guide", "library",
     "learn", "tutorial", "html"),
    ("services", "service", "solutions", "about", "pricing", "company", "consulting"),
    ("blog", "news", "article", "articles", "story", "post", "posts", "20"),
)  # fmt: skip


def page_feature_names(names: Sequence[str]) -> list[str]:
    """The segments' features that are averaged over a page."""
    wanted = ("share_", "score_", "in_", "words_", "elements_")
    single = {
        "log_words", "log_sentences", "links", "story", "media", "link_hyphens", "link_spells_text",
        "repeats", "item_repeats", "self_repeats", "prose", "has_code", "has_control", "rhythm",
        "in_body", "in_page", "in_title",
    }  # fmt: skip
    return [name for name in names if name.startswith(wanted) or name in single]


_BLANKED = bytes(code if chr(code).isalnum() else 32 for code in range(128)) + bytes(128)


def _words(address: str) -> set[str]:
    """What stands between the marks of an address."""
    if address.isascii():
        return set(address.encode().translate(_BLANKED).decode().split())
    return set("".join(c if c.isalnum() else " " for c in address).split())


def page_columns(features: Floats, batch: Batch) -> Floats:
    """What tells a page's type: means over segments, means over words, sizes, address.

    Args:
        features: float32 [n_features, n_segments], the averaged ones.
        batch: their pages.

    Returns:
        float32 [2 * n_features + n, n_pages].
    """
    chosen = features.astype(np.float64)
    np.copyto(chosen, 0.0, where=np.isnan(chosen))
    sizes = (batch.stop - batch.first).astype(np.float64)
    weight = (batch.ends - batch.starts).astype(np.float64)
    total = np.add.reduceat(weight, batch.first)
    plain = np.add.reduceat(chosen, batch.first, axis=1) / sizes
    chosen *= weight
    heavy = np.add.reduceat(chosen, batch.first, axis=1) / total
    address = np.zeros((len(batch.pages), len(_URL_WORDS) + 2))
    for number, page in enumerate(batch.pages):
        url = (page.url or "").lower()
        rest = url.split("//", 1)[-1]
        host, _, path = rest.partition("/")
        parts = _words(f"{host}/{path}")
        address[number, :-2] = [not parts.isdisjoint(row) for row in _URL_WORDS]
        address[number, -2] = path.rstrip("/").count("/") + bool(path) if url else -1
        address[number, -1] = path.count("-") if url else -1
    out: Floats = np.concatenate(
        [[np.log1p(sizes), np.log1p(total)], address.T, plain, heavy], dtype=np.float32
    )
    return out


class PageTypes:
    """The page-type head, loaded."""

    def __init__(self, trees: str, rows: Ints) -> None:
        """Load it.

        Args:
            trees: LightGBM's text.
            rows: for each feature that it averages its row in the tables of `chance`.
        """
        self._rows = rows
        self._trees = Trees(trees)

    def chance(self, features: Floats, batch: Batch) -> Floats:
        """Probabilities, float32 [n_pages, len(PAGE_TYPES)].

        Args:
            features: float32 [n_table_rows, n_segments].
            batch: their pages.
        """
        odds = self._trees.raw(page_columns(features[self._rows], batch)).T
        odds = np.exp(odds - odds.max(axis=1, keepdims=True))
        out: Floats = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
        return out
