"""What people have said so far, as sampling and propagation need it: read once a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from curate.review.consensus import fit_consensus
from curate.review.resolve import resolve_labels
from curate.sample.lines import page_lines
from curate.sample.propagate import PropagationConfig, ReadPage, SiteDecisions, decide
from curate.schema import Annotation, FinalLabels, PagePrediction, SegmentedPage
from curate.segments.rows import from_row
from curate.stages.context import ShardRef
from curate.stages.labels import in_label_set, label_names_of
from curate.stages.predictions import prediction_of
from curate.stages.sampling import in_order
from curate.stages.settings import Settings
from curate.stages.shards import column, take

__all__ = ["PeopleSaid", "ReviewedPage", "people_said", "reviewed_pages"]


@dataclass(frozen=True, slots=True, eq=False)
class ReviewedPage:
    """A page that a person has reviewed.

    Attributes:
        prediction: the labeler's word, its scores in the label set's order.
        final: people's word.
        labels: people's label of each segment; None where they gave none, or
            several within one segment.
    """

    page_key: str
    page_id: str
    site: str
    page: SegmentedPage
    prediction: PagePrediction
    final: FinalLabels
    labels: Sequence[str | None]


@dataclass(frozen=True, slots=True, eq=False)
class PeopleSaid:
    """What people said, summed up.

    Attributes:
        pages: reviewed pages of the input.
        by_label: label to segments that carry it.
        sites: what is propagated on each site that has a reviewed page.
    """

    pages: int = 0
    by_label: Mapping[str, int] = field(default_factory=dict)
    sites: Mapping[str, SiteDecisions] = field(default_factory=dict)

    @property
    def audited(self) -> dict[str, int]:
        """Site to propagated lines that reviewed pages have tested."""
        return {
            site: sum(audit.tested for audit in found.audits.values())
            for site, found in self.sites.items()
        }


def reviewed_pages(
    pairs: Sequence[tuple[ShardRef, ShardRef]],
    annotations: Mapping[str, Sequence[Annotation]],
    settings: Settings,
) -> Iterator[ReviewedPage]:
    """The reviewed pages of the input, streamed; pages marked as badly extracted are left out."""
    label_set = settings.label_set
    everything = [a for found in annotations.values() for a in found]
    if not everything:
        return
    consensus = fit_consensus(everything, label_set, settings.review.consensus)
    for segmented, predicted in pairs:
        keys = column(segmented.path, "page_key")
        wanted = [row for row, key in enumerate(keys) if key in annotations]
        if not wanted:
            continue
        names = label_names_of(predicted.path)
        made = take(predicted.path, wanted).to_pylist()
        for row, told in zip(take(segmented.path, wanted).to_pylist(), made, strict=True):
            assert row["page_id"] == told["page_id"], "shards of two stages are not aligned"
            page = from_row(row)
            prediction, order = in_label_set(
                prediction_of(told, len(names)), names, label_set, page
            )
            final = resolve_labels(
                page,
                prediction,
                order,
                annotations[row["page_key"]],
                label_set,
                consensus=consensus,
            )
            if not final.reviewed or final.verdict == "bad extraction":
                continue
            scores = in_order(prediction.scores, order, label_set.names)
            yield ReviewedPage(
                row["page_key"],
                row["page_id"],
                row["site"],
                page,
                replace(prediction, scores=scores),
                final,
                human_labels(page, final),
            )


def human_labels(page: SegmentedPage, final: FinalLabels) -> list[str | None]:
    """People's label of each segment of the page."""
    out: list[str | None] = []
    at = 0
    for start, end in zip(page.starts.tolist(), page.ends.tolist(), strict=True):
        said: set[str | None] = set()
        while at < len(final) and final.starts[at] < end:
            if final.ends[at] > start:
                said.add(final.labels[at] if final.origins[at] == "human" else None)
            at += 1
        out.append(next(iter(said)) if len(said) == 1 else None)
    return out


def people_said(
    pairs: Sequence[tuple[ShardRef, ShardRef]],
    annotations: Mapping[str, Sequence[Annotation]],
    settings: Settings,
) -> PeopleSaid:
    """Sum up what people said of the pages of the input."""
    by_label: Counter[str] = Counter()
    by_site: dict[str, list[ReadPage]] = {}
    n_pages = 0
    config: PropagationConfig = settings.propagation
    for found in reviewed_pages(pairs, annotations, settings):
        n_pages += 1
        by_label.update(label for label in found.labels if label is not None)
        if config.enabled:
            read = ReadPage(found.page_key, page_lines(found.page), found.labels)
            by_site.setdefault(found.site, []).append(read)
    sites = {site: decide(by_site[site], config) for site in sorted(by_site)}
    return PeopleSaid(n_pages, dict(by_label), sites)
