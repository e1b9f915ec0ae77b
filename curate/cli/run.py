"""`curate run`: the Hydra application."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.cli.compose import config_folder, plain, rewritten
from curate.errors import CurateError

if TYPE_CHECKING:
    from curate.stages.context import Context

__all__ = ["Ended", "execute", "last_recipes", "main"]


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that ended well: its passport (empty for a dry run) and its stages."""

    passport: dict[str, Any]
    context: Context


def main(argv: Sequence[str]) -> int:
    """Compose the configuration and run the pipeline under it."""
    # Without it Hydra prints its own errors and exits before we can reword them.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import HydraException
    from hydra.types import RunMode
    from omegaconf import DictConfig
    from omegaconf.errors import OmegaConfBaseException

    from curate.cli.sweep import Sweep

    failures: list[Exception] = []
    sweep = Sweep()

    def job(config: DictConfig) -> None:
        told = HydraConfig.get()
        overrides = list(told.overrides.task)
        choices = {k: v for k, v in told.runtime.choices.items() if not k.startswith("hydra")}
        try:
            if told.mode == RunMode.MULTIRUN:
                sweep.run(plain(config), overrides, choices)
            else:
                execute(plain(config), overrides, choices=choices)
        except (CurateError, OSError) as error:
            # Hydra would print lines of its own; and the later jobs of a sweep go on.
            failures.append(error)
            sweep.failed(overrides, error)

    job.__module__ = "__main__"
    application = hydra.main(
        config_path=str(config_folder()), config_name="curate", version_base="1.3"
    )(job)
    before = sys.argv
    sys.argv = ["curate", *argv]
    try:
        sweep.plan(argv)
        with _composed_once(argv):
            application()
    except (HydraException, OmegaConfBaseException) as error:
        raise rewritten(error) from error
    finally:
        sys.argv = before
        _leave_quickly()
    sweep.finish()
    if failures:
        raise failures[0]
    return 0


def _leave_quickly() -> None:
    """Spare the end of the process the workers' goodbyes, half a second."""
    from curate.runs.local import end_pool

    end_pool()


@contextmanager
def _composed_once(argv: Sequence[str]) -> Iterator[None]:
    """Keep Hydra from composing all (0.3 s) just to read `hydra.mode`, which the flags tell."""
    from hydra._internal.hydra import Hydra

    asked = Hydra.get_mode
    if not any("hydra" in word or word.startswith("--") for word in argv):
        Hydra.get_mode = lambda *_, **__: None
    try:
        yield
    finally:
        Hydra.get_mode = asked


def execute(
    config: Mapping[str, Any],
    overrides: Sequence[str],
    *,
    choices: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
    table: bool = True,
) -> Ended:
    """One run: pipeline, passport, table, and what to do next.

    Args:
        choices: config group to the option chosen, for the passport.
        more: further entries of the passport.
        table: show the stages and what to do next at the end.

    Raises:
        CurateError: anything a user can mend.
    """
    from curate.stages.ahead import start_workers

    start_workers(config)  # they load their modules while this process loads its own
    from curate.cli.display import TerminalDisplay
    from curate.cli.record import RecordingDisplay, describe, origin, published
    from curate.runs.passport import Passport, load_passports
    from curate.stages.pipeline import run_pipeline
    from curate.stages.settings import Settings

    settings = Settings.from_config(config)
    runs = Path(settings.paths.runs)
    last = last_recipes(load_passports(runs), settings.name)
    facts: dict[str, Any] = {"overrides": list(overrides), "config": dict(config)}
    facts |= origin(config, choices or {})
    started = time.perf_counter()
    if settings.dry_run:
        display = TerminalDisplay()
        with display:
            context = run_pipeline(settings, display, last, facts)
        display.finish(context, time.perf_counter() - started)
        return Ended({}, context)
    passport = Passport.open(runs, {"name": settings.name, **(more or {}), **facts})
    status = "failed"
    try:
        display = RecordingDisplay(passport, log=passport.folder / "log.jsonl")
        with display:
            context = run_pipeline(settings, display, last, facts)
        status = "done"
        passport.content["stages"] = {o.stage: describe(o) for o in context.outcomes.values()}
        passport.content["published"] = published(settings.export_folder, facts.get("version"))
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
        passport.content["cpu_seconds"] = round(sum(os.times()[:4]), 3)
        passport.close(status)
    if table:
        display.finish(context, time.perf_counter() - started)
    return Ended(passport.to_json(), context)


def last_recipes(passports: Any, name: str) -> dict[str, Any]:
    """Recipe of each stage in the newest finished run of this name; the input's units too."""
    for passport in passports:
        done = passport.get("status") == "done" and not passport.get("rerun_of")
        if passport.get("name") == name and done:
            stages = passport.get("stages", {})
            found = {stage: row["recipe"] for stage, row in stages.items() if row.get("recipe")}
            if "pages" in found:
                found["pages"] = {**found["pages"], "inputs": passport.get("inputs")}
            return found
    return {}
