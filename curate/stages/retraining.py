"""The loop: retrain on what people have reviewed, and keep the result if it is better."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.evaluate.metrics import Interval, macro_f1, paired_bootstrap
from curate.io import read_json, stored_folder, write_json
from curate.labelers.base import LABEL_NAMES
from curate.labelers.second import write_look
from curate.labelers.training.project import (
    ProjectTraining,
    Reviewed,
    decision_of,
    reviewed_page,
)
from curate.labelers.training.second import cross_fitted, fit_look
from curate.places import Place
from curate.review.resolve import resolve_labels
from curate.runs.output import Counts
from curate.schema import Annotation, LabelSet, PagePrediction, page_id_of
from curate.stages.context import Context, Outcome, ShardRef
from curate.stages.looking import LookInputs, look_again, looks_of

__all__ = ["Verdict", "retrain", "reviewed_pages", "weigh"]

LOOK = "project"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the retrained model is taken.

    Attributes:
        gain: difference of macro-F1 on held-out reviewed pages, with its interval.
        accuracy: the same of the share of characters with the right label.
        taken: better by the paired test, and by `train.min_gain` points.
    """

    n_pages: int
    n_sites: int
    gain: Interval
    accuracy: Interval
    taken: bool

    def __str__(self) -> str:
        what = "new model taken" if self.taken else "model kept"
        return (
            f"{what}: {_points(self.accuracy)} accuracy, {_points(self.gain)} macro-F1 "
            f"on {self.n_pages} held-out pages"
        )


def _points(gain: Interval) -> str:
    return f"{100 * gain.value:+.1f} ± {50 * (gain.high - gain.low):.1f}"


def weigh(pages: Sequence[Reviewed], options: ProjectTraining) -> Verdict:
    """Score models that have not seen a page's site against the present predictions.

    Pages are drawn together for both (paired bootstrap); the new model is taken
    where the lower bound of the 95 % interval of its gain is above zero: in
    macro-F1, or in accuracy while macro-F1 doesn't fall. Macro-F1 alone can't see
    that people use a rare label otherwise: where they never give it, its F1 is 0
    for any model.
    """
    fits = [page.fit for page in pages]
    new = cross_fitted(fits, options.look)
    before = np.array([_confusion(p.chars, p.fit.look.prediction) for p in pages])
    after = np.array([_confusion(p.chars, n) for p, n in zip(pages, new, strict=True)])
    gain = paired_bootstrap(after, before, lambda part: macro_f1(part.sum(axis=0)))
    accuracy = paired_bootstrap(after, before, _accuracy)
    better = gain.low > 0 or (accuracy.low > 0 and gain.value >= 0)
    taken = better and 100 * gain.value >= options.min_gain
    return Verdict(len(pages), len({page.fit.group for page in pages}), gain, accuracy, taken)


def _accuracy(pages: npt.NDArray[Any]) -> float:
    total = pages.sum(axis=0)
    return float(np.trace(total) / max(total.sum(), 1e-9))


def _confusion(
    chars: npt.NDArray[np.float64], prediction: PagePrediction
) -> npt.NDArray[np.float64]:
    said = np.array([LABEL_NAMES.index(label) for label in prediction.labels])
    out = np.zeros((len(LABEL_NAMES), len(LABEL_NAMES)))
    np.add.at(out.T, said, chars)
    return out


def reviewed_pages(
    pairs: Sequence[tuple[ShardRef, ShardRef]],
    annotations: Mapping[str, Sequence[Annotation]],
    label_set: LabelSet,
) -> Iterator[Reviewed]:
    """Pages with human labels, in a fixed order, from aligned shards."""
    for segmented, predicted in pairs:
        inputs = LookInputs(segmented.path, predicted.path, Path(), LOOK)
        for rows, looks in looks_of(inputs):
            for row, look in zip(rows, looks, strict=True):
                work = annotations.get(row["page_key"], ())
                if not work:
                    continue
                final = resolve_labels(look.page, look.prediction, LABEL_NAMES, work, label_set)
                site = look.page.site or row["page_key"]
                found = reviewed_page(
                    page_id_of(row["page_key"], look.page.text), look, final, site
                )
                if found is not None:
                    yield found


