"""A run's labels as they lie in the store, for comparison."""

from __future__ import annotations

from pathlib import Path

from curate.dataset.changes import State
from curate.dataset.facts import sql_path
from curate.errors import RunError
from curate.io import kept_here, read_json
from curate.places import Place
from curate.runs.output import load_results
from curate.runs.record import Record

__all__ = ["stored_state"]


def stored_state(record: Record, store: Place) -> State:
    """What a run's labels were, published or not.

    Raises:
        RunError: the run did not get that far, or its outputs were swept.
    """
    segmented = _shards(record, store, "segments")
    labelled = _shards(record, store, "labels")
    lists = ("starts", "ends", "labels", "origins", "actions", "scores", "agreement")
    columns = ", ".join(f"l.{name}" for name in lists)
    joined = (
        f"(SELECT s.page_key, s.page_id, s.site, s.text, {columns} FROM {labelled} l "
        f"JOIN {segmented} s USING (page_id))"
    )
    unnested = (
        '(SELECT page_key, page_id, site, text AS page_text, unnest(starts) AS "start", '
        'unnest(ends) AS "end", unnest(labels) AS label_name, unnest(origins) AS origin, '
        "unnest(actions) AS action, unnest(scores) AS score, unnest(agreement) AS agreement "
        f"FROM {joined})"
    )
    segments = (
        f'(SELECT * EXCLUDE page_text, substring(page_text, "start" + 1, "end" - "start") AS text '
        f"FROM {unnested} WHERE label_name IS NOT NULL)"
    )
    pages = (
        f"(SELECT l.page_key, l.page_id, s.site, l.reviewed FROM {labelled} l "
        f"JOIN {segmented} s USING (page_id))"
    )
    schema = record.config.get("schema", {})
    return State(
        name=record.title,
        segments=segments,
        pages=pages,
        labels={**schema, "guideline_digest": schema.get("guideline")},
        config=record.config,
        made_of={
            "labeler": record.labeler,
            "packages": {k: v for k, v in record.packages.items() if k != "python"},
            "python": record.packages.get("python"),
            "stages": {
                stage: {"code": (row.get("recipe") or {}).get("fingerprint")}
                for stage, row in record.stages.items()
            },
        },
    )


def _shards(record: Record, store: Place, stage: str) -> str:
    try:
        tasks = read_json(record.file.parent / "tasks.json")
    except FileNotFoundError:
        tasks = {}
    for place, keys in tasks.items():
        name, _, fingerprint = str(place).partition("/")
        if name != stage:
            continue
        folder = store / stage / Path(fingerprint).name
        names = [Path(str(key)).name for key in keys]
        found = load_results(folder, names)
        shards = [s.file for key in names if key in found for s in found[key].shards if s.rows]
        if shards and len(found) == len(set(names)):
            here = kept_here(folder, [Path(name).name for name in shards])
            return f"read_parquet([{', '.join(sql_path(here / name) for name in shards)}])"
    raise RunError(
        f"{record.title} has no {stage} in {store}: it ended before, or `curate store gc` swept "
        f"them; `curate rerun {record.run_id}` makes them again"
    )
