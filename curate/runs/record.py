"""Records of runs wherever they lie: a passport, or the manifest of a version.

Both say what a result was made of. Here they become one form, so that a run can
be repeated from either and compared with another.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curate.errors import RunError
from curate.io import read_json
from curate.runs.passport import PASSPORT_VERSION, load_passports

__all__ = ["Record", "find_record", "of_manifest", "of_passport"]

MANIFEST = "manifest.json"
PASSPORT = "passport.json"


@dataclass(frozen=True, slots=True)
class Record:
    """What a result was made of, by its own record.

    Nothing in it is trusted: see `retake` for what may be used of it.

    Attributes:
        file: where it was read.
        run_id: of a run, None for a version's manifest.
        version: the version it published or found published, if any.
        choices: config group to option.
        inputs: `{key, version, bytes}` of each unit of the input.
        stages: stage name to `{recipe, output, in, out, ...}`.
        files: data files of the version, path to digest.
        packages: distribution to version; `python` too.
        annotations: `{file, digest}` of people's work that went in.
    """

    file: Path
    name: str
    run_id: str | None = None
    version: str | None = None
    started_at: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)
    overrides: tuple[str, ...] = ()
    inputs: tuple[Mapping[str, Any], ...] = ()
    stages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    labeler: Mapping[str, Any] = field(default_factory=dict)
    annotations: tuple[Mapping[str, Any], ...] = ()

    @property
    def title(self) -> str:
        """How a person calls it."""
        return f"run {self.run_id}" if self.run_id else f"{self.name} {self.version}"


def find_record(target: str, *, runs: Path, exports: Path) -> Record:
    """The record that a user means.

    Args:
        target: a run id or the beginning or end of one, `last`, the folder of a
            run or a version, `NAME/VERSION` below the exports, or the path of a
            passport.json or manifest.json.

    Raises:
        RunError: nothing or more than one thing is meant, or it can't be read.
    """
    for path in (Path(target), exports / target):
        if path.is_file():
            return _read(path)
        for name in (PASSPORT, MANIFEST):
            if (path / name).is_file():
                return _read(path / name)
    if "/" not in target:
        folders = sorted(folder.parent for folder in runs.glob(f"*/{PASSPORT}"))
        if target == "last":
            done = (
                p
                for p in load_passports(runs)
                if p.get("status") == "done" and not p.get("rerun_of")
            )
            newest = next(done, None)
            folders = [runs / newest["run_id"]] if newest else []
        else:
            folders = [f for f in folders if f.name.startswith(target) or f.name.endswith(target)]
        if len(folders) == 1:
            return _read(folders[0] / PASSPORT)
        if folders:
            names = ", ".join(folder.name for folder in folders[-5:])
            raise RunError(f"{target!r} means {len(folders)} runs: {names}; say more of it")
    raise RunError(
        f"{target!r} is no run of {runs}, no version and no record; name a run id of "
        "`curate runs`, a folder like exports/news/v0001, or a manifest.json"
    )


def _read(path: Path) -> Record:
    try:
        value = read_json(path)
    except (OSError, ValueError) as error:
        raise RunError(f"{path} can't be read as a record ({error})") from error
    if isinstance(value, dict) and "passport_version" in value:
        return of_passport(value, path)
    if isinstance(value, dict) and "facts" in value and "files" in value:
        return of_manifest(value, path)
    raise RunError(
        f"{path} is neither the passport of a run nor the manifest of a version; "
        "name .curate/runs/<id>/passport.json or exports/<name>/<version>/manifest.json"
    )


def of_passport(value: Mapping[str, Any], path: Path) -> Record:
    """A passport as a record.

    Raises:
        RunError: it was written by a later version of curate, or is damaged.
    """
    number = value.get("passport_version")
    if not isinstance(number, int) or number > PASSPORT_VERSION:
        raise RunError(
            f"{path} has passport_version {number!r}; this curate reads up to "
            f"{PASSPORT_VERSION}: update it"
        )
    published = _mapping(value.get("published"))
    return Record(
        file=path,
        name=str(value.get("name", "")),
        run_id=str(value.get("run_id", "")),
        version=_text(published.get("version")) or _text(value.get("version")),
        started_at=str(value.get("started_at", "")),
        files={str(k): str(v) for k, v in _mapping(published.get("files")).items()},
        **_common(value),
    )


def of_manifest(value: Mapping[str, Any], path: Path) -> Record:
    """A version's manifest as a record."""
    files = [_mapping(entry) for entry in _list(value.get("files"))]
    return Record(
        file=path,
        name=str(value.get("name", "")),
        version=_text(value.get("version")),
        files={str(entry.get("path")): str(entry.get("digest")) for entry in files},
        **_common(_mapping(value.get("facts"))),
    )


def _common(value: Mapping[str, Any]) -> dict[str, Any]:
    packages = {str(k): str(v) for k, v in _mapping(value.get("packages")).items()}
    if value.get("python"):
        packages["python"] = str(value["python"])
    return {
        "config": _mapping(value.get("config")),
        "choices": {str(k): str(v) for k, v in _mapping(value.get("choices")).items()},
        "overrides": tuple(str(word) for word in _list(value.get("overrides"))),
        "inputs": tuple(_mapping(unit) for unit in _list(value.get("inputs"))),
        "stages": {str(k): _mapping(v) for k, v in _mapping(value.get("stages")).items()},
        "packages": packages,
        "labeler": _mapping(value.get("labeler")),
        "annotations": tuple(_annotations(value.get("annotations"))),
    }


_ANNOTATION_FILE = re.compile(r"[0-9]{6}-[0-9a-f]{12}\.parquet")


def _annotations(value: object) -> Iterable[Mapping[str, Any]]:
    """Entries whose name can be a file of the annotations folder, and nothing else."""
    for entry in map(_mapping, _list(value)):
        if _ANNOTATION_FILE.fullmatch(str(entry.get("file", ""))):
            yield entry


def _mapping(value: object) -> dict[str, Any]:
    return {str(k): v for k, v in value.items()} if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return str(value) if value else None
