"""Part of stage `labels`: people's decisions on recurring lines, taken over to other pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from curate.io import json_digest
from curate.places import Place
from curate.sample.propagate import SiteDecisions
from curate.stages.reviewed import PeopleSaid
from curate.stages.shards import column, rows_of

__all__ = ["decisions_for", "fingerprint", "origin_counts", "stopped_lines"]


def decisions_for(shard: Place, said: PeopleSaid) -> dict[str, SiteDecisions]:
    """The decisions that can touch a segmented shard: those of its sites."""
    if not said.sites:
        return {}
    sites = set(column(shard, "site"))
    return {site: found for site, found in said.sites.items() if site in sites and found.decisions}


def fingerprint(decisions: Mapping[str, SiteDecisions]) -> str:
    """Digest of what is applied to a shard."""
    return json_digest({site: found.fingerprint for site, found in decisions.items()})


def origin_counts(labeled: Sequence[Place]) -> dict[str, int]:
    """Segments by the origin of their label, over labelled shards."""
    counts: Counter[str] = Counter()
    for path in labeled:
        for row in rows_of(path, ["origins", "labels"]):
            counts.update(
                origin
                for origin, label in zip(row["origins"], row["labels"], strict=True)
                if label is not None
            )
    return dict(sorted(counts.items()))


def stopped_lines(said: PeopleSaid) -> list[str]:
    """What the user should know of propagation that measured errors have stopped."""
    return [
        f"{site}: {label} is no longer propagated; {audit.wrong} of {audit.tested} lines were "
        "wrong on pages that people read themselves"
        for site, found in said.sites.items()
        for label in found.stopped
        if (audit := found.audits.get(label)) is not None
    ]
