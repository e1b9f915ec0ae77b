"""What a push would do: the pages that should be on the server against what is there.

The key of a task is the page's state (`page_id` in its data); the server holds
nothing unique of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curate.errors import ReviewError
from curate.review.client import LabelStudio
from curate.review.tasks import (
    PREDICTION_NAME,
    ReviewTask,
    check_task,
    prediction_digest,
    prediction_of,
    restored_text,
    task_key,
)

__all__ = ["Change", "RemoteTask", "SyncPlan", "list_remote", "plan", "remote_of"]

_ALTERED = (
    "its text on the server is not the one that was sent, and somebody has worked on it; "
    "restore the task's data there, or delete the task and push again"
)


@dataclass(frozen=True, slots=True)
class RemoteTask:
    """What the server holds of one page.

    Attributes:
        sound: its text is the text that was sent.
        untouched: nobody has worked on it: no annotation, skip or draft.
        predictions: digest of each prediction by its id.
        data: its data but for the text.
        round: see `ReviewTask.round`.
    """

    task_id: int
    page_key: str
    page_id: str
    sound: bool
    untouched: bool
    n_annotations: int
    n_skipped: int
    predictions: Mapping[int, str]
    data: Mapping[str, Any]
    round: str = ""

    @property
    def key(self) -> str:
        """What names it in its project."""
        return task_key(self.page_id, self.round)


@dataclass(frozen=True, slots=True)
class Change:
    """A task that gets a better prediction."""

    remote: RemoteTask
    task: ReviewTask
    add: bool
    stale: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What a push would do.

    Attributes:
        new: pages that get a task.
        changed: untouched tasks whose prediction is replaced.
        unchanged: tasks that are as they should be, or that somebody works on.
        to_close: untouched tasks of a text that the page no longer has or of a
            round that is over, and untouched doubles; they are removed.
        orphaned: tasks of pages that are no longer in the input; left alone.
        foreign: tasks that are not ours; left alone.
        refused: pages that can't be sent: (page_id, why).
    """

    project: int
    new: tuple[ReviewTask, ...] = ()
    changed: tuple[Change, ...] = ()
    unchanged: tuple[RemoteTask, ...] = ()
    to_close: tuple[RemoteTask, ...] = ()
    orphaned: tuple[RemoteTask, ...] = ()
    foreign: int = 0
    refused: tuple[tuple[str, str], ...] = ()

    @property
    def n_remote(self) -> int:
        """Tasks that the project held when the plan was made."""
        ours = (self.changed, self.unchanged, self.to_close, self.orphaned)
        return sum(map(len, ours)) + self.foreign

    @property
    def is_empty(self) -> bool:
        """Nothing to do."""
        return not (self.new or self.changed or self.to_close)


def list_remote(client: LabelStudio, project: int) -> Iterator[RemoteTask | None]:
    """Every task of the project; None for one that isn't ours."""
    for task in client.tasks(project):
        yield remote_of(task)


def remote_of(task: Mapping[str, Any]) -> RemoteTask | None:
    """A listed task as what it is to us; None for one that isn't ours."""
    data = task.get("data") or {}
    if not data.get("page_id") or not data.get("page_key"):
        return None
    annotations = task.get("annotations") or []
    skipped = sum(bool(a.get("was_cancelled")) for a in annotations)
    return RemoteTask(
        task_id=int(task["id"]),
        page_key=str(data["page_key"]),
        page_id=str(data["page_id"]),
        sound=_is_sound(data),
        untouched=not (annotations or task.get("drafts") or task.get("draft_exists")),
        n_annotations=len(annotations) - skipped,
        n_skipped=skipped,
        predictions={
            int(p["id"]): prediction_digest(p)
            if p.get("model_version") == PREDICTION_NAME
            else f"other:{p.get('model_version')}"
            for p in task.get("predictions") or []
        },
        data={key: value for key, value in data.items() if key not in ("text", "replaced")},
        round=str(data.get("round") or ""),
    )


def _is_sound(data: Mapping[str, Any]) -> bool:
    try:
        restored_text(data)
    except (ReviewError, ValueError, TypeError, IndexError):
        return False
    return True


