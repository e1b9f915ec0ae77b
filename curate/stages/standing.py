"""Where people's work stands on the pages of this run; worked out once, then remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from curate.io import read_json, read_rows, write_json
from curate.review.standing import PageStanding, of_json, page_standing, to_json, totals
from curate.runs.fingerprint import code_digests
from curate.schema import Annotation
from curate.stages.context import Context, Outcome, ShardRef
from curate.text import text_hash

__all__ = ["standing"]

BATCH_ROWS = 64


def standing(
    context: Context, segments: Outcome, annotations: Mapping[str, Sequence[Annotation]]
) -> list[PageStanding]:
    """Pages that were reviewed and changed since, or are gone; told in the run's facts.

    Args:
        annotations: people's work that counts, by page key.
    """
    if not annotations or segments.recipe is None or not segments.shards:
        return []
    code = code_digests(("curate.stages.standing",))
    seen = [
        (a.annotation_id, a.updated_at.isoformat(), a.text_hash)
        for key in sorted(annotations)
        for a in annotations[key]
    ]
    key = context.input_key(code, [shard.digest for shard in segments.shards], seen)
    file = context.store.peek(segments.recipe) / f"{key}.standing.json"
    segments.keys.append(key)
    try:
        value = read_json(file)
    except FileNotFoundError:
        pages, unchanged = _worked_out(segments.shards, annotations)
        value = {"unchanged": unchanged, "pages": [to_json(page) for page in pages]}
        if not context.settings.dry_run:
            write_json(file, value)
    found = [of_json(page) for page in value["pages"]]
    counts = totals(found, int(value["unchanged"]))
    context.facts["standing"] = {**counts, "file": f"{file.parent.name}/{file.name}"}
    if lost := counts["partial"] + counts["orphan"]:
        context.notes.append(
            f"{lost} reviewed passages no longer stand as they were read ({counts['partial']} "
            f"changed, {counts['orphan']} not found): they go to review again; "
            "`curate review status` lists them"
        )
    return found


def _worked_out(
    shards: Sequence[ShardRef], annotations: Mapping[str, Sequence[Annotation]]
) -> tuple[list[PageStanding], int]:
    """The pages, and the number of spans on pages whose text is as it was read."""
    pages, unchanged, met = list[PageStanding](), 0, set[str]()
    for shard in shards:
        for row in _reviewed_rows(shard, annotations):
            key, text = row["page_key"], row["text"]
            met.add(key)
            work = annotations[key]
            if all(a.text_hash == text_hash(text) for a in work):
                unchanged += page_standing(key, row["page_id"], text, work).kept
                continue
            pages.append(page_standing(key, row["page_id"], text, work))
    pages += [
        page_standing(key, None, None, annotations[key]) for key in sorted(set(annotations) - met)
    ]
    return sorted(pages, key=lambda page: page.page_key), unchanged


def _reviewed_rows(
    shard: ShardRef, annotations: Mapping[str, Sequence[Annotation]]
) -> list[dict[str, Any]]:
    keys = [
        key
        for batch in read_rows(shard.path, columns=["page_key"], batch_rows=4096)
        for key in batch.column(0).to_pylist()
    ]
    if not any(key in annotations for key in keys):
        return []
    found = []
    columns = ["page_key", "page_id", "text"]
    for batch in read_rows(shard.path, columns=columns, batch_rows=BATCH_ROWS):
        for n, key in enumerate(batch.column("page_key").to_pylist()):
            if key in annotations:
                found.append({name: batch.column(name)[n].as_py() for name in columns})
    return found
