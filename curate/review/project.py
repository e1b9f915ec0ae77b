"""A dataset's project on a server: find or make it, push, pull."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from curate.io import locked
from curate.review.config import ReviewConfig
from curate.review.connection import Connection
from curate.review.plan import SyncPlan, plan
from curate.review.project_setup import (
    create_project,
    find_project,
    note_project,
    update_project,
)
from curate.review.pseudonyms import Pseudonyms
from curate.review.pull import Puller, PullResult
from curate.review.sync import PushResult, push
from curate.review.tasks import ReviewTask
from curate.review.vendor import checked
from curate.schema import LabelSet

__all__ = ["Progress", "ReviewProject"]

Tell = Callable[[str], None]
KeyOf = Callable[[Mapping[str, Any]], str]

MAX_TITLE_CHARS = 50
"""Longest project title that the server takes."""


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
            found = find_project(connection, note, name, label_set)
            if found is None:
                if not create:
                    return None
                title = (config.project or f"curate: {name}").strip()[:MAX_TITLE_CHARS]
                number = create_project(connection, title, name, label_set, config, about)
                progress(f"project {number} ({title!r}) made on {connection.client.url}")
                found = connection.client.project(number)
                note_project(note, connection, number, label_set)
            elif create:
                update_project(connection, found, note, label_set, config)
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
