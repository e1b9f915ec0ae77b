"""The element tree of HTML pages as arrays: containers, repeated items, paths.

A segment's ancestors are what tells its role best. Every element covers one
stretch of consecutive segments, so sums over an element are one subtraction
(`batch.Stretch`), and sums over a segment's ancestors are a difference array.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from curate.labelers.batch import Batch, Floats, Ints
from curate.labelers.patterns import ROLE_WORDS, role_bits
from curate.labelers.tokens import HASH_BITS, hash_text

__all__ = [
    "N_CLASS_FLAGS",
    "TAG_FLAGS",
    "Forest",
    "NodeTable",
    "above_sums",
    "grow_forest",
    "token_keys",
]

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


REPEATED = 3
"""Siblings of one kind from which an element counts as an item of a list."""

BIG_RATIOS = (0.04, 0.2)
"""Shares of the page's words from which an element counts as a section."""

MAX_ATTR_CHARS = 300

MAX_KEYS = 40
"""Features of one element; generated class lists run to hundreds."""

MAX_NODE_ROWS = 1 << 16
"""Distinct elements remembered; past that the table starts anew."""

_ATOM = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_A-Za-z]+")
_DIGITS = re.compile(r"\d+")


def token_keys(token: str) -> list[str]:
    """Hashed features of one class, id, role or property: the whole and its parts.

    A tag comes as `<tag` and is left whole.
    """
    if token[0] == "<":
        return [token]
    if token.islower() and token.isalpha():
        return [token, "~" + token] if len(token) > 2 else ["~" + token] * (len(token) > 1)
    whole = _DIGITS.sub("0", token.lower())
    keys = [whole] if len(whole) > 2 else []
    parts = {f"~{part.lower()}" for part in _ATOM.findall(token)}
    return [*keys, *sorted(part for part in parts if len(part) > 2)]


class NodeTable(dict[tuple[str, str], int]):
    """Rows of all (tag, attributes) met so far, like `tokens.TokenTable`.

    Attributes:
        flags: float32 [n_rows, len(TAG_FLAGS)].
        weights: float32 [n_rows, n_weights], sums over the element's keys.
        buckets: n_rows arrays of hash buckets; kept only without weights, for training.
        kind: int list [n_rows], equal for elements that differ only in digits.
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
        self.kind: list[int] = []
        self._kinds: dict[tuple[str, str], int] = {}
        self._tokens: dict[str, list[int]] = {}

    def learn(self, elements: Sequence[tuple[str, str]]) -> None:
        """Add rows for elements, none of them known."""
        row, to = len(self), len(self) + len(elements)
        while to > len(self.flags):
            self.flags = np.concatenate([self.flags, np.zeros_like(self.flags)])
            self.weights = np.concatenate([self.weights, np.zeros_like(self.weights)])
        told: list[list[int]] = []
        for tag, attrs in elements:
            found = list(self._of("<" + tag))
            for token in attrs[:MAX_ATTR_CHARS].split():
                found.extend(self._of(token))
            told.append(found[:MAX_KEYS])
        bits = np.array([role_bits(attrs) for _, attrs in elements], np.int64)
        self.flags[row:to, N_TAG_FLAGS:] = bits[:, None] >> _ROLE_SHIFTS & 1
        for at, (tag, attrs) in enumerate(elements, row):
            if tag in _TAG_FLAG:
                self.flags[at, _TAG_FLAG[tag]] = 1.0
            same = (tag, _DIGITS.sub("0", attrs[:MAX_ATTR_CHARS]))
            self.kind.append(self._kinds.setdefault(same, len(self._kinds)))
        if self.weights.shape[1]:
            begins = np.cumsum([0] + [len(found) for found in told[:-1]])
            flat = np.fromiter(chain.from_iterable(told), np.int64)
            self.weights[row:to] = np.add.reduceat(self.bucket_weights[flat], begins, axis=0)
        else:
            self.buckets.extend(np.array(found, np.int64) for found in told)
        self.update(zip(elements, range(row, to), strict=True))

    def _of(self, token: str) -> list[int]:
        """Buckets of one token of an element: the whole and its parts."""
        buckets = self._tokens.get(token)
        if buckets is None:
            buckets = [hash_text(key) >> (32 - HASH_BITS) for key in token_keys(token)]
            if len(self._tokens) > 4 * self.max_rows:
                self._tokens.clear()
            self._tokens[token] = buckets
        return buckets

    def read(self, tags: Sequence[str], attrs: Sequence[str]) -> list[int]:
        """Rows of a page's elements."""
        elements = list(zip(tags, attrs, strict=True))
        new = [element for element in dict.fromkeys(elements) if element not in self]
        if new:
            self.learn(new)
        return list(map(self.__getitem__, elements))

    def __reduce__(self) -> tuple[type[NodeTable], tuple[Floats, int]]:
        return type(self), (self.bucket_weights, self.max_rows)


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """Trees of a batch of HTML pages.

    Attributes:
        rows: int64 [n_nodes], rows of the node table.
        parent: int64 [n_nodes]; a root is its own parent.
        first, stop: int64 [n_nodes], the stretch of segments an element covers.
        depth: int64 [n_nodes].
        path: int64 [n_nodes], equal for elements with the same tags and classes
            all the way up.
        alike: int64 [n_nodes], equal for elements of one page whose own and whose
            parent's tag and classes are the same.
        repeats: int64 [n_nodes], siblings of the same kind, itself included.
        item: int64 [n_nodes], nearest element at or above that is repeated at
            least three times among its siblings, else the root.
        big: for each of `BIG_RATIOS`, int64 [n_nodes]: nearest element at or
            above that holds that share of the page's words.
        node: int64 [n_segments], the element of each segment.
    """

    rows: Ints
    parent: Ints
    first: Ints
    stop: Ints
    depth: Ints
    path: Ints
    alike: Ints
    repeats: Ints
    item: Ints
    big: Sequence[Ints]
    node: Ints


