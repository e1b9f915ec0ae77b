"""What the trees see of each segment: flat columns, the same design for HTML and text.

Own marks, the first score, and profiles (means of marks and scores) of the
stretches that the segment lies in: windows and the page for both kinds of
input, containers, items and sections for HTML, runs and gaps for bare text.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.labelers.batch import Batch, Floats, Ints, Stretch
from curate.labelers.first import OUTPUTS, FirstScores
from curate.labelers.lexicon import MARKS
from curate.labelers.links import LINK_NAMES, link_columns
from curate.labelers.tokens import TokenTable
from curate.labelers.tree import N_TAG_FLAGS, TAG_FLAGS, Forest, NodeTable, above_sums

__all__ = [
    "KINDS",
    "SegmentMarks",
    "feature_names",
    "html_features",
    "segment_marks",
    "text_features",
]

_KIND_NAMES = """other p li td th h1 h2 h3 h4 h5 h6 dt dd figcaption caption blockquote pre div
    span a button label option summary article section title line"""

KINDS = {name: code for code, name in enumerate(_KIND_NAMES.split())}

_COLUMN = {name: index for index, name in enumerate(MARKS)}
_FIRST_MARKS = ("title_case", "lower_case", "upper_case", "digits", "symbol", "separator", "opens",
                "quote", "function", "action", "credit", "author", "time", "related")  # fmt: skip
_LAST_MARKS = ("sentence_end", "clause_end", "ellipsis", "closes", "digits", "upper_case",
               "title_case", "separator", "credit", "time", "year")  # fmt: skip
_FIRST = [_COLUMN[name] for name in _FIRST_MARKS]
_LAST = [_COLUMN[name] for name in _LAST_MARKS]
_LAST_KEPT = [_LAST_MARKS.index(n) for n in ("sentence_end", "ellipsis", "closes", "credit")]
_RATIOS = list(range(2, len(MARKS)))

_BASE = ("one", "words", "link", "sentence", "function", "title", "digits", "time", "short",
         "action", "credit", "media", "story", *OUTPUTS, "w_main", "w_article")  # fmt: skip
_N_BASE = len(_BASE)
_MAIN = _BASE.index("main")
_MEDIA = _BASE.index("media")
_W_MAIN = _BASE.index("w_main")
_PROFILE = ("segments", "length", *_BASE[2:])

SHORT_WORDS = 4

QUANTUM = np.float32(1024)


@dataclass(frozen=True, slots=True, eq=False)
class SegmentMarks:
    """Sums of token marks by segment.

    Attributes:
        tokens: float32 [n_tokens, len(MARKS)], marks of each token.
        sums: float32 [n_segments, len(MARKS)].
        words: float32 [n_segments], at least a half, so that it can divide.
        n_tokens: float32 [n_segments].
    """

    tokens: Floats
    sums: Floats
    words: Floats
    n_tokens: Floats


def segment_marks(batch: Batch, table: TokenTable) -> SegmentMarks:
    """Sum the marks of each segment's tokens."""
    tokens = batch.tokens
    each = table.marks[tokens.rows]
    sums = np.add.reduceat(each, tokens.offsets[:-1], axis=0)
    sums *= tokens.scale[:, None]
    n_tokens = np.diff(tokens.offsets).astype(np.float32) * tokens.scale
    return SegmentMarks(each, sums, np.maximum(sums[:, 1], 0.5), n_tokens)


def _own(batch: Batch, marks: SegmentMarks) -> list[Floats]:
    tokens = batch.tokens
    chars = (batch.ends - batch.starts).astype(np.float32)
    head = marks.tokens[tokens.offsets[:-1]][:, _FIRST]
    last = marks.tokens[tokens.offsets[1:] - 1][:, _LAST]
    total = marks.sums
    columns = np.column_stack(
        [
            np.log1p(chars),
            np.log1p(marks.words),
            chars / marks.words,
            np.log1p(total[:, _COLUMN["sentence_end"]]),
            np.log1p(total[:, _COLUMN["credit"]]),
        ]
    )
    return [columns, total[:, _RATIOS] / marks.n_tokens[:, None], head, last]


_OWN_NAMES = [
    "log_chars", "log_words", "chars_per_word", "log_sentences", "log_credit",
    *(f"share_{name}" for name in MARKS[2:]),
    *(f"first_{name}" for name in _FIRST_MARKS),
    *(f"last_{name}" for name in _LAST_MARKS),
]  # fmt: skip


