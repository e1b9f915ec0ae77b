"""Part of stage `sample`: what the shards tell of every page that could be reviewed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.places import Place
from curate.runs.output import Output
from curate.sample.base import Candidate, Choice
from curate.sample.facts import Shape, candidate_of
from curate.sample.lines import PageLines, carried, page_lines
from curate.sample.propagate import SiteDecisions, propagated
from curate.schema import SAMPLE_SCHEMA, LabelSet, SegmentedPage
from curate.segments.rows import from_row
from curate.stages.context import ShardRef
from curate.stages.labels import in_label_set, label_names_of
from curate.stages.predictions import prediction_of
from curate.stages.shards import column, rows_of, take

__all__ = ["candidates", "first_pages", "in_order", "store_choices"]

MIN_SITE_PAGES = 5
"""Pages of a site from which on one that decides for the others is looked for."""

FIRST_SITES, FIRST_PAGES = 30, 50
"""Sites looked at in a round, and pages of each: 1,500 pages are read in seconds, and
what recurs over a site is known from far fewer than fifty."""

SHAPE_COLUMNS = ["page_id", "site", "starts", "ends", "kinds", "link_chars", "media_before"]
PREDICTED_COLUMNS = ["page_key", "page_id", "labels", "scores", "page_type", "language"]


def candidates(
    pairs: Sequence[tuple[ShardRef, ShardRef]],
    label_set: LabelSet,
    decisions: Mapping[str, SiteDecisions] | None = None,
    first: Mapping[str, tuple[int, float]] | None = None,
) -> Iterator[Candidate]:
    """Every page with what sampling weighs, streamed from the shards.

    Args:
        pairs: segmented and predicted shards, aligned row by row.
        decisions: site to what is taken over from its reviewed pages.
        first: page id to what the first page of a site would carry.
    """
    decided = {site for site, found in (decisions or {}).items() if found.decisions}
    for segmented, predicted in pairs:
        names = label_names_of(predicted.path)
        # Text is read only where it matters: for another page's decisions, and for
        # labels that were split by their words.
        near = bool(decided) and not decided.isdisjoint(column(segmented.path, "site"))
        near = near or any(not isinstance(to, str) for to in label_set.from_labels.values())
        shapes = rows_of(segmented.path, None if near else SHAPE_COLUMNS)
        for row, made in zip(shapes, rows_of(predicted.path, PREDICTED_COLUMNS), strict=True):
            assert row["page_id"] == made["page_id"], "shards of two stages are not aligned"
            whole = {**made, "main": [], "reasons": [], "page_type_score": None}
            page = from_row(row) if near else None
            told, order = in_label_set(prediction_of(whole, len(names)), names, label_set, page)
            yield candidate_of(
                made["page_key"],
                made["page_id"],
                row["site"],
                _shape(row),
                in_order(told.scores, order, label_set.names),
                page_type=told.page_type,
                language=told.language,
                propagated=_propagated(page, (decisions or {}).get(row["site"])),
                carries=(first or {}).get(made["page_id"], (0, 0.0)),
            )


def first_pages(
    pairs: Sequence[tuple[ShardRef, ShardRef]], done: Set[str]
) -> dict[str, tuple[int, float]]:
    """For the largest sites that nobody has read from: the page to begin with.

    Args:
        done: page ids that are reviewed or open for review.

    Returns:
        Page id to the characters that its lines make up on other pages of the
        site (of those looked at), and their share of all that recurs there.
    """
    size: Counter[str] = Counter()
    begun: set[str] = set()
    for segmented, _ in pairs:
        for row in rows_of(segmented.path, ["site", "page_id"]):
            size[row["site"]] += 1
            if row["page_id"] in done:
                begun.add(row["site"])
    large = [site for site, n in size.items() if n >= MIN_SITE_PAGES and site not in begun]
    wanted = set(sorted(large, key=lambda site: (-size[site], site))[:FIRST_SITES])
    if not wanted:
        return {}
    lines: dict[str, list[tuple[str, PageLines]]] = {site: [] for site in wanted}
    for segmented, _ in pairs:
        sites = column(segmented.path, "site")
        # The first pages of the input are as good as any: what recurs, recurs there.
        room = {site: FIRST_PAGES - len(found) for site, found in lines.items()}
        kept = []
        for number, site in enumerate(sites):
            if room.get(site, 0) > 0:
                room[site] -= 1
                kept.append(number)
        for told in take(segmented.path, kept).to_pylist() if kept else ():
            lines[told["site"]].append((told["page_id"], page_lines(from_row(told))))
    out = {}
    for _, found in sorted(lines.items()):
        chars, recurring = carried([page for _, page in found])
        best = int(chars.argmax())
        if chars[best]:
            share = float(chars[best] / max(recurring[best], 1.0))
            out[found[best][0]] = (int(chars[best]), share)
    return out


def in_order(
    scores: npt.NDArray[np.float32], order: Sequence[str], names: Sequence[str]
) -> npt.NDArray[np.float32]:
    """Scores with their columns in the order of `names`; a label without scores gets 0."""
    if tuple(order) == tuple(names):
        return scores
    out = np.zeros((len(scores), len(names)), np.float32)
    for at, name in enumerate(order):
        out[:, list(names).index(name)] = scores[:, at]
    return out


def _propagated(page: SegmentedPage | None, site: SiteDecisions | None) -> int:
    """Lines of the page that carry another page's decision."""
    if page is None or site is None:
        return 0
    return sum(label is not None for label in propagated(page_lines(page), site))


def _shape(row: dict[str, Any]) -> Shape:
    links, media = row["link_chars"], row["media_before"]
    return Shape(
        np.asarray(row["starts"], np.int32),
        np.asarray(row["ends"], np.int32),
        row["kinds"],
        None if links is None else np.asarray(links, np.int32),
        None if media is None else np.asarray(media, np.int32),
    )


def store_choices(folder: Place, key: str, choices: Sequence[Choice], n_candidates: int) -> None:
    """Keep what was chosen, as the stage's result."""
    out = Output(folder, key, "sample")
    out.counts.n_in = n_candidates
    columns = {name: [getattr(c, name) for c in choices] for name in SAMPLE_SCHEMA.names}
    out.write(SAMPLE_SCHEMA, [pa.table(columns, schema=SAMPLE_SCHEMA)])
    if rest := n_candidates - len(choices):
        out.counts.dropped["not in this round"] = rest
    out.finish()
