"""Part of stage `predictions`: lines that recur over a site's pages inform the labels.

Counting is cut in tasks as everything else; only adding up sees all shards, in
DuckDB, which keeps to a memory limit and spills to disk. What comes out lies
beside each shard, so a shard is looked at again only where the counts of its
own sites changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

import curate.labelers
from curate.labelers.second import SITE_LOOK, look_digest
from curate.limits import parse_bytes
from curate.places import Place
from curate.runs.engine import EngineConfig, usable_cores
from curate.runs.output import Counts
from curate.sql import aggregating
from curate.stages.context import Context, Outcome, ShardRef
from curate.stages.looking import LookInputs, look_again
from curate.stages.recurring import SitePages, add_up, count_lines
from curate.text import digest

__all__ = ["census", "site_evidence"]

CENSUS_ROWS = 100_000
"""Rows taken from DuckDB at a time."""


def site_evidence(context: Context, segments: Outcome, predictions: Outcome) -> Outcome:
    """The predictions informed by each site's other pages.

    Returns:
        An outcome whose shards take the place of those of `predictions`; where
        the labeler doesn't ask for evidence, `predictions` itself.
    """
    settings = context.settings
    if not getattr(settings.labeler, "site_evidence", False):
        return predictions
    folder = Path(curate.labelers.__file__).parent / SITE_LOOK
    version = look_digest(folder)
    made = context.recipe("evidence", ["curate.stages.evidence"], {"look": version})
    limit = settings.engine.memory_limit
    known = segments.shards if not _waits(segments) and not _waits(predictions) else []
    if settings.dry_run and not known:
        return context.close(replace(predictions, stage="evidence", state="may run", recipe=made))
    pages = census([shard.path for shard in known], limit, context.store.root)
    with_sites = [number for number in range(len(known)) if number in pages]
    parts = settings.engine.partitions
    counted = context.run_shards(
        made,
        [
            (
                context.input_key("count", known[n].digest, digest(pages[n].tobytes()), parts),
                count_lines,
                (known[n].path, pages[n], parts),
                known[n].rows,
            )
            for n in with_sites
        ],
    )
    keys = [*counted.keys]
    lines: list[list[ShardRef]] = []
    if counted.shards and not _waits(counted):
        adding = []
        share = _share(settings.engine)
        for part in range(parts):
            here = counted.shards[part::parts]
            key = context.input_key("add", part, [shard.digest for shard in here])
            adding.append((key, add_up, ([shard.path for shard in here], share), 0))
        added = context.run_shards(made, adding)
        keys += added.keys
        lines = [added.shards[n :: len(with_sites)] for n in range(len(with_sites))]
    tasks = []
    for n, found in zip(with_sites, lines, strict=False):
        inputs = LookInputs(
            known[n].path,
            predictions.shards[n].path,
            folder,
            "site",
            tuple(shard.path for shard in found),
            pages[n],
        )
        made_of = [shard.digest for shard in found]
        read = (known[n].digest, predictions.shards[n].digest, *made_of)
        key = context.input_key("look", read, digest(np.abs(pages[n]).tobytes()))
        tasks.append((key, look_again, (inputs,), known[n].rows))
    complete = not _waits(counted) and len(lines) == len(with_sites)
    outcome = context.run_shards(made, tasks, complete_input=complete)
    shards = list(predictions.shards)
    for n, shard in zip(with_sites, outcome.shards, strict=False):
        shards[n] = shard
    outcome.shards = shards
    outcome.keys += keys
    n = predictions.counts.n_out
    outcome.counts = Counts(n, n)
    outcome.cpu_seconds += counted.cpu_seconds
    outcome.seconds += counted.seconds
    several = sum(int((np.abs(part) > 1).sum()) for part in pages.values())
    told = f"{several:,} pages of sites with several" if several else "no site has two pages"
    outcome.note = ", ".join(part for part in (outcome.note, told) if part)
    if isinstance(context.facts.get("labeler"), dict):
        context.facts["labeler"]["site_evidence"] = version
    return context.close(outcome)


def _share(engine: EngineConfig) -> str:
    """The memory of one part, where several are added up at a time."""
    at_once = 1 if engine.kind == "serial" else engine.workers or usable_cores()
    n_bytes = parse_bytes(engine.memory_limit) // min(engine.partitions, at_once)
    return f"{n_bytes // 1000}KB"


def _waits(outcome: Outcome) -> bool:
    return outcome.state in ("would run", "may run")


def census(
    shards: Sequence[Place], memory_limit: str, near: Place | None = None
) -> dict[int, SitePages]:
    """For each shard the pages of each row's site, 0 where it is the only one.

    Pages of equal text count once: the number is negative for those after the
    first. Shards without a site of several pages are left out.

    Args:
        near: where DuckDB may spill.
    """
    if not shards:
        return {}
    files = [str(path) for path in shards]
    out: dict[int, SitePages] = {}
    with aggregating(memory_limit, shards, near=near) as connection:
        # In the order of the files, each told once.
        sizes = connection.execute(
            "SELECT num_rows FROM parquet_file_metadata($files) "
            "ORDER BY list_position($files, file_name)",
            {"files": files},
        ).fetchall()
        rows = connection.sql(
            """
            WITH pages AS (
                SELECT site, text_hash, file_index AS shard, file_row_number AS row
                FROM read_parquet($files, file_row_number = true)
            ),
            numbered AS (
                SELECT *, row_number() OVER (
                    PARTITION BY site, text_hash ORDER BY shard, row
                ) AS copy
                FROM pages
            ),
            sites AS (
                SELECT site, count(*) FILTER (copy = 1) AS n FROM numbered GROUP BY site
            )
            SELECT shard::INT AS shard, row::INT AS row,
                   (CASE WHEN copy = 1 THEN n ELSE -n END)::INT AS n
            FROM numbered JOIN sites USING (site) WHERE n > 1
            """,
            params={"files": files},
        ).to_arrow_reader(CENSUS_ROWS)
        for batch in rows:
            shard, row, n = (column.to_numpy() for column in batch.columns)
            for number in np.unique(shard).tolist():
                here = shard == number
                if number not in out:
                    out[number] = np.zeros(sizes[number][0], np.int32)
                out[number][row[here]] = n[here]
    return out
