"""Training on a project's own reviewed pages, on top of a model that is there."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from annotated_types import Interval

from curate.errors import LabelerError
from curate.labelers.base import LABEL_NAMES
from curate.labelers.folder import read_folder
from curate.labelers.second import SecondModel, write_look
from curate.labelers.second_columns import Look
from curate.labelers.training.second import LookOptions, LookPage, fit_look
from curate.schema import FinalLabels

__all__ = ["ProjectTraining", "Reviewed", "decision_of", "reviewed_page", "write_project_model"]


@dataclass(frozen=True)
class ProjectTraining:
    """Options of the `train` group for a project's own annotations.

    Attributes:
        on_review: retrain in every run that has new human work.
        annotations: exports folders (`exports/<name>`) whose annotations are
            learnt from; for `curate train`.
        versions: published versions (`exports/<name>/v0001`) whose human labels
            are learnt from; for `curate train`.
        out: model folder to write; for `curate train`.
        min_pages: reviewed pages from which on retraining is tried.
        min_gain: points of macro-F1 that a new model must gain, at least.
        look: size of the model on top.
    """

    on_review: bool = False
    annotations: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    out: str | None = None
    min_pages: Annotated[int, Interval(ge=2)] = 6
    min_gain: Annotated[float, Interval(ge=0, le=100)] = 0.0
    look: LookOptions = field(default_factory=LookOptions)


@dataclass(slots=True, eq=False)
class Reviewed:
    """A reviewed page.

    Attributes:
        fit: what is fitted on.
        chars: float64 [n_segments, n_labels], characters by the label people
            gave them; what is scored on.
    """

    page_id: str
    fit: LookPage
    chars: npt.NDArray[np.float64]


def reviewed_page(page_id: str, look: Look, final: FinalLabels, site: str) -> Reviewed | None:
    """A page with people's labels; None where none of them is one of ours.

    A segment counts by the square root of its length up to two hundred
    characters, times the share of annotators who agree.
    """
    page = look.page
    chars = np.zeros((len(page), len(LABEL_NAMES)))
    trust = np.zeros(len(page))
    at = np.searchsorted(page.starts, final.starts, side="right") - 1
    for piece, segment in enumerate(at.tolist()):
        label = final.labels[piece]
        if final.origins[piece] != "human" or label not in LABEL_NAMES:
            continue
        n = int(final.ends[piece] - final.starts[piece])
        chars[segment, LABEL_NAMES.index(label)] += n
        agreement = final.agreement[piece]
        sure = final.adjudicated[piece] or agreement is None
        trust[segment] += n * (1.0 if sure or agreement is None else agreement)
    total = chars.sum(axis=1)
    if not total.any():
        return None
    weight = np.sqrt(np.minimum(total, 200.0) / 200.0) * trust / np.maximum(total, 1.0)
    truth = (chars / np.maximum(total, 1.0)[:, None] * weight[:, None]).astype(np.float32)
    return Reviewed(page_id, LookPage(look, truth, site), chars)


def decision_of(labeler: Any) -> dict[str, Sequence[float]]:
    """What each label's probability counts when the labeler chooses, by kind of input."""
    if getattr(labeler, "name", "") != "model":
        return {}
    files = read_folder(labeler.model_folder)
    return {"html": list(files.html.decision), "text": list(files.text.decision)}


def write_project_model(
    labeler: Any, pages: Sequence[Reviewed], options: ProjectTraining, about: dict[str, Any]
) -> SecondModel:
    """Write a model folder: the labeler's own files with a second look beside them.

    Raises:
        LabelerError: the labeler is no model, is one of these already, or there
            are too few pages.
    """
    if getattr(labeler, "name", "") != "model":
        raise LabelerError("training on annotations builds on labeler=model; leave labeler out")
    if options.out is None:
        raise LabelerError("train.out is not set; give the model folder to write as train.out=PATH")
    base: Path = labeler.model_folder
    if (base / "second.json").is_file():
        raise LabelerError(
            f"{base}: has been trained on a project already; train on all annotations at once, "
            "on top of the shipped model"
        )
    model = fit_look(
        [page.fit for page in pages], options.look, decision=decision_of(labeler), about=about
    )
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(base.iterdir()):
        if path.suffix in (".xz", ".json"):
            shutil.copyfile(path, out / path.name)
    write_look(out, model)
    card = (base / "card.md").read_text("utf-8") if (base / "card.md").is_file() else ""
    (out / "card.md").write_text(card + _card(model), encoding="utf-8")
    return model


def _card(model: SecondModel) -> str:
    told = model.about
    before, after = told["log_loss"]
    lines = [
        "",
        "## Trained further",
        "",
        f"On {told['pages']} reviewed pages of {told['sites']} sites:",
        f"{told['trees']} trees on top of the probabilities above.",
        f"Log-loss on held-out sites of these pages: {before:.4f} before, {after:.4f} after.",
    ]
    lines += [f"- {source}" for source in told.get("sources", ())]
    return "\n".join(lines) + "\n"
