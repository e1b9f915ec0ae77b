"""The ways of choosing: at random, by need, by spread, by quota, as audit.

Each takes pages from the pool that are not yet chosen, best first, and says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from curate.sample.base import Candidate, SampleConfig

__all__ = ["by_need", "by_quota", "by_spread", "by_template", "for_audit", "random_pages"]

Picked = Iterator[tuple[Candidate, str]]

CLIENTS, STAND_INS = 1_000, 4_000
"""Pages that diversity tries to stand for, and pages that it looks at for that: a
random part is as good as all, and the distances between them stay below 20 MB."""

QUOTA_TRUST = 0.5
"""Segments of a rare label that turn out where one is expected: expected numbers of
rare labels are sums of many small probabilities, and too high as often as not."""


def random_pages(pool: Sequence[Candidate]) -> Picked:
    """In the pool's random order, spread over sites, page types and languages.

    Next is always a page of the site drawn from least; among those, of the page
    type and language furthest behind their share of the pool.
    """
    if not pool:
        return
    sites = np.unique([c.site for c in pool], return_inverse=True)[1]
    kinds = np.unique([f"{c.page_type}\n{c.language}" for c in pool], return_inverse=True)[1]
    share = np.bincount(kinds) / len(pool)
    of_site = np.zeros(sites.max() + 1)
    of_kind = np.zeros(kinds.max() + 1)
    free = np.ones(len(pool), bool)
    for turn in range(len(pool)):
        rows = np.flatnonzero(free)
        rows = rows[of_site[sites[rows]] == of_site[sites[rows]].min()]
        behind = share * (turn + 1) - of_kind
        # Rounded: sums of shares differ in their last bits from one order to another.
        lack = np.round(behind[kinds[rows]], 9)
        row = int(rows[lack.argmax()])
        free[row] = False
        of_site[sites[row]] += 1
        of_kind[kinds[row]] += 1
        kind = ", ".join(part for part in (pool[row].page_type, pool[row].language) if part)
        yield pool[row], "drawn at random, by site" + (f" ({kind})" if kind else "")


def by_need(
    pool: Sequence[Candidate],
    scarcity: Sequence[float],
    labels: Sequence[str],
    config: SampleConfig,
    chosen: Sequence[Candidate] = (),
    reviewed: Sequence[Candidate] = (),
) -> Picked:
    """Most expected errors for the reading, of pages unlike those that are read anyway.

    Args:
        scarcity: what an error in each label counts.
        labels: their names.
        chosen, reviewed: pages of this round, and of rounds before.
    """
    if not pool:
        return
    need = np.array([_errors(c, scarcity) / c.minutes**config.reading_cost for c in pool])
    names, site = np.unique([c.site for c in pool], return_inverse=True)
    taken = Counter(c.site for c in chosen)
    need *= np.array([config.same_site ** taken[name] for name in names])[site]
    space = _Space(pool, [*reviewed, *chosen]) if config.novelty else None
    free = np.ones(len(pool), bool)
    for _ in pool:
        value = need if space is None else need * space.distance() ** config.novelty
        row = int(np.where(free, np.round(value, 9), -1.0).argmax())
        free[row] = False
        page = pool[row]
        why = f"{page.expected_errors:.1f} errors expected in {page.minutes:.1f} min"
        weighed = np.multiply(page.misses, scarcity) if page.misses else np.zeros(0)
        if len(weighed) and len(labels) == len(weighed) and weighed.sum() > 0:
            why += f", most of them about {labels[int(weighed.argmax())]}"
        yield page, why
        need[site == site[row]] *= config.same_site
        if space is not None:
            space.add(row)


class _Space:
    """How far each page of the pool is from the nearest page that is read anyway."""

    def __init__(self, pool: Sequence[Candidate], anchors: Sequence[Candidate]) -> None:
        width = max((len(c.vector) for c in pool if c.vector is not None), default=1)
        blank = np.zeros(width, np.float32)
        vectors = np.array([blank if c.vector is None else c.vector for c in pool], np.float32)
        scale = np.maximum(vectors.std(axis=0), 1e-3)
        self._at = vectors / scale
        # What two pages are apart on average; farther is no more than new.
        self._width = max(float(2 * (self._at.var(axis=0)).sum()), 1e-6)
        self._nearest = np.full(len(pool), self._width, np.float32)
        known = np.array([c.vector for c in anchors if c.vector is not None], np.float32)
        if len(known):
            near = _squares(self._at, known / scale).min(axis=1)
            self._nearest = np.minimum(self._nearest, near)

    def add(self, row: int) -> None:
        """Take a page as read from now on."""
        away = ((self._at - self._at[row]) ** 2).sum(axis=1)
        self._nearest = np.minimum(self._nearest, away)

    def distance(self) -> npt.NDArray[np.float64]:
        """In 0-1, never quite 0: a copy of a page that is read still has some need."""
        out: npt.NDArray[np.float64] = np.sqrt(
            np.maximum(self._nearest / self._width, 1e-4).astype(np.float64)
        )
        return out


def _errors(page: Candidate, scarcity: Sequence[float]) -> float:
    """Expected errors, weighed by label. An error touches two labels: each counts half."""
    if not page.misses:
        return page.expected_errors
    return float(np.dot(page.misses, scarcity)) / 2


def by_spread(pool: Sequence[Candidate], chosen: Sequence[Candidate] = ()) -> Picked:
    """Pages that stand for most others that no chosen page stands for (facility location).

    Args:
        chosen: pages that stand for others already: reviewed, open or chosen.
    """
    rows = [at for at, page in enumerate(pool) if page.vector is not None][:STAND_INS]
    if not rows:
        return
    vectors = np.array([pool[at].vector for at in rows], np.float32)
    scale = np.maximum(vectors.std(axis=0), 1e-3)
    clients = vectors[:CLIENTS] / scale
    distance = _squares(vectors / scale, clients)
    width = max(float(np.median(distance)), 1e-6)
    like = np.exp(-distance / width)
    covered = np.zeros(len(clients), np.float32)
    others = np.array([c.vector for c in chosen if c.vector is not None], np.float32)
    if len(others):
        covered = np.exp(-_squares(others / scale, clients).min(axis=0) / width)
    free = np.ones(len(rows), bool)
    for _ in rows:
        gain = np.where(free, np.maximum(like - covered, 0).sum(axis=1), -1.0)
        best = int(np.round(gain, 4).argmax())
        free[best] = False
        stands = int((like[best] > np.maximum(covered, 0.5)).sum())
        covered = np.maximum(covered, like[best])
        part = max(stands, 1) / len(clients)
        yield pool[rows[best]], f"stands for {part:.0%} of the pages, unlike those chosen so far"


def _squares(
    left: npt.NDArray[np.float32], right: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Squared distances, [n_left, n_right]."""
    total = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None] - 2 * left @ right.T
    out: npt.NDArray[np.float32] = np.maximum(total, 0).astype(np.float32)
    return out


