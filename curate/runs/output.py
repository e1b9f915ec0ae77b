"""What one task leaves behind: shards, a quarantine, counts, and a marker.

A task writes its files under temporary names and, last, a marker that lists
them. The marker says "complete": without it nothing the task wrote counts, so
a crash at any moment costs one task and leaves no half shard behind.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from curate.io import ROW_GROUP_ROWS, atomic_path, file_digest, read_json, write_json, write_rows
from curate.limits import FAULTS, PageLimits, Watch
from curate.places import Place, UrlPath
from curate.schema import QUARANTINE_SCHEMA, Dropped, Quarantined

__all__ = ["Counts", "Output", "Shard", "TaskResult", "load_result", "load_results"]


@dataclass(frozen=True, slots=True)
class Shard:
    """One output file of a task.

    Attributes:
        file: name inside the stage's folder.
        rows: number of rows.
        digest: of the file's bytes; what later stages depend on.
    """

    file: str
    rows: int
    digest: str


@dataclass(slots=True)
class Counts:
    """What happened to the records of a task or a stage; `balanced` checks it."""

    n_in: int = 0
    n_out: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)

    def add(self, other: Counts) -> None:
        """Add another task's counts to these."""
        self.n_in += other.n_in
        self.n_out += other.n_out
        self.dropped.update(other.dropped)
        self.quarantined.update(other.quarantined)

    @property
    def balanced(self) -> bool:
        """In = kept + dropped + quarantined: nothing vanished."""
        return self.n_in == self.n_out + self.dropped.total() + self.quarantined.total()

    def to_json(self) -> dict[str, object]:
        """Plain values, reasons sorted."""
        return {
            "in": self.n_in,
            "out": self.n_out,
            "dropped": dict(sorted(self.dropped.items())),
            "quarantined": dict(sorted(self.quarantined.items())),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Counts:
        """The inverse of `to_json`."""
        return cls(
            value["in"], value["out"], Counter(value["dropped"]), Counter(value["quarantined"])
        )


@dataclass(frozen=True, slots=True)
class TaskResult:
    """A finished task.

    Attributes:
        shards: in order.
        quarantine: name of its quarantine file, if it has one.
        kept: its input without the pages that it had to leave out, where it
            left some out and what follows needs both aligned.
        limits: seconds and bytes a page under which pages broke; None where none did.
    """

    key: str
    shards: tuple[Shard, ...]
    quarantine: str | None
    counts: Counts
    kept: Shard | None = None
    limits: tuple[float | None, int | None] | None = None

    def holds_under(self, limits: PageLimits) -> bool:
        """Whether other limits would give the same: no page broke, or under these very ones."""
        return self.limits is None or self.limits == (limits.seconds, limits.n_bytes)


MARKERS_AT_ONCE = 1_000
"""Markers read side by side from a URL: what one listing of an object store gives."""


def load_result(folder: Place, key: str) -> TaskResult | None:
    """The result that a marker tells of, or None where the task isn't complete."""
    try:
        value = read_json(folder / f"{key}.json")
    except FileNotFoundError:
        return None
    result = _result(value)
    return result if all((folder / name).is_file() for name in _files_of(result)) else None


def load_results(folder: Place, keys: Sequence[str]) -> dict[str, TaskResult]:
    """The results of those tasks that are complete.

    At a URL the folder is listed once: asking for each file of ten thousand tasks
    by itself would take many minutes.
    """
    if not isinstance(folder, UrlPath):
        found = ((key, load_result(folder, key)) for key in keys)
        return {key: result for key, result in found if result is not None}
    names = folder.names() if keys else set()
    marked = [key for key in dict.fromkeys(keys) if f"{key}.json" in names]
    results: dict[str, TaskResult] = {}
    for first in range(0, len(marked), MARKERS_AT_ONCE):
        some = marked[first : first + MARKERS_AT_ONCE]
        for key, text in zip(some, folder.get_texts([f"{k}.json" for k in some]), strict=True):
            result = _result(json.loads(text))
            if names.issuperset(_files_of(result)):
                results[key] = result
    return results


def _files_of(result: TaskResult) -> list[str]:
    kept = [result.kept] if result.kept else []
    return [shard.file for shard in (*result.shards, *kept)]


def _result(value: Mapping[str, Any]) -> TaskResult:
    shards = tuple(Shard(**shard) for shard in value["shards"])
    kept = Shard(**value["kept"]) if "kept" in value else None
    limits = tuple(value["limits"]) if "limits" in value else None
    counts = Counts.from_json(value["counts"])
    return TaskResult(value["key"], shards, value["quarantine"], counts, kept, limits)


class Output:
    """Where a task's body puts what it makes.

    Attributes:
        watch: runs the work on each page under the limits of the engine.
        counts: kept by the body for what comes in; the rest is counted here.
    """

    def __init__(self, folder: Place, key: str, stage: str, watch: Watch | None = None) -> None:
        self.folder = folder
        self.key = key
        self.stage = stage
        self.watch = watch or Watch()
        self.counts = Counts()
        self._shards: list[Shard] = []
        self._kept: Shard | None = None
        self._quarantine: list[Quarantined] = []

    def write(
        self,
        schema: pa.Schema,
        batches: Iterable[pa.Table | pa.RecordBatch],
        *,
        metadata: Mapping[str, str] | None = None,
        row_group_rows: int = ROW_GROUP_ROWS,
    ) -> None:
        """Write the next shard."""
        name = f"{self.key}-{len(self._shards):04d}.parquet"
        shard = self._written(name, schema, batches, metadata, row_group_rows)
        self._shards.append(shard)
        self.counts.n_out += shard.rows

    def write_kept(self, schema: pa.Schema, batches: Iterable[pa.Table | pa.RecordBatch]) -> None:
        """Write the task's input without the pages that it put into quarantine."""
        self._kept = self._written(f"{self.key}.kept.parquet", schema, batches)

    def _written(
        self,
        name: str,
        schema: pa.Schema,
        batches: Iterable[pa.Table | pa.RecordBatch],
        metadata: Mapping[str, str] | None = None,
        row_group_rows: int = ROW_GROUP_ROWS,
    ) -> Shard:
        with atomic_path(self.folder / name) as temp:
            rows = write_rows(
                temp,
                schema,
                batches,
                metadata=metadata,
                row_group_rows=row_group_rows,
                fast=True,
            )
            return Shard(name, rows, file_digest(temp))

    def drop(self, dropped: Dropped) -> None:
        """Count a record that is left out by rule."""
        self.counts.dropped[dropped.reason] += 1

    def quarantine(self, quarantined: Quarantined) -> None:
        """Keep what could not be processed, with its reason."""
        self.counts.quarantined[quarantined.reason] += 1
        self._quarantine.append(quarantined)

    def finish(self) -> TaskResult:
        """Write the quarantine and the marker that makes the task complete."""
        quarantine = None
        if self._quarantine:
            quarantine = f"{self.key}.quarantine.parquet"
            rows = [
                {name: getattr(row, name) for name in QUARANTINE_SCHEMA.names}
                for row in self._quarantine
            ]
            table = pa.Table.from_pylist(rows, QUARANTINE_SCHEMA)
            write_rows(self.folder / quarantine, QUARANTINE_SCHEMA, [table])
        if not self.counts.balanced:
            raise AssertionError(
                f"{self.stage} {self.key}: counts don't add up: {self.counts.to_json()}"
            )
        broke = any(self.counts.quarantined[reason] for reason in FAULTS)
        limits = (self.watch.limits.seconds, self.watch.limits.n_bytes) if broke else None
        result = TaskResult(
            self.key, tuple(self._shards), quarantine, self.counts, self._kept, limits
        )
        marker: dict[str, object] = {
            "key": self.key,
            "shards": [asdict(shard) for shard in self._shards],
            "quarantine": quarantine,
            "counts": self.counts.to_json(),
        }
        if self._kept:
            marker["kept"] = asdict(self._kept)
        if limits:
            marker["limits"] = limits
        write_json(self.folder / f"{self.key}.json", marker)
        return result
