"""Pages that say the same: exact copies by digest, near ones by MinHash.

Signatures are compared on the page's main content, because a story printed by
two sites shares that and little of the chrome; where there is hardly any main
content, on the whole text. They lie in one flat file and are mapped, so memory
holds eight bytes a page and band.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from curate.dataset.shingles import shingles

__all__ = [
    "N_PERM",
    "Rows",
    "Signatures",
    "bands_for",
    "groups_of_equal",
    "link_similar",
    "read_signatures",
    "sign",
    "similar_to",
]

N_PERM = 128
"""Slots of a signature (512 bytes): the estimated Jaccard similarity has a standard
deviation of 0.035 at 0.8."""

SEED = 20_031
"""Fixed: the same text has the same signature everywhere."""

MISS_RATIO = 0.01
"""Accepted share of pairs right at the threshold that no band brings together."""

BATCH_CHARS = 1 << 20
"""Characters signed at a time: as many words at most (in scripts without blanks), eight
bytes each, whatever number of pages there is."""

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.uint32]


def sign(texts: Sequence[str], main_texts: Sequence[str] | None = None) -> Rows:
    """MinHash signatures of pages: [n_pages, N_PERM]."""
    import rensa

    mains = main_texts if main_texts is not None else [""] * len(texts)
    signatures = np.zeros((len(texts), N_PERM), np.uint32)
    for first, end in _batches(texts):
        said = shingles(texts[first:end], mains[first:end])
        digests = rensa.RMinHash.digest_matrix_from_token_hash_sets(said, N_PERM, SEED)
        signatures[first:end] = digests.to_rows()
    return signatures


def _batches(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    first = n_chars = 0
    for at, text in enumerate(texts):
        n_chars += len(text)
        if n_chars >= BATCH_CHARS:
            yield first, at + 1
            first, n_chars = at + 1, 0
    if first < len(texts):
        yield first, len(texts)


class Signatures:
    """MinHash signatures of many pages in one file, in the order they were added."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: list[str] = []
        self._held_chars = 0
        self._count = 0
        path.write_bytes(b"")

    def __len__(self) -> int:
        return self._count + len(self._held)

    def add(self, text: str) -> None:
        """Take in the next text."""
        self._held.append(text)
        self._held_chars += len(text)
        if self._held_chars >= BATCH_CHARS:
            self.flush()

    def append(self, rows: Rows) -> None:
        """Take in pages that were signed elsewhere."""
        self.flush()
        with self.path.open("ab") as file:
            file.write(rows.tobytes())
        self._count += len(rows)

    def rows(self) -> Rows:
        """All signatures, mapped from the file: [n_pages, N_PERM]."""
        self.flush()
        return read_signatures(self.path)

    def flush(self) -> None:
        """Write what is held."""
        held, self._held, self._held_chars = self._held, [], 0
        if held:
            self.append(sign(held))


def read_signatures(path: Path) -> Rows:
    """Signatures, mapped from their file: [n_pages, N_PERM]."""
    if not path.stat().st_size:
        return np.zeros((0, N_PERM), np.uint32)
    return np.memmap(path, np.uint32, mode="r").reshape(-1, N_PERM)


def bands_for(ratio: float) -> tuple[int, int]:
    """Bands and rows a band, so that pairs at the ratio meet in one of them.

    The longest band (fewest false candidates) whose chance to miss a pair
    right at the ratio is at most MISS_RATIO.

    Source:
        Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.
    """
    for n_rows in range(N_PERM, 1, -1):
        n_bands = N_PERM // n_rows
        if (1 - ratio**n_rows) ** n_bands <= MISS_RATIO:
            return n_bands, n_rows
    return N_PERM, 1


@dataclass(frozen=True, slots=True)
class _Forest:
    """Union-find over row numbers that occur in a pair."""

    parent: dict[int, int]

    def find(self, row: int) -> int:
        root = row
        while (above := self.parent.get(root, root)) != root:
            root = above
        while (above := self.parent.get(row, row)) != root:
            self.parent[row], row = root, above
        return root

    def join(self, first: int, second: int) -> None:
        a, b = self.find(first), self.find(second)
        if a != b:
            low, high = min(a, b), max(a, b)
            self.parent[high] = low
            self.parent.setdefault(low, low)