def by_quota(
    pool: Sequence[Candidate], wanted: Mapping[str, int], have: Mapping[str, float],
    labels: Sequence[str],
) -> Picked:  # fmt: skip
    """Pages with most of the labels that are still too few, until there should be enough.

    Args:
        wanted: label to segments that people should have seen.
        have: label to segments that they have seen or that are open.
        labels: names in the order of `Candidate.expected`.
    """
    lack = np.array([max(0.0, wanted.get(name, 0) - have.get(name, 0.0)) for name in labels])
    if not len(pool) or not lack.any() or any(len(c.expected) != len(labels) for c in pool):
        return
    expected = np.array([c.expected for c in pool]) * QUOTA_TRUST
    minutes = np.array([c.minutes for c in pool])
    free = np.ones(len(pool), bool)
    while lack.max() > 0.01 and free.any():
        # Shares of what lacks: the label that is furthest from its quota leads.
        full = np.maximum([wanted.get(name, 0) for name in labels], 1.0)
        gain = (np.minimum(expected, lack) * (lack / full)).sum(axis=1) / minutes
        row = int(np.where(free, np.round(gain, 9), -1.0).argmax())
        if gain[row] <= 0:
            return
        free[row] = False
        lead = int((np.minimum(expected[row], lack) * (lack / full)).argmax())
        name = labels[lead]
        yield (
            pool[row],
            (
                f"about {pool[row].expected[lead]:.0f} {name} expected; "
                f"{have.get(name, 0.0):.0f} of {wanted[name]} seen so far"
            ),
        )
        lack = np.maximum(lack - expected[row], 0)


def by_template(pool: Sequence[Candidate]) -> Picked:
    """First pages of sites: one decision on each of their lines labels most elsewhere."""
    rows = [page for page in pool if page.carries[0]]
    taken: set[str] = set()
    for page in sorted(rows, key=lambda c: (-c.carries[0] / c.minutes, c.page_key)):
        if page.site not in taken:
            taken.add(page.site)
            chars, share = page.carries
            yield (
                page,
                (
                    f"first of {page.site}: its lines are {share:.0%} of what recurs on "
                    f"other pages ({chars:,} characters)"
                ),
            )


def for_audit(pool: Sequence[Candidate], audited: Mapping[str, int]) -> Picked:
    """Pages that test propagated labels: next the site with most of them for each one tested.

    Within a site the order is random, so that the measured error is that of the site.

    Args:
        pool: in random order.
        audited: site to propagated lines that reviewed pages have tested.
    """
    by_site: dict[str, list[Candidate]] = {}
    for page in pool:
        if page.propagated:
            by_site.setdefault(page.site, []).append(page)
    load = {site: sum(p.propagated for p in pages) for site, pages in by_site.items()}
    tested = {site: float(audited.get(site, 0)) for site in by_site}
    while by_site:
        site = min(by_site, key=lambda name: (-load[name] / (tested[name] + 1), name))
        page = by_site[site].pop(0)
        if not by_site[site]:
            del by_site[site]
        tested[site] += page.propagated
        yield page, f"tests {page.propagated} labels propagated on {site}"
