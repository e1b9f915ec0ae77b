"""`curate run`: the Hydra application."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from curate.cli.compose import config_folder, plain, rewritten
from curate.errors import CurateError

__all__ = ["execute", "main"]


def main(argv: Sequence[str]) -> int:
    """Compose the configuration and run the pipeline under it."""
    # Without it Hydra prints its own errors and exits before we can reword them.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import HydraException
    from omegaconf import DictConfig
    from omegaconf.errors import OmegaConfBaseException

    failures: list[Exception] = []

    def job(config: DictConfig) -> None:
        try:
            execute(plain(config), list(HydraConfig.get().overrides.task))
        except (CurateError, OSError) as error:
            # Hydra would print lines of its own; and the later jobs of a sweep go on.
            failures.append(error)

    job.__module__ = "__main__"
    application = hydra.main(
        config_path=str(config_folder()), config_name="curate", version_base="1.3"
    )(job)
    before = sys.argv
    sys.argv = ["curate", *argv]
    try:
        application()
    except (HydraException, OmegaConfBaseException) as error:
        raise rewritten(error) from error
    finally:
        sys.argv = before
    if failures:
        raise failures[0]
    return 0


def execute(config: Mapping[str, Any], overrides: Sequence[str]) -> None:
    """One run: pipeline, passport, table, and what to do next.

    Raises:
        CurateError: anything a user can mend.
    """
    from curate.cli.display import TerminalDisplay
    from curate.runs.passport import Passport, load_passports
    from curate.stages.pipeline import run_pipeline
    from curate.stages.settings import Settings

    settings = Settings.from_config(config)
    runs = Path(settings.paths.runs)
    last = last_recipes(load_passports(runs), settings.name)
    facts: dict[str, Any] = {"overrides": list(overrides), "config": dict(config)}
    display = TerminalDisplay()
    started = time.perf_counter()
    if settings.dry_run:
        with display:
            context = run_pipeline(settings, display, last, facts)
        display.finish(context, time.perf_counter() - started)
        return
    passport = Passport.open(runs, {"name": settings.name, **_origin(), **facts})
    status = "failed"
    try:
        with display:
            context = run_pipeline(settings, display, last, facts)
        status = "done"
        passport.content["stages"] = {o.stage: describe(o) for o in context.outcomes.values()}
        passport.save_tasks(
            {
                f"{o.stage}/{o.recipe.fingerprint}": o.keys
                for o in context.outcomes.values()
                if o.recipe is not None
            }
        )
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        passport.content.update(facts)
        passport.close(status)
    display.finish(context, time.perf_counter() - started)


def last_recipes(passports: Any, name: str) -> dict[str, Any]:
    """Recipe of each stage in the newest finished run of this name."""
    for passport in passports:
        if passport.get("name") == name and passport.get("status") == "done":
            stages = passport.get("stages", {})
            return {stage: row["recipe"] for stage, row in stages.items() if row.get("recipe")}
    return {}


def describe(outcome: Any) -> dict[str, Any]:
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
        "recipe": outcome.recipe.to_json() if outcome.recipe else None,
    }


def _origin() -> dict[str, Any]:
    import platform
    from importlib import metadata

    from curate.version import __version__

    packages = ("datasets", "duckdb", "hydra-core", "label-studio-sdk", "lightgbm", "numpy")
    more = ("loky", "omegaconf", "pyarrow", "selectolax", "tldextract", "w3lib")
    versions = {}
    for package in sorted(packages + more):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {"curate": __version__, "python": platform.python_version(), "packages": versions}