def _base(marks: SegmentMarks, links: Floats, chance: Floats) -> npt.NDArray[np.float32]:
    total, words = marks.sums, marks.words
    out = np.zeros((len(words), _N_BASE), np.float32)
    out[:, 0] = 1.0
    out[:, 1] = words
    out[:, 2] = links * words
    for at, name in ((3, "sentence_end"), (4, "function"), (5, "title_case"), (6, "digits")):
        out[:, at] = total[:, _COLUMN[name]]
    out[:, 7] = (
        total[:, _COLUMN["month"]] + total[:, _COLUMN["time"]] + total[:, _COLUMN["clock"]] > 0
    )
    out[:, 8] = words <= SHORT_WORDS
    out[:, 9] = total[:, _COLUMN["action"]] > 0
    out[:, 10] = total[:, _COLUMN["credit"]] > 0
    out[:, _MAIN:_W_MAIN] = chance
    out[:, _W_MAIN] = chance[:, 0] * words
    out[:, _W_MAIN + 1] = chance[:, 1] * words
    # Multiples of a power of two: sums are exact, so a page's features don't
    # depend on what stands beside it in the batch.
    out *= QUANTUM
    np.rint(out, out=out)
    out /= QUANTUM
    return out


def _profile(sums: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Means of the base columns over a stretch; NaN where the stretch is empty."""
    out = np.empty(sums.shape, np.float32)
    one = sums[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        per_one = 1.0 / one
        per_word = 1.0 / sums[:, 1]
        np.log1p(one, out=out[:, 0], casting="same_kind")
        np.log1p(sums[:, 1] * per_one, out=out[:, 1], casting="same_kind")
        out[:, 2:7] = sums[:, 2:7] * per_word[:, None]
        out[:, 7:_W_MAIN] = sums[:, 7:_W_MAIN] * per_one[:, None]
        out[:, _W_MAIN:] = sums[:, _W_MAIN:] * per_word[:, None]
    return out


def _repeats(batch: Batch) -> npt.NDArray[np.float32]:
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


_REPEAT_NAMES = ["repeats", "is_repeat", "repeat_distance"]


def _overlaps(
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
        (row_marks[:, _COLUMN["function"]] == 0) & (row_marks[:, 0] > 4) & (row_marks[:, 1] > 0)
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


_OVERLAP_NAMES = ["in_body", "in_page", "in_title", "of_title", "telling_words"]


def _title_keys(batch: Batch, table: TokenTable, html: bool) -> list[Ints]:
    """Keys of the words of each page's title; of the first line for bare text."""
    out: list[Ints] = []
    for number, page in enumerate(batch.pages):
        first = int(batch.first[number])
        if page.title:
            rows = [table[token] for token in page.title[:300].split()]
        elif html:
            rows = []
        else:
            low, high = batch.tokens.offsets[first], batch.tokens.offsets[first + 1]
            rows = batch.tokens.rows[low : min(high, low + 40)].tolist()
        index = np.array(rows, np.int64)
        m = table.marks[index] if rows else np.zeros((0, len(MARKS)), np.float32)
        keep = (m[:, _COLUMN["function"]] == 0) & (m[:, 0] > 4)
        out.append(np.unique((number << 32) | table.hashes[index[keep]].astype(np.int64)))
    return out


def _credits(batch: Batch, each: SegmentMarks) -> npt.NDArray[np.float32]:
    """Signs of a picture credit: a closing "(Name/Agency)", "Photo:" in front, "Figure 3".

    The last opening bracket of a segment begins its tail; a tail counts where
    the segment ends with it and it is short.
    """
    tokens = batch.tokens
    begin, end = tokens.offsets[:-1], tokens.offsets[1:]
    marks = each.tokens
    here = np.arange(len(tokens.rows))
    opens = np.where(marks[:, _COLUMN["opens"]] > 0, here, -1)
    at = np.maximum.reduceat(opens, begin)
    closed = (marks[end - 1, _COLUMN["closes"]] > 0) & (at >= begin)
    length = np.where(closed, end - at, 0)
    short = (length > 0) & (length <= MAX_CREDIT_TOKENS)
    wanted = [_COLUMN["credit"], _COLUMN["slash"], _COLUMN["title_case"]]
    sums = np.zeros((len(marks) + 1, 3), np.float32)
    np.cumsum(marks[:, wanted], axis=0, out=sums[1:])
    tail = np.where(short[:, None], sums[end] - sums[np.maximum(at, 0)], 0.0)
    final = np.maximum(begin, end - 6)
    near_end = sums[end] - sums[final]
    second = np.minimum(begin + 1, end - 1)
    is_credit = marks[:, _COLUMN["credit"]] > 0
    return np.column_stack(
        [
            np.where(short, length, 0),
            tail[:, 0] > 0,
            tail[:, 1] > 0,
            tail[:, 2] / np.maximum(length, 1),
            is_credit[begin] & (marks[begin, _COLUMN["clause_end"]] > 0),
            is_credit[begin] & (marks[second, _COLUMN["digits"]] > 0),
            near_end[:, 0],
            near_end[:, 1],
        ]
    ).astype(np.float32)


MAX_CREDIT_TOKENS = 10

_CREDIT_NAMES = ["tail_length", "tail_credit", "tail_slash", "tail_names", "credit_colon",
                 "credit_number", "end_credits", "end_slashes"]  # fmt: skip


def _scores(first: FirstScores) -> tuple[list[Floats], npt.NDArray[np.float32]]:
    clipped = np.clip(first.total, -12, 12)
    chance = (1.0 / (1.0 + np.exp(-clipped))).astype(np.float32)
    return [first.total, first.own], chance


_SCORE_NAMES = [*(f"score_{o}" for o in OUTPUTS), *(f"words_{o}" for o in OUTPUTS)]

WINDOWS = (("before3", -3, 0), ("after3", 1, 4), ("before10", -10, 0), ("after10", 1, 11),
           ("around30", -30, 31))  # fmt: skip

_NEAR_NAMES = ["log_words", "links", "sentence_end", "ellipsis", "closes", "credit_end", "time",
               "title", "digits", *OUTPUTS]  # fmt: skip


def _near(
    batch: Batch, marks: SegmentMarks, base: Floats, last: Floats, steps: tuple[int, ...]
) -> list[Floats]:
    """A few columns of the segments some steps away; NaN beyond the page."""
    n = len(batch)
    columns = np.column_stack(
        [
            np.log1p(marks.words),
            base[:, 2] / marks.words,
            last[:, _LAST_KEPT],
            base[:, 7],
            base[:, 5] / marks.words,
            base[:, 6] / marks.words,
            base[:, _MAIN:_W_MAIN],
        ]
    ).astype(np.float32)
    here = np.arange(n)
    out = []
    for step in steps:
        there = here + step
        inside = (there >= batch.low) & (there < batch.high)
        out.append(np.where(inside[:, None], columns[np.clip(there, 0, n - 1)], np.float32(np.nan)))
    return out


def _windows(batch: Batch, stretch: Stretch) -> list[Floats]:
    here = np.arange(len(batch))
    begins = np.stack([here + start for _, start, _ in WINDOWS])
    ends = np.stack([here + stop for _, _, stop in WINDOWS])
    low = np.clip(begins, batch.low, batch.high)
    high = np.clip(ends, batch.low, batch.high)
    rows = _profile(stretch.sums(low.ravel(), high.ravel()))
    return list(rows.reshape(len(WINDOWS), len(batch), -1))


def _place(batch: Batch, base: Floats, stretch: Stretch) -> npt.NDArray[np.float32]:
    """Where on the page a segment stands, in segments, words and likely body words."""
    here = np.arange(len(batch))
    before = stretch.sums(batch.low, here)
    whole = stretch.sums(batch.low, batch.high)
    body = np.maximum(whole[:, _W_MAIN], 1e-3)
    return np.column_stack(
        [
            np.log1p(here - batch.low),
            np.log1p(batch.high - here),
            before[:, 0] / whole[:, 0],
            before[:, 1] / whole[:, 1],
            before[:, _W_MAIN] / body,
            base[:, _W_MAIN] / body,
            np.log1p(whole[:, 1]),
        ]
    ).astype(np.float32)


_PLACE_NAMES = [
    "index",
    "from_end",
    "place",
    "place_words",
    "body_before",
    "body_share",
    "page_words",
]


def _profile_names(name: str) -> list[str]:
    return [f"{name}_{column}" for column in _PROFILE]


_FLAGS = (1, 2, 4, 8, 16, 32)  # bits of `Layout.flags`
_FLAG_NAMES = ("bold", "italic", "has_time", "has_code", "has_control", "has_break")

CONTAINERS = (
    "self",
    "parent",
    "parent2",
    "parent3",
    "item",
    "list",
    "section",
    "part",
    "path",
    "alike",
)


def _containers(
    batch: Batch,
    forest: Forest,
    stretch: Stretch,
    base: Floats,
    whole: npt.NDArray[np.float64],
) -> Floats:
    """Profiles of the elements that a segment lies in, in the order of `CONTAINERS`.

    Each element and each group is worked out once, then handed to its segments.
    """
    node = forest.node
    up = forest.parent[node]
    up2 = forest.parent[up]
    item = forest.item[node]
    where = [node, up, up2, forest.parent[up2], item, forest.item[forest.parent[item]]]
    where.extend(big[node] for big in forest.big)
    at = np.minimum(forest.first, len(batch) - 1)
    rows = _shares(stretch.sums(forest.first, forest.stop), whole[at])
    parts: list[Floats] = [rows[np.stack(where, axis=1)].reshape(len(batch), -1)]
    wide = base.astype(np.float64)
    for group in (forest.path[node], forest.alike[node]):
        order = np.argsort(group, kind="stable")
        ordered = group[order]
        fresh = np.r_[True, ordered[1:] != ordered[:-1]]
        begins = np.flatnonzero(fresh)
        number = np.empty(len(group), np.int64)
        number[order] = np.cumsum(fresh) - 1
        sums = np.add.reduceat(wide[order], begins, axis=0)
        parts.append(_shares(sums, whole[order[begins]])[number])
    return np.concatenate(parts, axis=1)


def _shares(
    sums: npt.NDArray[np.float64], whole: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """Profiles, and shares of the page's words and likely body."""
    body = np.maximum(whole[:, _W_MAIN], 1e-3)
    more = np.column_stack([sums[:, 1] / whole[:, 1], sums[:, _W_MAIN] / body])
    return np.concatenate([_profile(sums), more], axis=1, dtype=np.float32, casting="unsafe")


def html_features(
    batch: Batch,
    table: TokenTable,
    marks: SegmentMarks,
    first: FirstScores,
    forest: Forest,
    nodes: NodeTable,
    heading: Ints,
) -> Floats:
    """Columns of HTML segments, float32 [n_segments, len(feature_names(True))]."""
    n = len(batch)
    scores, chance = _scores(first)
    links = np.concatenate(
        [page.layout.link_chars for page in batch.pages if page.layout is not None]
    )
    link_ratio = (links / np.maximum(batch.ends - batch.starts, 1)).astype(np.float32)
    base = _base(marks, link_ratio, chance)
    layouts = [page.layout for page in batch.pages if page.layout is not None]
    media = np.concatenate([layout.media_before for layout in layouts])
    flags = np.concatenate([layout.flags for layout in layouts])
    base[:, _MEDIA] = media > 0
    link = link_columns(batch)
    base[:, _MEDIA + 1] = (link[:, 4] >= 3) & (marks.words >= SHORT_WORDS)
    stretch = Stretch(base)
    whole = stretch.sums(batch.low, batch.high)
    own = _own(batch, marks)
    kinds = np.concatenate(
        [
            np.fromiter((KINDS.get(k, 0) for k in page.kinds), np.float32, len(page))
            for page in batch.pages
        ]
    )
    up1 = forest.parent[forest.node]
    item = forest.item[forest.node]
    outer = forest.item[forest.parent[item]]
    section = forest.big[0][forest.node]
    parts: list[npt.NDArray[np.floating]] = []
    parts.extend(own)
    parts.extend(scores)
    parts.append(first.nodes)
    parts.extend([link_ratio[:, None], kinds[:, None], link])
    parts.append(
        np.column_stack(
            [
                np.log1p(media),
                np.log1p(np.concatenate([layout.elements_before for layout in layouts])),
                np.concatenate([layout.n_links for layout in layouts]),
                *((flags & bit > 0) for bit in _FLAGS),
            ]
        )
    )
    parts.append(_credits(batch, marks))
    parts.append(_repeats(batch))
    parts.append(_overlaps(batch, table, marks, chance, _title_keys(batch, table, True)))
    parts.append(_place(batch, base, stretch))
    parts.extend(_windows(batch, stretch))
    best = np.maximum.reduceat(base[:, _W_MAIN], batch.first)[batch.page_of]
    parts.append(_containers(batch, forest, stretch, base, whole))
    here = np.arange(n)
    parts.append(
        np.column_stack(
            [
                base[:, _W_MAIN] / np.maximum(best, 1e-3),
                forest.depth[forest.node],
                np.log(forest.repeats[item]),
                np.log(forest.repeats[outer]),
                np.log(forest.repeats[forest.node]),
                here - forest.first[item],
                forest.stop[item] - here,
                np.log1p(here - forest.first[section]),
                np.log1p(forest.stop[section] - here),
                np.where(heading >= 0, np.log1p(here - heading), np.nan),
                np.where(heading >= 0, kinds[heading], np.nan),
            ]
        )
    )
    parts.append(
        np.where(
            (heading >= 0)[:, None],
            np.column_stack([first.own[heading], np.log1p(marks.words[heading])]),
            np.nan,
        )
    )
    h1 = kinds == KINDS["h1"]
    first_h1 = np.full(len(batch.pages), -1)
    at = np.flatnonzero(h1)[::-1]
    first_h1[batch.page_of[at]] = at
    h1_at = first_h1[batch.page_of]
    since = here - h1_at
    parts.append(
        np.column_stack(
            [
                np.where(h1_at >= 0, np.sign(since) * np.log1p(np.abs(since)), np.nan),
                np.bincount(batch.page_of, h1)[batch.page_of],
            ]
        )
    )
    flags_here = nodes.flags[forest.rows]
    parts.append(np.minimum(above_sums(forest, flags_here, n), 4.0))
    # The nearest elements speak loudest: the segment's own and the one around it.
    near = flags_here[forest.node] + 0.5 * flags_here[up1]
    parts.append(near[:, N_TAG_FLAGS:])
    out: Floats = np.concatenate(parts, axis=1, dtype=np.float32, casting="unsafe")
    return out


def _html_names() -> list[str]:
    names = [*_OWN_NAMES, *_SCORE_NAMES, *(f"elements_{o}" for o in OUTPUTS), "links", "kind",
             *LINK_NAMES, "media", "elements", "n_links", *_FLAG_NAMES,
             *_CREDIT_NAMES, *_REPEAT_NAMES, *_OVERLAP_NAMES, *_PLACE_NAMES]  # fmt: skip
    for where, _, _ in WINDOWS:
        names += _profile_names(where)
    for where in CONTAINERS:
        names += [*_profile_names(where), f"{where}_share", f"{where}_body_share"]
    names += ["body_of_best", "depth", "item_repeats", "list_repeats", "self_repeats", "item_index",
              "item_rest", "section_index", "section_rest", "heading_distance",
              "heading_level"]  # fmt: skip
    names += [*(f"heading_{o}" for o in OUTPUTS), "heading_words"]
    names += ["since_h1", "n_h1"]
    names += [f"in_{tag}" for tag in TAG_FLAGS]
    return names + [f"near_{tag}" for tag in TAG_FLAGS[N_TAG_FLAGS:]]


_STEPS = (-1, 1, -2, 2)
_STEP_NAMES = ("previous", "next", "previous2", "next2")
_LAGS = (1, 2, 3, 4, 5, 6)


def text_features(
    batch: Batch, table: TokenTable, marks: SegmentMarks, first: FirstScores
) -> Floats:
    """Columns of the lines of bare text, float32 [n_segments, len(feature_names(False))]."""
    n = len(batch)
    scores, chance = _scores(first)
    base = _base(marks, np.zeros(n, np.float32), chance)
    stretch = Stretch(base)
    own = _own(batch, marks)
    last = own[3]
    parts: list[npt.NDArray[np.floating]] = []
    parts.extend(own)
    parts.extend(scores)
    parts.append(_gaps(batch))
    repeats = _repeats(batch)
    parts.append(_credits(batch, marks))
    parts.append(repeats)
    parts.append(_overlaps(batch, table, marks, chance, _title_keys(batch, table, False)))
    parts.append(_place(batch, base, stretch))
    parts.extend(_near(batch, marks, base, last, _STEPS))
    parts.extend(_windows(batch, stretch))
    here = np.arange(n)
    # Runs: neighbouring lines that are all short, or all long enough to be prose.
    prose = (marks.words >= 12) | ((marks.words >= 6) & (last[:, 0] > 0))
    edge = np.r_[True, (prose[1:] != prose[:-1]) | (batch.page_of[1:] != batch.page_of[:-1])]
    run = np.cumsum(edge) - 1
    begin = np.flatnonzero(edge)
    end = np.r_[begin[1:], n]
    parts.append(_profile(stretch.sums(begin[run], end[run])))
    parts.append(np.column_stack([prose, np.log1p(here - begin[run]), np.log1p(end[run] - here)]))
    # Modules: stretches between short lines that recur on the page.
    recurs = (repeats[:, 0] > 0) & (marks.words <= 6)
    mark = np.maximum.accumulate(np.where(recurs, here, -1))
    mark = np.where(mark >= batch.low, mark, -1)
    ahead = np.minimum.accumulate(np.where(recurs, here, n)[::-1])[::-1]
    ahead = np.r_[ahead[1:], n]
    since = np.where(mark >= 0, here - mark, -1)
    until = np.where(ahead < batch.high, ahead - here, -1)
    parts.append(
        np.column_stack(
            [
                np.log1p(since + 1),
                np.log1p(until + 1),
                np.where(mark >= 0, repeats[mark, 0], np.nan),
            ]
        )
    )
    parts.append(np.where((mark >= 0)[:, None], first.own[mark], np.nan))
    # Rhythm: lines of one shape at a fixed distance, as the cards of a list have.
    size = np.digitize(marks.words, (2, 4, 8, 16, 32))
    shape = (size * 8 + (last[:, 0] > 0) * 4 + (base[:, 7] > 0) * 2 + (base[:, 6] > 0)).astype(
        np.int64
    )
    rhythm = []
    for lag in _LAGS:
        match = np.zeros(n, np.float32)
        if n > lag:
            match[lag:] = (shape[lag:] == shape[:-lag]) & (
                batch.page_of[lag:] == batch.page_of[:-lag]
            )
        rhythm.append(match)
    match_columns = np.column_stack(rhythm)
    around = Stretch(match_columns).sums(
        np.maximum(here - 8, batch.low), np.minimum(here + 9, batch.high)
    )
    around /= (np.minimum(here + 9, batch.high) - np.maximum(here - 8, batch.low))[:, None]
    parts.append(around)
    parts.append(around.max(axis=1, keepdims=True))
    out: Floats = np.concatenate(parts, axis=1, dtype=np.float32, casting="unsafe")
    return out


def _gaps(batch: Batch) -> npt.NDArray[np.float32]:
    """Line breaks before and after each line, at most three; NaN where all are alike."""
    out = np.full((len(batch), 2), np.nan, np.float32)
    for number, page in enumerate(batch.pages):
        count = page.text.count
        starts, ends = page.starts.tolist(), page.ends.tolist()
        between = [count("\n", end, start) for end, start in zip(ends, starts[1:], strict=False)]
        if min(between, default=0) == max(between, default=0):
            continue
        gaps = np.minimum(np.array([3, *between, 3], np.float32), 3)
        low, high = int(batch.first[number]), int(batch.stop[number])
        out[low:high, 0] = gaps[:-1]
        out[low:high, 1] = gaps[1:]
    return out


def _text_names() -> list[str]:
    names = [
        *_OWN_NAMES,
        *_SCORE_NAMES,
        "gap_before",
        "gap_after",
        *_CREDIT_NAMES,
        *_REPEAT_NAMES,
        *_OVERLAP_NAMES,
        *_PLACE_NAMES,
    ]
    names += [f"{where}_{column}" for where in _STEP_NAMES for column in _NEAR_NAMES]
    for where, _, _ in WINDOWS:
        names += _profile_names(where)
    names += [*_profile_names("run"), "prose", "run_index", "run_rest"]
    names += ["mark_since", "mark_until", "mark_repeats", *(f"mark_{o}" for o in OUTPUTS)]
    return [*names, *(f"rhythm{lag}" for lag in _LAGS), "rhythm"]


PAGE_LEVEL = frozenset(
    ("page_words", "index", "from_end", "place_words", "telling_words", "n_h1", "since_h1")
)
"""Columns by which trees learn pages by heart; the label head does without them.
With 224 gold pages that gains 1.6 points of macro-F1 on bare text (by site)."""


def feature_names(html: bool) -> list[str]:
    """Names of the columns, in order."""
    return _html_names() if html else _text_names()
