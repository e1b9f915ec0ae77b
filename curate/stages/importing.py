"""Existing work into a dataset's annotations, told against the pages of its input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from curate.io import read_rows
from curate.pages import page_key_of
from curate.places import Place
from curate.stages.context import Display
from curate.stages.pipeline import run_pipeline
from curate.stages.settings import Settings
from curate.text import text_hash

__all__ = ["InputPages", "input_pages"]


def input_pages(
    settings: Settings, display: Display, last_recipes: Mapping[str, Any], facts: dict[str, Any]
) -> InputPages:
    """The pages of the input as they are segmented today.

    Raises:
        CurateError: the input can't be read or segmented.
    """
    context = run_pipeline(
        replace(settings, stages=("pages", "segments")), display, last_recipes, facts
    )
    return InputPages([shard.path for shard in context.outcomes["segments"].shards])


class InputPages:
    """Texts of segmented pages by key, read when asked for: one shard stays in memory.

    Args:
        shards: of the stage `segments`.
    """

    def __init__(self, shards: Sequence[Place] = ()) -> None:
        self._shards = list(shards)
        self._places: dict[str, tuple[int, int]] = {}
        self._by_text: dict[str, str] = {}
        self._held: tuple[int, list[str]] = (-1, [])
        for number, path in enumerate(self._shards):
            row = 0
            for batch in read_rows(path, columns=["page_key", "text_hash"]):
                for key, told in zip(*(c.to_pylist() for c in batch.columns), strict=True):
                    self._places[key] = (number, row)
                    self._by_text.setdefault(told, key)
                    row += 1

    def __len__(self) -> int:
        return len(self._places)

    def key_of_url(self, url: str) -> str:
        """Key of the page at an address, in the input or not."""
        return page_key_of(url, "", 0)

    def key_of_text(self, text: str) -> str | None:
        """Key of the page with exactly this text."""
        return self._by_text.get(text_hash(text))

    def text_of(self, page_key: str) -> str | None:
        """Today's text of a page; None where it is not in the input."""
        place = self._places.get(page_key)
        if place is None:
            return None
        number, row = place
        if self._held[0] != number:
            texts = [
                text
                for batch in read_rows(self._shards[number], columns=["text"])
                for text in batch.column(0).to_pylist()
            ]
            self._held = (number, texts)
        return self._held[1][row]
