"""Who reads which page: balanced, and settled once and for all where a task exists.

There is no table of assignments: what a reader's project holds is theirs. New
pages go to whoever has least to read, so that the numbers of open pages differ
by one at most; pages added later move nothing. Ties are broken by how often two
people already read together, then by a digest, so the same state gives the same
answer anywhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from curate.review.config import ReviewConfig
from curate.text import digest

__all__ = ["Assignment", "Status", "assign", "gold_pages", "readers_wanted"]

Status = Literal["open", "draft", "done", "skipped"]
"""Of a page at one reader: nobody has begun; begun and not submitted; submitted; skipped."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What each reader gets anew.

    Attributes:
        new: page ids by reader, in the order given.
        short: pages that lack readers whom nobody is left to be, and how many.
    """

    new: Mapping[str, tuple[str, ...]]
    short: Mapping[str, int]


def readers_wanted(
    page_key: str, site: str | None, config: ReviewConfig, agreement: Mapping[str, float]
) -> int:
    """How many people should read a page; for one page always the same share is drawn.

    Args:
        agreement: share of segments on which two readers agree, by site.
    """
    most = config.annotators_per_page
    if most == 1:
        return 1
    if config.overlap_rule == "low_agreement" and site is not None:
        known = agreement.get(site)
        if known is not None and known < config.agreement_floor:
            return most
    drawn = int(digest("overlap", page_key, chars=8), 16) / 16**8
    return most if drawn < config.overlap else 1


def assign(
    pages: Sequence[str],
    wanted: Mapping[str, int],
    held: Mapping[str, Mapping[str, Status]],
    finished: Mapping[str, frozenset[str]],
    readers: Sequence[str],
) -> Assignment:
    """Deal pages that lack readers.

    Args:
        pages: page ids that should be read, most needed first.
        wanted: readers each of them should have.
        held: by page id, every present reader's status of it.
        finished: by page id, everybody who submitted a reading of it.
        readers: present annotators.
    """
    open_now = Counter(dict.fromkeys(readers, 0))
    ever = Counter(dict.fromkeys(readers, 0))
    together: Counter[tuple[str, str]] = Counter()
    for statuses in held.values():
        for reader, status in statuses.items():
            ever[reader] += 1
            open_now[reader] += status in ("open", "draft")
        together.update(combinations(sorted(statuses), 2))
    new: dict[str, list[str]] = defaultdict(list)
    short: dict[str, int] = {}
    for page in pages:
        statuses = held.get(page, {})
        had = finished.get(page, frozenset())
        live = had | {r for r, status in statuses.items() if status != "skipped"}
        lacking = wanted[page] - len(live)
        free = [r for r in readers if r not in statuses and r not in had]
        chosen: list[str] = []
        partners = sorted(live)
        while lacking > 0 and free:
            best = min(
                free,
                key=lambda r: (
                    open_now[r],
                    ever[r],
                    sum(together[_pair(r, other)] for other in partners),
                    digest(page, r),
                ),
            )
            free.remove(best)
            chosen.append(best)
            open_now[best] += 1
            ever[best] += 1
            together.update(_pair(best, other) for other in partners)
            partners.append(best)
            lacking -= 1
        for reader in chosen:
            new[reader].append(page)
        if lacking > 0:
            short[page] = lacking
    return Assignment({reader: tuple(new[reader]) for reader in readers}, short)


def _pair(first: str, second: str) -> tuple[str, str]:
    return (first, second) if first < second else (second, first)


def gold_pages(
    reader: str, n_pages: int, n_gold: int, share: float, candidates: Sequence[str]
) -> list[str]:
    """The gold pages that a reader gets anew.

    Args:
        n_pages: pages the reader has or gets, gold not counted.
        n_gold: gold pages the reader has been given so far.
        share: that gold should have of all the reader's pages.
        candidates: gold pages the reader has not seen.
    """
    if share <= 0:
        return []
    # Of n + g pages g are gold where g = n * share / (1 - share).
    lacking = int(n_pages * share / (1 - share) + 1e-9) - n_gold
    order = sorted(candidates, key=lambda page: digest(reader, page))
    return order[: max(0, lacking)]
