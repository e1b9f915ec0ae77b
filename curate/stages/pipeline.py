"""The pipeline: stages in order, each from the outputs of earlier ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from curate.errors import PageError, ReviewError
from curate.io import TEMP_PREFIX, json_digest, read_json, sweep_temporary, write_json
from curate.pages import DigestCache, Unit, plan_units
from curate.review.consensus import fit_consensus
from curate.review.tasks import ReviewTask
from curate.review.team_plan import TeamPlan
from curate.runs.fingerprint import remembered, room
from curate.runs.store import Store
from curate.schema import Annotation
from curate.stages.ahead import look_ahead, start_worker
from curate.stages.context import Context, Display, Outcome, ShardRef
from curate.stages.evidence import site_evidence
from curate.stages.labels import LabelInputs, final_labels
from curate.stages.pages import read_pages, superseded
from curate.stages.predictions import label_pages
from curate.stages.propagation import decisions_for, fingerprint, origin_counts, stopped_lines
from curate.stages.provenance import human_work
from curate.stages.publishing import run_dataset
from curate.stages.retraining import retrain
from curate.stages.reviewed import PeopleSaid
from curate.stages.reviewing import Reviewing
from curate.stages.segments import segment_pages
from curate.stages.settings import Settings
from curate.stages.standing import standing
from curate.stages.why import inputs_changed

__all__ = ["plan_review", "predicted_pages", "run_pipeline"]


def plan_review(
    settings: Settings, display: Display, last_recipes: Mapping[str, Any], facts: dict[str, Any]
) -> tuple[TeamPlan | None, list[ReviewTask]]:
    """What the next push would do, without doing it.

    Returns:
        The plan, None where the project is still to be made; and the pages of
        the sample.

    Raises:
        CurateError: as `run_pipeline`; ReviewError where review is off.
    """
    context = Context(
        settings, Store.of(settings.paths.store, settings.paths.state), display, last_recipes
    )
    context.facts = facts
    with closing(Reviewing(context)) as reviewing:
        if reviewing.off:
            raise ReviewError(reviewing.off)
        pages, skips = _pages(context)
        segments = _segments(context, pages, skips)
        predictions = _predictions(context, segments)
        segments = _predicted_only(segments, predictions)
        predictions = site_evidence(context, segments, predictions)
        predictions = retrain(context, segments, predictions, reviewing.annotations)
        reviewing.review_again(standing(context, segments, reviewing.annotations()))
        reviewing.sample(segments, predictions)
        steps = reviewing.plan(segments, predictions, create=False)
        return steps, reviewing.tasks(segments, predictions)


def predicted_pages(context: Context) -> tuple[Outcome, Outcome]:
    """The input's segmented pages and what the labeler says of them, brought up to date."""
    pages, skips = _pages(context)
    segments = _segments(context, pages, skips)
    predictions = _predictions(context, segments)
    segments = _predicted_only(segments, predictions)
    return segments, site_evidence(context, segments, predictions)


def run_pipeline(
    settings: Settings, display: Display, last_recipes: Mapping[str, Any], facts: dict[str, Any]
) -> Context:
    """Bring every wanted stage up to date.

    Args:
        display: told of every stage as it goes.
        last_recipes: stage name to recipe of the last run of this name.
        facts: filled with what the passport and the dataset card should tell.

    Returns:
        The run's context, with one outcome for each stage that took part.

    Raises:
        CurateError: input, configuration, server or store can't be used.
    """
    context = Context(
        settings, Store.of(settings.paths.store, settings.paths.state), display, last_recipes
    )
    context.facts = facts
    with (
        remembered(Path(settings.paths.state) / "code-digests.json"),
        context.store.in_use(display.tell),
        closing(Reviewing(context)) as reviewing,
    ):
        _sweep(context)
        _run(context, reviewing)
    return context


def _sweep(context: Context) -> None:
    """Remove temporary files that killed runs left, wherever a run writes."""
    context.store.sweep()
    paths, name = context.settings.paths, f"{TEMP_PREFIX}*"
    sweep_temporary(
        [
            *Path(paths.runs).glob(f"*/{name}"),
            *Path(paths.state).glob(name),
            *Path(paths.state).glob(f"review/{name}"),
            *(context.settings.export_folder / "annotations").glob(name),
            *context.settings.export_folder.glob(name),
        ]
    )


