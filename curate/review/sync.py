"""Push: do what a plan says, once, and prove every character.

A request whose answer is lost may have been done. So nothing is sent twice
without listing what is there, and what was sent is read back and compared.
Human work is never changed or removed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from curate.errors import ReviewError
from curate.review.client import LabelStudio, NotFoundError, UnreachableError
from curate.review.plan import Change, RemoteTask, SyncPlan, list_remote, plan, remote_of
from curate.review.tasks import (
    PREDICTION_NAME,
    ReviewTask,
    body_of,
    prediction_of,
    predictions_of,
    server_text,
)

__all__ = ["PushResult", "RemoteTask", "SyncPlan", "plan", "push"]

MAX_BATCH_CHARS = 20_000_000
"""Characters of text in one import, whatever `push_batch` says: about 60 MB as
JSON with regions; the server's limit is 250 MB, and above it it fails with 500."""

PUSH_TRIES = 3
"""Times a batch is tried after failures, listing again before each."""


@dataclass(slots=True)
class PushResult:
    """What a push did.

    Attributes:
        created, updated, closed: tasks made, given a better prediction, removed.
        doubled: tasks that a cut push had sent too, removed again.
        failed: pages whose regions came back otherwise than sent, or that
            were refused before: (page_id, why). Their tasks were removed again.
    """

    created: int = 0
    updated: int = 0
    closed: int = 0
    doubled: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)


def push(
    client: LabelStudio,
    steps: SyncPlan,
    *,
    doubt_below: float = 0.6,
    progress: Callable[[str], None] = lambda _: None,
) -> PushResult:
    """Do what a plan says.

    It can be cut at any moment and planned again: nothing is sent twice.

    Raises:
        ReviewError: the server fails for good; what was done before stays.
    """
    result = PushResult(failed=list(steps.refused))
    _close(client, steps, result)
    sent: set[str] = set()
    todo = list(steps.new)
    tries = 0
    while todo:
        batch = _batch(todo, client.config.push_batch)
        sent |= {task.key for task in batch}
        try:
            ids = client.import_tasks(
                steps.project,
                [
                    {"data": body_of(task, doubt_below), "predictions": predictions_of(task)}
                    for task in batch
                ],
            )
        except UnreachableError:
            tries += 1
            if tries >= PUSH_TRIES:
                raise
            progress("the server didn't answer; looking what arrived")
            there = {
                remote.key: remote.task_id
                for remote in list_remote(client, steps.project)
                if remote is not None
            }
            arrived = [task for task in todo if task.key in there]
            ids = [there[task.key] for task in arrived]
            _prove(client, steps.project, arrived, ids, result)
            todo = [task for task in todo if task.key not in there]
            continue
        tries = 0
        _prove(client, steps.project, batch, ids, result)
        todo = todo[len(batch) :]
        progress(f"{len(steps.new) - len(todo)} of {len(steps.new)} pages sent")
    _apply_changes(client, steps, doubt_below, result, progress)
    if sent:
        _remove_doubles(client, steps, sent, result)
    return result


def _remove_doubles(
    client: LabelStudio, steps: SyncPlan, sent: set[str], result: PushResult
) -> None:
    """Remove a task that came twice: a cut push's last request may end after we had listed.

    Whoever sent it is gone, the server finishes it all the same. Counting is
    cheap; the tasks are listed only where there are more than there should be.
    """
    if client.n_tasks(steps.project) <= steps.n_remote + result.created - result.closed:
        return
    held: dict[str, list[RemoteTask]] = defaultdict(list)
    for remote in list_remote(client, steps.project):
        if remote is not None and remote.key in sent:
            held[remote.key].append(remote)
    for doubles in held.values():
        doubles.sort(key=lambda r: (r.untouched, r.task_id))
        for extra in doubles[1:]:
            if extra.untouched:
                _delete(client, extra)
                result.doubled += 1


def _delete(client: LabelStudio, remote: RemoteTask) -> bool:
    try:
        client.delete_task(remote.task_id)
    except NotFoundError:
        return False
    return True


def _batch(tasks: Sequence[ReviewTask], size: int) -> list[ReviewTask]:
    """The next tasks of one request: at most `size`, and not too long together."""
    batch: list[ReviewTask] = []
    chars = 0
    for task in tasks[:size]:
        chars += len(task.text)
        if batch and chars > MAX_BATCH_CHARS:
            break
        batch.append(task)
    return batch


