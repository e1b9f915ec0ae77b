"""A run's settings: the composed configuration as typed, checked objects."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.dataset import DatasetConfig
from curate.errors import ConfigError
from curate.labelers.base import Labeler
from curate.labelers.training.project import ProjectTraining
from curate.pages import PagesConfig
from curate.review.config import ReviewConfig
from curate.runs.engine import EngineConfig
from curate.sample.base import SampleConfig
from curate.sample.propagate import PropagationConfig
from curate.schema import LabelSet
from curate.text import digest

__all__ = ["STAGES", "Paths", "Settings", "build", "dataset_name"]

STAGES = ("pages", "segments", "predictions", "pull", "sample", "push", "labels", "dataset")
"""In the order in which they run. People's work is pulled before the sample is
drawn, so that what was just reviewed makes room for new pages."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Options of the `paths` group; see `configs/paths/local.yaml`.

    Attributes:
        exports: a folder. Of a URL that is given, the working copy.
        exports_url: the URL, None where exports are a folder.
    """

    exports: str = "exports"
    store: str = ".curate/store"
    runs: str = ".curate/runs"
    state: str = ".curate/state"
    exports_url: str | None = dataclasses.field(init=False, default=None)

    def __post_init__(self) -> None:
        """Tell a URL from a folder."""
        scheme, found, rest = self.exports.partition("://")
        if not found:
            return
        if scheme in ("file", "local"):
            object.__setattr__(self, "exports", rest)
            return
        # Not in the store: it may hold work that has not gone up yet.
        folder = f"{self.state}/exports/{digest(self.exports.rstrip('/'), chars=12)}"
        object.__setattr__(self, "exports_url", self.exports)
        object.__setattr__(self, "exports", folder)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a run needs.

    Attributes:
        config: the composed configuration as plain values, for the passport
            and the stages' fingerprints.
    """

    name: str
    stages: tuple[str, ...]
    force: frozenset[str]
    dry_run: bool
    paths: Paths
    label_set: LabelSet
    pages: PagesConfig
    segmenter: Any
    labeler: Labeler
    train: ProjectTraining
    sample: SampleConfig
    propagation: PropagationConfig
    review: ReviewConfig
    dataset: DatasetConfig
    engine: EngineConfig
    config: Mapping[str, Any]

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Settings:
        """Check a composed configuration and build what it names.

        Raises:
            ConfigError: a key is missing, unknown, or has a wrong value.
        """
        stages = _stage_names("stages", config["stages"])
        return cls(
            name=dataset_name(config),
            stages=tuple(stage for stage in STAGES if stage in stages),
            force=frozenset(_stage_names("force", config["force"])),
            dry_run=bool(config["dry_run"]),
            paths=build("paths", config, Paths),
            label_set=build("schema", config, LabelSet),
            pages=build("pages", config, PagesConfig),
            segmenter=build("segments", config),
            labeler=build("labeler", config),
            train=build("train", config, ProjectTraining),
            sample=build("sample", config, SampleConfig),
            propagation=build("propagation", config, PropagationConfig),
            review=build("review", config, ReviewConfig),
            dataset=build("dataset", config, DatasetConfig),
            engine=build("engine", config, EngineConfig),
            config=config,
        )

    @property
    def export_folder(self) -> Path:
        """`exports/<name>`, or its working copy where exports are a URL."""
        return Path(self.paths.exports) / self.name


def build(group: str, config: Mapping[str, Any], expected: type | None = None) -> Any:
    """The object that a config group describes: its `_target_` with its arguments.

    Only classes of this package can be named, so that neither a config file
    nor a passport can run anything else.

    Raises:
        ConfigError: as `Settings.from_config`.
    """
    section = dict(config[group])
    target = section.pop("_target_", None)
    cls = _class(group, target)
    if expected is not None and not issubclass(cls, expected):
        raise ConfigError(
            f"{group}._target_={target} is not a {expected.__name__}; "
            f"use one of the options in configs/{group}/"
        )
    from pydantic import TypeAdapter, ValidationError

    known = [field.name for field in dataclasses.fields(cls) if field.init]
    for key in section:
        if key not in known:
            raise ConfigError(_unknown(f"{group}.{key}", key, known, f"configs/{group}/"))
    try:
        return TypeAdapter(cls).validate_python(section)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(
            [group, *(str(part) for part in first["loc"] if part not in ("function",))]
        )
        met = "" if first["type"] == "missing" else f"={first['input']!r}"
        raise ConfigError(
            f"{where}{met}: {first['msg']}; see the comments in configs/{group}/"
        ) from error


def _class(group: str, target: object) -> type:
    module, _, name = str(target).rpartition(".")
    if module.split(".")[0] != "curate" or not name.isidentifier():
        raise ConfigError(
            f"{group}._target_={target}: only classes of curate can be named, "
            f"as the options in configs/{group}/ do"
        )
    try:
        cls = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{group}._target_={target}: no such class ({error})") from error
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        raise ConfigError(f"{group}._target_={target} is not a component of curate")
    return cls


def _stage_names(key: str, value: object) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        raise ConfigError(f"{key}={value!r} is not a list of stages; use {key}=[pages,segments]")
    for name in names:
        if name not in STAGES:
            raise ConfigError(_unknown(f"{key}: {name!r}", str(name), STAGES, "a stage name"))
    return tuple(str(name) for name in names)


def dataset_name(config: Mapping[str, Any]) -> str:
    """`name`, or what it follows from.

    Raises:
        ConfigError: it can't name a folder.
    """
    name = config["name"]
    if name is None:
        path = config["pages"]["path"]
        first = path[0] if isinstance(path, list) and path else path
        last = [part for part in str(first).replace("\\", "/").split("/") if part not in ("", ".")]
        stem = last[-1].split(".")[0] if last else ""
        name = "".join(c if c.isalnum() or c in "-_" else "-" for c in stem).strip("-")
    name = str(name)
    if not name or name.startswith(".") or any(c in name for c in "/\\\0"):
        raise ConfigError(
            f"name={name!r} can't name a folder in exports; use letters, digits, '-' and '_'"
        )
    return name


def _unknown(where: str, met: str, known: Any, place: str) -> str:
    import difflib

    close = difflib.get_close_matches(met, list(known), n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{where} is not known; {hint}allowed are {', '.join(sorted(known))} ({place})"
