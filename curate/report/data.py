"""What the report tells, as plain values; who computed them and how is not its business.

Everything is drawn in the order given, so equal data give equal bytes. There is
no room for clock times or run ids: the report is part of a published version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from curate.report.agreement import AgreementView
from curate.report.quality import QualityView

__all__ = [
    "SCORE_BINS",
    "Agreement",
    "Example",
    "ExampleSegment",
    "Group",
    "LabelCount",
    "ReportData",
    "ReviewState",
    "Split",
    "StageCount",
    "UnsureSegment",
    "VersionDiff",
]

SCORE_BINS = 20
"""Equal bins of a score histogram over [0, 1]; the last one holds 1.0 too."""


@dataclass(frozen=True, slots=True)
class LabelCount:
    """One label of the label set and how much carries it.

    Attributes:
        color: `#rrggbb`.
        scores: SCORE_BINS counts of segments by the labeler's probability of
            this, their label; empty where there are none.
    """

    name: str
    color: str
    segments: int
    chars: int
    description: str = ""
    scores: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class StageCount:
    """In = out + dropped + quarantined; the latter two by reason."""

    stage: str
    n_in: int
    n_out: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    quarantined: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Split:
    """One split of the dataset."""

    name: str
    pages: int
    segments: int
    sites: int
    reviewed: int


@dataclass(frozen=True, slots=True)
class Group:
    """Pages that share a site, a page type or a language.

    Attributes:
        chars: characters by label name.
    """

    name: str
    pages: int
    chars: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class UnsureSegment:
    """A segment whose label has a low probability."""

    page: str
    text: str
    label: str
    score: float
    rival: str | None = None
    rival_score: float | None = None
    reasons: Sequence[str] = ()
    url: str | None = None


@dataclass(frozen=True, slots=True)
class ExampleSegment:
    """A segment of an example page."""

    text: str
    label: str
    kind: str = "p"
    score: float | None = None
    origin: str = "model"


@dataclass(frozen=True, slots=True)
class Example:
    """A page shown in full or in part; `left_out` segments follow those given."""

    title: str
    segments: Sequence[ExampleSegment]
    url: str | None = None
    page_type: str | None = None
    language: str | None = None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often people kept the suggested label, with a 95 % interval of the share.

    Attributes:
        kept, seen: segments that kept the suggestion, and all that were seen.
        low, high: bounds of kept / seen, in 0-1.
    """

    label: str
    kept: int
    seen: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ReviewState:
    """What people have done so far.

    Attributes:
        actions: human segments by action.
        agreement: mean agreement of segments that two or more people read, and
            how many those are; None without any.
        kept: per label, how often the suggestion was kept.
    """

    reviewed: int
    pages: int
    annotators: int
    actions: Mapping[str, int] = field(default_factory=dict)
    agreement: tuple[float, int] | None = None
    kept: Sequence[Agreement] = ()
    orphans: int = 0


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """What changed since an earlier version: counts under added, removed, changed, unchanged.

    Attributes:
        relabelled: segments by change, e.g. `teaser → article`.
    """

    before: str
    pages: Mapping[str, int]
    segments: Mapping[str, int]
    relabelled: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReportData:
    """All of a report. Sections without data are left out.

    Attributes:
        labels: in the label set's order.
        stages: in the order they ran.
        sites: largest first; the caller decides how many and sums up the rest.
        origins: segments by origin of their label.
        notes: sentences for the top of the report.
    """

    name: str
    version: str
    labels: Sequence[LabelCount]
    stages: Sequence[StageCount] = ()
    splits: Sequence[Split] = ()
    sites: Sequence[Group] = ()
    page_types: Sequence[Group] = ()
    languages: Sequence[Group] = ()
    origins: Mapping[str, int] = field(default_factory=dict)
    unsure: Sequence[UnsureSegment] = ()
    examples: Sequence[Example] = ()
    review: ReviewState | None = None
    diff: VersionDiff | None = None
    labeler: str = ""
    notes: Sequence[str] = ()
    agreement: AgreementView | None = None
    quality: QualityView | None = None
