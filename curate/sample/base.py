"""Which pages need a person: chosen by how much a minute of reading corrects."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from curate.text import digest

__all__ = ["Candidate", "Choice", "SampleConfig", "choose"]

READ_CHARS_PER_MINUTE = 3_000.0
"""Speed of checking labelled text by eye: about 500 words a minute, twice the
speed of reading for content (Rayner et al. 2016 give 200-400 words a minute)."""

OPEN_MINUTES = 0.2
"""Opening, judging and submitting any page, however short: 12 seconds."""


@dataclass(frozen=True, slots=True)
class SampleConfig:
    """Options of the `sample` group.

    Attributes:
        strategy: `uncertainty` takes pages with the most expected errors a
            minute; `random` is stratified by site; `mix` alternates them.
        pages: most pages that are open for review at a time.
        random_share: share of random pages in `mix`; they keep measures on
            reviewed pages honest.
        seed: of the random order.
    """

    strategy: Literal["mix", "uncertainty", "random"] = "mix"
    pages: Annotated[int, Field(ge=0)] = 50
    random_share: Annotated[float, Field(ge=0, le=1)] = 0.3
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A page that could be reviewed.

    Attributes:
        expected_errors: sum over segments of 1 - probability of their label.
        n_chars: length of the page's text.
    """

    page_key: str
    page_id: str
    site: str
    expected_errors: float
    n_chars: int

    @property
    def minutes(self) -> float:
        """Estimated time to review the page."""
        return OPEN_MINUTES + self.n_chars / READ_CHARS_PER_MINUTE

    @property
    def need(self) -> float:
        """Expected errors corrected per minute."""
        return self.expected_errors / self.minutes


@dataclass(frozen=True, slots=True)
class Choice:
    """A page to review, its place in the queue (0 first) and the reason."""

    page_key: str
    page_id: str
    rank: int
    why: str


def choose(
    candidates: Iterable[Candidate],
    config: SampleConfig,
    *,
    reviewed: Set[str] = frozenset(),
    opened: Set[str] = frozenset(),
) -> list[Choice]:
    """The pages that should be open for review now, most needed first.

    Pages already open stay (someone may be reading them); reviewed ones leave;
    the rest is filled up to `config.pages`. The same input gives the same answer.

    Args:
        reviewed: page keys whose present text a person has reviewed.
        opened: page keys that wait on the server.
    """
    kept: list[Choice] = []
    free: list[Candidate] = []
    for candidate in candidates:
        if candidate.page_key in reviewed:
            continue
        if candidate.page_key in opened:
            kept.append(Choice(candidate.page_key, candidate.page_id, 0, "already open"))
        else:
            free.append(candidate)
    n_free = max(0, config.pages - len(kept))
    share = {"random": 1.0, "uncertainty": 0.0, "mix": config.random_share}[config.strategy]
    n_random = round(n_free * share)
    chosen: dict[str, tuple[Candidate, str]] = {}
    order = heapq.nsmallest(
        n_free, free, key=lambda c: (-c.need, digest(str(config.seed), c.page_key))
    )
    for candidate in order[: n_free - n_random]:
        why = f"{candidate.expected_errors:.1f} errors expected in {candidate.minutes:.1f} min"
        chosen[candidate.page_key] = (candidate, why)
    rest = (c for c in _by_site(free, config.seed) if c.page_key not in chosen)
    for candidate, _ in zip(rest, range(n_free - len(chosen)), strict=False):
        chosen[candidate.page_key] = (candidate, "drawn at random, by site")
    picked = [
        Choice(candidate.page_key, candidate.page_id, 0, why) for candidate, why in chosen.values()
    ]
    kept.sort(key=lambda choice: choice.page_key)
    return [
        Choice(choice.page_key, choice.page_id, rank, choice.why)
        for rank, choice in enumerate(kept + picked)
    ]


def _by_site(candidates: Iterable[Candidate], seed: int) -> list[Candidate]:
    """Seeded order in which each round takes one page of every site."""
    sites: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        sites[candidate.site].append(candidate)
    ranked: list[tuple[int, str, Candidate]] = []
    for pages in sites.values():
        pages.sort(key=lambda c: digest(str(seed), c.page_key))
        ranked.extend((turn, digest(str(seed), c.page_key), c) for turn, c in enumerate(pages))
    return [c for _, _, c in sorted(ranked, key=lambda row: row[:2])]
