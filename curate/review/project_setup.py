"""A dataset's project on a server as it is found, made, and brought to today's schema."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from curate.errors import ReviewError
from curate.io import read_json, write_json
from curate.review.client import NotFoundError
from curate.review.config import ReviewConfig
from curate.review.connection import Connection
from curate.review.interface import differences, guideline_html, labeling_config
from curate.review.tasks import PREDICTION_NAME
from curate.schema import LabelSet
from curate.text import digest

__all__ = ["create_project", "find_project", "note_project", "update_project"]

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


def _mark(name: str, label_set: LabelSet) -> str:
    return f"[curate:{digest(name, label_set.name, chars=12)}]"


def find_project(
    connection: Connection, note: Path, name: str, label_set: LabelSet
) -> dict[str, Any] | None:
    """The dataset's project as the server tells it: the one noted here, else the one marked."""
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


def create_project(
    connection: Connection,
    title: str,
    name: str,
    label_set: LabelSet,
    config: ReviewConfig,
    about: str,
) -> int:
    """Make the project, with a list of pages that shows what tells a reviewer something."""
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


def update_project(
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
        note_project(note, connection, number, label_set)


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


def note_project(note: Path, connection: Connection, number: int, label_set: LabelSet) -> None:
    """Note here which project it is, and the labeling config that we gave it."""
    config = digest(labeling_config(label_set))
    write_json(note, {"server": connection.server, "project": number, "config": config})
