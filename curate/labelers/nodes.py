"""Elements as rows of a table: each distinct tag with its tokens is looked at only once.

Elements that differ only in digits ("menu-item-15550") are one row: sites number
their elements, and no number means anything on another site.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

from curate.labelers.batch import Floats, Ints
from curate.labelers.patterns import ROLE_WORDS, WORD_ROLES
from curate.labelers.tokens import HASH_BITS, hash_text

__all__ = ["N_CLASS_FLAGS", "N_TAG_FLAGS", "TAG_FLAGS", "NodeTable"]

TAG_FLAGS = (
    "nav",
    "header",
    "footer",
    "aside",
    "main",
    "article",
    "section",
    "form",
    "figure",
    "table",
    "ul",
    "li",
    "dl",
    "a",
    "button",
    "blockquote",
    "noscript",
    "p",
    "pre",
    "details",
    "dialog",
    "figcaption",
    *(f"@{name}" for name in ROLE_WORDS),
)
"""Tags whose presence among the ancestors is a feature of its own."""

_TAG_FLAG = {tag: index for index, tag in enumerate(TAG_FLAGS)} | {
    "ol": TAG_FLAGS.index("ul"),
    "select": TAG_FLAGS.index("form"),
    "fieldset": TAG_FLAGS.index("form"),
    "code": TAG_FLAGS.index("pre"),
    "dd": TAG_FLAGS.index("dl"),
    "dt": TAG_FLAGS.index("dl"),
}

N_CLASS_FLAGS = len(ROLE_WORDS)
N_TAG_FLAGS = len(TAG_FLAGS) - N_CLASS_FLAGS
_ROLE_SHIFTS = np.arange(N_CLASS_FLAGS)

MAX_ATTR_CHARS = 300

MAX_KEYS = 40
"""Features of one element; generated class lists run to hundreds."""

MAX_NODE_ROWS = 1 << 16
"""Distinct elements remembered; past that the table starts anew."""

_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_A-Za-z]+")
_DIGITS = re.compile(r"\d+")


def _bucket(key: str) -> int:
    return hash_text(key) >> (32 - HASH_BITS)


class NodeTable(dict[tuple[str, str], int]):
    """Rows of all (tag, attributes) met so far; the row is that of its kind.

    Attributes:
        flags: float32 [n_rows, len(TAG_FLAGS)].
        weights: float32 [n_rows, n_weights], sums over the element's keys.
        buckets: n_rows arrays of hash buckets; kept only without weights, for training.
    """

    def __init__(self, bucket_weights: Floats | None = None, max_rows: int = MAX_NODE_ROWS) -> None:
        super().__init__()
        self.max_rows = max_rows
        self.bucket_weights = (
            np.zeros((1 << HASH_BITS, 0), np.float32) if bucket_weights is None else bucket_weights
        )
        self.reset()

    def reset(self) -> None:
        """Forget all rows."""
        self.clear()
        self.flags: Floats = np.zeros((512, len(TAG_FLAGS)), np.float32)
        self.weights: Floats = np.zeros((512, self.bucket_weights.shape[1]), np.float32)
        self.buckets: list[Ints] = []
        self._kinds: dict[tuple[str, str], int] = {}
        self._tokens: dict[str, tuple[list[int], int]] = {}
        self._parts: dict[str, tuple[int, int]] = {}

    def read(self, tags: Sequence[str], attrs: Sequence[str]) -> list[int]:
        """Rows of a page's elements."""
        if len(self) > self.max_rows:
            self.reset()
        elements = list(zip(tags, attrs, strict=True))
        rows = list(map(self.get, elements))
        if None in rows:
            self._meet(elements[at] for at, row in enumerate(rows) if row is None)
            rows = list(map(self.get, elements))
        return rows  # type: ignore[return-value]  # None is gone

    def _meet(self, elements: Iterable[tuple[str, str]]) -> None:
        """Find the rows of unknown elements."""
        kinds = self._kinds
        fresh: list[tuple[str, str]] = []
        for element in elements:
            if element not in self:
                tag, attrs = element
                kind = (tag, _DIGITS.sub("0", attrs[:MAX_ATTR_CHARS]) if attrs else "")
                row = kinds.get(kind)
                if row is None:
                    row = kinds[kind] = len(kinds)
                    fresh.append(kind)
                self[element] = row
        if fresh:
            self._learn(fresh, len(kinds) - len(fresh))

    def _learn(self, kinds: Sequence[tuple[str, str]], row: int) -> None:
        """Fill the rows of kinds, from `row` on."""
        to = row + len(kinds)
        while to > len(self.flags):
            self.flags = np.concatenate([self.flags, np.zeros_like(self.flags)])
            self.weights = np.concatenate([self.weights, np.zeros_like(self.weights)])
        told: list[list[int]] = []
        roles: list[int] = []
        tokens = self._tokens
        for tag, attrs in kinds:
            found = [_bucket("<" + tag)]
            role = 0
            for token in attrs.split():
                known = tokens.get(token)
                if known is None:
                    known = self._of_token(token)
                found += known[0]
                role |= known[1]
            told.append(found[:MAX_KEYS])
            roles.append(role)
        bits = np.array(roles, np.int64)
        self.flags[row:to, N_TAG_FLAGS:] = bits[:, None] >> _ROLE_SHIFTS & 1
        for at, (tag, _) in enumerate(kinds, row):
            if tag in _TAG_FLAG:
                self.flags[at, _TAG_FLAG[tag]] = 1.0
        if self.weights.shape[1]:
            sizes = [len(found) for found in told]
            begins = np.cumsum([0, *sizes[:-1]])
            flat = np.fromiter(chain.from_iterable(told), np.int64, sum(sizes))
            self.weights[row:to] = np.add.reduceat(self.bucket_weights[flat], begins, axis=0)
        else:
            self.buckets.extend(np.array(found, np.int64) for found in told)

    def _of_token(self, token: str) -> tuple[list[int], int]:
        """Buckets and role bits of a class, id, role or property: the whole and its parts."""
        whole = token.lower()
        buckets = [_bucket(whole)] if len(whole) > 2 else []
        role = WORD_ROLES.get(whole, 0)
        for part in dict.fromkeys(_PART.findall(token)):
            known = self._parts.get(part)
            if known is None:
                lower = part.lower()
                known = (
                    _bucket("~" + lower) if len(lower) > 1 else -1,
                    WORD_ROLES.get(lower, 0),
                )
                if len(self._parts) > 4 * self.max_rows:
                    self._parts.clear()
                self._parts[part] = known
            bucket, bits = known
            role |= bits
            if bucket >= 0 and bucket not in buckets:
                buckets.append(bucket)
        if len(self._tokens) > 4 * self.max_rows:
            self._tokens.clear()
        self._tokens[token] = (buckets, role)
        return buckets, role

    def __reduce__(self) -> tuple[type[NodeTable], tuple[Floats, int]]:
        return type(self), (self.bucket_weights, self.max_rows)