def link_similar(signatures: Rows, ratio: float, among: Bools | None = None) -> list[list[int]]:
    """Clusters of rows whose signatures agree in at least `ratio` of their slots.

    Every pair that meets in a band is checked, so the clusters don't depend on
    the order of the rows, and no pair that could be found is left between two
    of them. Only clusters of two and more are returned.

    Args:
        signatures: [n_pages, N_PERM].
        ratio: estimated Jaccard similarity from which on two pages are one.
        among: rows that take part; None for all.
    """
    forest = _Forest({})
    for bucket in _candidates(signatures, ratio, among):
        _link_bucket(signatures, bucket, ratio, forest)
    clusters: dict[int, list[int]] = {}
    for row in sorted(forest.parent):
        clusters.setdefault(forest.find(row), []).append(row)
    return [rows for rows in clusters.values() if len(rows) > 1]


def similar_to(signatures: Rows, others: Rows, ratio: float) -> Bools:
    """Which rows are near-duplicates of any of the others."""
    found = np.zeros(len(signatures), np.bool_)
    n_bands, n_rows = bands_for(ratio)
    for band in range(n_bands):
        columns = slice(band * n_rows, (band + 1) * n_rows)
        mine, theirs = _band_hashes(signatures[:, columns]), _band_hashes(others[:, columns])
        order = np.argsort(theirs, kind="stable")
        for row in np.flatnonzero(~found & np.isin(mine, theirs)):
            first = np.searchsorted(theirs[order], mine[row], "left")
            last = np.searchsorted(theirs[order], mine[row], "right")
            agree = (others[order[first:last]] == signatures[row]).mean(axis=1)
            found[row] = bool((agree >= ratio).any())
    return found


def groups_of_equal(values: Sequence[str] | npt.NDArray[np.bytes_]) -> Iterator[list[int]]:
    """Rows that hold one value, for each value held more than once."""
    array = np.asarray(values)
    order = np.argsort(array, kind="stable")
    ordered = array[order]
    edges = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    for group in np.split(order, edges):
        if len(group) > 1:
            yield group.tolist()


def _band_hashes(rows: Rows) -> npt.NDArray[np.uint64]:
    """One number a row for the slots of a band (multiply and add, odd constant)."""
    hashes: npt.NDArray[np.uint64] = np.zeros(len(rows), np.uint64)
    for column in range(rows.shape[1]):
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + rows[:, column].astype(np.uint64)
        hashes ^= hashes >> np.uint64(29)
    return hashes


def _candidates(signatures: Rows, ratio: float, among: Bools | None) -> Iterator[Ints]:
    rows = np.arange(len(signatures)) if among is None else np.flatnonzero(among)
    n_bands, n_rows = bands_for(ratio)
    for band in range(n_bands):
        hashes = _band_hashes(signatures[rows, band * n_rows : (band + 1) * n_rows])
        order = np.argsort(hashes, kind="stable")
        ordered = hashes[order]
        edges = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
        starts = np.concatenate([[0], edges])
        ends = np.concatenate([edges, [len(order)]])
        for group in np.flatnonzero(ends - starts > 1):
            yield rows[order[starts[group] : ends[group]]]


def _link_bucket(signatures: Rows, bucket: Ints, ratio: float, forest: _Forest) -> None:
    """Join every pair of the bucket that is similar and not yet in one cluster."""
    roots = np.array([forest.find(int(row)) for row in bucket])
    for at in range(len(bucket) - 1):
        others = np.flatnonzero(roots[at + 1 :] != roots[at]) + at + 1
        if not len(others):
            if (roots == roots[at]).all():
                return
            continue
        agree = (signatures[bucket[others]] == signatures[bucket[at]]).mean(axis=1)
        similar = others[agree >= ratio]
        if len(similar):
            for other in similar:
                forest.join(int(bucket[at]), int(bucket[other]))
            roots = np.array([forest.find(int(row)) for row in bucket])
