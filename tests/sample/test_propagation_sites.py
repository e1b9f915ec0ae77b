"""Propagation from one reviewed page a site, on real templates.

The page reviewed first is the one whose lines stand on most of the others', in
characters (`first_page`). Recurring: a line that stands on two or more pages of
the site (same text, blanks and case aside, link or not in both places).
Coverage: of the characters of recurring lines on the site's other pages, those
that take a label over; lines that the reviewed page doesn't have count as missed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import curate
from curate.gold import read_reference
from curate.labelers.training.align import align_labels, align_main
from curate.pages import decode_html, decode_text, site_of
from curate.sample.lines import PageLines, first_page, page_lines
from curate.sample.propagate import PropagationConfig, ReadPage, decide, propagated
from curate.segments.blocks import BlockSegmenter

ROOT = Path(__file__).parents[2]
LABELS = ("article", "boilerplate", "teaser", "caption")

Site = list[tuple[PageLines, list[str | None]]]


@dataclass
class Figures:
    """Characters (and lines) of recurring lines on the pages that nobody reviewed."""

    recurring: int = 0
    in_reviewed: int = 0
    labelled: int = 0
    right: int = 0
    lines: int = 0
    lines_right: int = 0

    def add(self, other: Figures) -> None:
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def coverage(self) -> float:
        return self.labelled / self.recurring

    @property
    def precision(self) -> float:
        return self.right / self.labelled

    def told(self, name: str) -> str:
        return (
            f"{name}: {self.coverage:.1%} of {self.recurring:,} recurring characters labelled "
            f"({self.labelled / self.in_reviewed:.1%} of those that the reviewed page has), "
            f"{self.precision:.2%} right ({self.lines_right / self.lines:.2%} of lines)"
        )


def measure(pages: Site, quick_labels: Sequence[str]) -> Figures:
    """One page is reviewed, the others take its decisions over."""
    lines = [page for page, _ in pages]
    first = first_page(lines)
    config = PropagationConfig(quick_labels=tuple(quick_labels))
    site = decide([ReadPage("first", lines[first], pages[first][1])], config)
    seen_on = Counter(key for page in lines for key in set(page.keys))
    reviewed = set(lines[first].keys)
    out = Figures()
    for number, (page, truth) in enumerate(pages):
        if number == first:
            continue
        given = propagated(page, site)
        for key, n, label, right in zip(page.keys, page.n_chars, given, truth, strict=True):
            if seen_on[key] < 2 or right is None:
                continue
            out.recurring += n
            out.in_reviewed += n * (key in reviewed)
            if label is not None:
                out.labelled += n
                out.right += n * (label == right)
                out.lines += 1
                out.lines_right += label == right
    return out


def bundled() -> dict[str, Site]:
    """The bundled pages with the gold labels of their segments."""
    folder = ROOT / "tests/data/samples-gold"
    letters = {
        row["id"]: row["labels"]
        for row in map(json.loads, (folder / "labels.jsonl").read_text().splitlines())
    }
    splitter = BlockSegmenter()
    sites: dict[str, Site] = {}
    for gold in map(json.loads, (folder / "pages.jsonl").read_text("utf-8").splitlines()):
        path = Path(curate.__file__).parent / "samples" / gold["source"]
        if path.suffix == ".html":
            page = splitter.segment_html(decode_html(path.read_bytes()).text, url=gold["url"])
        else:
            page = splitter.segment_text(decode_text(path.read_bytes()).text, url=gold["url"])
        labels = ["ABTC".index(letter) for letter in letters[gold["id"]]]
        texts = [page.segment_text(at) for at in range(len(page))]
        words = align_labels(texts, gold["lines"], labels, len(LABELS))
        said = [LABELS[int(row.argmax())] if row.sum() else None for row in words]
        sites.setdefault(gold["source"].split("/")[0], []).append((page_lines(page), said))
    return sites


def test_bundled_sites(figure: Callable[[str], None]) -> None:
    total = Figures()
    sites = bundled()
    for pages in sites.values():
        total.add(measure(pages, PropagationConfig().quick_labels))
    told = total.told(f"{len(sites)} bundled sites")
    figure(told)
    assert total.coverage >= 0.80, told
    assert total.precision >= 0.99, told


@pytest.mark.shared
@pytest.mark.acceptance
def test_sites_of_the_development_pages(shared: Path, figure: Callable[[str], None]) -> None:
    """Against `main_content`: a decision is whether the line belongs to it.

    Decisions that it doesn't are of the template, as boilerplate and teaser are
    under the guidelines, and one page is enough; that it does needs three.
    """
    splitter = BlockSegmenter()
    rows = list(read_reference(shared / "data/wcxb-dev.parquet"))
    site = [site_of(str(row.url)) or "" for row in rows]
    counts = Counter(site)
    sites: dict[str, Site] = {}
    for name, row in zip(site, rows, strict=True):
        if counts[name] < 5:
            continue
        page = splitter.segment_html(decode_html(row.html).text, url=str(row.url))
        texts = [page.segment_text(at) for at in range(len(page))]
        main = align_main(texts, row.reference)
        said: list[str | None] = np.where(main > 0.5, "main", "other").tolist()
        sites.setdefault(name, []).append((page_lines(page), said))
    assert len(sites) == 16
    total = Figures()
    for name, pages in sorted(sites.items()):
        found = measure(pages, ["other"])
        figure(found.told(name))
        total.add(found)
    told = total.told("16 sites of the development pages")
    figure(told)
    assert total.coverage >= 0.80, told
    assert total.precision >= 0.99, told
