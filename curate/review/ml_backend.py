"""Live predictions: what Label Studio calls a machine-learning backend.

It asks for the segments of a page that has none yet, a page added by hand for
one, when somebody opens it. Four calls: health, setup, predict, webhook. The
token that comes with setup is not read, and nothing of a request is kept.
"""

from __future__ import annotations

import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curate.errors import ReviewError
from curate.review.interface import is_safe_xml
from curate.review.tasks import PREDICTION_NAME, ReviewTask, check_task, prediction_of
from curate.schema import LabelSet
from curate.version import __version__

__all__ = ["AskedPage", "Backend", "Controls", "controls_of"]

MAX_TASKS = 1000
MAX_TEXT_CHARS = 5_000_000
"""Longest page that is segmented while somebody waits."""


@dataclass(frozen=True, slots=True)
class AskedPage:
    """A page as a task holds it.

    Attributes:
        page_key: where it was sent by us.
    """

    text: str
    url: str | None
    title: str | None
    page_key: str | None


@dataclass(frozen=True, slots=True)
class Controls:
    """What a project's labeling config calls the parts that a prediction names.

    Attributes:
        label: name of the labels over the text.
        text: name of the text.
        field: field of the task's data that the text shows.
        labels: the control's labels.
    """

    label: str
    text: str
    field: str
    labels: tuple[str, ...]


def controls_of(xml: str, label_set: LabelSet) -> Controls:
    """The first `<Labels>` over a `<Text>` whose labels are those of the set.

    Raises:
        ReviewError: there is none; says what is missing.
    """
    if not is_safe_xml(xml):
        raise ReviewError("the project's labeling config declares entities; that is not read")
    try:
        root = ET.fromstring(xml)  # noqa: S314 - declarations are refused above
    except ET.ParseError as error:
        raise ReviewError(f"the project's labeling config is no XML ({error})") from error
    texts = {
        e.get("name"): e.get("value", "") for e in root.iter("Text") if e.get("name") is not None
    }
    wrong = "it has no <Labels> over a <Text>"
    for element in root.iter("Labels"):
        value = texts.get(element.get("toName"), "")
        name, target = element.get("name"), element.get("toName")
        if not name or not target or not value.startswith("$"):
            continue
        labels = tuple(child.get("value", "") for child in element.iter("Label"))
        missing = [label for label in label_set.names if label not in labels]
        if not missing:
            return Controls(name, target, value[1:], labels)
        wrong = f"its <Labels name={name!r}> lacks {', '.join(missing)}"
    raise ReviewError(
        f"this project can't be predicted for: {wrong}; the labels of schema "
        f"{label_set.name} are {', '.join(label_set.names)}"
    )


@dataclass(slots=True)
class Backend:
    """Answers the four calls.

    Attributes:
        predict: labels pages; called by one thread at a time.
        labeler: name and version, told at setup.
        on_event: told the name of each webhook event.
    """

    predict: Callable[[Sequence[AskedPage]], Sequence[ReviewTask]]
    label_set: LabelSet
    labeler: str
    on_event: Callable[[str], None] = lambda _: None
    _one: Any = None

    def __post_init__(self) -> None:
        self._one = threading.Lock()

    def health(self) -> dict[str, Any]:
        """We are here."""
        return {"status": "UP", "model_class": "curate", "version": __version__}

    def setup(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Refuse a project whose labels are not ours; else the version its predictions carry.

        One name for all versions of a labeler: the labeling stream shows only
        the predictions of the project's one version, which a push sets too.
        """
        controls_of(str(body.get("schema") or ""), self.label_set)
        return {"model_version": PREDICTION_NAME, "labeler": self.labeler}

    def answer(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """One prediction a task, in order; an empty one where the task has no text."""
        tasks = body.get("tasks")
        if not isinstance(tasks, list):
            raise ReviewError("predict: tasks is no list of tasks")
        if len(tasks) > MAX_TASKS:
            raise ReviewError(f"predict: {len(tasks)} tasks; ask for at most {MAX_TASKS} at a time")
        controls = controls_of(str(body.get("label_config") or ""), self.label_set)
        pages = [_asked(task, controls.field) for task in tasks]
        some = [page for page in pages if page is not None]
        with self._one:
            found = iter(self.predict(some) if some else ())
        return {
            "results": [
                _empty() if page is None else self._prediction(next(found), controls)
                for page in pages
            ]
        }

    def webhook(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Taken note of and no more: `curate run` pulls and trains, by what the server holds."""
        self.on_event(str(body.get("action") or "event")[:60])
        return {"status": "noted"}

    def _prediction(self, task: ReviewTask, controls: Controls) -> dict[str, Any]:
        check_task(task, self.label_set.names)
        prediction = prediction_of(task)
        for region in prediction["result"]:
            region["from_name"], region["to_name"] = controls.label, controls.text
        return prediction


def _asked(task: Any, field: str) -> AskedPage | None:
    data = task.get("data") if isinstance(task, dict) else None
    if not isinstance(data, dict):
        return None
    text = data.get(field)
    if not isinstance(text, str) or not text.strip():
        return None
    if len(text) > MAX_TEXT_CHARS:
        raise ReviewError(
            f"predict: a page of {len(text)} characters; at most {MAX_TEXT_CHARS} are taken"
        )

    def told(name: str) -> str | None:
        value = data.get(name)
        return value if isinstance(value, str) and value.strip() else None

    return AskedPage(text, told("url"), told("title"), told("page_key"))


def _empty() -> dict[str, Any]:
    return {"model_version": PREDICTION_NAME, "score": 0.0, "result": []}
