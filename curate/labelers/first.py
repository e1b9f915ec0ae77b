"""The first score: a linear model over hashed words, pairs of words and elements.

What words and class names say of a segment and of its neighbours is summed by
this model into five numbers (main content, and the four labels); the trees get
those and their means over containers and windows instead of 2^16 columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Batch, Floats, Ints
from curate.labelers.nodes import N_OUTPUTS, NodeTable
from curate.labelers.tokens import HASH_BITS, Tokens, TokenTable
from curate.labelers.tree import Forest, Names

__all__ = [
    "N_OUTPUTS",
    "OUTPUTS",
    "FirstScores",
    "FirstWeights",
    "design",
    "first_scores",
    "neighbours",
    "node_weights",
    "pair_buckets",
]

OUTPUTS = ("main", "article", "boilerplate", "teaser", "caption")
assert len(OUTPUTS) == N_OUTPUTS

TEXT_ROLES = ("own", "before", "after", "before2", "after2")
HTML_ROLES = ("own", "before", "after", "heading")
NODE_ROLES = ("self", "parent", "above")
BUCKETS = 1 << HASH_BITS

ABOVE_VALUE = 0.3
"""Weight of an element further up: there are many, and each says little."""

NODE_VALUE = 0.5

Sparse = tuple[Ints, Ints, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class FirstWeights:
    """Weights of the linear model.

    Attributes:
        words: float32 [BUCKETS, n_roles * 5], own words and those of neighbours.
        pairs: float32 [BUCKETS, 5], neighbouring words within the segment.
        nodes: float32 [BUCKETS, 3 * 5], elements; empty for bare text.
        bias: float32 [5].
    """

    words: Floats
    pairs: Floats
    nodes: Floats
    bias: Floats


def node_weights(weights: FirstWeights) -> Floats:
    """The elements' weights in the order of `NodeTable.facts`: those above come first."""
    return np.roll(weights.nodes, N_OUTPUTS, axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class FirstScores:
    """What the linear model says.

    Attributes:
        total: float32 [5, n_segments], log-odds.
        own: float32 [5, n_segments], the part of the segment's own words.
        nodes: float32 [5, n_segments], the part of its elements; zeros for text.
    """

    total: Floats
    own: Floats
    nodes: Floats


def neighbours(batch: Batch, html: bool) -> list[Ints]:
    """For each role the segment whose words are read, -1 where there is none."""
    here = np.arange(len(batch), dtype=np.int64)

    def step(by: int) -> Ints:
        there = here + by
        return np.where((there >= batch.low) & (there < batch.high), there, -1)

    roles = [here, step(-1), step(1)]
    if not html:
        return [*roles, step(-2), step(2)]
    return [*roles, last_heading(batch)]


def last_heading(batch: Batch) -> Ints:
    """The nearest heading before each segment, -1 where there is none."""
    kinds = chain.from_iterable(page.kinds for page in batch.pages)
    is_heading = np.fromiter(map(_HEADINGS.__contains__, kinds), bool, len(batch))
    here = np.arange(len(batch), dtype=np.int64)
    last = np.maximum.accumulate(np.where(is_heading, here, -1))
    last = np.concatenate([[-1], last[:-1]])
    return np.where(last >= batch.low, last, -1)


_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))


def pair_buckets(tokens: Tokens, table: TokenTable) -> tuple[Ints, Ints]:
    """Hash buckets of neighbouring words, and the segment of each pair."""
    segment = tokens.segment_of
    inside = segment[1:] == segment[:-1]
    return mixed_pairs(table.hashes[tokens.rows])[inside], segment[:-1][inside]


def mixed_pairs(hashes: npt.NDArray[np.uint32]) -> Ints:
    """Hash buckets of each word and the next, one fewer than there are words."""
    wide = hashes.astype(np.uint64)
    mixed = wide[:-1] * np.uint64(0x9E3779B97F4A7C15) + wide[1:] * np.uint64(0xC2B2AE3D27D4EB4F)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return (mixed >> np.uint64(64 - HASH_BITS)).astype(np.int64)


