"""What the report's section on quality shows, from a version's manifest and an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curate.errors import ReportError
from curate.evaluate.result import stored_tables
from curate.io import read_json
from curate.report.quality import QualityRow, QualityView

__all__ = ["EVALUATION", "quality_view"]

EVALUATION = "evaluation.json"
"""File in `exports/<name>/` that `curate evaluate --out` writes for the report."""


def quality_view(manifest: Mapping[str, Any], folder: Path) -> QualityView | None:
    """The section's data; None where people have not reviewed and nothing is stored.

    Args:
        manifest: of the version; its `quality` compares the labeler with people.
        folder: `exports/<name>`, which may hold an evaluation.

    Raises:
        ReportError: the evaluation isn't one.
    """
    file = folder / EVALUATION
    tables: list[Any] = []
    if file.is_file():
        try:
            tables = list(stored_tables(read_json(file)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ReportError(
                f"{file} is not what `curate evaluate --out` writes ({error!r}); write it again "
                "or remove it"
            ) from error
    told = manifest.get("quality")
    if not told:
        return QualityView(evaluation=tables) if tables else None
    return QualityView(
        told["pages"],
        told["segments"],
        _share(told["accuracy"]),
        _share(told["macro_f1"]),
        [
            QualityRow(
                name,
                row["segments"],
                _share(row["precision"]) if row["precision"] else None,
                _share(row["recall"]),
                _share(row["f1"]),
            )
            for name, row in told["labels"].items()
        ],
        told["confusion"],
        tables,
    )


def _share(told: Mapping[str, float]) -> tuple[float, float, float]:
    return told["value"], told["low"], told["high"]
