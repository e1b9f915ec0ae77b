"""What every labeler is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from curate.schema import PagePrediction, SegmentedPage

__all__ = ["LABEL_NAMES", "Labeler"]

LABEL_NAMES = ("article", "boilerplate", "teaser", "caption")
"""Labels of the default label set `web4`, in the order of the scores' columns."""


@runtime_checkable
class Labeler(Protocol):
    """Gives each segment a label, scores and reasons.

    Implementations are frozen dataclasses of their options, cheap to make and
    to pickle; what is heavy is loaded on first use.

    Attributes:
        name: short name, as in the config group `labeler`.
        version: digest of all that decides a prediction besides the code: model
            files, tables, options. Another version means other predictions.
        label_names: labels in the order of the scores' columns.
    """

    @property
    def name(self) -> str:
        """Short name, as in the config group `labeler`."""

    @property
    def version(self) -> str:
        """Digest of model files, tables and options."""

    @property
    def label_names(self) -> tuple[str, ...]:
        """Labels in the order of the scores' columns."""

    def label(self, pages: Sequence[SegmentedPage]) -> list[PagePrediction]:
        """One prediction a page, in order; the same whatever pages stand beside it."""
