"""Labelled pages for training: the benchmark file, gold folders, people's annotations.

All of them end as `Example`s: a segmented page and what is known of each
segment, as shares: of its words that are main content, that carry a label.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.gold import GoldPage, ReferencePage
from curate.labelers.training.align import align_labels, align_main, common_positions
from curate.labelers.training.render import render_lines
from curate.schema import SegmentedPage
from curate.text import digest, words

__all__ = [
    "LABELS",
    "Example",
    "folds_by_site",
    "project",
    "text_page",
]

LABELS = ("article", "boilerplate", "teaser", "caption")
"""Order of the label columns."""

Shares = npt.NDArray[np.float32]


@dataclass(slots=True, eq=False)
class Example:
    """A page for training.

    Attributes:
        key: name of the page in its source; HTML and text of one page share it.
        group: pages of one group (site, or equal content) stay in one fold.
        page: what the model reads.
        main: float32 [n_segments], share of words that are main content, or None.
        gold: float32 [n_segments, 4], words by label, or None.
        page_type: as the benchmark says, or None.
        to_html: int64 [n_segments], for text made from HTML: the segment of the
            HTML page a line comes from, -1 where none does.
        rendering: name of the renderer, "" for HTML.
        judged: whether its gold labels count in calibration and in the card's figures.
    """

    key: str
    group: str
    page: SegmentedPage
    main: Shares | None = None
    gold: Shares | None = None
    page_type: str | None = None
    to_html: npt.NDArray[np.int64] | None = None
    rendering: str = ""
    judged: bool = True


def text_page(
    lines: Sequence[str], gaps: Sequence[int] | int = 2, url: str | None = None
) -> SegmentedPage:
    """Lines as a bare-text page, `gaps` line breaks after each."""
    breaks = [gaps] * len(lines) if isinstance(gaps, int) else list(gaps)
    starts, ends, parts, at = [], [], [], 0
    for index, (line, gap) in enumerate(zip(lines, breaks, strict=True)):
        starts.append(at)
        ends.append(at + len(line))
        blank = "\n" * gap if index + 1 < len(lines) else ""
        parts.append(line + blank)
        at += len(parts[-1])
    return SegmentedPage(
        "".join(parts),
        np.array(starts, np.int32),
        np.array(ends, np.int32),
        ["line"] * len(lines),
        "text/plain",
        url=url,
    )


def _numbers(gold: GoldPage) -> list[int]:
    """The columns of the lines' labels."""
    return [LABELS.index(label) for label in gold.labels]


def label_html_example(example: Example, gold: GoldPage | None, main_content: str | None) -> None:
    """Fill in what the references say of an HTML page's segments."""
    page = example.page
    texts = [page.segment_text(index) for index in range(len(page))]
    if main_content is not None:
        example.main = align_main(texts, main_content)
    if gold is not None:
        example.gold = align_labels(texts, gold.lines, _numbers(gold), len(LABELS))


def project(html: Example, lines: Sequence[str], rendering: str, gold: GoldPage | None) -> Example:
    """A rendering of an HTML page, its lines tied to the segments they come from.

    Where `lines` are the gold lines themselves their labels are taken as they
    are; otherwise they come through the HTML segments.
    """
    page = html.page
    seg_words = [words(page.segment_text(index)) for index in range(len(page))]
    line_words = [words(line) for line in lines]
    seg_of = np.repeat(np.arange(len(page)), [len(part) for part in seg_words])
    line_of = np.repeat(np.arange(len(lines)), [len(part) for part in line_words])
    mine, theirs = common_positions(
        [word for part in line_words for word in part],
        [word for part in seg_words for word in part],
    )
    to_html = np.full(len(lines), -1, np.int64)
    if len(mine):
        pairs, count = np.unique(
            line_of[mine] * (len(page) + 1) + seg_of[theirs], return_counts=True
        )
        order = np.argsort(count, kind="stable")
        to_html[pairs[order] // (len(page) + 1)] = pairs[order] % (len(page) + 1)
    out = Example(
        html.key,
        html.group,
        text_page(lines, url=page.url),
        page_type=html.page_type,
        to_html=to_html,
        rendering=rendering,
    )
    known = to_html >= 0
    if html.main is not None:
        out.main = np.where(known, html.main[to_html], 0).astype(np.float32)
    if gold is not None and list(gold.lines) == list(lines):
        out.gold = np.zeros((len(lines), len(LABELS)), np.float32)
        out.gold[np.arange(len(lines)), _numbers(gold)] = [max(len(part), 1) for part in line_words]
    elif html.gold is not None:
        out.gold = np.where(known[:, None], html.gold[to_html], 0).astype(np.float32)
    return out


def folds_by_site(
    groups: Sequence[Sequence[str]], n_folds: int, weights: Sequence[float]
) -> npt.NDArray[np.int64]:
    """A fold for each page, such that pages that share any key are in one fold.

    Args:
        groups: for each page its keys (site, digest of its content).
        n_folds: at least 2.
        weights: what to balance over the folds.
    """
    leader: dict[str, str] = {}

    def find(key: str) -> str:
        while leader.setdefault(key, key) != key:
            leader[key] = leader[leader[key]]
            key = leader[key]
        return key

    for keys in groups:
        for key in keys[1:]:
            a, b = find(keys[0]), find(key)
            leader[max(a, b)] = min(a, b)
    heavy: dict[str, float] = {}
    for keys, weight in zip(groups, weights, strict=True):
        heavy[find(keys[0])] = heavy.get(find(keys[0]), 0.0) + weight
    load = np.zeros(n_folds)
    fold: dict[str, int] = {}
    for key in sorted(heavy, key=lambda k: (-heavy[k], digest(k))):
        fold[key] = int(load.argmin())
        load[fold[key]] += heavy[key]
    return np.array([fold[find(keys[0])] for keys in groups], np.int64)


Segment = Callable[[str | bytes], SegmentedPage]


def build_examples(
    row: ReferencePage,
    segment: Segment,
    gold: GoldPage | None,
    site: str,
    renderers: Sequence[str],
    decode: Callable[[bytes], str],
) -> list[Example]:
    """The HTML example of a benchmark row and its bare-text renderings."""
    html = decode(row.html)
    page = segment(html)
    example = Example(row.page_id, site, page, page_type=row.page_type or None)
    label_html_example(example, gold, row.reference)
    out = [example]
    if not len(page):
        return out
    for name in renderers:
        lines = list(gold.lines) if gold and gold.renderer == name else render_lines(html, name)
        if lines:
            out.append(project(example, lines, name, gold))
    return out