def grow_forest(batch: Batch, table: NodeTable, words: Floats) -> Forest:
    """Read the trees of a batch of HTML pages.

    Args:
        batch: its pages all have a layout.
        table: where elements are looked up.
        words: float [n_segments], words of each segment.
    """
    if len(table) > table.max_rows:
        table.reset()
    rows: list[int] = []
    parent: list[Ints] = []
    depth: list[Ints] = []
    path: list[Ints] = []
    alike: list[Ints] = []
    first: list[Ints] = []
    stop: list[Ints] = []
    item: list[Ints] = []
    big: tuple[list[Ints], ...] = tuple([] for _ in BIG_RATIOS)
    repeats: list[Ints] = []
    nodes: list[Ints] = []
    total = np.concatenate([[0.0], np.cumsum(words, dtype=np.float64)])
    n_paths = n_alike = 0
    for number, page in enumerate(batch.pages):
        layout = page.layout
        assert layout is not None
        base = len(rows)
        low = int(batch.first[number])
        parents = layout.node_parent.tolist()
        page_rows = table.read(layout.node_tag, layout.node_attrs)
        kinds = table.kind
        kind_of = [kinds[row] for row in page_rows]
        # Keys are one number each: cheaper to hash than pairs. Numbers stay apart
        # because kinds and nodes are far fewer than 2^30.
        paths: dict[int, int] = {}
        pairs: dict[int, int] = {}
        groups: dict[int, int] = {}
        local_path: list[int] = []
        local_depth: list[int] = []
        local_alike: list[int] = []
        group: list[int] = []
        for up, kind in zip(parents, kind_of, strict=True):
            if up < 0:
                local_depth.append(0)
                local_path.append(paths.setdefault(~kind, len(paths)))
                local_alike.append(pairs.setdefault(~kind, len(pairs)))
                group.append(groups.setdefault(~kind, len(groups)))
            else:
                local_depth.append(local_depth[up] + 1)
                local_path.append(paths.setdefault(local_path[up] << 30 | kind, len(paths)))
                local_alike.append(pairs.setdefault(kind_of[up] << 30 | kind, len(pairs)))
                group.append(groups.setdefault(up << 30 | kind, len(groups)))
        ups = layout.node_parent.astype(np.int64)
        roots = ups < 0
        parent.append(np.where(roots, np.arange(len(ups)), ups) + base)
        depth.append(np.array(local_depth, np.int64))
        path.append(np.array(local_path, np.int64) + n_paths)
        alike.append(np.array(local_alike, np.int64) + n_alike)
        n_paths += len(paths)
        n_alike += len(pairs)
        which = np.array(group, np.int64)
        repeated = np.bincount(which)[which]
        repeats.append(repeated)
        n_nodes = len(page_rows)
        # Stretches: own segments first, then children into their parents.
        node = layout.segment_node
        own = np.arange(len(node)) + low
        lows = np.full(n_nodes, 1 << 40, np.int64)
        highs = np.zeros(n_nodes, np.int64)
        lows[node[::-1]] = own[::-1]
        highs[node] = own + 1
        page_first, page_stop = lows.tolist(), highs.tolist()
        for index in range(n_nodes - 1, 0, -1):
            up = parents[index]
            if up >= 0:
                if page_first[index] < page_first[up]:
                    page_first[up] = page_first[index]
                if page_stop[index] > page_stop[up]:
                    page_stop[up] = page_stop[index]
        # An element whose segments were all dropped again covers an empty stretch.
        ends = np.array(page_stop, np.int64)
        begins = np.minimum(np.array(page_first, np.int64), ends)
        first.append(begins)
        stop.append(ends)
        held = total[ends] - total[begins]
        page_words = total[int(batch.stop[number])] - total[low]
        chosen = [(repeated >= REPEATED) | roots]
        chosen.extend((held >= ratio * page_words) | roots for ratio in BIG_RATIOS)
        for is_chosen, out in zip(chosen, (item, *big), strict=True):
            nearest: list[int] = []
            for index, (up, yes) in enumerate(zip(parents, is_chosen.tolist(), strict=True)):
                nearest.append(index if yes else nearest[up])
            out.append(np.array(nearest, np.int64) + base)
        rows.extend(page_rows)
        nodes.append(node.astype(np.int64) + base)
    return Forest(
        rows=np.array(rows, np.int64),
        parent=np.concatenate(parent),
        first=np.concatenate(first),
        stop=np.concatenate(stop),
        depth=np.concatenate(depth),
        path=np.concatenate(path),
        alike=np.concatenate(alike),
        repeats=np.concatenate(repeats),
        item=np.concatenate(item),
        big=tuple(np.concatenate(out) for out in big),
        node=np.concatenate(nodes),
    )


def above_sums(forest: Forest, values: Floats, n_segments: int) -> Floats:
    """For each segment the sum of `values` over its element and all above it.

    Args:
        forest: the trees.
        values: float [n_nodes, n_columns].
        n_segments: of the batch.

    Returns:
        float32 [n_segments, n_columns].
    """
    change = np.zeros((n_segments + 1, values.shape[1]), np.float64)
    for bound, sign in ((forest.first, 1.0), (forest.stop, -1.0)):
        order = np.argsort(bound, kind="stable")
        at = bound[order]
        begins = np.flatnonzero(np.r_[True, at[1:] != at[:-1]])
        change[at[begins]] += sign * np.add.reduceat(values[order], begins, axis=0)
    out: Floats = np.cumsum(change[:-1], axis=0).astype(np.float32)
    return out
