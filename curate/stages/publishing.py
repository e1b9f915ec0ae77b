"""Stage `dataset`: the labelled pages as a published version."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from curate.dataset import ShardPair, Withdrawn
from curate.dataset.base import HERE
from curate.io import json_digest, locked, read_json, write_json
from curate.places import Place
from curate.report.agreement import AgreementView
from curate.review.withdraw import Blocked
from curate.review.withdraw import blocked as withdrawn
from curate.runs.calls import callers
from curate.runs.fingerprint import room
from curate.runs.passport import redact
from curate.schema import Annotation
from curate.stages.context import Context, Outcome
from curate.stages.exports import remote_home
from curate.stages.people import agreement_view, without_people
from curate.stages.why import why_again

__all__ = ["run_dataset"]

ALONE_PAGES = 256
"""Pages that this process publishes in the time in which others load their modules."""

COUNTED = ("pages", "segments", "predictions", "labels")
"""Stages whose counts a version tells; the others depend on a server."""

TOLD = (
    *("curate", "python", "packages", "choices", "seeds", "overrides", "config", "inputs"),
    *("labeler", "schema", "guideline", "annotations", "people", "standing"),
)
"""Facts of a run that its version's manifest holds too: none of them tells the time."""


def run_dataset(
    context: Context,
    pages: Outcome,
    segments: Outcome,
    predictions: Outcome,
    labels: Outcome,
    annotations: Mapping[str, Sequence[Annotation]],
) -> Outcome:
    """Publish, unless what would be published is what is published.

    Raises:
        DatasetError: a check of the gate failed; the last version stays.
    """
    settings = context.settings
    made = context.recipe(
        "dataset",
        [
            "curate.stages.publishing",
            "curate.stages.reporting",
            *room("curate.dataset"),
            *room("curate.report"),
        ],
        {"name": settings.name, **{k: settings.config[k] for k in ("dataset", "schema")}},
    )
    started = time.perf_counter()
    outcome = Outcome("dataset", "unchanged", recipe=made, n_tasks=1)
    outcome.counts.n_in = outcome.counts.n_out = labels.counts.n_out
    # Shards of these stages are made one from one, so they are aligned.
    shards = [
        ShardPair(segmented.path, labeled.path, predicted.path, read.path)
        for segmented, labeled, predicted, read in zip(
            segments.shards, labels.shards, predictions.shards, pages.shards, strict=False
        )
    ]
    seen = [
        (a.annotation_id, a.updated_at.isoformat(), a.status)
        for key in sorted(annotations)
        for a in annotations[key]
    ]
    stages = (segments, labels, pages) if settings.dataset.html else (segments, labels)
    read = [[shard.digest for shard in stage.shards] for stage in stages]
    gone = withdrawn(settings.export_folder / "annotations")
    taken_out = [sorted(gone.pages), sorted(gone.annotators)] if gone != Blocked() else []
    key = context.input_key(read, seen, *taken_out)
    outcome.keys = [key]
    marker = context.store.peek(made) / f"{key}.json"
    complete = segments.state not in ("would run", "may run") and labels.state not in (
        "would run",
        "may run",
    )
    if "dataset" not in settings.force and complete and (last := _published(context, marker)):
        context.facts["version"] = last
        outcome.note = f"{last} holds it"
        return context.close(outcome)
    if settings.dry_run:
        outcome.state = "may run" if not complete else "would run"
        outcome.note = why_again(made.to_json(), context.last_recipes.get("dataset"))
        return context.close(outcome)
    lock = Path(settings.paths.state) / "locks" / f"{settings.name}.publish.lock"
    waits: list[str] = []

    def wait(line: str) -> None:
        waits.append(line)
        context.display.tell(line)

    with locked(lock, on_wait=wait):
        if waits and (last := _published(context, marker)):  # another run has just done it
            context.facts["version"] = last
            outcome.note = f"{last} holds it"
            return context.close(outcome)
        view = agreement_view(settings, annotations)
        _publish(context, outcome, shards, Withdrawn(gone.pages, gone.annotators), marker, view)
    outcome.seconds = time.perf_counter() - started
    outcome.n_ran = 1
    return context.close(outcome)


