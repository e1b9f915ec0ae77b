"""Segments and labels for single pages that Label Studio asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curate.labelers.base import Labeler
from curate.pages import page_key_of, site_of
from curate.review.ml_backend import AskedPage
from curate.review.tasks import ReviewTask, make_task
from curate.schema import LabelSet
from curate.stages.labels import in_label_set
from curate.text import text_hash

__all__ = ["PagePredictor", "key_of_added"]


def key_of_added(data: Mapping[str, Any]) -> str:
    """Key of a page added to a project by hand: its address's, else its text's."""
    url = data.get("url")
    known = url if isinstance(url, str) and url.strip() else None
    return page_key_of(known, "added-by-hand", text_hash(str(data["text"])))


@dataclass(frozen=True, slots=True)
class PagePredictor:
    """Splits and labels pages of text as a run does, with a model that stays loaded."""

    segmenter: Any
    labeler: Labeler
    label_set: LabelSet

    @property
    def version(self) -> str:
        """The labeler's name and version, as in published data."""
        return f"{self.labeler.name}@{self.labeler.version}"

    def __call__(self, pages: Sequence[AskedPage]) -> list[ReviewTask]:
        """One task with its prediction for each page.

        Raises:
            CurateError: a page that can't be labelled.
        """
        segmented = [
            self.segmenter.segment(
                page.text,
                media_type="text/plain",
                url=page.url,
                site=site_of(page.url) if page.url else None,
            )
            for page in pages
        ]
        names = self.labeler.label_names
        tasks = []
        for page, split, made in zip(pages, segmented, self.labeler.label(segmented), strict=True):
            prediction, order = in_label_set(made, names, self.label_set, split)
            key = page.page_key or key_of_added({"text": page.text, "url": page.url})
            tasks.append(make_task(key, split, prediction, order, self.version))
        return tasks

    def warm_up(self) -> None:
        """Load the model before somebody waits for it."""
        self([AskedPage("A headline\nAnd a line of text.", "https://example.org/", None, None)])
