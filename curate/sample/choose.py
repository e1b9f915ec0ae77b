"""A round of review: the pages that should be open, each with its reason."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from curate.errors import SampleError
from curate.sample.base import Candidate, Choice, SampleConfig
from curate.sample.pool import Pool, keep, order_key
from curate.sample.strategies import (
    Picked,
    by_need,
    by_quota,
    by_spread,
    by_template,
    for_audit,
    random_pages,
)

__all__ = ["Seen", "choose"]

MAX_ANCHORS = 500
"""Reviewed pages that need and diversity keep away from, at most: the distances from
20,000 candidates stay at 40 MB."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What people have done so far.

    Attributes:
        reviewed: page ids that a person has reviewed.
        opened: page ids that wait on the server.
        by_label: label to reviewed segments of it.
        audited: site to propagated lines that reviewed pages have tested.
        second_look: page id to why it deserves one, gravest first.
    """

    reviewed: Set[str] = frozenset()
    opened: Set[str] = frozenset()
    by_label: Mapping[str, int] = field(default_factory=dict)
    audited: Mapping[str, int] = field(default_factory=dict)
    second_look: Mapping[str, str] = field(default_factory=dict)


def choose(
    candidates: Iterable[Candidate],
    config: SampleConfig,
    labels: Sequence[str] = (),
    seen: Seen | None = None,
) -> list[Choice]:
    """The pages that should be open for review now, most needed first.

    Pages already open stay (someone may be reading them); reviewed ones leave,
    but for those that deserve a second look; the rest is filled up to
    `config.pages`. The same input gives the same answer, in whatever order.

    Args:
        candidates: every page of the input; streamed.
        labels: names in the order of `Candidate.expected`.

    Raises:
        SampleError: a quota names a label that isn't there, or shares exceed 1.
    """
    seen = seen or Seen()
    check(config, labels)
    pool = Pool(config.candidates, config.seed)
    opened: list[Candidate] = []
    anchors: list[tuple[float, str, Candidate]] = []
    second: list[Candidate] = []
    for candidate in candidates:
        if candidate.page_id in seen.reviewed:
            key = order_key(config.seed, candidate.page_key)
            keep(anchors, (-int(key[:12], 16), key, candidate), MAX_ANCHORS)
            if candidate.page_id in seen.second_look:
                second.append(candidate)
        elif candidate.page_id in seen.opened:
            opened.append(candidate)
        else:
            pool.add(candidate)
    opened.sort(key=lambda c: c.page_key)
    known = [candidate for *_, candidate in sorted(anchors, key=lambda row: row[1])]
    picked = _fill(pool, config, labels, seen, opened, known)
    rows = [(c, "already open") for c in opened] + picked
    grave = {page_id: at for at, page_id in enumerate(seen.second_look)}
    second.sort(key=lambda c: (grave[c.page_id], c.page_key))
    rows += [(c, seen.second_look[c.page_id]) for c in second[: config.suspects]]
    return [Choice(c.page_key, c.page_id, rank, why) for rank, (c, why) in enumerate(rows)]


def check(config: SampleConfig, labels: Sequence[str]) -> None:
    """Whether the options fit together and fit the labels.

    Raises:
        SampleError: as `choose`.
    """
    shares = math.fsum(
        [
            config.random_share,
            config.diversity_share,
            config.template_share,
            config.audit_share,
        ]
    )
    if config.strategy == "mix" and shares > 1 + 1e-9:
        raise SampleError(
            f"sample.random_share={config.random_share} + diversity_share="
            f"{config.diversity_share} + template_share={config.template_share} + audit_share="
            f"{config.audit_share} is {shares:.2f}; the shares of a round must not exceed 1"
        )
    unknown = sorted(set(config.quotas) - set(labels)) if labels else []
    if unknown:
        raise SampleError(
            f"sample.quotas names {', '.join(unknown)}, which is no label; "
            f"allowed are {', '.join(labels)}"
        )
    if config.strategy == "quota" and not config.quotas:
        raise SampleError(
            "sample=quota without a quota; say how many segments of which label people "
            "should have seen, e.g. 'sample.quotas={caption: 200}'"
        )


def _fill(
    pool: Pool,
    config: SampleConfig,
    labels: Sequence[str],
    seen: Seen,
    opened: Sequence[Candidate],
    anchors: Sequence[Candidate],
) -> list[tuple[Candidate, str]]:
    """The new pages of the round, in the order in which they should be read."""
    kept = pool.candidates()
    n_free = max(0, config.pages - len(opened))
    picked: dict[str, tuple[Candidate, str]] = {}
    groups: list[int] = []
    group = 0

    def left() -> list[Candidate]:
        return [c for c in kept if c.page_key not in picked]

    def chosen() -> list[Candidate]:
        return [*opened, *(c for c, _ in picked.values())]

    def take(pages: Picked, n: int) -> None:
        nonlocal group
        for candidate, why in pages:
            if n <= 0 or len(picked) >= n_free:
                break
            picked[candidate.page_key] = (candidate, why)
            groups.append(group)
            n -= 1
        group += 1

    def need(n: int) -> None:
        weights = pool.scarcity(config.label_balance)
        take(by_need(left(), weights, labels, config, chosen(), anchors), n)

    def quota(n: int) -> None:
        have: dict[str, float] = dict(seen.by_label)
        for page in chosen():
            for name, value in zip(labels, page.expected, strict=False):
                have[name] = have.get(name, 0.0) + value / 2
        take(by_quota(left(), config.quotas, have, labels), n)

    if config.strategy == "mix":
        # What a share can't use (no labels to audit, quotas met) goes to uncertainty.
        n_random = round(n_free * config.random_share)
        n_spread = round(n_free * config.diversity_share)
        take(for_audit(left(), seen.audited), round(n_free * config.audit_share))
        take(by_template(left()), round(n_free * config.template_share))
        quota(n_free - n_random - n_spread - len(picked))
        need(n_free - n_random - n_spread - len(picked))
        take(by_spread(left(), [*anchors, *chosen()]), n_spread)
        take(random_pages(left()), n_free)
    elif config.strategy == "uncertainty":
        need(n_free)
    elif config.strategy == "diversity":
        take(by_spread(left(), [*anchors, *chosen()]), n_free)
    elif config.strategy == "quota":
        quota(n_free)
    else:
        take(random_pages(left()), n_free)
    return _interleaved(list(picked.values()), groups)


def _interleaved(
    rows: Sequence[tuple[Candidate, str]], groups: Sequence[int]
) -> list[tuple[Candidate, str]]:
    """Each group spread evenly over the queue: who stops halfway has read half of each.

    Args:
        groups: group of each row.
    """
    size = Counter(groups)
    met: Counter[int] = Counter()
    place = []
    for at, group in enumerate(groups):
        met[group] += 1
        place.append(((met[group] - 0.5) / size[group], group, at))
    return [rows[at] for *_, at in sorted(place)]
