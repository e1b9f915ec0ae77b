"""Which pages need a person: the options, what is known of a page, and the choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from annotated_types import Interval

__all__ = ["Candidate", "Choice", "SampleConfig", "Strategy"]

READ_CHARS_PER_MINUTE = 3_000.0
"""Speed of checking labelled text by eye: about 500 words a minute, twice the
speed of reading for content (Rayner et al. 2016 give 200-400 words a minute)."""

OPEN_MINUTES = 0.2
"""Opening, judging and submitting any page, however short: 12 seconds."""

Strategy = Literal["mix", "uncertainty", "random", "diversity", "quota"]

Share = Annotated[float, Interval(ge=0, le=1)]


@dataclass(frozen=True, slots=True)
class SampleConfig:
    """Options of the `sample` group.

    Attributes:
        strategy: `uncertainty` takes pages with the most expected errors a
            minute; `random` is stratified by site, page type and language;
            `diversity` takes pages that stand for most others; `quota` those
            that hold the labels `quotas` asks for; `mix` shares the round.
        pages: most pages that are open for review at a time.
        random_share, diversity_share, template_share, audit_share: shares of
            the round in `mix`; the rest goes to quotas first and then to
            uncertainty. The random pages keep measures on reviewed pages
            honest; template pages are the first of a site of several pages, the
            one whose lines stand on most of the others; audits test propagated
            labels and are drawn only where there are some.
        label_balance: how much more an error counts in a rare label: 0 each
            error alike, 1 in inverse proportion to the label's frequency, 2 to the
            square of it. What an error costs the label's F1 goes by 1; what one
            more example saves falls with the examples there are, which is the rest.
        reading_cost: how much a page's reading time counts against it: 1 errors
            a minute, 0 errors a page.
        novelty: how much pages unlike those reviewed or chosen are preferred,
            as a power of their distance; 0 not at all.
        same_site: what a page's need counts for each page of its site already
            chosen in the round, 0-1: pages of one site teach much the same.
        quotas: label to the number of its segments that people should have seen.
        suspects: reviewed pages proposed for a second look, at most, beyond `pages`.
        candidates: pages weighed against each other at most; of larger inputs
            a random part, those with most errors and those with most of each label.
        seed: of every random order.
    """

    strategy: Strategy = "mix"
    pages: Annotated[int, Interval(ge=0)] = 50
    random_share: Share = 0.2
    diversity_share: Share = 0.1
    template_share: Share = 0.1
    audit_share: Share = 0.1
    label_balance: Annotated[float, Interval(ge=0, le=3)] = 2.0
    reading_cost: Share = 0.0
    novelty: Share = 0.5
    same_site: Share = 0.5
    quotas: Mapping[str, Annotated[int, Interval(ge=0)]] = field(default_factory=dict)
    suspects: Annotated[int, Interval(ge=0)] = 5
    candidates: Annotated[int, Interval(ge=100)] = 20_000
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A page that could be reviewed.

    Attributes:
        expected_errors: sum over segments of 1 - probability of their label.
        n_chars: length of the page's text.
        page_type, language: as the labeler tells them.
        expected: by label (in the label set's order) the segments of it to expect.
        misses: by label the errors to expect that touch it: segments of it
            called something else, and others called it.
        propagated: segments whose label comes from another page of the site.
        carries: characters on other pages of the site that a decision on this
            one would label, for the first page of a site; and their share of
            all that recurs there.
        vector: float32, a cheap description; equal lengths for all pages.
    """

    page_key: str
    page_id: str
    site: str
    expected_errors: float
    n_chars: int
    page_type: str | None = None
    language: str | None = None
    expected: tuple[float, ...] = ()
    misses: tuple[float, ...] = ()
    propagated: int = 0
    vector: npt.NDArray[np.float32] | None = field(default=None, compare=False, repr=False)
    carries: tuple[int, float] = (0, 0.0)

    @property
    def minutes(self) -> float:
        """Estimated time to review the page."""
        return OPEN_MINUTES + self.n_chars / READ_CHARS_PER_MINUTE


@dataclass(frozen=True, slots=True)
class Choice:
    """A page to review, its place in the queue (0 first) and the reason."""

    page_key: str
    page_id: str
    rank: int
    why: str
