"""What a segment's words say beside those of the page: repeats, overlaps, picture credits."""

from __future__ import annotations

import numpy as np

from curate.labelers.batch import Batch, Floats, Ints
from curate.labelers.marks import COLUMN, SegmentMarks
from curate.labelers.sheet import Sheet
from curate.labelers.tokens import TokenTable

__all__ = ["WORDING_GROUPS", "put_credits", "put_overlaps", "put_repeats"]

MAX_CREDIT_TOKENS = 10

WORDING_GROUPS = (
    ("credits", ("tail_length", "tail_credit", "tail_slash", "tail_names", "credit_colon",
                 "credit_number", "end_credits", "end_slashes")),
    ("repeats", ("repeats", "is_repeat", "repeat_distance")),
    ("overlaps", ("in_body", "in_page", "in_title", "of_title", "telling_words")),
)  # fmt: skip


def put_repeats(out: Sheet, batch: Batch) -> None:
    """How often a text stands on the page, whether this is the first, and how far the last."""
    same = batch.same
    here = np.arange(len(batch))
    distance = np.zeros(0)
    if 2 in out.plan.of("repeats"):
        order = np.argsort(same, kind="stable")
        again = np.flatnonzero(np.diff(same[order]) == 0) + 1
        distance = np.zeros(len(here))
        distance[order[again]] = np.log1p(order[again] - order[again - 1])
    count = np.bincount(same, minlength=len(here))[same]
    out.put_each("repeats", np.log(count), same != here, distance)


def put_overlaps(
    out: Sheet, batch: Batch, table: TokenTable, marks: SegmentMarks, chance: Floats, html: bool
) -> None:
    """Shares of a segment's telling words that the title, the body and the page know.

    Function words and those of fewer than four letters tell nothing.
    """
    if not out.wants("overlaps"):
        return
    tokens = batch.tokens
    n = len(batch)
    chars, n_words, function = marks.tokens[:, [0, 1, COLUMN["function"]]].T
    at = np.flatnonzero((function == 0) & (chars > 4) & (n_words > 0))
    owner = tokens.segment_of[at]
    keys = (batch.page_of[owner] << 32) | table.hashes[tokens.rows[at]].astype(np.int64)
    unique, where = np.unique(keys, return_inverse=True)
    # Body: segments long enough to be prose, weighted by how much they look like it.
    body = np.where(marks.words >= 12, chance[1], 0.0)[owner]
    in_body = np.bincount(where, body, len(unique))
    in_page = np.bincount(where, minlength=len(unique))
    # A word's own segment doesn't count: take it off (all its uses there, roughly one).
    known_body = np.minimum(in_body[where] - body, 1.0).clip(0.0)
    known_page = in_page[where] > 1
    titles = _title_keys(batch, table, html)
    in_title = np.zeros(len(unique) + 1)
    in_title[_found(unique, np.concatenate(titles))] = 1.0
    n_telling = np.bincount(owner, minlength=n)
    per = 1.0 / np.maximum(n_telling, 1)
    n_title = np.array([max(len(keys), 1) for keys in titles], np.float32)[batch.page_of]
    hits = np.bincount(owner, in_title[where], n)
    out.put_each(
        "overlaps",
        np.bincount(owner, known_body, n) * per,
        np.bincount(owner, known_page, n) * per,
        hits * per,
        hits / n_title,
        np.log1p(n_telling),
    )


def _found(among: Ints, keys: Ints) -> Ints:
    """Places of keys in an ascending array, `len(among)` for those that are not there."""
    at = np.searchsorted(among, keys)
    there = np.append(among, -1)[at] == keys
    return np.where(there, at, len(among))


def _title_keys(batch: Batch, table: TokenTable, html: bool) -> list[Ints]:
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


def put_credits(out: Sheet, batch: Batch, each: SegmentMarks) -> None:
    """Signs of a picture credit: a closing "(Name/Agency)", "Photo:" in front, "Figure 3".

    The last opening bracket of a segment begins its tail; a tail counts where
    the segment ends with it and it is short.
    """
    if not out.wants("credits"):
        return
    tokens = batch.tokens
    begin, end = tokens.offsets[:-1], tokens.offsets[1:]
    marks = each.tokens
    opens = np.where(marks[:, COLUMN["opens"]] > 0, np.arange(len(tokens.rows)), -1)
    at = np.maximum.reduceat(opens, begin)
    closed = (marks[end - 1, COLUMN["closes"]] > 0) & (at >= begin)
    length = np.where(closed, end - at, 0)
    short = (length > 0) & (length <= MAX_CREDIT_TOKENS)
    wanted = [COLUMN["credit"], COLUMN["slash"], COLUMN["title_case"]]
    sums = np.zeros((3, len(marks) + 1), np.float32)
    np.cumsum(marks[:, wanted].T, axis=1, out=sums[:, 1:])
    upto = sums[:, end]
    tail = np.where(short, upto - sums[:, np.maximum(at, 0)], 0.0)
    near_end = upto[:2] - sums[:2, np.maximum(begin, end - 6)]
    second = np.minimum(begin + 1, end - 1)
    is_credit = marks[begin, COLUMN["credit"]] > 0
    out.put_each(
        "credits",
        np.where(short, length, 0),
        tail[0] > 0,
        tail[1] > 0,
        tail[2] / np.maximum(length, 1),
        is_credit & (marks[begin, COLUMN["clause_end"]] > 0),
        is_credit & (marks[second, COLUMN["digits"]] > 0),
        near_end[0],
        near_end[1],
    )
