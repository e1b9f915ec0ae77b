"""What a dataset card is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from curate.dataset.base import DatasetConfig, LeftOut
from curate.dataset.facts import Facts
from curate.dataset.quality import Quality
from curate.dataset.shards import ShardFile
from curate.schema import LabelSet

__all__ = ["CardInput", "shapes_of", "splits_of"]


@dataclass(frozen=True, slots=True)
class CardInput:
    """Everything a card is made of.

    Attributes:
        name: of the dataset; version: of this one.
        files: written shards; file_bytes: their sizes on disk by path.
        given: facts of the run, as the manifest has them.
        leaks: counts of the leak check (all zero, or the publish has failed).
        masked, withdrawn: counts by what it was.
        quality: the labeler against people, where they have reviewed.
        notes: hand-written text kept from the previous version.
    """

    name: str
    version: str
    config: DatasetConfig
    label_set: LabelSet
    facts: Facts
    files: Sequence[ShardFile]
    file_bytes: Mapping[str, int]
    left_out: LeftOut
    given: Mapping[str, object]
    leaks: Mapping[str, int]
    masked: Mapping[str, int]
    withdrawn: Mapping[str, int]
    quality: Quality | None
    diff: Mapping[str, object] | None
    previous: str | None
    notes: str | None
    messages: Sequence[str] = ()


def shapes_of(told: CardInput) -> list[str]:
    """Shapes that the version has, in the configured order."""
    return [shape for shape in told.config.shapes if any(f.shape == shape for f in told.files)]


def splits_of(told: CardInput, shape: str) -> list[str]:
    """Splits that a shape has, in order."""
    return [
        split
        for split in told.facts.splits
        if any(file.shape == shape and file.split == split for file in told.files)
    ]
