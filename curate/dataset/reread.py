"""The last check of the gate: the readers of the world see what was written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from curate.dataset.base import DatasetConfig
from curate.dataset.columns import arrow_schema, columns_of, features_json
from curate.dataset.shards import ShardFile
from curate.errors import DatasetError
from curate.schema import LabelSet

__all__ = ["reload_and_compare"]

RELOAD_TIMEOUT_S = 3600
"""A reader that hangs is a failed check; a million segments take under a minute."""


def reload_and_compare(
    folder: Path,
    files: Sequence[ShardFile],
    config: DatasetConfig,
    label_set: LabelSet,
    memory_limit: str,
    scratch: Path,
) -> None:
    """Read all back with `datasets` and DuckDB and compare every value.

    In a process of its own, offline and with an empty cache: neither the
    user's cache nor this process's memory is touched.

    Raises:
        DatasetError: a reader failed, or a shard, column or feature differs.
    """
    home = scratch / "reload"
    home.mkdir(parents=True, exist_ok=True)
    request = {
        "folder": str(folder),
        "scratch": str(home),
        "memory_limit": memory_limit,
        "files": [
            {"path": f.path, "shape": f.shape, "split": f.split, "rows": f.rows} for f in files
        ],
    }
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("HF_", "HUGGING", "DATASETS_", "PYTHON"))
    } | {
        "HF_HOME": str(home / "hf"),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONSAFEPATH": "1",
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", "curate.dataset.reload"],
            input=json.dumps(request),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=RELOAD_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise DatasetError(
            f"reading the new version back took over {RELOAD_TIMEOUT_S} s; nothing was published: "
            "free memory and try again"
        ) from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise DatasetError(
            f"the new version could not be read back: {lines[-1]}; nothing was published"
        )
    _compare(json.loads(done.stdout), files, config, label_set)


def _compare(
    seen: Mapping[str, Any],
    files: Sequence[ShardFile],
    config: DatasetConfig,
    label_set: LabelSet,
) -> None:
    for shape in dict.fromkeys(file.shape for file in files):
        columns = columns_of(shape, config)
        wanted = features_json(columns, label_set.names)
        met = seen["features"].get(shape)
        for column in wanted:
            if met is None or met.get(column) != wanted[column]:
                raise DatasetError(
                    f"datasets reads {shape}.{column} as {met and met.get(column)}, written was "
                    f"{wanted[column]}; nothing was published"
                )
        schema = arrow_schema(columns, label_set.names)
        for reader in ("duckdb", "datasets"):
            for file in (file for file in files if file.shape == shape):
                told = seen[reader].get(file.path, {})
                if told.get("rows") != file.rows:
                    raise DatasetError(
                        f"{reader} reads {told.get('rows')} rows from {file.path}, {file.rows} "
                        "were written; nothing was published"
                    )
                for name in schema.names:
                    if told["values"].get(name) != file.values[name]:
                        raise DatasetError(
                            f"{reader} reads other values of {name} from {file.path} than were "
                            "written; nothing was published"
                        )
