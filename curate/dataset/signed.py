"""Signatures that were made once are found again by what a page says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from curate.dataset.duplicates import N_PERM, Rows, read_signatures, sign

__all__ = ["Signed", "text_prints", "utf8"]


@dataclass(frozen=True, slots=True)
class Signed:
    """Signatures that are known, found by what the pages say.

    Attributes:
        prints: file of the pages' `text_prints`, uint64 in ascending order.
        rows: file of where each one's signature is.
        signatures: file of the signatures.
    """

    prints: Path
    rows: Path
    signatures: Path

    @classmethod
    def write(cls, folder: Path, prints: npt.NDArray[np.uint64], signatures: Path) -> Signed:
        """Keep signatures, given in the order of the prints, to be found again."""
        order = np.argsort(prints, kind="stable")
        made = cls(folder / "prints.npy", folder / "print-rows.npy", signatures)
        np.save(made.prints, prints[order])
        np.save(made.rows, order)
        return made

    def sign(self, texts: pa.ChunkedArray, main_texts: pa.ChunkedArray) -> Rows:
        """Signatures of pages; those that say something new are made."""
        known = np.load(self.prints, mmap_mode="r")
        prints = text_prints(texts, main_texts)
        found = np.searchsorted(known, prints)
        met = known[np.minimum(found, len(known) - 1)] == prints
        signatures = np.zeros((len(prints), N_PERM), np.uint32)
        rows = np.load(self.rows, mmap_mode="r")[found[met]]
        signatures[met] = read_signatures(self.signatures)[rows]
        new = pa.array(np.flatnonzero(~met))
        if len(new):
            signatures[~met] = sign(texts.take(new).to_pylist(), main_texts.take(new).to_pylist())
        return signatures


def text_prints(texts: pa.ChunkedArray, main_texts: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """64 bits that name what each page says, main content and all."""
    prints = []
    for text, main in zip(utf8(texts), utf8(main_texts), strict=True):
        print_ = xxhash.xxh3_64(text)
        print_.update(b"\0")
        print_.update(main)
        prints.append(print_.intdigest())
    return np.array(prints, np.uint64)


def utf8(column: pa.ChunkedArray) -> Iterator[memoryview]:
    """The bytes of each string where they lie, which saves making characters of them."""
    for chunk in column.cast(pa.large_string()).chunks:
        if not len(chunk):
            continue
        _, edges, data = chunk.buffers()
        at = np.frombuffer(edges, np.int64)[chunk.offset : chunk.offset + len(chunk) + 1].tolist()
        said = memoryview(data or b"")
        for first, end in pairwise(at):
            yield said[first:end]
