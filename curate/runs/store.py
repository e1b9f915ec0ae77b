"""The store: `.curate/store/<stage>/<fingerprint>/`, outputs of stages.

A folder is named by the stage's recipe (code, libraries, config); in it each
task's files are named by the digest of the task's input. So a known output is
found again whatever else changed, an extended input computes only what is new,
and nothing is ever overwritten with something else. All of it can be deleted.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from curate.errors import RunError
from curate.io import TEMP_PREFIX, locked, read_json, sweep_temporary, write_json
from curate.runs.fingerprint import Recipe

__all__ = ["StageUse", "Store", "StoreUse"]

_RECIPE = "recipe.json"
_LOCKS = ".locks"


@dataclass(frozen=True, slots=True)
class StageUse:
    """Size of one recipe's folder.

    Attributes:
        stage, fingerprint: which.
        n_files: files in it.
        n_bytes: their size.
        n_unused: files that no kept run refers to.
        n_unused_bytes: their size.
    """

    stage: str
    fingerprint: str
    n_files: int
    n_bytes: int
    n_unused: int
    n_unused_bytes: int


@dataclass(frozen=True, slots=True)
class StoreUse:
    """Sizes of all folders of a store."""

    root: Path
    stages: tuple[StageUse, ...]


class Store:
    """Folders of stage outputs below one root."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, recipe: Recipe) -> Path:
        """The recipe's folder, made on first use, with the recipe beside the data."""
        folder = self.root / recipe.stage / recipe.fingerprint
        if not (folder / _RECIPE).is_file():
            write_json(folder / _RECIPE, recipe.to_json())
        return folder

    def peek(self, recipe: Recipe) -> Path:
        """The recipe's folder, which may not exist."""
        return self.root / recipe.stage / recipe.fingerprint

    def sweep(self) -> int:
        """Remove temporary files that dead processes of this machine left; returns how many."""
        return sweep_temporary(self.root.glob(f"*/*/{TEMP_PREFIX}*"))

    @contextmanager
    def working(self, recipe: Recipe, on_wait: Callable[[str], None]) -> Iterator[bool]:
        """Held while a stage's missing outputs are computed: two runs don't do it twice.

        Yields:
            Whether another run held it first, so that its outputs should be looked for.
        """
        waits: list[str] = []

        def told(line: str) -> None:
            waits.append(line)
            on_wait(line)

        name = f"{recipe.stage}-{recipe.fingerprint}.lock"
        with locked(self.root / _LOCKS / name, on_wait=told):
            yield bool(waits)

    @contextmanager
    def in_use(self, on_wait: Callable[[str], None]) -> Iterator[None]:
        """Held by a run, beside other runs, so that nothing is collected under it."""
        with self._use_lock() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                on_wait("waiting for `curate store gc`, which is collecting")
                fcntl.flock(file, fcntl.LOCK_SH)
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Held while outputs are collected.

        Raises:
            RunError: a run is using the store.
        """
        with self._use_lock() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunError(
                    f"a run is going on and uses {self.root}; wait for its end or stop it"
                ) from None
            yield

    def _use_lock(self) -> TextIO:
        path = self.root / _LOCKS / "in-use.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a", encoding="utf-8")

    def status(self, used: Iterable[tuple[str, str, str]] = ()) -> StoreUse:
        """Sizes by stage and recipe.

        Args:
            used: (stage, fingerprint, task key) that kept runs refer to.
        """
        keys = set(used)
        rows = []
        for stage, fingerprint, folder in self._folders():
            files = sizes = unused = unused_sizes = 0
            for path in folder.iterdir():
                size = path.stat().st_size
                files, sizes = files + 1, sizes + size
                if path.name != _RECIPE and (stage, fingerprint, _key_of(path)) not in keys:
                    unused, unused_sizes = unused + 1, unused_sizes + size
            rows.append(StageUse(stage, fingerprint, files, sizes, unused, unused_sizes))
        return StoreUse(self.root, tuple(rows))

    def collect(self, used: Iterable[tuple[str, str, str]]) -> int:
        """Remove what no (stage, fingerprint, task key) in `used` names.

        Returns:
            Bytes given back.
        """
        keys, freed = set(used), 0
        for stage, fingerprint, folder in self._folders():
            paths = [path for path in folder.iterdir() if path.name != _RECIPE]
            stale = [p for p in paths if (stage, fingerprint, _key_of(p)) not in keys]
            # Markers first: a folder half collected then holds no complete task that isn't.
            for path in sorted(stale, key=lambda path: path.suffix != ".json"):
                freed += path.stat().st_size
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
            if len(stale) == len(paths):
                shutil.rmtree(folder)
        return freed

    def recipe_of(self, stage: str, fingerprint: str) -> dict[str, object] | None:
        """The recipe stored beside a folder's data, or None."""
        try:
            value: dict[str, object] = read_json(self.root / stage / fingerprint / _RECIPE)
        except FileNotFoundError:
            return None
        return value

    def _folders(self) -> Iterator[tuple[str, str, Path]]:
        for folder in sorted(self.root.glob("*/*")):
            if folder.is_dir():
                yield folder.parent.name, folder.name, folder


def _key_of(path: Path) -> str:
    """`<key>.json`, `<key>-0000.parquet`, `<key>.quarantine.parquet` -> key."""
    return path.name.partition(".")[0].partition("-")[0]
