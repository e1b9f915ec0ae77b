"""Pages as Label Studio tasks: what is sent, and the same read back.

The text is sent character for character, but for what can break a server or a
browser (lone surrogates, control characters): these are replaced one for one,
so that offsets stay, and noted in the task, so that the text can be restored.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from curate.errors import ReviewError
from curate.io import json_digest
from curate.review.interface import LABEL_CONTROL, TEXT_OBJECT, Doubt, head_html
from curate.schema import Action, PagePrediction, SegmentedPage, page_id_of, segment_id_of
from curate.text import REPLACEMENT, text_hash

__all__ = [
    "PREDICTION_NAME",
    "REGION_TYPE",
    "ReviewTask",
    "body_of",
    "check_task",
    "make_task",
    "prediction_digest",
    "prediction_of",
    "predictions_of",
    "restored_text",
    "server_text",
    "task_key",
]

PREDICTION_NAME = "curate"
"""`model_version` of all our predictions. One name, because the labeling stream
shows only predictions of the project's one version: with the labeler's version
in it, pages that were not sent again would lose theirs. The labeler's version
stands in the task's data."""

REGION_TYPE = "labels"

MAX_REASONS = 4


@dataclass(frozen=True, slots=True)
class ReviewTask:
    """A page to be reviewed, with what the labeler says of it.

    Attributes:
        page_key, page_id: of this state of the page; `page_id` is the task's key.
        starts, ends, labels, scores: its segments; `scores` is the probability
            of the label given.
        model_version: labeler and version.
        score: of the page as a whole, the lower the less certain; None: the mean.
        why: why this page is in the sample, for the reviewer.
        rank: order in which pages are sent.
        rivals: for each segment the next best label, or empty.
        reasons: for each segment the labeler's reasons, or empty.
        doubt_below: segments with a lower score are in doubt.
        remarks: for each segment what stands before it on the screen in place of
            a doubt (`A: article, B: teaser`), or empty.
        readings: people's readings, shown beside the prediction: a name and
            (start, end, label) of each region.
        round: names what is to be looked at once more (see `left_over`); empty for
            a page's first task.
        earlier: what people did to a region before that round, by its id.
    """

    page_key: str
    page_id: str
    text: str
    url: str | None
    site: str | None
    title: str | None
    starts: Sequence[int]
    ends: Sequence[int]
    labels: Sequence[str]
    scores: Sequence[float]
    model_version: str
    score: float | None = None
    why: str = ""
    rank: int = 0
    rivals: Sequence[str | None] = ()
    reasons: Sequence[Sequence[str]] = ()
    remarks: Sequence[str] = ()
    readings: Sequence[tuple[str, Sequence[tuple[int, int, str]]]] = ()
    doubt_below: float = 0.6
    round: str = ""
    earlier: Mapping[str, Action] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What names the task in its project."""
        return task_key(self.page_id, self.round)

    @property
    def to_look_at(self) -> list[int]:
        """Segments to look at first: those with a remark or, where none is given, in doubt."""
        told = len(self.remarks)
        return [
            i
            for i, score in enumerate(self.scores)
            if (self.remarks[i] if i < told else score < self.doubt_below)
        ]


def make_task(
    page_key: str,
    page: SegmentedPage,
    prediction: PagePrediction,
    label_order: Sequence[str],
    model_version: str,
    *,
    why: str = "",
    rank: int = 0,
    score: float | None = None,
    doubt_below: float = 0.6,
) -> ReviewTask:
    """A task from a page's segments and their prediction.

    Args:
        label_order: label names of the columns of `prediction.scores`.
    """
    order = list(label_order)
    given = np.array([order.index(label) for label in prediction.labels], np.int64)
    rows = np.arange(len(given))
    scores = prediction.scores[rows, given].tolist() if len(given) else []
    rivals: list[str | None] = [None] * len(given)
    if len(given) and len(order) > 1:
        others = prediction.scores.copy()
        others[rows, given] = -1
        rivals = [order[i] for i in others.argmax(axis=1)]
    return ReviewTask(
        page_key=page_key,
        page_id=page_id_of(page_key, page.text),
        text=page.text,
        url=page.url,
        site=page.site,
        title=page.title,
        starts=page.starts.tolist(),
        ends=page.ends.tolist(),
        labels=list(prediction.labels),
        scores=[round(float(value), 4) for value in scores],
        model_version=model_version,
        score=score,
        why=why,
        rank=rank,
        rivals=rivals,
        reasons=prediction.reasons,
        doubt_below=doubt_below,
    )


def task_key(page_id: str, round_: str = "") -> str:
    """What names a task in a project: this state of the page, and why it is open once more."""
    return f"{page_id}+{round_}" if round_ else page_id


# ------------------------------------------------------------------------ text


def server_text(text: str) -> tuple[str, list[list[int]]]:
    """The text as it is sent, and what was replaced: [position, code point] each.

    Control characters that are white space become a blank, all others and lone
    surrogates U+FFFD. Tab, line feed and carriage return stay.
    """
    replaced: list[list[int]] = []
    sent = list(text)
    for i, char in enumerate(text):
        if char in "\t\n\r" or unicodedata.category(char) not in ("Cc", "Cs"):
            continue
        replaced.append([i, ord(char)])
        sent[i] = " " if char.isspace() else REPLACEMENT
    return "".join(sent) if replaced else text, replaced


def restored_text(data: Mapping[str, Any]) -> str:
    """The page's own text from a task's data.

    Raises:
        ReviewError: the text on the server is not the one that was sent.
    """
    text = data.get("text")
    if not isinstance(text, str):
        raise ReviewError("its text is gone from the server; restore the task's data there")
    replaced = data.get("replaced") or []
    if replaced:
        chars = list(text)
        for position, code in replaced:
            chars[int(position)] = chr(int(code))
        text = "".join(chars)
    if text_hash(text) != data.get("text_hash"):
        raise ReviewError(
            "its text on the server is not the text that was sent, so its spans can't be "
            "trusted; delete the task there and push again"
        )
    return text


# ------------------------------------------------------------------ to a server


def check_task(task: ReviewTask, labels: Sequence[str]) -> None:
    """Prove a task's spans before it is sent: the server would take anything.

    Raises:
        ReviewError: names page and span.
    """
    n = len(task.starts)
    where = f"page {task.page_id} ({task.url or task.site})"
    if not n == len(task.ends) == len(task.labels) == len(task.scores):
        raise ReviewError(f"{where}: spans, labels and scores differ in number")
    if task.page_id != page_id_of(task.page_key, task.text):
        raise ReviewError(f"{where}: its id is not that of its text; segment the page again")
    last = 0
    for start, end, label in zip(task.starts, task.ends, task.labels, strict=True):
        if not last <= start < end <= len(task.text):
            raise ReviewError(
                f"{where}: span {start}-{end} is not after {last} and within the text's "
                f"{len(task.text)} characters; segment the page again"
            )
        if label not in labels:
            raise ReviewError(
                f"{where}: span {start}-{end} has the label {label!r}, which is not one of "
                f"{', '.join(labels)}; map it in schema.from_labels"
            )
        last = end


def prediction_of(task: ReviewTask) -> dict[str, Any]:
    """The task's prediction as the server takes it: one region a segment.

    Those to look at first come first, in the order of the text: so does the
    list beside the page show them, and so does the keyboard go (Alt+.).
    """
    score = task.score
    if score is None:
        score = sum(task.scores) / len(task.scores) if len(task.scores) else 0.0
    first = task.to_look_at
    rest = sorted(set(range(len(task.starts))) - set(first))
    return {
        "model_version": PREDICTION_NAME,
        "score": round(float(score), 4),
        "result": [_region(task, i) for i in (*first, *rest)],
    }


def predictions_of(task: ReviewTask) -> list[dict[str, Any]]:
    """What a new task is sent with: its prediction, and readings to look at beside it."""
    return [prediction_of(task), *(_reading(task, *reading) for reading in task.readings)]


def _reading(task: ReviewTask, name: str, spans: Sequence[tuple[int, int, str]]) -> dict[str, Any]:
    """A person's reading as a prediction of its own: a tab that can't be edited."""
    regions = [
        {
            "id": f"{segment_id_of(task.page_id, start, end)}-{name[-1]}",
            "from_name": LABEL_CONTROL,
            "to_name": TEXT_OBJECT,
            "type": REGION_TYPE,
            "value": {"start": start, "end": end, "labels": [label]},
        }
        for start, end, label in spans
    ]
    return {"model_version": name, "result": regions}


def _region(task: ReviewTask, i: int) -> dict[str, Any]:
    start, end = int(task.starts[i]), int(task.ends[i])
    region: dict[str, Any] = {
        "id": segment_id_of(task.page_id, start, end),
        "from_name": LABEL_CONTROL,
        "to_name": TEXT_OBJECT,
        "type": REGION_TYPE,
        "score": round(float(task.scores[i]), 4),
        "value": {"start": start, "end": end, "labels": [task.labels[i]]},
    }
    reasons = list(task.reasons[i])[:MAX_REASONS] if i < len(task.reasons) else []
    if reasons:
        region["meta"] = {"text": ["; ".join(reasons)]}
    return region


def body_of(task: ReviewTask, doubt_below: float) -> dict[str, Any]:
    """The task's data: the page, our key, and what stands above it on the screen."""
    text, replaced = server_text(task.text)
    body: dict[str, Any] = {
        "title": _sendable(task.title or ""),
        "site": _sendable(task.site or ""),
        "url": _sendable(task.url or ""),
        "why": _sendable(task.why),
        "text": text,
        "head": _sendable(_head(task, doubt_below)),
        "page_key": task.page_key,
        "page_id": task.page_id,
        "text_hash": text_hash(task.text),
        "labeler": task.model_version,
    }
    if replaced:
        body["replaced"] = replaced
    if task.round:
        body |= {"round": task.round, "earlier": dict(task.earlier)}
    return body


