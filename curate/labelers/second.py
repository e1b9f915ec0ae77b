"""A second look: a small model on top of a labeler's probabilities.

Its trees start from the labeler's log-probabilities and add to them, so that
without trees it changes nothing and a few trees change little. Two of them
exist: one reads what recurs over a site's pages, one is trained on a project's
own reviewed pages.

    second.json           what it reads, how labels are chosen, figures
    second-trees.txt.xz   LightGBM's text of the trees; absent without any
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.errors import LabelerError
from curate.io import atomic_path, file_digest
from curate.labelers.batch import Floats
from curate.labelers.second_columns import (
    PAGE_COLUMNS,
    SITE_COLUMNS,
    Look,
    columns_of,
    log_scores,
    token_columns,
    without_evidence,
)
from curate.labelers.trees import Trees
from curate.schema import PagePrediction
from curate.text import digest

__all__ = [
    "SITE_LOOK",
    "SecondLook",
    "SecondModel",
    "added",
    "look_digest",
    "moved_scores",
    "read_look",
    "write_look",
]

FORMAT = 1

_HEAD, _TREES = "second.json", "second-trees.txt.xz"

SITE_LOOK = "site"
"""Folder of the shipped look at a site's other pages, beside this file."""

RECURS = 0.3
"""Share of the site's pages from which on "same line on …" is told as a reason."""

TEXT_PAGES = 5
"""Pages of a site from which on bare text is looked at again. With fewer, what recurs
is as often a story told twice; measured in docs/site-evidence.md."""

_CONTENT = ("article", "teaser")


@dataclass(frozen=True, slots=True)
class SecondModel:
    """A second look as stored.

    Attributes:
        labels: label names in the order of the scores' columns.
        evidence: whether it reads what recurs over the site's pages; such a look
            leaves pages alone whose site has no other page (bare text: `TEXT_PAGES`).
        vocabulary: tokens that are columns of their own.
        decision: what each label's probability counts when the label is chosen,
            by kind of input (`html`, `text`): the labeler's own.
        trees: LightGBM's text; empty for none.
        about: figures and data, for people.
    """

    labels: tuple[str, ...]
    evidence: bool
    trees: str
    vocabulary: tuple[str, ...] = ()
    decision: Mapping[str, Sequence[float]] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)


class SecondLook:
    """A second look, ready to look."""

    def __init__(self, model: SecondModel, name: str = "") -> None:
        self.model = model
        self.name = name
        self._trees = Trees(model.trees) if model.trees else None

    def apply(self, looks: Sequence[Look]) -> list[PagePrediction]:
        """The predictions after the second look, in order; each page by itself."""
        held = [
            number
            for number, look in enumerate(looks)
            if self._trees is not None and len(look.page) and self._concerns(look)
        ]
        out = [look.prediction for look in looks]
        if not held or self._trees is None:
            return out
        columns = np.concatenate([self.columns(looks[number]) for number in held])
        moved = added(self._sums, columns, self.model.evidence)
        at = 0
        for number in held:
            to = at + len(looks[number].page)
            out[number] = self._moved(looks[number], moved[at:to])
            at = to
        return out

    def _sums(self, columns: Floats) -> npt.NDArray[np.float64]:
        assert self._trees is not None
        return self._trees.raw(np.ascontiguousarray(columns.T)).T

    def columns(self, look: Look) -> Floats:
        """What the trees read."""
        known = columns_of(look, with_evidence=self.model.evidence)
        return np.hstack([known, token_columns(look.page, self.model.vocabulary)])

    def _concerns(self, look: Look) -> bool:
        if not self.model.evidence:
            return True
        needed = 2 if look.page.layout is not None else TEXT_PAGES
        return look.evidence is not None and look.evidence.n_pages >= needed

    def _moved(self, look: Look, moved: npt.NDArray[np.float64]) -> PagePrediction:
        old = look.prediction
        scores = moved_scores(log_scores(old), moved)
        kind = "html" if look.page.layout is not None else "text"
        counts = np.array(self.model.decision.get(kind, [1.0] * len(self.model.labels)))
        before = (np.asarray(old.scores) * counts).argmax(axis=1)
        after = (scores * counts).argmax(axis=1)
        labels = list(old.labels)
        main = np.array(old.main, bool)
        for row in np.flatnonzero(before != after).tolist():
            label = self.model.labels[int(after[row])]
            if (label in _CONTENT) != (labels[row] in _CONTENT):
                main[row] = label == "article"
            labels[row] = label
        reasons = self._reasons(look, labels)
        return replace(old, labels=labels, scores=scores, main=main, reasons=reasons)

    def _reasons(self, look: Look, labels: Sequence[str]) -> Sequence[Sequence[str]]:
        old, evidence = look.prediction, look.evidence
        if self.model.evidence and evidence is not None:
            share = evidence.seen / max(evidence.n_pages, 1)
            rows = (evidence.seen > 1) & (share >= RECURS)
            if not rows.any():
                return old.reasons
            n = evidence.n_pages
            told: list[Sequence[str]] = list(old.reasons)
            for row in np.flatnonzero(rows).tolist():
                line = f"same line on {evidence.seen[row]} of {n} pages of this site"
                told[row] = (line, *told[row])[: max(len(told[row]), 1)]
            return told
        changed = [row for row, label in enumerate(labels) if label != old.labels[row]]
        if not changed:
            return old.reasons
        told = list(old.reasons)
        for row in changed:
            line = f"reviewers of this project call such lines {labels[row]}"
            told[row] = (line, *told[row])[: max(len(told[row]), 1)]
        return told


