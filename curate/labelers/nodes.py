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

__all__ = ["N_CLASS_FLAGS", "N_OUTPUTS", "N_TAG_FLAGS", "TAG_FLAGS", "NodeTable"]

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

N_OUTPUTS = 5
"""Outputs of the first score (`first.OUTPUTS`)."""

N_CLASS_FLAGS = len(ROLE_WORDS)
N_TAG_FLAGS = len(TAG_FLAGS) - N_CLASS_FLAGS
_ROLE_SHIFTS = np.arange(N_CLASS_FLAGS)

MAX_ATTR_CHARS = 300

MAX_TOKENS = 16
"""Classes and the like of one element that are read; generated lists run to hundreds."""

FIRST_ROWS = 1 << 14
"""Rows there is room for from the start: memory that isn't touched costs nothing."""

MAX_NODE_ROWS = 1 << 18
"""Distinct elements remembered; past that the table starts anew. About 100 MB. Of 2^16,
which four hundred pages have, learning them again took a third of the labeler's time
on pages of known sites."""

_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_A-Za-z]+")
_DIGITS = re.compile(r"\d+")


_NUMBERS = bytes.maketrans(b"123456789", b"000000000")
_LETTERS = bytes(code if chr(code).islower() else 32 * (code > 0) for code in range(256))


def _without_numbers(texts: Sequence[str]) -> list[str]:
    """The texts with each run of digits as one 0."""
    whole = "\0".join(texts)
    if not whole.isascii() or whole.count("\0") >= len(texts):
        return [_DIGITS.sub("0", text) for text in texts]
    whole = whole.encode().translate(_NUMBERS).decode()
    while "00" in whole:
        whole = whole.replace("00", "0")
    return whole.split("\0")


def _parts(tokens: Sequence[str]) -> list[list[str]]:
    """What each token is made of: runs of letters, cut where a capital follows a small one."""
    whole = "\0".join(tokens)
    if not whole.isascii() or whole.count("\0") >= len(tokens):
        return [_PART.findall(token) for token in tokens]
    # Without capitals the runs of letters are the parts.
    runs = whole.encode().translate(_LETTERS).decode().split("\0")
    return [
        run.split() if token.islower() else _PART.findall(token)
        for token, run in zip(tokens, runs, strict=True)
    ]


def _bucket(key: str) -> int:
    return hash_text(key) >> (32 - HASH_BITS)


