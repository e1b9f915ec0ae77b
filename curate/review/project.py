"""A dataset's project on a server: find or make it, push, pull."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from curate.errors import ReviewError
from curate.io import locked, read_json, write_json
from curate.review.client import NotFoundError
from curate.review.config import ReviewConfig
from curate.review.connection import Connection
from curate.review.interface import differences, guideline_html, labeling_config
from curate.review.plan import SyncPlan, plan
from curate.review.pseudonyms import Pseudonyms
from curate.review.pull import Puller, PullResult
from curate.review.sync import PushResult, push
from curate.review.tasks import PREDICTION_NAME, ReviewTask
from curate.review.vendor import checked
from curate.schema import LabelSet
from curate.text import digest

__all__ = ["Progress", "ReviewProject"]

Tell = Callable[[str], None]
KeyOf = Callable[[Mapping[str, Any]], str]

MAX_TITLE_CHARS = 50
"""Longest project title that the server takes."""

HIDDEN_COLUMNS = (
    *(f"data.{name}" for name in ("head", "text", "page_key", "page_id", "text_hash", "replaced")),
    *("data.round", "data.earlier"),
    *("inner_id", "annotations_results", "annotations_ids", "total_predictions"),
    *("predictions_model_versions", "predictions_results", "file_upload", "storage_filename"),
    *("created_at", "updated_at", "updated_by", "avg_lead_time", "draft_exists", "annotators"),
)
"""Columns of the list of pages that tell a reviewer nothing."""

HIDDEN_BESIDE_A_PAGE = (
    *HIDDEN_COLUMNS,
    *("data.url", "data.why", "data.labeler", "data.site", "completed_at"),
    *("cancelled_annotations", "predictions_score"),
)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far review is.

    Attributes:
        tasks: pages on the server.
        annotated: pages with at least one finished annotation.
        annotations: finished annotations.
        skipped: skips.
    """

    tasks: int
    annotated: int
    annotations: int
    skipped: int


@dataclass(slots=True)
class ReviewProject:
    """A dataset's project on a server.

    Attributes:
        name: the dataset's name.
        number: the project's id.
        url: its list of pages; `label_url` goes straight to the next page.
        origin: what readings in it are, see `Annotation.origin`.
    """

    connection: Connection
    config: ReviewConfig
    label_set: LabelSet
    state: Path
    name: str
    number: int
    title: str
    origin: str = "label_studio"

    @classmethod
    def open(
        cls,
        connection: Connection,
        name: str,
        label_set: LabelSet,
        config: ReviewConfig,
        state: Path,
        *,
        create: bool = True,
        about: str = "",
        progress: Tell = lambda _: None,
    ) -> Self | None:
        """Find the dataset's project, or make it.

        It is found by what was noted here, else by a mark in its description:
        losing the note makes no second project.

        Args:
            create: False: None where there is none.
            about: what a new project's description begins with.

        Raises:
            ReviewError: it exists and its labels don't fit the label set.
        """
        folder = state / "review"
        folder.mkdir(parents=True, exist_ok=True)
        note = folder / f"{name}.json"
        with locked(folder / f"{name}.lock", on_wait=progress):
            found = _find(connection, note, name, label_set)
            if found is None:
                if not create:
                    return None
                title = (config.project or f"curate: {name}").strip()[:MAX_TITLE_CHARS]
                number = _create(connection, title, name, label_set, config, about)
                progress(f"project {number} ({title!r}) made on {connection.client.url}")
                found = connection.client.project(number)
                _note(note, connection, number, label_set)
            elif create:
                _update(connection, found, note, label_set, config)
        return cls(
            connection=connection,
            config=config,
            label_set=label_set,
            state=state,
            name=name,
            number=int(found["id"]),
            title=str(found["title"]),
        )

    @property
    def url(self) -> str:
        """The list of pages in the browser."""
        return f"{self.connection.client.url}/projects/{self.number}/data"

    @property
    def label_url(self) -> str:
        """The next page to review."""
        return f"{self.url}?labeling=1"

    def plan(
        self,
        tasks: Iterable[ReviewTask],
        *,
        current: Mapping[str, str] | None = None,
        refresh: Callable[[str], ReviewTask | None] | None = None,
    ) -> SyncPlan:
        """What a push of these pages would do; see `plan.plan`."""
        return plan(
            self.connection.client,
            self.number,
            tasks,
            self.label_set.names,
            current=current,
            refresh=refresh,
        )

    def push(self, steps: SyncPlan, *, progress: Tell = lambda _: None) -> PushResult:
        """Do what a plan says, as far as the SDK has no objection; see `sync.push`."""
        client = self.connection.client
        if steps.new or steps.changed:
            steps = checked(steps, str(client.project(self.number)["label_config"]))
        return push(
            client,
            steps,
            doubt_below=self.config.doubt_below,
            progress=progress,
        )

    def pull(
        self,
        folder: Path,
        *,
        full: bool = False,
        key_of: KeyOf | None = None,
        progress: Tell = lambda _: None,
    ) -> PullResult:
        """Take people's work into `folder`; see `pull.Puller`."""
        puller = Puller(
            client=self.connection.client,
            project=self.number,
            server=self.connection.server,
            folder=folder,
            label_set=self.label_set,
            pseudonyms=Pseudonyms(self.state / "pseudonym.key"),
            state=self.state / "review" / f"{self.name}.pull.json",
            origin=self.origin,
            key_of=key_of,
        )
        return puller.pull(full=full, progress=progress)

    def progress(self) -> Progress:
        """How far review is."""
        told = self.connection.client.project(self.number)
        return Progress(
            tasks=int(told.get("task_number") or 0),
            annotated=int(told.get("num_tasks_with_annotations") or 0),
            annotations=int(told.get("total_annotations_number") or 0),
            skipped=int(told.get("skipped_annotations_number") or 0),
        )


