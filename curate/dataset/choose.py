"""Splits for all chosen pages, and which copies of a page stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.dataset.base import DatasetConfig
from curate.dataset.duplicates import (
    Signatures,
    groups_of_equal,
    link_similar,
    read_signatures,
    sign,
    similar_to,
)
from curate.dataset.signed import text_prints
from curate.dataset.splits import MIN_SITES, split_of
from curate.errors import DatasetError
from curate.schema import SPLITS

__all__ = ["Choice", "IndexPart", "PageIndex", "PartWriter", "choose"]

_KEEP_ORDER = (2, 1, 0)
"""Splits (as numbers) in the order in which they keep a cluster: test, validation,
train. A test set must not shrink or change because training pages were added."""


COLUMNS = ("page_key", "site", "text_hash", "reviewed", "hash", "bytes", "n_segments", "print")


@dataclass(frozen=True, slots=True)
class IndexPart:
    """The pages that one task chose: their columns here, their signatures in files."""

    table: pa.Table
    signatures: Path
    whole: Path | None


class PartWriter:
    """Makes an `IndexPart`.

    Args:
        stem: path that the files' names begin with.
        whole: sign the whole texts too, besides the main content.
    """

    def __init__(self, stem: Path, *, whole: bool = False) -> None:
        self._paths = (
            stem.with_suffix(".signatures"),
            stem.with_suffix(".whole") if whole else None,
        )
        self._signatures = Signatures(self._paths[0])
        # A given text may be a page's main content or all of it.
        self._whole = Signatures(self._paths[1]) if self._paths[1] else None
        self._tables: list[pa.Table] = []
        self._rows = 0

    def add(self, table: pa.Table) -> pa.Table:
        """Take in spool rows; returns them with their row numbers, from 0."""
        texts, mains = table.column("text"), table.column("main_text")
        said = texts.to_pylist()
        self._signatures.append(sign(said, mains.to_pylist()))
        if self._whole is not None:
            self._whole.append(sign(said))
        self._tables.append(
            pa.table(
                {
                    **{name: table.column(name) for name in COLUMNS[:5]},
                    "bytes": pa.compute.binary_length(texts),
                    "n_segments": pa.compute.list_value_length(table.column("starts")),
                    "print": pa.array(text_prints(texts, mains)),
                }
            )
        )
        numbers = np.arange(self._rows, self._rows + table.num_rows)
        self._rows += table.num_rows
        return table.append_column("row", pa.array(numbers))

    def close(self) -> IndexPart | None:
        """What was taken in; None where that is no page."""
        if not self._tables:
            return None
        return IndexPart(pa.concat_tables(self._tables).combine_chunks(), *self._paths)


class PageIndex:
    """What is needed of every chosen page at once: some hundred bytes each.

    Args:
        folder: for the signatures.
        whole: the whole texts are signed too.
    """

    def __init__(self, folder: Path, *, whole: bool = False) -> None:
        self.signatures = Signatures(folder / "signatures")
        self.whole = Signatures(folder / "whole") if whole else None
        self._tables: list[pa.Table] = []
        self.rows = 0

    def add(self, part: IndexPart) -> int:
        """Take in the next part; returns the number of its first row."""
        first = self.rows
        self.rows += part.table.num_rows
        self._tables.append(part.table)
        for signatures, path in ((self.signatures, part.signatures), (self.whole, part.whole)):
            if signatures is not None and path is not None:
                signatures.append(read_signatures(path))
                path.unlink()
        return first

    def column(self, name: str) -> pa.ChunkedArray:
        """One column over all pages, in row order."""
        return pa.concat_tables(self._tables).column(name)


@dataclass(frozen=True, slots=True)
class Choice:
    """The outcome, by row number.

    Attributes:
        split: 0 train, 1 validation, 2 test.
        keep: False where the page is left out.
        cluster: of every page that has copies, the smallest page_key among them.
        pages_out, segments_out: counts by reason.
        notes: what the user should know.
    """

    split: npt.NDArray[np.int8]
    keep: npt.NDArray[np.bool_]
    cluster: Mapping[int, str]
    pages_out: Counter[str]
    segments_out: Counter[str]
    notes: tuple[str, ...]


def choose(index: PageIndex, config: DatasetConfig, others: Signatures | None = None) -> Choice:
    """Deal pages to splits and leave out copies.

    Of exact copies one page stays; of a near-duplicate cluster, the members of
    one split (or one page, `near_duplicates=everywhere`). Reviewed pages stay
    before others, then test before validation before train, then the smallest
    page_key: human work is not lost to a machine's label, and an evaluation
    set doesn't change because training pages were added.

    Args:
        index: all chosen pages.
        config: ratios and what to do with duplicates.
        others: texts that must not be in the dataset (`decontaminate`).
    """
    split, notes = _deal(index, config)
    keep = np.ones(index.rows, np.bool_)
    out: Counter[str] = Counter()
    segments = index.column("n_segments").to_numpy()
    keys = index.column("page_key")
    reviewed = np.asarray(index.column("reviewed"))
    _refuse_twice(keys)

    def drop(rows: list[int], reason: str) -> None:
        keep[rows] = False
        out[reason] += len(rows)

    together = _Together()

    def rank(row: int) -> tuple[bool, int, str]:
        return not reviewed[row], _KEEP_ORDER.index(int(split[row])), keys[row].as_py()

    def losers_across(rows: list[int]) -> list[int]:
        winner = split[min(rows, key=rank)]
        return [row for row in rows if split[row] != winner]

    signatures = index.signatures.rows()
    if others is not None and len(others):
        hit = similar_to(signatures, others.rows(), config.near_duplicate_ratio)
        if index.whole is not None:
            hit |= similar_to(index.whole.rows(), others.rows(), config.near_duplicate_ratio)
        drop(np.flatnonzero(hit).tolist(), "in dataset.decontaminate")
    for rows in groups_of_equal(np.asarray(index.column("text_hash").to_pylist(), np.bytes_)):
        together.join(rows)
        rows = [row for row in rows if keep[row]]  # only the kept ones compete
        if len(rows) < 2:
            continue
        if config.exact_duplicates == "remove":
            best = min(rows, key=rank)
            drop([row for row in rows if row != best], "exact duplicate")
        else:
            drop(losers_across(rows), "exact duplicate in another split")
    if config.near_duplicates != "keep":
        for rows in link_similar(signatures, config.near_duplicate_ratio, keep):
            together.join(rows)
            losers = losers_across(rows)
            if losers:
                drop(losers, "near-duplicate in another split")
            if config.near_duplicates == "everywhere":
                rest = [row for row in rows if keep[row]]
                best = min(rest, key=rank)
                drop([row for row in rest if row != best], "near-duplicate")
    segments_out = Counter({"page left out": int(segments[~keep].sum())})
    cluster = together.names(keys) if config.clusters else {}
    return Choice(split, keep, cluster, out, segments_out, notes)


class _Together:
    """Which rows are copies of one another, exact or near; both may chain."""

    def __init__(self) -> None:
        self._groups: dict[int, list[int]] = {}

    def join(self, rows: Sequence[int]) -> None:
        merged = sorted({row for each in rows for row in self._groups.get(each, (each,))})
        for row in merged:
            self._groups[row] = merged

    def names(self, keys: pa.ChunkedArray) -> dict[int, str]:
        told: dict[int, str] = {}
        for row, group in self._groups.items():
            told[row] = told.get(group[0]) or min(keys[at].as_py() for at in group)
        return told


def _deal(index: PageIndex, config: DatasetConfig) -> tuple[npt.NDArray[np.int8], tuple[str, ...]]:
    encoded = index.column("site").combine_chunks().dictionary_encode()
    sites = encoded.dictionary.to_pylist()
    if len(sites) < MIN_SITES:
        note = (
            f"{len(sites)} site{'s' if len(sites) != 1 else ''}: all pages are train "
            f"(splits are by site and need at least {MIN_SITES})"
        )
        return np.zeros(index.rows, np.int8), (note,)
    numbers = [SPLITS.index(split_of(site, config.ratios(), config.split_salt)) for site in sites]
    split = np.array(numbers, np.int8)[encoded.indices.to_numpy()]
    empty = [
        name
        for number, name in enumerate(SPLITS)
        if config.ratios()[number] > 0 and not (split == number).any()
    ]
    notes = tuple(
        f"no site of {len(sites)} falls into {name}: the split is not published" for name in empty
    )
    return split, notes


def _refuse_twice(keys: pa.ChunkedArray) -> None:
    counts = pa.compute.value_counts(keys)
    twice = counts.filter(pa.compute.greater(counts.field("counts"), 1))
    if len(twice):
        raise DatasetError(
            f"page {twice[0]['values'].as_py()} stands {twice[0]['counts'].as_py()} times in the "
            "store; run again with force=[pages]"
        )