class NodeTable(dict[tuple[str, str], int]):
    """Rows of all (tag, attributes) met so far; the row is that of its kind.

    Attributes:
        facts: float32 [n_rows, len(TAG_FLAGS) + n_weights], flags, then the sums of
            `bucket_weights` over the element's keys: as one above, as a segment's own,
            as the one around that.
        buckets: n_rows arrays of hash buckets; kept only without weights, for training.
    """

    def __init__(self, bucket_weights: Floats | None = None, max_rows: int = MAX_NODE_ROWS) -> None:
        super().__init__()
        self.max_rows = max_rows
        self.bucket_weights = (
            np.zeros((1 << HASH_BITS, 0), np.float32) if bucket_weights is None else bucket_weights
        )
        self.reset()
        self._forget_tokens()

    def reset(self) -> None:
        """Forget all elements; what their classes and the like say stays known."""
        self.clear()
        width = len(TAG_FLAGS) + self.bucket_weights.shape[1]
        self.facts: Floats = np.zeros((FIRST_ROWS, width), np.float32)
        self.buckets: list[Ints] = []
        self._kinds: dict[tuple[str, str], int] = {}

    def read(self, tags: Sequence[str], attrs: Sequence[str]) -> list[int]:
        """Rows of a page's elements."""
        if len(self) > self.max_rows:
            self.reset()
        elements = list(zip(tags, attrs, strict=True))
        rows = list(map(self.get, elements))
        if None in rows:
            missing = [at for at, row in enumerate(rows) if row is None]
            self._meet(list(dict.fromkeys([elements[at] for at in missing])))
            for at in missing:
                rows[at] = self[elements[at]]
        return rows  # type: ignore[return-value]  # None is gone

    def _meet(self, elements: Sequence[tuple[str, str]]) -> None:
        """Find the rows of unknown elements."""
        kinds = self._kinds
        fresh: list[tuple[str, str]] = []
        told = _without_numbers([attrs[:MAX_ATTR_CHARS] for _, attrs in elements])
        for element, attrs in zip(elements, told, strict=True):
            # Most have no number: the same object once more takes no memory.
            kind = element if attrs == element[1] else (element[0], attrs)
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
        while to > len(self.facts):
            self.facts = np.concatenate([self.facts, np.zeros_like(self.facts)])
        told = [[f"<{tag}", *attrs.split()[:MAX_TOKENS]] for tag, attrs in kinds]
        flat = list(chain.from_iterable(told))
        if len(self._tokens) > self.max_rows:
            self._forget_tokens()
        numbers = list(map(self._tokens.get, flat))
        if None in numbers:
            self._learn_tokens([t for t, n in zip(flat, numbers, strict=True) if n is None])
            numbers = list(map(self._tokens.get, flat))
        at = np.array(numbers, np.int64)
        sizes = list(map(len, told))
        begins = np.cumsum([0, *sizes[:-1]])
        roles = np.bitwise_or.reduceat(self._token_roles[at], begins)
        facts = self.facts[row:to]
        facts[:, N_TAG_FLAGS : len(TAG_FLAGS)] = roles[:, None] >> _ROLE_SHIFTS & 1
        for number, (tag, _) in enumerate(kinds):
            if tag in _TAG_FLAG:
                facts[number, _TAG_FLAG[tag]] = 1.0
        if self.bucket_weights.shape[1]:
            facts[:, len(TAG_FLAGS) :] = np.add.reduceat(self._token_weights[at], begins, axis=0)
        else:
            ends = [*begins.tolist()[1:], len(flat)]
            for begin, end in zip(begins.tolist(), ends, strict=True):
                found = [self._token_buckets[number] for number in numbers[begin:end]]  # type: ignore[index]
                self.buckets.append(np.array(list(chain.from_iterable(found)), np.int64))

    def _forget_tokens(self) -> None:
        self._tokens: dict[str, int] = {}
        self._parts: dict[str, tuple[int, int]] = {}
        self._token_buckets: list[list[int]] = []
        self._token_roles: Ints = np.zeros(512, np.int64)
        self._token_weights: Floats = np.zeros((512, self.bucket_weights.shape[1]), np.float32)

    def _learn_tokens(self, tokens: Iterable[str]) -> None:
        """Number tokens of elements, none of them known; a tag comes as `<tag`."""
        known = self._tokens
        row = len(known)
        fresh = list(dict.fromkeys(tokens))
        told: list[list[int]] = []
        roles: list[int] = []
        for number, (token, parts) in enumerate(zip(fresh, _parts(fresh), strict=True), row):
            known[token] = number
            buckets, role = self._of_token(token, parts)
            told.append(buckets)
            roles.append(role)
        to = len(known)
        while to > len(self._token_roles):
            self._token_roles = np.concatenate(
                [self._token_roles, np.zeros_like(self._token_roles)]
            )
            self._token_weights = np.concatenate(
                [self._token_weights, np.zeros_like(self._token_weights)]
            )
        self._token_roles[row:to] = roles
        if not self.bucket_weights.shape[1]:
            self._token_buckets.extend(told)
            return
        # A token of marks alone has no keys: bucket weights of none are summed for it.
        sizes = np.fromiter(map(len, told), np.int64, len(told))
        some = np.flatnonzero(sizes)
        if len(some):
            flat = np.fromiter(chain.from_iterable(told), np.int64, int(sizes.sum()))
            begins = np.cumsum(sizes[some]) - sizes[some]
            self._token_weights[row + some] = np.add.reduceat(
                self.bucket_weights[flat], begins, axis=0
            )

    def _of_token(self, token: str, parts: Sequence[str]) -> tuple[list[int], int]:
        """Buckets and role bits of a class, id, role or property: the whole and its parts."""
        if token[0] == "<":
            return [_bucket(token)], 0
        whole = token.lower()
        buckets = [_bucket(whole)] if len(whole) > 2 else []
        role = WORD_ROLES.get(whole, 0)
        for part in parts:
            known = self._parts.get(part)
            if known is None:
                lower = part.lower()
                known = self._parts[part] = (
                    _bucket("~" + lower) if len(lower) > 1 else -1,
                    WORD_ROLES.get(lower, 0),
                )
            bucket, bits = known
            role |= bits
            if bucket >= 0 and bucket not in buckets:
                buckets.append(bucket)
        return buckets, role

    def __reduce__(self) -> tuple[type[NodeTable], tuple[Floats, int]]:
        return type(self), (self.bucket_weights, self.max_rows)
