"""What a run's passport tells: where it comes from, and how each stage went."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from curate.cli.display import TerminalDisplay
from curate.io import json_digest, read_json
from curate.runs.passport import Passport
from curate.stages.context import Outcome

__all__ = ["RecordingDisplay", "describe", "origin", "published", "seeds"]

PACKAGES = (
    *("brotli", "chardetng-py", "datasets", "duckdb", "fsspec", "huggingface-hub", "hydra-core"),
    *("label-studio-sdk", "lightgbm", "loky", "numpy", "omegaconf", "phonenumberslite", "pyarrow"),
    *("py3langid", "pydantic", "ray", "rensa", "selectolax", "tldextract", "w3lib", "zstandard"),
)
"""Those that can change bytes, and those whose faults show in a run."""


SAVE_SECONDS = 2.0
"""Between two savings of the passport while a stage goes on."""


class RecordingDisplay(TerminalDisplay):
    """Shows a run and writes its passport along: a killed one tells how far it came."""

    def __init__(self, passport: Passport, *, log: Path | None = None) -> None:
        super().__init__(log=log)
        self._passport = passport
        self._saved = self._since = time.monotonic()
        passport.content["stages"] = {}

    def stage_started(self, name: str, total: int) -> None:
        """A stage begins, with `total` tasks."""
        super().stage_started(name, total)
        now = {"stage": name, "tasks": total, "done": 0, "pages": 0, "quarantined": 0}
        self._passport.content["now"] = now
        self._saved = self._since = time.monotonic()
        self._passport.save()

    def advance(self, name: str, pages: int, quarantined: int) -> None:
        """A task of the stage ended; the passport tells of it every few seconds."""
        super().advance(name, pages, quarantined)
        now = self._passport.content.get("now")
        if not isinstance(now, dict) or now["stage"] != name:
            return
        now["done"] += 1
        now["pages"] += pages
        now["quarantined"] += quarantined
        if time.monotonic() - self._saved >= SAVE_SECONDS:
            now["seconds"] = round(time.monotonic() - self._since, 1)
            self._saved = time.monotonic()
            self._passport.save()

    def stage_done(self, outcome: Outcome) -> None:
        """The stage ended."""
        super().stage_done(outcome)
        self._passport.content.pop("now", None)
        self._passport.content["stages"][outcome.stage] = describe(outcome)
        if outcome.n_ran:
            self._passport.save()


def describe(outcome: Outcome) -> dict[str, Any]:
    """A stage's outcome as the passport keeps it."""
    return {
        "state": outcome.state,
        "note": outcome.note,
        **outcome.counts.to_json(),
        "tasks": outcome.n_tasks,
        "tasks_ran": outcome.n_ran,
        "seconds": round(outcome.seconds, 3),
        "cpu_seconds": round(outcome.cpu_seconds, 3),
        "peak_mb": round(outcome.peak_mb, 1),
        "output": outcome.output,
        "recipe": outcome.recipe.to_json() if outcome.recipe else None,
    }


def origin(config: Mapping[str, Any], choices: Mapping[str, str]) -> dict[str, Any]:
    """What a run is made of besides its input: code, packages, choices, seeds."""
    import platform
    from importlib import metadata

    from curate.version import __version__

    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "curate": __version__,
        "python": platform.python_version(),
        "packages": versions,
        "choices": dict(sorted(choices.items())),
        "seeds": dict(seeds(config)),
    }


def seeds(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of the configuration that is a seed or a salt, with its value."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from seeds(value, f"{prefix}{key}.")
        elif key == "seed" or key.endswith(("_seed", "_salt")):
            yield f"{prefix}{key}", value


def published(folder: Path, version: str | None) -> dict[str, Any] | None:
    """The version that a run published or found published: its files' digests.

    Args:
        folder: of the dataset, `exports/<name>`.
    """
    if version is None:
        return None
    try:
        manifest = read_json(folder / version / "manifest.json")
        files = {entry["path"]: entry["digest"] for entry in manifest["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return {"version": version, "digest": json_digest(files), "files": files}
