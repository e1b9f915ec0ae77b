"""People's work as a run's record tells it: files, digests, pseudonyms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from curate.io import file_digest
from curate.schema import Annotation
from curate.stages.settings import Settings

__all__ = ["human_work"]


def human_work(
    settings: Settings, annotations: Mapping[str, Sequence[Annotation]]
) -> dict[str, Any]:
    """What of human origin goes into the labels.

    Args:
        annotations: those that count, by page key.
    """
    folder = settings.export_folder / "annotations"
    people = Counter(a.annotator for found in annotations.values() for a in found)
    return {
        "schema": settings.label_set.name,
        "guideline": settings.label_set.guideline_digest,
        "annotations": [
            {"file": path.name, "digest": file_digest(path)}
            for path in sorted(folder.glob("[0-9]*.parquet"))
        ],
        "people": dict(sorted(people.items())),
    }