# --------------------------------------------------------------------- project


def _mark(name: str, label_set: LabelSet) -> str:
    return f"[curate:{digest(name, label_set.name, chars=12)}]"


def _find(
    connection: Connection, note: Path, name: str, label_set: LabelSet
) -> dict[str, Any] | None:
    noted = _noted(note)
    if noted.get("server") == connection.server and noted.get("project"):
        try:
            return connection.client.project(int(noted["project"]))
        except NotFoundError:
            pass
    mark = _mark(name, label_set)
    marked = [p for p in connection.client.projects() if mark in (p.get("description") or "")]
    if not marked:
        return None
    first = min(marked, key=lambda p: int(p["id"]))
    number = int(first["id"])
    write_json(note, {"server": connection.server, "project": number, "config": None})
    return connection.client.project(number)


def _create(
    connection: Connection,
    title: str,
    name: str,
    label_set: LabelSet,
    config: ReviewConfig,
    about: str,
) -> int:
    client = connection.client
    number = client.create_project(
        {
            "title": title,
            "description": (
                f"{about or f'Pages of the dataset “{name}”'}, sent and read back by curate, "
                f"which finds its project by this mark: {_mark(name, label_set)}"
            ),
            "label_config": labeling_config(label_set),
            "enable_empty_annotation": True,
            "show_skip_button": True,
            "sampling": "Sequential sampling",
            "color": "#2e7d32",
            **_settings(label_set, config),
        }
    )
    with suppress(ReviewError):  # only the look of the list
        client.post(
            "/api/dm/views/",
            {
                "project": number,
                "data": {
                    "title": "Pages",
                    "hiddenColumns": {
                        "explore": [f"tasks:{column}" for column in HIDDEN_COLUMNS],
                        "labeling": [f"tasks:{column}" for column in HIDDEN_BESIDE_A_PAGE],
                    },
                },
            },
        )
    return number


def _settings(label_set: LabelSet, config: ReviewConfig) -> dict[str, Any]:
    """What is kept as the config says, whatever was clicked on the server."""
    return {
        "expert_instruction": guideline_html(label_set),
        "maximum_annotations": config.annotators_per_page,
        "show_collab_predictions": True,
        "model_version": PREDICTION_NAME,
    }


def _update(
    connection: Connection,
    found: Mapping[str, Any],
    note: Path,
    label_set: LabelSet,
    config: ReviewConfig,
) -> None:
    """Bring an existing project to today's schema, as far as human work allows."""
    client, number = connection.client, int(found["id"])
    changed = {
        key: value for key, value in _settings(label_set, config).items() if found.get(key) != value
    }
    there, wanted = str(found.get("label_config") or ""), labeling_config(label_set)
    if there != wanted:
        wrong = differences(there, label_set)
        by_hand = _noted(note).get("config") != digest(there)
        empty = not found.get("task_number")
        if wrong and by_hand and not empty:
            raise ReviewError(
                f"project {number} on {client.url}: {'; '.join(wrong)}; correct its labeling "
                "interface there, or give the dataset another name"
            )
        if wrong or not by_hand:
            _check_used(connection, number, label_set)
            changed["label_config"] = wanted
    if changed:
        client.update_project(number, changed)
    if "label_config" in changed or there == wanted:
        _note(note, connection, number, label_set)


def _check_used(connection: Connection, number: int, label_set: LabelSet) -> None:
    """Refuse to take away a label that people have used: the server would not mind."""
    summary = connection.client.get(f"/api/projects/{number}/summary/")
    used: set[str] = set()
    for key in ("created_labels", "created_labels_drafts"):
        used |= set((summary.get(key) or {}).get("label") or {})
    lost = sorted(used - set(label_set.names) - set(label_set.from_labels))
    if lost:
        raise ReviewError(
            f"project {number} on {connection.client.url}: people have used the labels "
            f"{', '.join(lost)}, which schema {label_set.name} doesn't have; say what they are "
            "called today in schema.from_labels, or give the dataset another name"
        )


def _noted(note: Path) -> dict[str, Any]:
    try:
        value = read_json(note)
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _note(note: Path, connection: Connection, number: int, label_set: LabelSet) -> None:
    config = digest(labeling_config(label_set))
    write_json(note, {"server": connection.server, "project": number, "config": config})
