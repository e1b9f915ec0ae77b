"""Which segments a reference text and labelled lines speak of.

References are plain text made elsewhere: they have no offsets into our text.
Words are aligned by longest common subsequence; bags of words would mark menus
as content wherever they share words with it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from curate.text import words

__all__ = ["align_labels", "align_main", "common_positions"]

MAX_WORDS = 40_000
"""Of longer texts only the first words are aligned: the aligner keeps a bit
matrix of words x words, 200 MB at this size. No gold page comes near."""

MIN_WORDS = 4
"""Matched words that let a segment be accepted by itself; shorter ones match by chance."""

MIN_MATCHED = 0.5
"""Share of a segment's words that must be matched, and density in the reference."""

NEAR = 3
"""Words of the reference between a short segment and an accepted one."""

ROUNDS = 3
"""Passes over what is left: references may be reordered."""

Labels = npt.NDArray[np.int8]


def common_positions(
    first: Sequence[str], second: Sequence[str]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Positions in both sequences of their longest common subsequence."""
    from rapidfuzz.distance import Indel

    left: list[int] = []
    right: list[int] = []
    for op in Indel.opcodes(first[:MAX_WORDS], second[:MAX_WORDS]):
        if op.tag == "equal":
            left.extend(range(op.src_start, op.src_end))
            right.extend(range(op.dest_start, op.dest_end))
    return np.array(left, np.int64), np.array(right, np.int64)


def align_main(segments: Sequence[str], reference: str) -> npt.NDArray[np.float32]:
    """How much of each segment belongs to the reference, 0 to 1.

    A segment is accepted with at least four matched words, half of its words
    matched, and its match dense in the reference; a shorter one only where it
    lies beside an accepted one in the reference. What is left is aligned again,
    since references are reordered at times. A long segment printed twice is
    accepted twice.

    Returns:
        float32 [n_segments]: matched share of an accepted segment's words, else 0.
    """
    seg_words = [words(text) for text in segments]
    sizes = np.array([len(part) for part in seg_words], np.int64)
    owner = np.repeat(np.arange(len(segments)), sizes)
    flat = [word for part in seg_words for word in part]
    ref = words(reference)
    share = np.zeros(len(segments), np.float32)
    left = np.arange(len(flat))
    ref_left = np.arange(len(ref))
    taken = np.zeros(len(ref) + 2 * NEAR + 2, bool)
    for _ in range(ROUNDS):
        if not len(left) or not len(ref_left):
            break
        mine, theirs = common_positions([flat[i] for i in left], [ref[i] for i in ref_left])
        if not len(mine):
            break
        mine, theirs = left[mine], ref_left[theirs]
        segs, first, count = np.unique(owner[mine], return_index=True, return_counts=True)
        last = first + count - 1
        span = theirs[last] - theirs[first] + 1
        fits = (count >= MIN_MATCHED * sizes[segs]) & (count >= MIN_MATCHED * span)
        good = fits & (count >= MIN_WORDS)
        new = np.zeros(len(segments), bool)
        for seg, a, b in zip(segs[good], first[good], last[good], strict=True):
            new[seg] = True
            taken[theirs[a : b + 1] + NEAR + 1] = True
        grown = True
        small = [
            (s, a, b) for s, a, b, ok in zip(segs, first, last, fits & ~good, strict=True) if ok
        ]
        while grown and small:
            grown = False
            rest = []
            for seg, a, b in small:
                low, high = theirs[a] + NEAR + 1, theirs[b] + NEAR + 1
                if taken[low - NEAR : low].any() or taken[high + 1 : high + 1 + NEAR].any():
                    new[seg] = grown = True
                    taken[low : high + 1] = True
                else:
                    rest.append((seg, a, b))
            small = rest
        if not new.any():
            break
        share[segs[new[segs]]] = (count / sizes[segs])[new[segs]]
        left = left[share[owner[left]] == 0]
        used = np.zeros(len(ref), bool)
        used[theirs[new[owner[mine]]]] = True
        ref_left = ref_left[~used[ref_left]]
    by_text: dict[tuple[str, ...], float] = {}
    keys = [tuple(part) if len(part) >= 2 * MIN_WORDS else None for part in seg_words]
    for key, value in zip(keys, share, strict=True):
        if key is not None and value > 0:
            by_text[key] = float(value)
    for index, key in enumerate(keys):
        if key is not None and share[index] == 0:
            share[index] = by_text.get(key, 0.0)
    return share


def align_labels(
    segments: Sequence[str], lines: Sequence[str], labels: Sequence[int], n_labels: int
) -> npt.NDArray[np.float32]:
    """Words of each segment by the label of the gold line they were found in.

    Returns:
        float32 [n_segments, n_labels], counts of aligned words; a row of zeros
        where no gold line speaks of the segment.
    """
    seg_words = [words(text) for text in segments]
    owner = np.repeat(np.arange(len(segments)), [len(part) for part in seg_words])
    flat = [word for part in seg_words for word in part]
    gold_words = [words(line) for line in lines]
    gold_label = np.repeat(np.array(labels, np.int64), [len(part) for part in gold_words])
    gold_flat = [word for part in gold_words for word in part]
    counts = np.zeros((len(segments), n_labels), np.float32)
    mine, theirs = common_positions(flat, gold_flat)
    np.add.at(counts, (owner[mine], gold_label[theirs]), 1.0)
    return counts
