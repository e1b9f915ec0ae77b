"""What a publish is told, what it is given, and what it gives back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from annotated_types import Interval

from curate.errors import DatasetError
from curate.places import Place
from curate.schema import SPLITS

__all__ = [
    "HERE",
    "NOTHING_WITHDRAWN",
    "SHAPES",
    "DatasetConfig",
    "LeftOut",
    "Progress",
    "Published",
    "ShardPair",
    "SplitCounts",
    "Withdrawn",
    "Workers",
    "no_progress",
]

Shape = Literal["segments", "pages", "annotations"]
Ratio = Annotated[float, Interval(ge=0, le=1)]

SHAPES: tuple[Shape, ...] = ("segments", "pages", "annotations")

Progress = Callable[[str, int, int], None]
"""Called as (what, done, total) while a publish works; total 0: a line to be shown."""

RATIO_TOLERANCE = 1e-6
"""Sum of the split ratios may miss 1 by this much: 0.7 + 0.2 + 0.1 does in floats."""

_REPO = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)


def no_progress(what: str, done: int, total: int) -> None:
    """Progress for callers that don't show any."""


class Workers(Protocol):
    """Processes that take parts of a publish.

    Attributes:
        n: how many there are.
    """

    n: int

    def running(
        self, call: Callable[..., Any], rows: Sequence[tuple[Any, ...]]
    ) -> AbstractContextManager[Iterator[Any]]:
        """Results of `call(*row)` in the order of the rows; the first are begun at once.

        None runs any more when the block is left. `call` is a function of a module.
        """


class _Here:
    n = 1

    @contextmanager
    def running(
        self, call: Callable[..., Any], rows: Iterable[tuple[Any, ...]]
    ) -> Iterator[Iterator[Any]]:
        yield (call(*row) for row in rows)


HERE: Workers = _Here()
"""No process but this one."""


@dataclass(frozen=True)
class DatasetConfig:
    """Options of a publish; `configs/dataset/default.yaml` explains each."""

    title: str | None = None
    license: str = "other"
    sources: str = ""
    citation: str = ""
    contact: str = ""
    require_review: bool = False
    min_score: Ratio | None = None
    min_agreement: Ratio | None = None
    languages: tuple[str, ...] = ()
    page_types: tuple[str, ...] = ()
    min_chars: Annotated[int, Interval(ge=0)] = 0
    max_chars: Annotated[int, Interval(ge=1)] | None = None
    exact_duplicates: Literal["remove", "across_splits"] = "remove"
    near_duplicates: Literal["across_splits", "everywhere", "keep"] = "across_splits"
    near_duplicate_ratio: Annotated[float, Interval(ge=0.5, le=1)] = 0.8
    decontaminate: tuple[str, ...] = ()
    split_ratios: Mapping[str, Ratio] = field(
        default_factory=lambda: {"train": 0.8, "validation": 0.1, "test": 0.1}
    )
    split_salt: str = ""
    shapes: tuple[Shape, ...] = ("segments", "pages")
    clusters: bool = False
    html: bool = False
    paths: bool = False
    scores: bool = False
    mask: tuple[Literal["email", "phone"], ...] = ()
    mask_region: str | None = None
    shard_mb: Annotated[int, Interval(ge=1, le=1024)] = 64
    allow_breaking: bool = False
    push_to_hub: str | None = None
    hub_private: bool = True
    mirror: str | None = None
    neighbours: tuple[Literal["label_studio", "spacy", "text"], ...] = ()

    def __post_init__(self) -> None:
        """Refuse what no single field can tell."""
        unknown = sorted(set(self.split_ratios) - set(SPLITS))
        if unknown:
            raise DatasetError(
                f"dataset.split_ratios: {unknown[0]!r} is no split; "
                f"allowed are {', '.join(SPLITS)}; rename or remove it"
            )
        total = sum(self.split_ratios.values())
        if abs(total - 1) > RATIO_TOLERANCE:
            told = ", ".join(f"{name} {ratio:.2f}" for name, ratio in self.split_ratios.items())
            raise DatasetError(f"split ratios sum to {total:.2f} ({told}); they must sum to 1")
        if self.max_chars is not None and self.max_chars < self.min_chars:
            raise DatasetError(
                f"dataset.max_chars={self.max_chars} is below dataset.min_chars="
                f"{self.min_chars}: no page can pass; change one of them"
            )
        missing = [shape for shape in ("segments", "pages") if shape not in self.shapes]
        if missing:
            raise DatasetError(
                f"dataset.shapes lacks {missing[0]!r}: a version always holds segments and "
                "pages, annotations may be added; put it back"
            )
        if self.push_to_hub is not None and not _REPO.fullmatch(self.push_to_hub):
            raise DatasetError(
                f"dataset.push_to_hub={self.push_to_hub!r} is no repository; "
                "write it as owner/name, or null for none"
            )

    def ratios(self) -> tuple[float, float, float]:
        """Shares of train, validation and test."""
        train, validation, test = (float(self.split_ratios.get(split, 0.0)) for split in SPLITS)
        return train, validation, test


@dataclass(frozen=True, slots=True)
class ShardPair:
    """One shard of the store, as the stages left it.

    Attributes:
        segmented: rows of SEGMENTED_SCHEMA.
        labeled: rows of LABELED_SCHEMA, a subsequence of `segmented` by page_id.
        predicted: rows of PREDICTED_SCHEMA; read for `scores=true` only.
        pages: rows of PAGE_SCHEMA; read for `html=true` only.
    """

    segmented: Place
    labeled: Place
    predicted: Place | None = None
    pages: Place | None = None


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What was withdrawn on request, and so is in no later version.

    Attributes:
        pages: page keys.
        people: pseudonyms of annotators.
    """

    pages: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.pages or self.people)

    def counts(self) -> dict[str, int]:
        """How many of each, without those of which there are none."""
        told = {"pages": len(self.pages), "people": len(self.people)}
        return {what: n for what, n in told.items() if n}


NOTHING_WITHDRAWN = Withdrawn()


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """What one split holds."""

    pages: int
    segments: int
    sites: int
    reviewed: int
    shards: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Counts of what was given and is not in the version, by reason."""

    pages: Mapping[str, int]
    segments: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Published:
    """The outcome of a publish.

    Attributes:
        path: folder of the version that is now the latest.
        version: its name, `v0001`.
        changed: False where the data equals the latest version's and no new one
            was made.
        counts: pages, segments and labels published (`pages`, `segments`,
            `reviewed`, `sites`, `label/<name>`, `origin/<name>`).
        splits: counts of each split that has pages.
        left_out: pages and segments that were given but not published.
        diff: rows added, removed and changed against the previous version;
            None for the first one.
        notes: sentences the user should read (few sites, nothing for a split).
        pushed: URL of the version on the hub, if a push was asked for.
        mirrored: URL of its copy, if a mirror was asked for.
        url: of the version, where the dataset's home is a URL.
    """

    path: Path
    version: str
    changed: bool
    counts: Mapping[str, int]
    splits: Mapping[str, SplitCounts]
    left_out: LeftOut
    diff: Mapping[str, object] | None = None
    notes: tuple[str, ...] = ()
    pushed: str | None = None
    mirrored: str | None = None
    url: str | None = None
