"""Which pages and segments of the store are published, and why the others are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.dataset.base import DatasetConfig, ShardPair
from curate.dataset.flat import (
    LISTS,
    check_labels,
    check_spans,
    flat_column,
    list_column,
    segment_counts,
)
from curate.dataset.mask import Masker
from curate.dataset.optional import html_column, paths_column, scores_column
from curate.dataset.splits import bucket_hash
from curate.errors import DatasetError
from curate.io import read_rows, read_table
from curate.text import text_hash

__all__ = ["BAD_EXTRACTION", "Selection", "select_pages"]

BAD_EXTRACTION = "bad extraction"
"""The page-level verdict of a reviewer that keeps a page out."""

_PAGE_COLUMNS = ["page_key", "page_id", "url", "site", "title", "text_hash", "text"]
_OWN = {"text", "title", "text_hash"}
_LAYOUT_COLUMNS = ["starts", "node_parent", "node_tag", "segment_node"]

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass
class Selection:
    """Counts that grow while pages are chosen; given = kept + left out."""

    pages_given: int = 0
    segments_given: int = 0
    pages_out: Counter[str] = field(default_factory=Counter)
    segments_out: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)

    def add(self, other: Selection) -> None:
        """Add the counts of other shards."""
        self.pages_given += other.pages_given
        self.segments_given += other.segments_given
        self.pages_out.update(other.pages_out)
        self.segments_out.update(other.segments_out)
        self.masked.update(other.masked)


def select_pages(
    pair: ShardPair,
    config: DatasetConfig,
    names: Sequence[str],
    selection: Selection,
    masker: Masker,
    withdrawn: frozenset[str] = frozenset(),
) -> Iterator[pa.Table]:
    """Chosen pages of one shard as spool rows (without `row`), a batch at a time.

    Args:
        pair: the shard's files.
        config: the filters.
        names: label names that may occur.
        selection: counts, added to.
        masker: replaces personal data in texts where the config says so.
        withdrawn: page keys that are left out on request.

    Raises:
        DatasetError: files that don't fit each other, spans outside their text,
            or a label outside the label set.
    """
    labeled = read_table(pair.labeled)
    position = {page_id: row for row, page_id in enumerate(labeled.column("page_id").to_pylist())}
    met = -1
    columns = _PAGE_COLUMNS + (_LAYOUT_COLUMNS if config.paths else [])
    for batch in read_rows(pair.segmented, columns=columns):
        ids = batch.column("page_id").to_pylist()
        rows = [row for row, page_id in enumerate(ids) if page_id in position]
        taken = [position[ids[row]] for row in rows]
        if taken != list(range(met + 1, met + 1 + len(taken))):
            raise DatasetError(
                f"{pair.labeled}: its rows don't stand in the order of {pair.segmented}; "
                "the store is damaged: run again with force=[labels]"
            )
        met += len(taken)
        selection.pages_given += len(ids)
        selection.pages_out["no labels"] += len(ids) - len(rows)
        if rows:
            pages = pa.Table.from_batches([batch.take(pa.array(rows))])
            finals = labeled.slice(taken[0], len(taken))
            yield from _select(pages, finals, config, names, selection, masker, withdrawn, pair)
    if met + 1 != labeled.num_rows:
        raise DatasetError(
            f"{pair.labeled}: {labeled.num_rows - met - 1} of {labeled.num_rows} pages are not in "
            f"{pair.segmented}; the store is damaged: run again with force=[labels]"
        )


def _select(
    pages: pa.Table,
    finals: pa.Table,
    config: DatasetConfig,
    names: Sequence[str],
    selection: Selection,
    masker: Masker,
    withdrawn: frozenset[str],
    pair: ShardPair,
) -> Iterator[pa.Table]:
    counts = segment_counts(finals, pair)
    selection.segments_given += int(counts.sum())
    reasons = _page_reasons(pages, finals, config, withdrawn)
    _count_out(selection, reasons, counts)
    inside = np.array([reason is None for reason in reasons])
    if not inside.any():
        return
    pages, finals = pages.filter(pa.array(inside)), finals.filter(pa.array(inside))
    counts = counts[inside]

    flat = {name: flat_column(finals, name) for name in LISTS}
    texts: list[str] = pages.column("text").to_pylist()
    check_spans(pages, texts, flat, counts)
    check_labels(flat["labels"], names, pair)
    kept = _kept_segments(flat, config, selection)
    page_of = np.repeat(np.arange(len(counts)), counts)
    kept_counts = np.bincount(page_of[kept], minlength=len(counts))

    hashes = pages.column("text_hash")
    if config.mask:  # masking may make two texts one
        texts = [masker.mask(text, selection.masked) for text in texts]
        hashes = pa.array([text_hash(text) for text in texts], pa.string())
    mains = _main_texts(texts, flat, kept, counts)
    lists = {
        name: list_column(flat[name].filter(pa.array(kept)), kept_counts)
        for name in LISTS
        if name != "main"
    }
    index = np.arange(len(page_of)) - np.repeat(np.cumsum(counts) - counts, counts)
    lists["index"] = list_column(pa.array(index[kept].astype(np.int32)), kept_counts)
    lists["paths"] = pa.nulls(len(counts), pa.list_(pa.string()))
    if config.paths:
        paths = paths_column(pages, flat["starts"], counts)
        lists["paths"] = list_column(paths.filter(pa.array(kept)), kept_counts)
    lists["label_scores"] = pa.nulls(len(counts), pa.list_(pa.list_(pa.float32())))
    if config.scores:
        scores = scores_column(pair, pages, flat, counts, names)
        lists["label_scores"] = list_column(scores.filter(pa.array(kept)), kept_counts)
    html = (
        [masker.mask(raw, Counter()) if raw else raw for raw in html_column(pair, pages)]
        if config.html
        else [None] * len(counts)
    )
    table = pa.table(
        {
            "hash": pa.array(
                [bucket_hash(key) for key in pages.column("page_key").to_pylist()], pa.uint64()
            ),
            **{name: pages.column(name) for name in _PAGE_COLUMNS if name not in _OWN},
            "text_hash": hashes,
            "title": pa.array(
                [
                    masker.mask(title, selection.masked) if title else title
                    for title in pages.column("title").to_pylist()
                ],
                pa.string(),
            ),
            "text": pa.array(texts, pa.large_string()),
            "main_text": pa.array(mains, pa.large_string()),
            "html": pa.array(html, pa.large_string()),
            **{
                name: finals.column(name)
                for name in ("language", "page_type", "reviewed", "labeler", "guideline")
            },
            **lists,
        }
    )
    empty = kept_counts == 0
    selection.pages_out["no published segment"] += int(empty.sum())
    yield table.filter(pa.array(~empty))


def _page_reasons(
    pages: pa.Table, finals: pa.Table, config: DatasetConfig, withdrawn: frozenset[str]
) -> list[str | None]:
    """Why each page is left out, None where it is kept; the first reason counts."""
    chars = pc.utf8_length(pages.column("text")).to_pylist()
    reasons: list[str | None] = []
    for key, n_chars, verdict, reviewed, language, page_type in zip(
        pages.column("page_key").to_pylist(),
        chars,
        finals.column("verdict").to_pylist(),
        finals.column("reviewed").to_pylist(),
        finals.column("language").to_pylist(),
        finals.column("page_type").to_pylist(),
        strict=True,
    ):
        reason = None
        if key in withdrawn:
            reason = "withdrawn"
        elif verdict == BAD_EXTRACTION:
            reason = BAD_EXTRACTION
        elif config.require_review and not reviewed:
            reason = "not reviewed"
        elif config.languages and language not in config.languages:
            reason = "language"
        elif config.page_types and page_type not in config.page_types:
            reason = "page type"
        elif n_chars < config.min_chars:
            reason = "shorter than min_chars"
        elif config.max_chars is not None and n_chars > config.max_chars:
            reason = "longer than max_chars"
        reasons.append(reason)
    return reasons


def _count_out(selection: Selection, reasons: Sequence[str | None], counts: Ints) -> None:
    for reason, count in zip(reasons, counts, strict=True):
        if reason is not None:
            selection.pages_out[reason] += 1
            selection.segments_out["page left out"] += int(count)


def _kept_segments(flat: dict[str, pa.Array], config: DatasetConfig, selection: Selection) -> Bools:
    """Mask of published segments; each other one is counted under its first reason."""
    kept = np.asarray(flat["labels"].is_valid())
    selection.segments_out["no label"] += int((~kept).sum())
    human = np.asarray(pc.equal(flat["origins"], "human").fill_null(False))
    if config.min_score is not None:
        # A person's label stands whatever the labeler thought of it.
        scores = flat["scores"].fill_null(0.0).to_numpy(zero_copy_only=False)
        low = kept & ~human & (scores < np.float32(config.min_score))
        selection.segments_out["score below min_score"] += int(low.sum())
        kept = kept & ~low
    if config.min_agreement is not None:
        # Null agreement: fewer than two people, nothing to agree on.
        agreement = flat["agreement"].fill_null(1.0).to_numpy(zero_copy_only=False)
        settled = np.asarray(flat["adjudicated"].fill_null(False))
        low = kept & ~settled & (agreement < np.float32(config.min_agreement))
        selection.segments_out["agreement below min_agreement"] += int(low.sum())
        kept = kept & ~low
    return kept


def _main_texts(
    texts: Sequence[str], flat: dict[str, pa.Array], kept: Bools, counts: Ints
) -> list[str]:
    """The main segments of each page, one per line; what has no label is not in it."""
    main = kept & np.asarray(flat["main"].fill_null(False))
    starts, ends = flat["starts"].to_numpy(), flat["ends"].to_numpy()
    edges = np.concatenate([[0], np.cumsum(counts)])
    mains = []
    for page, text in enumerate(texts):
        inside = np.flatnonzero(main[edges[page] : edges[page + 1]]) + edges[page]
        spans = zip(starts[inside].tolist(), ends[inside].tolist(), strict=True)
        mains.append("\n".join([text[start:end] for start, end in spans]))
    return mains
