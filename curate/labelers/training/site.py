"""Training the look at a site's other pages.

Truth is main content where nothing better is known: it tells article from the
rest, not boilerplate from teaser. A segment whose label is only narrowed down
counts for each label left, by the labeler's own odds among them; headings and
captions, which references leave out at will, are not narrowed down at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
from annotated_types import Interval

from curate.errors import LabelerError
from curate.labelers.base import LABEL_NAMES
from curate.labelers.batch import Floats
from curate.labelers.recurrence import evidence_of_site
from curate.labelers.second import SecondModel
from curate.labelers.second_columns import Look
from curate.labelers.training.second import LookOptions, LookPage, fit_look
from curate.schema import PagePrediction, SegmentedPage

__all__ = ["SITE_OPTIONS", "SitePage", "SiteTraining", "fit_site_look", "site_look_pages"]

ARTICLE, BOILERPLATE, TEASER, CAPTION = range(len(LABEL_NAMES))
_CARD_TYPES = ("listing", "collection")
_UNTOLD = ("h1", "figcaption", "caption")

SITE_OPTIONS = LookOptions(
    trees=32, leaves=8, learning_rate=0.2, min_rows=60, l2=20.0, vocabulary=0, page_rows=120
)

SMALLER = (2, 4)
"""Sizes of the smaller sites that are cut out of larger ones, so that the look
meets sites of two pages as often as of ten."""

SILVER_WEIGHT = 0.5
"""Weight of a segment that only main content speaks of, against a gold one."""


@dataclass(frozen=True)
class SiteTraining:
    """What the look at a site's other pages is trained on.

    Attributes:
        benchmark: Parquet file of pages with `main_content`.
        gold: folders of line-labelled pages of that file.
        out: folder to write.
        folds: parts of the cross-validation that the predictions come from.
        look: size of the look.
    """

    benchmark: str
    gold: tuple[str, ...]
    out: str
    folds: Annotated[int, Interval(ge=2, le=20)] = 5
    look: LookOptions = SITE_OPTIONS


@dataclass(slots=True, eq=False)
class SitePage:
    """A page with an out-of-fold prediction and what is known of it.

    Attributes:
        main: float32 [n_segments], share of words that are main content, or None.
        gold: float32 [n_segments, 4], words by label, or None.
    """

    site: str
    page: SegmentedPage
    prediction: PagePrediction
    main: Floats | None
    gold: Floats | None
    page_type: str | None = None


def fit_site_look(
    pages: Sequence[SitePage],
    decision: dict[str, Sequence[float]],
    *,
    options: LookOptions = SITE_OPTIONS,
    about: dict[str, Any] | None = None,
    log: Callable[[str], None] = lambda _: None,
) -> SecondModel:
    """Fit the look on pages of sites that have at least two.

    Raises:
        LabelerError: no site has two pages.
    """
    looks = site_look_pages(pages, seed=options.seed)
    if not looks:
        raise LabelerError("no site has two pages; site evidence can't be trained on them")
    return fit_look(looks, options, evidence=True, decision=decision, about=about, log=log)


def site_look_pages(pages: Sequence[SitePage], *, seed: int) -> list[LookPage]:
    """The pages of each site with several, as one site and as smaller ones."""
    sites: dict[str, list[SitePage]] = defaultdict(list)
    for page in pages:
        if len(page.page):
            sites[page.site].append(page)
    out: list[LookPage] = []
    for site in sorted(sites):
        held = sites[site]
        if len(held) < 2:
            continue
        rng = np.random.default_rng([seed, *site.encode()])
        cuts = list(_cuts(len(held), rng))
        times = np.bincount(np.concatenate(cuts), minlength=len(held))
        for cut in cuts:
            out += _as_site([held[at] for at in cut], [1 / times[at] for at in cut], site)
        out += _twice(held[int(rng.integers(len(held)))], held, site)
    return out


def _cuts(n: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """The whole site, and each page once in a smaller one of each size."""
    yield list(range(n))
    for size in SMALLER:
        if n > size:
            order = rng.permutation(n).tolist()
            yield from (order[at : at + size] for at in range(0, n - size + 1, size))


def _as_site(held: Sequence[SitePage], weights: Sequence[float], site: str) -> Iterator[LookPage]:
    evidence = evidence_of_site([each.page for each in held])
    for each, found, weight in zip(held, evidence, weights, strict=True):
        look = Look(each.page, each.prediction, found)
        yield LookPage(look, (_truth(each) * weight).astype(np.float32), _group(site))


def _twice(one: SitePage, held: Sequence[SitePage], site: str) -> Iterator[LookPage]:
    """A page that the site has twice under two addresses: its story recurs and is a story."""
    copy = replace(one.page, text=one.page.text + "\n")
    others = [each.page for each in held if each is not one][:3]
    (evidence, *_) = evidence_of_site([one.page, copy, *others])
    yield LookPage(
        Look(one.page, one.prediction, evidence), _truth(one) * np.float32(0.3), _group(site)
    )


def _group(site: str) -> str:
    """What stays in one fold: a site's pages and their renderings (`site (text)`)."""
    return site.partition(" ")[0]


def _truth(each: SitePage) -> Floats:
    """Weight of each label of each segment; zeros where nothing is known."""
    page = each.page
    chance = np.asarray(each.prediction.scores, np.float64)
    out = np.zeros_like(chance)
    size = np.minimum(np.sqrt((page.ends - page.starts) / 5.0), 6.0) / 6.0
    if each.main is not None and each.main.any():
        allowed = np.zeros(out.shape, bool)
        inside = each.main >= 0.5
        allowed[inside, ARTICLE] = True
        allowed[inside, TEASER] = each.page_type in _CARD_TYPES
        outside = each.main <= 0
        allowed[outside, BOILERPLATE] = allowed[outside, TEASER] = allowed[outside, CAPTION] = True
        untold = np.fromiter((kind in _UNTOLD for kind in page.kinds), bool, len(page))
        allowed[untold] = True
        narrowed = chance * allowed
        narrowed /= np.maximum(narrowed.sum(axis=1, keepdims=True), 1e-9)
        narrowed[narrowed < 0.02] = 0.0
        out = narrowed * SILVER_WEIGHT
    if each.gold is not None:
        known = each.gold.sum(axis=1) > 0
        out[known] = each.gold[known] / each.gold[known].sum(axis=1, keepdims=True)
    weighted: Floats = (out * size[:, None]).astype(np.float32)
    return weighted
