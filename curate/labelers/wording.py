"""What a segment's words say beside those of the page: repeats, overlaps, picture credits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Batch, Floats, Ints
from curate.labelers.marks import COLUMN, SegmentMarks
from curate.labelers.tokens import TokenTable

__all__ = [
    "CREDIT_NAMES",
    "OVERLAP_NAMES",
    "REPEAT_NAMES",
    "credit_columns",
    "overlap_columns",
    "repeat_columns",
    "title_keys",
]

MAX_CREDIT_TOKENS = 10

CREDIT_NAMES = ["tail_length", "tail_credit", "tail_slash", "tail_names", "credit_colon",
                 "credit_number", "end_credits", "end_slashes"]  # fmt: skip


def repeat_columns(batch: Batch) -> npt.NDArray[np.float32]:
    """How often a text stands on the page, whether this is the first, and how far the last."""
    n = len(batch)
    count = np.bincount(batch.same, minlength=n)[batch.same]
    here = np.arange(n)
    order = np.argsort(batch.same, kind="stable")
    grouped = batch.same[order]
    previous = np.full(n, -1)
    again = np.flatnonzero(grouped[1:] == grouped[:-1]) + 1
    previous[order[again]] = order[again - 1]
    distance = np.where(previous >= 0, here - previous, 0)
    return np.column_stack([np.log(count), previous >= 0, np.log1p(distance)]).astype(np.float32)


REPEAT_NAMES = ["repeats", "is_repeat", "repeat_distance"]


def overlap_columns(
    batch: Batch, table: TokenTable, marks: SegmentMarks, chance: Floats, titles: list[Ints]
) -> npt.NDArray[np.float32]:
    """Shares of a segment's telling words that the title, the body and the page know.

    Function words and those of fewer than four letters tell nothing.
    """
    tokens = batch.tokens
    n = len(batch)
    segment = tokens.segment_of
    row_marks = marks.tokens
    telling = (
        (row_marks[:, COLUMN["function"]] == 0) & (row_marks[:, 0] > 4) & (row_marks[:, 1] > 0)
    )
    at = np.flatnonzero(telling)
    owner = segment[at]
    keys = (batch.page_of[owner] << 32) | table.hashes[tokens.rows[at]].astype(np.int64)
    unique, where = np.unique(keys, return_inverse=True)
    # Body: segments long enough to be prose, weighted by how much they look like it.
    body = np.where(marks.words >= 12, chance[:, 1], 0.0)
    in_body = np.bincount(where, body[owner], len(unique))
    in_page = np.bincount(where, minlength=len(unique))
    # A word's own segment doesn't count: take it off (all its uses there, roughly one).
    known_body = np.minimum(in_body[where] - body[owner], 1.0).clip(0.0)
    known_page = in_page[where] > 1
    title_keys = np.concatenate(titles) if titles else np.empty(0, np.int64)
    in_title = np.isin(unique, title_keys)[where]
    n_telling = np.bincount(owner, minlength=n)
    per = 1.0 / np.maximum(n_telling, 1)
    n_title = np.array([max(len(keys), 1) for keys in titles], np.float32)[batch.page_of]
    hits = np.bincount(owner, in_title, n)
    return np.column_stack(
        [
            np.bincount(owner, known_body, n) * per,
            np.bincount(owner, known_page, n) * per,
            hits * per,
            hits / n_title,
            np.log1p(n_telling),
        ]
    ).astype(np.float32)


OVERLAP_NAMES = ["in_body", "in_page", "in_title", "of_title", "telling_words"]


def title_keys(batch: Batch, table: TokenTable, html: bool) -> list[Ints]:
    """Keys of the words of each page's title; of the first line for bare text."""
    out: list[Ints] = []
    for number, page in enumerate(batch.pages):
        if page.title or html:
            keys = np.array(table.telling((page.title or "")[:300].split()), np.int64)
        else:
            first = int(batch.first[number])
            low, high = batch.tokens.offsets[first], batch.tokens.offsets[first + 1]
            rows = batch.tokens.rows[low : min(high, low + 40)]
            marks = table.marks[rows]
            keys = table.hashes[rows[(marks[:, COLUMN["function"]] == 0) & (marks[:, 0] > 4)]]
            keys = keys.astype(np.int64)
        out.append(np.unique((number << 32) | keys))
    return out


def credit_columns(batch: Batch, each: SegmentMarks) -> npt.NDArray[np.float32]:
    """Signs of a picture credit: a closing "(Name/Agency)", "Photo:" in front, "Figure 3".

    The last opening bracket of a segment begins its tail; a tail counts where
    the segment ends with it and it is short.
    """
    tokens = batch.tokens
    begin, end = tokens.offsets[:-1], tokens.offsets[1:]
    marks = each.tokens
    here = np.arange(len(tokens.rows))
    opens = np.where(marks[:, COLUMN["opens"]] > 0, here, -1)
    at = np.maximum.reduceat(opens, begin)
    closed = (marks[end - 1, COLUMN["closes"]] > 0) & (at >= begin)
    length = np.where(closed, end - at, 0)
    short = (length > 0) & (length <= MAX_CREDIT_TOKENS)
    wanted = [COLUMN["credit"], COLUMN["slash"], COLUMN["title_case"]]
    sums = np.zeros((len(marks) + 1, 3), np.float32)
    np.cumsum(marks[:, wanted], axis=0, out=sums[1:])
    tail = np.where(short[:, None], sums[end] - sums[np.maximum(at, 0)], 0.0)
    final = np.maximum(begin, end - 6)
    near_end = sums[end] - sums[final]
    second = np.minimum(begin + 1, end - 1)
    is_credit = marks[:, COLUMN["credit"]] > 0
    return np.column_stack(
        [
            np.where(short, length, 0),
            tail[:, 0] > 0,
            tail[:, 1] > 0,
            tail[:, 2] / np.maximum(length, 1),
            is_credit[begin] & (marks[begin, COLUMN["clause_end"]] > 0),
            is_credit[begin] & (marks[second, COLUMN["digits"]] > 0),
            near_end[:, 0],
            near_end[:, 1],
        ]
    ).astype(np.float32)
