"""The store: `.curate/store/<stage>/<fingerprint>/`, outputs of stages; a folder or a URL.

A folder is named by the stage's recipe (code, libraries, config); in it each
task's files are named by the digest of the task's input. So a known output is
found again whatever else changed, an extended input computes only what is new,
and nothing is ever overwritten with something else. All of it can be deleted.

At a URL the machines of a cluster share it. Runs of one machine wait for each other
as in a folder; two machines may make the same output twice, which is the same bytes.
"""

from __future__ import annotations

import fcntl
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from curate.errors import RunError
from curate.io import TEMP_PREFIX, locked, read_json, sweep_temporary, write_json
from curate.places import Place, UrlPath, place
from curate.runs.fingerprint import Recipe
from curate.runs.leases import collecting, leased
from curate.text import digest

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

    root: Place
    stages: tuple[StageUse, ...]


class Store:
    """Folders of stage outputs below one root.

    Args:
        root: folder or URL.
        locks: folder of the locks of this machine, where `root` is a URL.
    """

    def __init__(self, root: Place, locks: Path | None = None) -> None:
        self.root = root
        self._locks = root / _LOCKS if isinstance(root, Path) else locks

    @classmethod
    def of(cls, store: str, state: str) -> Store:
        """The store that `paths.store` names, with locks beside `paths.state` for a URL.

        Raises:
            RunError: a URL that can't be a store.
        """
        name = digest(store.rstrip("/"), chars=12)
        return cls(place(store), Path(state) / "locks" / f"store-{name}")

    def folder(self, recipe: Recipe) -> Place:
        """The recipe's folder, made on first use, with the recipe beside the data."""
        folder = self.peek(recipe)
        if not (folder / _RECIPE).is_file():
            write_json(folder / _RECIPE, recipe.to_json())
        return folder

    def peek(self, recipe: Recipe) -> Place:
        """The recipe's folder, which may not exist."""
        return self.root / recipe.stage / recipe.fingerprint

    def sweep(self) -> int:
        """Remove temporary files that dead processes of this machine left; returns how many.

        At a URL nothing lies half written; what else was left there goes with `collect`.
        """
        if not isinstance(self.root, Path):
            return 0
        found = (self.root.glob(f"{depth}{TEMP_PREFIX}*") for depth in ("", "*/*/"))
        return sum(map(sweep_temporary, found))

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
        with locked(self._lock_folder / name, on_wait=told):
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
            with ExitStack() as held:
                if isinstance(self.root, UrlPath):
                    held.enter_context(leased(self.root / _LOCKS, on_wait))
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
            with ExitStack() as held:
                if isinstance(self.root, UrlPath):
                    held.enter_context(collecting(self.root / _LOCKS))
                yield

    @property
    def _lock_folder(self) -> Path:
        assert self._locks is not None, "a store at a URL keeps its locks here"
        return self._locks

    def _use_lock(self) -> TextIO:
        path = self._lock_folder / "in-use.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a", encoding="utf-8")

    def status(self, used: Iterable[tuple[str, str, str]] = ()) -> StoreUse:
        """Sizes by stage and recipe.

        Args:
            used: (stage, fingerprint, task key) that kept runs refer to.
        """
        keys = set(used)
        rows = []
        for (stage, fingerprint), files in sorted(self._contents().items()):
            unused = [
                size
                for name, size in files.items()
                if name != _RECIPE and (stage, fingerprint, _key_of(name)) not in keys
            ]
            total = sum(files.values())
            rows.append(StageUse(stage, fingerprint, len(files), total, len(unused), sum(unused)))
        return StoreUse(self.root, tuple(rows))

    def collect(self, used: Iterable[tuple[str, str, str]]) -> int:
        """Remove what no (stage, fingerprint, task key) in `used` names.

        Returns:
            Bytes given back.
        """
        keys, freed = set(used), 0
        for (stage, fingerprint), files in self._contents().items():
            folder = self.root / stage / fingerprint
            names = [name for name in files if name != _RECIPE]
            stale = [n for n in names if (stage, fingerprint, _key_of(n)) not in keys]
            # Markers first: a folder half collected then holds no complete task that isn't.
            for name in sorted(stale, key=lambda name: not name.endswith(".json")):
                freed += files[name]
                (folder / name).unlink(missing_ok=True)
            if len(stale) == len(names):
                (folder / _RECIPE).unlink(missing_ok=True)
                if isinstance(folder, Path):
                    shutil.rmtree(folder, ignore_errors=True)
        return freed

    def recipe_of(self, stage: str, fingerprint: str) -> dict[str, object] | None:
        """The recipe stored beside a folder's data, or None."""
        try:
            value: dict[str, object] = read_json(self.root / stage / fingerprint / _RECIPE)
        except FileNotFoundError:
            return None
        return value

    def _contents(self) -> dict[tuple[str, str], dict[str, int]]:
        """Files of each recipe's folder, by their path in it, and their sizes."""
        found: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        for path, size in self._sizes():
            stage, _, rest = path.partition("/")
            fingerprint, inside, name = rest.partition("/")
            if inside and stage != _LOCKS:
                found[stage, fingerprint][name] = size
        return found

    def _sizes(self) -> Iterator[tuple[str, int]]:
        if isinstance(self.root, UrlPath):
            yield from self.root.sizes().items()
            return
        for path in self.root.glob("*/*/**/*"):
            if path.is_file():
                yield path.relative_to(self.root).as_posix(), path.stat().st_size


def _key_of(name: str) -> str:
    """`<key>.json`, `<key>-0000.parquet`, `<key>.look/trees` -> key."""
    return name.partition("/")[0].partition(".")[0].partition("-")[0]
