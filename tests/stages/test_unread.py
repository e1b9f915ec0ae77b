"""Labels column by column are those that each page gives by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.cli.compose import compose
from curate.io import canonical_json, write_rows
from curate.runs.output import Output
from curate.schema import LABELED_SCHEMA, PREDICTED_SCHEMA
from curate.stages import labels
from curate.stages.labels import LabelInputs, final_labels
from curate.stages.predictions import LABEL_NAMES_KEY
from curate.stages.settings import Settings
from tests.stages.test_evidence import shards

NAMES = ("article", "teaser", "caption", "boilerplate")


def predicted(segmented: Path, path: Path, names: tuple[str, ...]) -> Path:
    rng = np.random.default_rng(3)
    rows: list[dict[str, Any]] = []
    for page in pq.read_table(segmented).to_pylist():
        scores = rng.random((len(page["starts"]), len(names)), np.float32)
        told = [names[at] for at in scores.argmax(axis=1)]
        rows.append(
            {
                "page_key": page["page_key"],
                "page_id": page["page_id"],
                "labels": told,
                "scores": scores.ravel().tolist(),
                "main": [label == names[0] for label in told],
                "reasons": [[]] * len(told),
                "page_type": "article" if len(rows) % 2 else None,
                "page_type_score": 0.5,
                "language": None if len(rows) % 3 else "en",
                "labeler": "x@1",
            }
        )
    metadata = {LABEL_NAMES_KEY: canonical_json(list(names))}
    table = pa.Table.from_pylist(rows, PREDICTED_SCHEMA)
    write_rows(path, PREDICTED_SCHEMA, [table], metadata=metadata)
    return path


def test_columns_are_what_pages_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.from_config(compose(["name=x", "pages.path=x"]))
    (segmented,) = shards(tmp_path, [])
    inputs = LabelInputs(
        segmented,
        predicted(segmented, tmp_path / "p.parquet", NAMES),
        (),
        settings.label_set,
        "rule",
    )

    def made(name: str) -> tuple[pa.Table, bytes]:
        out = Output(tmp_path / name, "k", "labels")
        final_labels(out, inputs)
        file = tmp_path / name / out.finish().shards[0].file
        return pq.read_table(file), file.read_bytes()

    fast, fast_bytes = made("fast")
    monkeypatch.setattr(labels, "_as_told", lambda *_: False)
    slow, slow_bytes = made("slow")
    assert fast.schema.equals(LABELED_SCHEMA)
    assert fast.to_pylist() == slow.to_pylist()
    assert fast_bytes == slow_bytes