def _sendable(text: str) -> str:
    return server_text(text)[0]


def _head(task: ReviewTask, doubt_below: float) -> str:
    doubts = [
        Doubt(
            int(task.starts[i]),
            int(task.ends[i]),
            task.labels[i],
            float(task.scores[i]),
            task.rivals[i] if i < len(task.rivals) else None,
            task.remarks[i] if i < len(task.remarks) else "",
        )
        for i in range(len(task.starts))
        if (task.remarks[i] if i < len(task.remarks) else task.scores[i] < doubt_below)
    ]
    return head_html(
        title=task.title,
        site=task.site,
        url=task.url,
        why=task.why,
        labeler=task.model_version,
        n_segments=len(task.starts),
        doubts=doubts,
    )


def prediction_digest(prediction: Mapping[str, Any]) -> str:
    """Digest of what a prediction says, the same for what we send and the server holds."""
    rows = [
        [
            region.get("id"),
            region.get("from_name"),
            region["value"].get("start"),
            region["value"].get("end"),
            region["value"].get("labels"),
            round(float(region.get("score") or 0.0), 4),
            region.get("meta") or {},
        ]
        for region in prediction.get("result") or []
        if isinstance(region.get("value"), dict)
    ]
    return json_digest([round(float(prediction.get("score") or 0.0), 4), rows])