def added(
    raw: Callable[[Floats], npt.NDArray[np.float64]], columns: Floats, evidence: bool
) -> npt.NDArray[np.float64]:
    """What trees add to the log-probabilities, float64 [n_segments, n_labels].

    With evidence: what they add more than they would on a site of one page. So
    nothing is added where there is none, and how the truth that they were fitted
    on differs from the one that the labeler was calibrated on falls out.

    Args:
        raw: sums of the trees for rows of columns.
        columns: float32 [n_segments, n_columns].
        evidence: whether they read what recurs over the site's pages.
    """
    return raw(columns) - raw(without_evidence(columns)) if evidence else raw(columns)


def moved_scores(logs: Floats, moved: npt.NDArray[np.float64]) -> Floats:
    """Probabilities after adding to log-probabilities; rows sum to 1."""
    z = logs + moved
    z = z - z.max(axis=1, keepdims=True)
    odds = np.exp(z)
    out: Floats = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
    return out


def write_look(folder: Path, model: SecondModel) -> str:
    """Write a second look into a folder (its own, or a model's); returns its digest."""
    head = {
        "format": FORMAT,
        "labels": list(model.labels),
        "evidence": model.evidence,
        "columns": _columns(model.evidence),
        "vocabulary": list(model.vocabulary),
        "decision": {kind: list(counts) for kind, counts in model.decision.items()},
        "about": model.about,
    }
    folder.mkdir(parents=True, exist_ok=True)
    if model.trees:
        packed = lzma.compress(model.trees.encode(), preset=9 | lzma.PRESET_EXTREME)
        with atomic_path(folder / _TREES) as temp:
            temp.write_bytes(packed)
    else:
        (folder / _TREES).unlink(missing_ok=True)
    with atomic_path(folder / _HEAD) as temp:
        temp.write_text(json.dumps(head, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return look_digest(folder)


def look_digest(folder: Path) -> str:
    """Digest of a second look's files, 16 hex digits."""
    parts = [f"{name} {file_digest(folder / name)}" for name in (_HEAD, _TREES)
             if (folder / name).is_file()]  # fmt: skip
    return digest(*parts, chars=16)


@lru_cache(maxsize=8)
def read_look(folder: str) -> SecondLook | None:
    """The second look in a folder; None where the folder holds none.

    Raises:
        LabelerError: it is damaged, or made by another version of the package.
    """
    path = Path(folder)
    if not (path / _HEAD).is_file():
        return None
    try:
        head = json.loads((path / _HEAD).read_text(encoding="utf-8"))
        packed = path / _TREES
        trees = lzma.decompress(packed.read_bytes()).decode() if packed.is_file() else ""
        if head["format"] != FORMAT or head["columns"] != _columns(head["evidence"]):
            raise LabelerError(
                f"{path}: made by a version of curate that reads pages differently; train it again"
            )
        model = SecondModel(
            tuple(head["labels"]),
            head["evidence"],
            trees,
            tuple(head["vocabulary"]),
            head["decision"],
            head["about"],
        )
    except (KeyError, TypeError, ValueError, OSError, lzma.LZMAError) as error:
        raise LabelerError(
            f"{path}: damaged ({type(error).__name__}: {error}); train it again"
        ) from error
    return SecondLook(model, look_digest(path))


def _columns(evidence: bool) -> list[str]:
    return list(SITE_COLUMNS if evidence else PAGE_COLUMNS)