def retrain(
    context: Context,
    segments: Outcome,
    predictions: Outcome,
    read: Callable[[], Mapping[str, Sequence[Annotation]]],
) -> Outcome:
    """Retrain where `train.on_review` asks for it, and predict anew with a better model.

    Args:
        read: gives people's work that counts today, by page key.

    Returns:
        An outcome whose shards take the place of those of `predictions`; that
        itself where nothing is better.
    """
    settings = context.settings
    options = settings.train
    if not options.on_review:
        return predictions
    outcome = Outcome("train", "off")
    waits = {segments.state, predictions.state} & {"would run", "may run"}
    if settings.dry_run and waits:
        outcome.state = "may run"
        context.close(outcome)
        return predictions
    if missing := sorted(set(LABEL_NAMES) - set(settings.label_set.names)):
        outcome.note = f"schema={settings.label_set.name} lacks {', '.join(missing)}"
        context.close(outcome)
        return predictions
    began = time.perf_counter()
    annotations = read()
    made = context.recipe(
        "train",
        ["curate.stages.retraining"],
        {"train": settings.config["train"], "labeler": settings.labeler.version},
    )
    pairs = [
        pair
        for pair in zip(segments.shards, predictions.shards, strict=True)
        if _has_work(pair[0], annotations)
    ]
    seen = [
        (a.annotation_id, a.updated_at.isoformat(), a.status)
        for key in sorted(annotations)
        for a in annotations[key]
    ]
    key = context.input_key([(s.digest, p.digest) for s, p in pairs], seen)
    outcome.recipe, outcome.keys = made, [key]
    marker = context.store.peek(made) / f"{key}.json"
    folder = context.store.peek(made) / f"{key}.look"
    told = None if context.forces("train") else _known(marker, folder)
    if told is None:
        if settings.dry_run:
            outcome.state = "would run"
            context.close(outcome)
            return predictions
        outcome.state, outcome.n_ran = "ran", 1
        context.store.folder(made)
        told = _train(context, pairs, annotations, folder)
        write_json(marker, told)
    else:
        outcome.state = "unchanged"
    outcome.note = told["told"]
    outcome.counts = Counts(told["pages"], told["pages"])
    context.facts["train"] = {name: told[name] for name in ("told", "taken", "pages", "gain")}
    used = predictions
    if told["taken"]:
        trained_on = frozenset(told["trained_on"])
        used = _predict_anew(context, outcome, segments, predictions, folder, trained_on)
        if isinstance(context.facts.get("labeler"), dict):
            context.facts["labeler"]["project"] = told["look"]
    outcome.seconds = time.perf_counter() - began
    context.close(outcome)
    return used


def _has_work(shard: ShardRef, annotations: Mapping[str, Sequence[Annotation]]) -> bool:
    from curate.io import read_rows

    return bool(annotations) and any(
        key in annotations
        for batch in read_rows(shard.path, columns=["page_key"], batch_rows=4096)
        for key in batch.column(0).to_pylist()
    )


def _known(marker: Place, folder: Place) -> dict[str, Any] | None:
    try:
        told: dict[str, Any] = read_json(marker)
    except FileNotFoundError:
        return None
    return told if not told["taken"] or (folder / "second.json").is_file() else None


def _train(
    context: Context,
    pairs: Sequence[tuple[ShardRef, ShardRef]],
    annotations: Mapping[str, Sequence[Annotation]],
    folder: Place,
) -> dict[str, Any]:
    options = context.settings.train
    pages = sorted(
        reviewed_pages(pairs, annotations, context.settings.label_set), key=lambda p: p.page_id
    )
    told: dict[str, Any] = {"shards": [], "taken": False, "pages": len(pages), "gain": None}
    if len(pages) < options.min_pages:
        told["told"] = f"{len(pages)} reviewed pages, train.min_pages={options.min_pages}"
        return told
    context.display.stage_started("train", 1)
    verdict = weigh(pages, options)
    told["told"] = str(verdict)
    told["gain"] = [verdict.gain.value, verdict.gain.low, verdict.gain.high]
    told["accuracy"] = [verdict.accuracy.value, verdict.accuracy.low, verdict.accuracy.high]
    if verdict.taken:
        model = fit_look(
            [page.fit for page in pages],
            options.look,
            decision=decision_of(context.settings.labeler),
        )
        told["taken"] = bool(model.trees)
        with stored_folder(folder) as here:
            told["look"] = write_look(here, model)
        told["trained_on"] = [page.page_id for page in pages]
    return told


def _predict_anew(
    context: Context,
    outcome: Outcome,
    segments: Outcome,
    predictions: Outcome,
    folder: Place,
    trained_on: frozenset[str],
) -> Outcome:
    """All pages by the new model but those that it was trained on.

    They keep the prediction of a model that had not seen them, so that what is
    told of the labeler against people stays honest.
    """
    assert outcome.recipe is not None
    tasks = []
    for segmented, predicted in zip(segments.shards, predictions.shards, strict=True):
        inputs = LookInputs(segmented.path, predicted.path, folder, LOOK, left_alone=trained_on)
        key = context.input_key("look", segmented.digest, predicted.digest, outcome.keys[0])
        tasks.append((key, look_again, (inputs,), segmented.rows))
    done = context.run_shards(outcome.recipe, tasks)
    outcome.keys += done.keys
    outcome.cpu_seconds += done.cpu_seconds
    outcome.peak_mb = done.peak_mb
    return replace(predictions, shards=done.shards)
