"""What a dataset card is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from curate.dataset.base import DatasetConfig, LeftOut
from curate.dataset.facts import Facts
from curate.dataset.quality import Quality
from curate.dataset.shards import ShardFile
from curate.schema import LabelSet

__all__ = ["CardInput", "shapes_of"]


@dataclass(frozen=True, slots=True)
class CardInput:
    """Everything a card is made of.

    Attributes:
        head: YAML that the card begins with.
        name: of the dataset; version: of this one.
        files: written shards; file_bytes: their sizes on disk by path.
        given: facts of the run, as the manifest has them.
        leaks: counts of the leak check (all zero, or the publish has failed).
        masked, withdrawn: counts by what it was.
        quality: the labeler against people, where they have reviewed.
        notes: hand-written text kept from the previous version.
    """

    head: str
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


def shapes_of(config: DatasetConfig, files: Sequence[ShardFile]) -> list[str]:
    """Shapes that a version has, in the configured order."""
    return [shape for shape in config.shapes if any(file.shape == shape for file in files)]
