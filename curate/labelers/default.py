"""The labeler that the Python API and `curate label` use."""

from __future__ import annotations

from functools import lru_cache

from curate.labelers.base import Labeler

__all__ = ["default_labeler"]


@lru_cache(maxsize=1)
def default_labeler() -> Labeler:
    """The best labeler there is in this installation."""
    from curate.labelers.model import ModelLabeler

    return ModelLabeler()