def plan(
    client: LabelStudio,
    project: int,
    tasks: Iterable[ReviewTask],
    labels: Sequence[str],
    *,
    current: Mapping[str, str] | None = None,
    refresh: Callable[[str], ReviewTask | None] | None = None,
    remote: Iterable[RemoteTask | None] | None = None,
) -> SyncPlan:
    """Compare what should be on the server with what is.

    Args:
        tasks: pages that should have a task.
        labels: the label set's names.
        current: `page_id` of every page of the input by `page_key`, to tell
            superseded and orphaned tasks; None: not told.
        refresh: the task of a page by its `page_id`, for pages that have a task
            already and are not in `tasks`, so that they get better predictions
            too; None: they stay as they are.
        remote: what the server holds, where it was listed already.
    """
    wanted: dict[str, ReviewTask] = {}
    refused: list[tuple[str, str]] = []
    for task in tasks:
        try:
            check_task(task, labels)
        except ReviewError as error:
            refused.append((task.page_id, str(error)))
            continue
        wanted.setdefault(task.key, task)
    known: dict[str, list[RemoteTask]] = defaultdict(list)
    foreign = 0
    for entry in list_remote(client, project) if remote is None else remote:
        if entry is None:
            foreign += 1
        else:
            known[entry.key].append(entry)
    states = dict(current or {})
    states |= {task.page_key: task.page_id for task in wanted.values()}
    changed: list[Change] = []
    unchanged: list[RemoteTask] = []
    to_close: list[RemoteTask] = []
    orphaned: list[RemoteTask] = []
    for key, doubles in list(known.items()):
        doubles.sort(key=lambda r: (r.untouched, not r.sound, r.task_id))
        first = doubles[0]
        page_id = first.page_id
        to_close += [extra for extra in doubles[1:] if extra.untouched]
        unchanged += [extra for extra in doubles[1:] if not extra.untouched]
        if not first.sound:
            if first.untouched:
                to_close.append(first)
                known[key] = []
            else:
                refused.append((page_id, f"task {first.task_id}: {_ALTERED}"))
                unchanged.append(first)
            continue
        state = states.get(first.page_key)
        if state is None and current is not None:
            orphaned.append(first)
            continue
        if state is not None and state != page_id:
            (to_close if first.untouched else unchanged).append(first)
            continue
        task_now = wanted.get(key)
        if task_now is None and first.round:
            # What it was opened for has a label by now.
            (to_close if first.untouched else unchanged).append(first)
            continue
        if task_now is None and refresh is not None and first.untouched:
            task_now = _refreshed(refresh, page_id, labels, refused)
        change = _change(first, task_now) if task_now else None
        if change is None:
            unchanged.append(first)
        else:
            changed.append(change)
    new = sorted(
        (task for key, task in wanted.items() if not known.get(key)),
        key=lambda task: (task.rank, task.key),
    )
    return SyncPlan(
        project=project,
        new=tuple(new),
        changed=tuple(changed),
        unchanged=tuple(unchanged),
        to_close=tuple(to_close),
        orphaned=tuple(orphaned),
        foreign=foreign,
        refused=tuple(refused),
    )


def _refreshed(
    refresh: Callable[[str], ReviewTask | None],
    page_id: str,
    labels: Sequence[str],
    refused: list[tuple[str, str]],
) -> ReviewTask | None:
    task = refresh(page_id)
    if task is not None:
        try:
            check_task(task, labels)
        except ReviewError as error:
            refused.append((page_id, str(error)))
            return None
    return task


def _change(remote: RemoteTask, task: ReviewTask) -> Change | None:
    """The change that an untouched task needs, None where it has what it should."""
    if not remote.untouched:
        return None
    wanted = prediction_digest(prediction_of(task))
    right = [number for number, found in remote.predictions.items() if found == wanted]
    keep = max(right, default=None)
    stale = tuple(number for number in remote.predictions if number != keep)
    # The sampler's reason may change from round to round; that alone is no change.
    same = remote.data.get("labeler") == task.model_version
    if keep is not None and not stale and same:
        return None
    return Change(remote, task, add=keep is None, stale=stale)
