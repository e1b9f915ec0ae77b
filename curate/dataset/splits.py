"""Which split a site belongs to, and which bucket a page."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from curate.schema import SPLITS

__all__ = ["MIN_SITES", "bucket_hash", "bucket_numbers", "choose_bucket_bits", "split_of"]

MIN_SITES = 3
"""Sites below which everything is `train`: with two, one split at least is empty,
and a split made of one site measures that site."""

UInts = npt.NDArray[np.uint64]


def _hash64(*parts: str) -> int:
    raw = "\0".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(raw).digest()[:8], "big")


def split_of(site: str, ratios: Sequence[float], salt: str = "") -> str:
    """The split of a site: a function of its name alone, so that it never moves.

    The site's hash is a point in [0, 1); train, validation and test are
    neighbouring intervals of it. Ratios hold in expectation over many sites.

    Args:
        site: registrable domain, or what stands for it.
        ratios: shares of train, validation and test, summing to 1.
        salt: another salt deals the sites anew.
    """
    point = _hash64("split", salt, site) / 2**64
    edge = 0.0
    last = SPLITS[0]
    for split, ratio in zip(SPLITS, ratios, strict=True):
        if ratio <= 0:
            continue
        last = split
        edge += ratio
        if point < edge:
            return split
    return last  # the ratios' sum may miss 1 by rounding


def bucket_hash(page_key: str) -> int:
    """64 bits that deal a page to a bucket; the top bits are the bucket's number."""
    return _hash64("bucket", page_key)


def bucket_numbers(hashes: UInts, bits: int) -> npt.NDArray[np.int64]:
    """Bucket of each hash among `2**bits`."""
    if bits == 0:
        return np.zeros(len(hashes), dtype=np.int64)
    return (hashes >> np.uint64(64 - bits)).astype(np.int64)


def choose_bucket_bits(hashes: UInts, sizes: npt.NDArray[np.int64], target_bytes: int) -> int:
    """Number of bits for the buckets of one split.

    The smallest power of two that brings the mean bucket to the target, less
    where a bucket would stay empty: readers refuse files without rows.

    Args:
        hashes: `bucket_hash` of the split's pages.
        sizes: bytes of text of each page.
        target_bytes: wanted mean size of a bucket.
    """
    total = int(sizes.sum())
    bits = 0
    while total > target_bytes << bits:
        bits += 1
    while bits and len(np.unique(bucket_numbers(hashes, bits))) < 1 << bits:
        bits -= 1
    return bits