def _run(context: Context, reviewing: Reviewing) -> None:
    needed = _needed(context.settings.stages)
    pages = segments = predictions = labels = None
    skips: dict[int, tuple[int, ...]] = {}
    if "pages" in needed:
        pages, skips = _pages(context)
    if pages and "segments" in needed:
        segments = _segments(context, pages, skips)
    if segments and "predictions" in needed:
        predictions = _predictions(context, segments)
        segments = _predicted_only(segments, predictions)
        predictions = site_evidence(context, segments, predictions)
    if context.wants("pull"):
        reviewing.pull()
    if segments and predictions:
        reviewing.untrained = predictions
        predictions = retrain(context, segments, predictions, reviewing.annotations)
    if segments and predictions:
        stood = standing(context, segments, reviewing.annotations())
        reviewing.review_again(stood)
    if segments and predictions and "sample" in needed:
        reviewing.sample(segments, predictions)
        reviewing.push(segments, predictions)
    if segments and predictions and "labels" in needed:
        work = reviewing.annotations()
        context.facts.update(human_work(context.settings, work))
        complete = _complete(segments, predictions)
        said = reviewing.said(segments, predictions) if complete else PeopleSaid()
        labels = _labels(context, segments, predictions, work, said)
    if pages and segments and predictions and labels and context.wants("dataset"):
        work = reviewing.annotations()
        run_dataset(context, pages, segments, predictions, labels, work)


_LATER = ("site_evidence",)
"""Options of a labeler that decide what is done with its predictions, not what they are."""

NEEDS = {
    "dataset": ("labels",),
    "labels": ("predictions",),
    "push": ("sample",),
    "sample": ("predictions",),
    "predictions": ("segments",),
    "segments": ("pages",),
}
"""What each stage reads, directly."""


def _needed(stages: Sequence[str]) -> set[str]:
    """The wanted stages and all that they read, directly or not."""
    found: set[str] = set()
    waiting = list(stages)
    while waiting:
        stage = waiting.pop()
        if stage not in found:
            found.add(stage)
            waiting.extend(NEEDS.get(stage, ()))
    return found


def _complete(*outcomes: Outcome) -> bool:
    return not any(outcome.state in ("would run", "may run") for outcome in outcomes)


def _pages(context: Context) -> tuple[Outcome, dict[int, tuple[int, ...]]]:
    settings = context.settings
    options = {
        key: value
        for key, value in settings.config["pages"].items()
        # What they decide is told by the units' names and contents.
        if key not in ("path", "limit", "unit_bytes")
    }
    modules = ["curate.stages.pages", *room("curate.pages")]
    made = context.recipe("pages", modules, options)
    is_first = not (settings.dry_run or context.knows(made))
    if is_first:
        start_worker(settings)
    with DigestCache(Path(settings.paths.state) / "input-digests.sqlite") as cache:
        units = list(plan_units(settings.pages, cache))
    if is_first:
        look_ahead(settings)
    context.facts["inputs"] = [
        {"key": unit.key, "version": unit.version, "bytes": unit.n_bytes} for unit in units
    ]
    rows: list[tuple[str, Callable[..., None], tuple[Any, ...], int]] = [
        (
            context.input_key(unit.key, unit.version),
            read_pages,
            (unit, settings.pages),
            len(unit.names) if unit.container == "files" else 0,
        )
        for unit in _unique(units)
    ]
    outcome = context.run_shards(made, rows)
    last = context.last_recipes.get("pages") or {}
    if told := inputs_changed(context.facts["inputs"], last.get("inputs")):
        outcome.note = f"{outcome.note}; {told}" if outcome.note else told
    skips = _superseded(context, outcome)
    n_superseded = sum(map(len, skips.values()))
    outcome.counts.n_out -= n_superseded
    if n_superseded:
        outcome.counts.dropped["superseded"] += n_superseded
    context.close(outcome)
    if not outcome.counts.n_out and _complete(outcome):
        met = {**outcome.counts.dropped, **outcome.counts.quarantined}
        told = ", ".join(f"{n} {reason}" for reason, n in sorted(met.items())) or "no records"
        raise PageError(
            f"no page found in pages.path={settings.config['pages']['path']} "
            f"({told}); give a file or folder of HTML, text, JSONL, Parquet or WARC pages"
        )
    return outcome, skips


def _unique(units: Sequence[Unit]) -> list[Unit]:
    """Each unit once: the same file may be named twice in `pages.path`."""
    return list({(unit.key, unit.version): unit for unit in units}.values())


def _superseded(context: Context, pages: Outcome) -> dict[int, tuple[int, ...]]:
    """Rows to skip in each shard, remembered beside the shards."""
    if not pages.shards or pages.recipe is None:
        return {}
    folder = context.store.peek(pages.recipe)
    key = json_digest([shard.digest for shard in pages.shards], chars=24)
    file = folder / f"{key}.superseded.json"
    pages.keys.append(key)
    try:
        rows = [tuple(row) for row in read_json(file)]
    except FileNotFoundError:
        paths = [shard.path for shard in pages.shards]
        rows = list(superseded(paths, context.settings.engine.memory_limit, folder))
        write_json(file, rows)
    skips: dict[int, list[int]] = defaultdict(list)
    for shard, row in rows:
        skips[shard].append(row)
    return {shard: tuple(sorted(found)) for shard, found in skips.items()}


