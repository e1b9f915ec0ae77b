"""Many pages as one set of flat arrays.

A single page is a batch of one: there is one code path, and arrays over many
pages share the cost of each call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.labelers.tokens import Tokens, TokenTable
from curate.schema import SegmentedPage

SAME_CHARS = 400
"""Characters by which two segments are told apart."""

__all__ = ["Batch", "Floats", "Ints", "make_batch"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Segments of n_pages pages one after the other.

    Attributes:
        pages: the pages; none of them without segments.
        first, stop: int64 [n_pages], bounds of each page's segments.
        page_of: int64 [n_segments].
        low, high: int64 [n_segments], bounds of the segment's own page.
        starts, ends: int64 [n_segments], code points into the segment's page.
        tokens: tokens of all segments.
        same: int64 [n_segments], equal for segments of one page with equal text.
    """

    pages: Sequence[SegmentedPage]
    first: Ints
    stop: Ints
    page_of: Ints
    low: Ints
    high: Ints
    starts: Ints
    ends: Ints
    tokens: Tokens
    same: Ints

    def __len__(self) -> int:
        return len(self.page_of)


def make_batch(pages: Sequence[SegmentedPage], table: TokenTable) -> Batch:
    """Read the tokens of pages, each of which has at least one segment."""
    sizes = np.array([len(page) for page in pages], np.int64)
    stop = np.cumsum(sizes)
    first = stop - sizes
    page_of = np.repeat(np.arange(len(pages)), sizes)
    read: list[Tokens] = []
    same: list[int] = []
    for page in pages:
        read.append(table.read(page.text, page.starts, page.ends))
        seen: dict[str, int] = {}
        text, base = page.text, len(same)
        # A long line is told by its head: hashing it whole would be the page again.
        stops = np.minimum(page.ends, page.starts + SAME_CHARS).tolist()
        tell = seen.setdefault
        same.extend(
            [
                tell(text[start:stop], number)
                for number, (start, stop) in enumerate(
                    zip(page.starts.tolist(), stops, strict=True), base
                )
            ]
        )
    if len(read) == 1:
        tokens = read[0]
    else:
        shift = np.cumsum([0] + [len(part.rows) for part in read])
        tokens = Tokens(
            np.concatenate([part.rows for part in read]),
            np.concatenate(
                [part.offsets[:-1] + by for part, by in zip(read, shift, strict=False)]
                + [shift[-1:]]
            ),
            np.concatenate([part.scale for part in read]),
            np.concatenate([part.alike + by for part, by in zip(read, shift, strict=False)]),
            np.concatenate([part.whole for part in read]),
        )
    return Batch(
        pages,
        first,
        stop,
        page_of,
        first[page_of],
        stop[page_of],
        np.concatenate([page.starts for page in pages]).astype(np.int64),
        np.concatenate([page.ends for page in pages]).astype(np.int64),
        tokens,
        np.array(same, np.int64),
    )