def _published(context: Context, marker: Place) -> str | None:
    """The version that this input made, where it still is the latest and there."""
    folder = context.settings.export_folder
    remote = remote_home(context.settings.paths, context.settings.name)
    try:
        version = str(read_json(marker)["version"])
        latest = str(read_json(folder / "latest.json")["version"])
    except (FileNotFoundError, KeyError):
        return None
    if version != latest or not (folder / version / "manifest.json").is_file():
        return None
    if remote is not None and remote.latest_version() != version:
        return None
    return version


def _publish(
    context: Context,
    outcome: Outcome,
    shards: Sequence[ShardPair],
    gone: Withdrawn,
    marker: Place,
    view: AgreementView | None,
) -> None:
    from curate.dataset import publish

    settings = context.settings
    context.display.stage_started("dataset", 1)
    published = publish(
        settings.dataset,
        settings.label_set,
        shards,
        exports=Path(settings.paths.exports),
        exports_url=settings.paths.exports_url,
        name=settings.name,
        withdrawn=gone,
        facts=_facts(context),
        report=_report(context, view),
        memory_limit=settings.engine.memory_limit,
        progress=_teller(context),
        workers=(callers(settings.engine) if outcome.counts.n_in > ALONE_PAGES else None) or HERE,
    )
    left = dict(published.left_out.pages)
    outcome.counts.dropped.update(left)
    outcome.counts.n_out -= sum(left.values())
    outcome.state = "ran" if published.changed else "unchanged"
    outcome.note = f"{published.version} {'published' if published.changed else 'holds it'}"
    for place in (published.url, published.mirrored, published.pushed):
        if place is not None:
            context.notes.append(f"{published.version} is at {place}")
    context.facts["version"] = published.version
    context.published = published
    context.notes.extend(published.notes)
    context.display.advance("dataset", outcome.counts.n_out, 0)
    context.store.folder(made := _recipe(outcome))
    write_json(marker, {"version": published.version, "shards": [], "recipe": made.fingerprint})


def _teller(context: Context) -> Callable[[str, int, int], None]:
    """Tells each step of a publish once, when it begins, and every line it has to say."""
    told: set[str] = set()

    def tell(what: str, done: int, total: int) -> None:
        if total == 0:
            context.display.tell(f"dataset: {what}")
        elif what not in told and total > 1:
            told.add(what)
            context.display.tell(f"dataset: {what} ({done} of {total} done)")

    return tell


def _report(context: Context, view: AgreementView | None) -> Callable[[Path], None]:
    """What draws the report into the version's folder."""
    from curate.report.data import StageCount
    from curate.report.html import write_report
    from curate.stages.reporting import report_data

    settings = context.settings
    stages = [
        StageCount(
            o.stage,
            o.counts.n_in,
            o.counts.n_out,
            dict(o.counts.dropped),
            dict(o.counts.quarantined),
        )
        for o in context.outcomes.values()
        if o.stage in COUNTED
    ]

    def draw(version: Path) -> None:
        data = report_data(version, settings.label_set, stages, settings.engine.memory_limit)
        write_report(version / "report.html", replace(data, agreement=view))

    return draw


def _recipe(outcome: Outcome) -> Any:
    assert outcome.recipe is not None
    return outcome.recipe


def _facts(context: Context) -> dict[str, Any]:
    """Provenance for the manifest and the card: nothing that changes with the clock."""
    stages = {
        name: {
            "fingerprint": outcome.recipe.fingerprint if outcome.recipe else None,
            "code": json_digest(outcome.recipe.code) if outcome.recipe else None,
            "output": outcome.output,
            "recipe": outcome.recipe.to_json() if outcome.recipe else None,
            **outcome.counts.to_json(),
        }
        for name, outcome in context.outcomes.items()
        if name in COUNTED
    }
    told = {name: redact(context.facts.get(name)) for name in TOLD}
    for name in ("config", "overrides"):
        told[name] = without_people(told[name])
    return {"stages": redact(stages), **told}
