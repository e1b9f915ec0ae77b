"""What `curate review status` says of text that reviewers left without a label."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from curate.review.left_over import pages_left_over
from curate.schema import Annotation

__all__ = ["print_left_over"]

SHOWN_PAGES = 5


def print_left_over(annotations: Iterable[Annotation], server: str, console: Any) -> None:
    """Name pages with text that has no label, with where they were read.

    Args:
        server: the server's address.
    """
    every = pages_left_over(annotations)
    if n := sum(len(page.settled) for page in every):
        console.print(
            f"left out for good: {n} lines, whose regions reviewers deleted twice; not published"
        )
    pages = [page for page in every if page.spans]
    if not pages:
        return
    n = sum(len(page.spans) for page in pages)
    console.print(
        f"without a label: {n} lines on {len(pages)} pages, where reviewers deleted the region; "
        "they are not published, and pages read here go to review once more with the next push:"
    )
    for page in pages[:SHOWN_PAGES]:
        where = f"page {page.page_key}"
        if page.project_id is not None and page.task_id is not None:
            where = f"{server}/projects/{page.project_id}/data?task={page.task_id}"
        console.print(f"  {where} ({len(page.spans)} lines)")
    if len(pages) > SHOWN_PAGES:
        console.print(f"  and {len(pages) - SHOWN_PAGES} pages more")