def _segments(context: Context, pages: Outcome, skips: Mapping[int, tuple[int, ...]]) -> Outcome:
    settings = context.settings
    made = context.recipe(
        "segments",
        ["curate.stages.segments", type(settings.segmenter).__module__],
        settings.config["segments"],
    )
    rows: list[tuple[str, Callable[..., None], tuple[Any, ...], int]] = []
    for number, shard in enumerate(pages.shards):
        skip = skips.get(number, ())
        args = (shard.path, skip, settings.segmenter)
        key = context.input_key(shard.digest, skip)
        rows.append((key, segment_pages, args, shard.rows - len(skip)))
    return context.close(context.run_shards(made, rows, complete_input=_complete(pages)))


def _predictions(context: Context, segments: Outcome) -> Outcome:
    settings = context.settings
    labeler = settings.labeler
    context.facts["labeler"] = {"name": labeler.name, "version": labeler.version}
    made = context.recipe(
        "predictions",
        ["curate.stages.predictions", type(labeler).__module__],
        {
            "labeler": {k: v for k, v in settings.config["labeler"].items() if k not in _LATER},
            "version": labeler.version,
        },
    )
    rows: list[tuple[str, Callable[..., None], tuple[Any, ...], int]] = [
        (context.input_key(shard.digest), label_pages, (shard.path, labeler), shard.rows)
        for shard in segments.shards
    ]
    return context.close(context.run_shards(made, rows, complete_input=_complete(segments)))


def _predicted_only(segments: Outcome, predictions: Outcome) -> Outcome:
    """The segmented pages that were predicted: those that broke the labeler are left out."""
    shards = [predictions.kept.get(n, shard) for n, shard in enumerate(segments.shards)]
    return replace(segments, shards=shards)


def _labels(
    context: Context,
    segments: Outcome,
    predictions: Outcome,
    annotations: Mapping[str, Sequence[Annotation]],
    said: PeopleSaid,
) -> Outcome:
    settings = context.settings
    label_set = settings.label_set
    made = context.recipe(
        "labels", ["curate.stages.labels", "curate.review.resolve"], settings.config["schema"]
    )
    origin: Literal["model", "rule"] = "rule" if settings.labeler.name == "rules" else "model"
    rows: list[tuple[str, Callable[..., None], tuple[Any, ...], int]] = []
    pairs = list(zip(segments.shards, predictions.shards, strict=False))
    readings = _by_shard([segment for segment, _ in pairs], annotations)
    everything = [a for found in annotations.values() for a in found]
    consensus = fit_consensus(everything, label_set, settings.review.consensus)
    for number, (segment, prediction) in enumerate(pairs):
        here = readings.get(number, ())
        seen = [(a.annotation_id, a.updated_at.isoformat(), a.status) for a in here]
        decided = decisions_for(segment.path, said)
        inputs = LabelInputs(
            segment.path, prediction.path, here, label_set, origin, consensus, decided
        )
        trust = (consensus.method, consensus.priors, consensus.tables) if here else ()
        over = fingerprint(decided) if decided else ""
        key = context.input_key(segment.digest, prediction.digest, seen, origin, trust, over)
        rows.append((key, final_labels, (inputs,), segment.rows))
    complete = _complete(segments, predictions)
    outcome = context.run_shards(made, rows, complete_input=complete)
    if annotations and outcome.shards:
        counts = origin_counts([shard.path for shard in outcome.shards])
        context.facts["origins"] = counts
        told = ", ".join(f"{n:,} {origin}" for origin, n in counts.items())
        outcome.note = "; ".join(part for part in (outcome.note, told) if part)
        context.notes.extend(stopped_lines(said))
    return context.close(outcome)


def _by_shard(
    shards: Sequence[ShardRef], annotations: Mapping[str, Sequence[Annotation]]
) -> dict[int, tuple[Annotation, ...]]:
    """The annotations of each shard's pages, in a fixed order."""
    if not annotations:
        return {}
    from curate.io import read_rows

    found: dict[int, tuple[Annotation, ...]] = {}
    for number, shard in enumerate(shards):
        keys = [
            key
            for batch in read_rows(shard.path, columns=["page_key"], batch_rows=4096)
            for key in batch.column(0).to_pylist()
            if key in annotations
        ]
        here = [a for key in keys for a in annotations[key]]
        if here:
            found[number] = tuple(sorted(here, key=lambda a: (a.page_key, a.annotation_id)))
    return found
