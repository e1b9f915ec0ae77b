"""Text of pages in the report: segments that are unsure, and whole example pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from curate.report.data import Example, ExampleSegment, UnsureSegment
from curate.report.markup import Series, count, cut, safe, tag, where

__all__ = ["examples", "unsure_row"]

QUOTE_CHARS = 240
"""Characters of an unsure segment that are shown."""

EXAMPLE_CHARS = 1_200
"""Characters of a segment of an example page that are shown."""

HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "title"})


def unsure_row(segment: UnsureSegment, series: Series) -> str:
    """A row of the table of least certain segments."""
    rival = ""
    if segment.rival is not None:
        score = f" {segment.rival_score:.2f}" if segment.rival_score is not None else ""
        rival = f"{tag(segment.rival, series)}{score}"
    why = f" · {safe(', '.join(segment.reasons))}" if segment.reasons else ""
    return (
        f'<tr><td>{tag(segment.label, series)}</td><td class="num">{segment.score:.2f}</td>'
        f'<td style="white-space:nowrap">{rival}</td>'
        f'<td><span class="quote" dir="auto">{safe(cut(segment.text, QUOTE_CHARS))}</span>'
        f'<span class="where">{where(segment.page, segment.url)}{why}</span></td></tr>'
    )


def examples(pages: Iterable[Example], series: Series) -> Iterator[str]:
    """Example pages, the first one opened."""
    yield (
        '<p class="hint">Each segment with its label and probability; '
        "underlined where a person has the last word.</p>"
    )
    for number, example in enumerate(pages):
        told = [where("", example.url), safe(example.page_type or ""), safe(example.language or "")]
        facts = " · ".join(fact for fact in told if fact)
        yield f"<details{' open' if number == 0 else ''}><summary><b><bdi>{safe(example.title)}"
        yield f'</bdi></b> <span class="where">{facts}</span></summary><div class="page">'
        last = ""
        for segment in example.segments:
            yield _example_segment(segment, series, named=segment.label != last)
            last = segment.label
        yield "</div>"
        if example.left_out:
            yield f'<p class="more">… and {count(example.left_out)} more segments</p>'
        yield "</details>"


def _example_segment(segment: ExampleSegment, series: Series, *, named: bool) -> str:
    number = series.get(segment.label, 0)
    score = "human" if segment.origin == "human" else ""
    if not score and segment.score is not None:
        score = f"{segment.score:.2f}"
    classes = ["text", f"e{number}"]
    classes += ["head"] * (segment.kind in HEADINGS)
    classes += ["human"] * (segment.origin == "human")
    # A run of one label names it once to the eye, and always to a screen reader.
    name = safe(segment.label) if named else f'<span class="sr">{safe(segment.label)}</span>'
    return (
        f'<div class="gutter"><b class="k{number}" title="{safe(segment.label)}">{name}</b>'
        f'<span>{score}</span></div><div class="{" ".join(classes)}" dir="auto">'
        f"{safe(cut(segment.text, EXAMPLE_CHARS))}</div>"
    )