def _prove(
    client: LabelStudio,
    project: int,
    batch: Sequence[ReviewTask],
    ids: Sequence[int],
    result: PushResult,
) -> None:
    """Read back what was sent and compare every character and every region.

    A task that came back otherwise is removed again, unless somebody has begun
    with it, and named.
    """
    by_key = {task.key: task for task in batch}
    seen: set[str] = set()
    for held in client.tasks_by_id(project, ids):
        remote = remote_of(held)
        task = by_key.get(remote.key) if remote is not None else None
        if remote is None or task is None:
            continue
        seen.add(remote.key)
        why = _mismatch(held, task)
        if why is None:
            result.created += 1
            continue
        if remote.untouched:
            client.delete_task(remote.task_id)
        result.failed.append((task.page_id, f"task {held['id']}: {why}"))
    result.failed += [
        (task.page_id, "the server took it and doesn't show it; push again")
        for key, task in by_key.items()
        if key not in seen
    ]


def _mismatch(held: Mapping[str, Any], task: ReviewTask) -> str | None:
    """How a task read back differs from the one sent, None where it doesn't."""
    text = str((held.get("data") or {}).get("text"))
    sent, _ = server_text(task.text)
    if text != sent:
        at = next(
            (i for i, (a, b) in enumerate(zip(text, sent, strict=False)) if a != b),
            min(len(text), len(sent)),
        )
        return f"its text differs from the page's at character {at}"
    ours = [p for p in held.get("predictions") or [] if p.get("model_version") == PREDICTION_NAME]
    if not ours:
        return "its prediction is missing"
    regions = {str(r.get("id")): r for r in ours[-1]["result"]}
    for wanted in prediction_of(task)["result"]:
        start, end = wanted["value"]["start"], wanted["value"]["end"]
        found = regions.get(wanted["id"])
        if found is None:
            return f"span {start}-{end} is missing"
        value = found["value"]
        if text[value["start"] : value["end"]] != sent[start:end] or value != wanted["value"]:
            return f"span {start}-{end} came back as {value.get('start')}-{value.get('end')}"
    if len(regions) != len(task.starts):
        return f"it has {len(regions)} spans, {len(task.starts)} were sent"
    return None


def _apply_changes(
    client: LabelStudio,
    steps: SyncPlan,
    doubt_below: float,
    result: PushResult,
    progress: Callable[[str], None],
) -> None:
    """Better predictions: the new one is there before the old one goes."""
    size = client.config.push_batch
    for first in range(0, len(steps.changed), size):
        batch = _still_untouched(client, steps, steps.changed[first : first + size])
        add = [change for change in batch if change.add]
        if add:
            created = client.import_predictions(
                steps.project,
                [{"task": c.remote.task_id, **prediction_of(c.task)} for c in add],
            )
            if created != len(add):
                raise ReviewError(
                    f"project {steps.project}: the server took {created} of {len(add)} predictions "
                    "without saying why; are its labels those of the schema?"
                )
        for change in batch:
            client.update_task(change.remote.task_id, body_of(change.task, doubt_below))
            client.delete_predictions(change.stale)
        wanted = {change.remote.task_id: change.task for change in batch}
        for held in client.tasks_by_id(steps.project, list(wanted)) if wanted else ():
            task = wanted[int(held["id"])]
            if why := _mismatch(held, task):
                result.failed.append((task.page_id, f"task {held['id']}: {why}"))
            else:
                result.updated += 1
        progress(f"{first + len(batch)} of {len(steps.changed)} predictions replaced")


def _still_untouched(
    client: LabelStudio, steps: SyncPlan, changes: Sequence[Change]
) -> list[Change]:
    """Those nobody has begun with since the plan was made."""
    ids = [change.remote.task_id for change in changes]
    now = {int(task["id"]): remote_of(task) for task in client.tasks_by_id(steps.project, ids)}
    return [
        change
        for change in changes
        if (held := now.get(change.remote.task_id)) is not None and held.untouched
    ]


def _close(client: LabelStudio, steps: SyncPlan, result: PushResult) -> None:
    ids = [remote.task_id for remote in steps.to_close]
    for task in client.tasks_by_id(steps.project, ids) if ids else ():
        remote = remote_of(task)
        if remote is None or not remote.untouched:
            continue  # somebody has begun with it meanwhile
        result.closed += _delete(client, remote)
