"""The last check of the gate: the readers of the world see what was written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from curate.dataset.base import DatasetConfig
from curate.dataset.columns import arrow_schema, columns_of, features_json
from curate.dataset.reload import SEEN
from curate.dataset.shards import ShardFile
from curate.errors import DatasetError
from curate.io import read_json
from curate.limits import parse_bytes
from curate.schema import LabelSet

__all__ = ["Readers"]

RELOAD_TIMEOUT_S = 3600
"""A reader that hangs is a failed check; a million segments take under a minute."""


class Readers:
    """The readers of the world, in processes of their own, offline and with an empty cache.

    Neither the user's cache nor this process's memory is touched. They load their
    libraries, which takes a second, from the moment they are made, and read a version as
    soon as its files are written: reading back is the last thing that a publish waits for.

    Args:
        scratch: folder for what they write.
        n: processes: 1 for both readers, or 2, one for each.
    """

    def __init__(self, scratch: Path, n: int = 1) -> None:
        first = _Reader(scratch / "reload-datasets", "datasets")
        second = _Reader(scratch / "reload-duckdb", "duckdb") if n > 1 else first
        # In one process DuckDB goes first: what `datasets` maps would count as taken from the
        # memory that it may use.
        self._processes = {"duckdb": second, "datasets": first}
        self._card, self._head = Path(), b""

    def read(self, folder: Path, files: Sequence[ShardFile], memory_limit: str) -> None:
        """Let them begin to read a version; `datasets` goes by the head of its card."""
        self._card = folder / "README.md"
        self._head = self._card.read_bytes()
        for reader, process in self._processes.items():
            process.ask(reader, folder, files, memory_limit)

    def compare(
        self, files: Sequence[ShardFile], config: DatasetConfig, label_set: LabelSet
    ) -> None:
        """Wait for them and compare every value.

        Raises:
            DatasetError: a reader failed, a shard, column or feature differs, or the card
                begins otherwise than when `datasets` read by it.
        """
        seen: dict[str, Any] = {}
        for process in dict.fromkeys(self._processes.values()):
            seen |= process.answer()
        if not self._card.read_bytes().startswith(self._head):
            raise DatasetError(
                "the card's head is not the one that datasets read by; nothing was published: "
                "this is a fault of the publish, report it"
            )
        _compare(seen, files, config, label_set)

    def __enter__(self) -> Readers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._processes.values():
            process.end()


class _Reader:
    """One process, which answers when it has read all it was asked for.

    Args:
        home: folder for what it writes.
        library: that it loads before it is asked.
    """

    def __init__(self, home: Path, library: str) -> None:
        self._home = home
        home.mkdir(parents=True, exist_ok=True)
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
        with (home / "errors").open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "curate.dataset.reload", str(home), library],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=environment,
                text=True,
            )

    def ask(self, reader: str, folder: Path, files: Sequence[ShardFile], memory_limit: str) -> None:
        """Begin to read files by one of its readers."""
        request = {
            "reader": reader,
            "folder": str(folder),
            # Files are streamed; queries over all rows go on beside it.
            "memory_limit": f"{parse_bytes(memory_limit) // 4 // 1000}KB",
            "files": [
                {"path": f.path, "shape": f.shape, "split": f.split, "rows": f.rows} for f in files
            ],
        }
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it is dead: `answer` tells why
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Wait for what it has seen.

        Raises:
            DatasetError: it failed or hangs.
        """
        try:
            self._process.communicate(timeout=RELOAD_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise DatasetError(
                f"reading the new version back took over {RELOAD_TIMEOUT_S} s; nothing was "
                "published: free memory and try again"
            ) from None
        status = self._process.returncode
        if status != 0:
            told = (self._home / "errors").read_text(encoding="utf-8", errors="replace")
            lines = told.strip().splitlines() or [f"exit status {status}"]
            raise DatasetError(
                f"the new version could not be read back: {lines[-1]}; nothing was published"
            )
        seen: dict[str, Any] = read_json(self._home / SEEN)
        return seen

    def end(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.communicate()


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
