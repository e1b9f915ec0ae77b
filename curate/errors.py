"""Errors that a user can act on.

Every message says what was met, what is allowed, where, and what to do. The
command line turns a `CurateError` into one line on stderr and exit status 1;
any other exception is a bug and keeps its traceback.
"""

from __future__ import annotations

__all__ = [
    "ConfigError",
    "CurateError",
    "DatasetError",
    "EvaluateError",
    "LabelerError",
    "PageError",
    "ReportError",
    "ReviewError",
    "RunError",
    "SampleError",
    "SegmentError",
]


class CurateError(Exception):
    """Base of all errors that are told to the user in one line."""


class ConfigError(CurateError):
    """A key or value of the configuration is not usable."""


class PageError(CurateError):
    """Input that can't be read as pages."""


class SegmentError(CurateError):
    """A page that can't be split into segments."""


class LabelerError(CurateError):
    """A labeler that can't be loaded or doesn't fit the label set."""


class SampleError(CurateError):
    """A sampling request that can't be met."""


class ReviewError(CurateError):
    """Label Studio, its server, or human work that can't be synchronised."""


class DatasetError(CurateError):
    """A dataset that can't be built or published."""


class EvaluateError(CurateError):
    """Gold data or a labeler that can't be scored."""


class ReportError(CurateError):
    """A report that can't be drawn."""


class RunError(CurateError):
    """The store, an engine or a run's record is not usable."""
