"""Stages `pull`, `sample` and `push`: people's work comes in, pages go out."""

from __future__ import annotations

from curate.stages.context import Context, Outcome
from curate.schema import Annotation


class Reviewing:
    def __init__(self, context: Context) -> None:
        self._context = context

    def pull(self) -> None: ...
    def sample(self, segments: Outcome, predictions: Outcome) -> None: ...
    def push(self, segments: Outcome, predictions: Outcome) -> None: ...
    def annotations(self) -> dict[str, list[Annotation]]:
        return {}