def first_scores(
    batch: Batch,
    weights: FirstWeights,
    table: TokenTable,
    words: Floats,
    roles: list[Ints],
    forest: Forest | None,
    names: Names | None,
) -> FirstScores:
    """Log-odds of main content and of the four labels, segment by segment.

    Args:
        batch: the pages.
        weights: of the linear model; `table` and `names` were made with them.
        table: of the batch's tokens.
        words: float32 [n_roles * 5, n_segments], sums of the tokens' weights.
        roles: see `neighbours`.
        forest, names: the pages' elements, for HTML.
    """
    tokens = batch.tokens
    n, n_tokens = N_OUTPUTS, np.diff(tokens.offsets)
    damp = (1.0 / np.sqrt(np.maximum(n_tokens, 1))).astype(np.float32)
    # One more segment that says nothing: the neighbour -1 of those without one.
    sums = np.zeros((len(words), len(batch) + 1), np.float32)
    np.multiply(words, damp, out=sums[:, :-1])
    # A pair belongs to the segment of its first word; one over the end counts nothing.
    pairs = np.zeros((len(tokens.rows), n), np.float32)
    pairs[:-1] = weights.pairs.take(mixed_pairs(table.hashes[tokens.rows]), axis=0)
    pairs[tokens.offsets[1:] - 1] = 0.0
    own = sums[:n, :-1] + np.add.reduceat(pairs, tokens.offsets[:-1], axis=0).T * damp
    total = own + weights.bias[:, None]
    for role, source in enumerate(roles[1:], 1):
        total += sums[role * n : (role + 1) * n].take(source, axis=1, mode="wrap")
    from_nodes = np.zeros_like(own)
    if forest is not None and names is not None:
        up = forest.parent[forest.node]
        has_up = up != forest.node
        of_self = names.each[forest.node, -3 * n :].T
        of_up = np.where(has_up, names.each[up, -3 * n :].T, 0.0)
        above = names.above[-n:] - of_self[:n] - of_up[:n]
        from_nodes = NODE_VALUE * (of_self[n : 2 * n] + of_up[2 * n :]) + ABOVE_VALUE * above
        total += from_nodes
    return FirstScores(total, own, from_nodes)


def design(
    batch: Batch,
    table: TokenTable,
    roles: list[Ints],
    forest: Forest | None,
    nodes: NodeTable | None,
) -> Sparse:
    """The rows that the linear model is fitted on, as CSR arrays.

    Returns:
        `(indptr, columns, values)`; columns are role * BUCKETS + bucket, words
        first, then pairs, then elements.
    """
    tokens = batch.tokens
    n_tokens = np.diff(tokens.offsets)
    word = (table.hashes[tokens.rows] >> np.uint32(32 - HASH_BITS)).astype(np.int64)
    row_parts: list[Ints] = []
    column_parts: list[Ints] = []
    value_parts: list[Floats] = []
    for role, source in enumerate(roles):
        here = np.flatnonzero(source >= 0)
        src = source[here]
        counts = n_tokens[src]
        at = np.repeat(tokens.offsets[src] - np.r_[0, np.cumsum(counts)[:-1]], counts)
        at += np.arange(counts.sum())
        row_parts.append(np.repeat(here, counts))
        column_parts.append(word[at] + role * BUCKETS)
        value_parts.append(np.repeat(1.0 / np.sqrt(np.maximum(counts, 1)), counts))
    buckets, segment = pair_buckets(tokens, table)
    base = len(roles) * BUCKETS
    row_parts.append(segment)
    column_parts.append(buckets + base)
    value_parts.append(1.0 / np.sqrt(np.maximum(n_tokens[segment], 1)))
    if forest is not None and nodes is not None:
        base += BUCKETS
        ancestors: dict[int, list[tuple[int, int]]] = {}
        rows = forest.rows.tolist()
        parents = forest.parent.tolist()
        for index, node in enumerate(forest.node.tolist()):
            chain = ancestors.get(node)
            if chain is None:
                chain = [(node, 0)]
                at_node = node
                while parents[at_node] != at_node and len(chain) < 200:
                    at_node = parents[at_node]
                    chain.append((at_node, min(len(chain), 2)))
                ancestors[node] = chain
            for there, role in chain:
                found = nodes.buckets[rows[there]]
                row_parts.append(np.full(len(found), index, np.int64))
                column_parts.append(found + base + role * BUCKETS)
                value_parts.append(
                    np.full(len(found), NODE_VALUE if role < 2 else ABOVE_VALUE, np.float32)
                )
    row = np.concatenate(row_parts)
    column = np.concatenate(column_parts)
    value: npt.NDArray[np.float32] = np.concatenate(value_parts).astype(np.float32)
    order = np.lexsort((column, row))
    row, column, value = row[order], column[order], value[order]
    # Sum what falls on one place, so that every row is a sorted set of columns.
    fresh = np.r_[True, (row[1:] != row[:-1]) | (column[1:] != column[:-1])]
    begins = np.flatnonzero(fresh)
    value = np.add.reduceat(value, begins) if len(begins) else value
    row, column = row[begins], column[begins]
    indptr = np.searchsorted(row, np.arange(len(batch) + 1))
    return indptr.astype(np.int64), column, value
