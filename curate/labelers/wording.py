"""What a segment's words say beside those of the page: repeats, overlaps, picture credits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Batch, Floats
from curate.labelers.lexicon import MARKS
from curate.labelers.marks import COLUMN, SegmentMarks
from curate.labelers.sheet import Sheet
from curate.labelers.tokens import TELLING, TELLING_WORD, TokenTable

__all__ = ["WORDING_GROUPS", "put_credits", "put_overlaps", "put_repeats"]

MAX_CREDIT_TOKENS = 10

TITLE_TOKENS = 40
"""Tokens of a first line that are read as the title of bare text."""

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
    n, n_tokens = len(batch), len(tokens.rows)
    at = np.flatnonzero(table.column(TELLING_WORD, tokens.rows))
    owner = tokens.segment_of.take(at)
    where = tokens.alike.take(at)
    # Body: segments long enough to be prose, weighted by how much they look like it.
    body = np.where(marks.words >= 12, chance[1], 0.0).take(owner)
    in_body = np.bincount(where, body, n_tokens)
    in_page = np.bincount(where, minlength=n_tokens)
    # A word's own segment doesn't count: take it off (all its uses there, roughly one).
    known_body = np.maximum(np.minimum(in_body.take(where) - body, 1.0), 0.0)
    known_page = in_page.take(where) > 1
    in_title, n_title = _in_titles(batch, table, html)
    n_telling = marks.extras[TELLING_WORD - len(MARKS)].astype(np.int64)
    per = 1.0 / np.maximum(n_telling, 1)
    hits = np.bincount(owner, in_title.take(at), n)
    out.put_each(
        "overlaps",
        np.bincount(owner, known_body, n) * per,
        np.bincount(owner, known_page, n) * per,
        hits * per,
        hits / n_title,
        np.log1p(n_telling),
    )


def _in_titles(batch: Batch, table: TokenTable, html: bool) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Which tokens the page's title holds, and for each segment how many words it has.

    The title of bare text is its first line.
    """
    tokens = batch.tokens
    found = np.zeros(len(tokens.rows), bool)
    n_words = np.ones(len(batch.pages), np.float32)
    for number, page in enumerate(batch.pages):
        low, high = int(batch.first[number]), int(batch.stop[number])
        begin, end = int(tokens.offsets[low]), int(tokens.offsets[high])
        rows = tokens.rows[begin:end]
        if page.title or html:
            told = set(table.telling((page.title or "")[:300].split()))
        else:
            line = rows[: min(int(tokens.offsets[low + 1]) - begin, TITLE_TOKENS)]
            telling = table.column(TELLING, line) > 0
            told = set(table.hashes[line[telling]].tolist())
        if told:
            n_words[number] = len(told)
            found[begin:end] = table.among(rows, told)
    return found, n_words[batch.page_of]


def put_credits(out: Sheet, batch: Batch, table: TokenTable, each: SegmentMarks) -> None:
    """Signs of a picture credit: a closing "(Name/Agency)", "Photo:" in front, "Figure 3".

    The last opening bracket of a segment begins its tail; a tail counts where
    the segment ends with it and it is short.
    """
    if not out.wants("credits"):
        return
    tokens = batch.tokens
    begin, end = tokens.offsets[:-1], tokens.offsets[1:]
    opens = table.column(COLUMN["opens"], tokens.rows)
    at = np.maximum.reduceat(np.where(opens > 0, np.arange(len(opens)), -1), begin)
    closed = (each.last[COLUMN["closes"]] > 0) & (at >= begin)
    length = np.where(closed, end - at, 0)
    short = (length > 0) & (length <= MAX_CREDIT_TOKENS)
    wanted = [COLUMN["credit"], COLUMN["slash"], COLUMN["title_case"]]
    sums = np.zeros((3, len(opens) + 1), np.float32)
    marks = [table.column(column, tokens.rows) for column in wanted]
    np.cumsum(marks, axis=1, out=sums[:, 1:])
    upto = sums[:, end]
    tail = np.where(short, upto - sums[:, np.maximum(at, 0)], 0.0)
    near_end = upto[:2] - sums[:2, np.maximum(begin, end - 6)]
    second = table.column(COLUMN["digits"], tokens.rows[np.minimum(begin + 1, end - 1)])
    is_credit = each.first[COLUMN["credit"]] > 0
    out.put_each(
        "credits",
        np.where(short, length, 0),
        tail[0] > 0,
        tail[1] > 0,
        tail[2] / np.maximum(length, 1),
        is_credit & (each.first[COLUMN["clause_end"]] > 0),
        is_credit & (second > 0),
        near_end[0],
        near_end[1],
    )
