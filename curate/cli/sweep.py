"""Sweeps: `curate run -m labeler=rules,model`: jobs that share the store, compared at the end.

Jobs of one dataset would overwrite each other's versions and tasks, so a job
publishes and syncs only where no other job of the sweep has its `name`.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from curate.cli.compose import compose

if TYPE_CHECKING:
    from curate.stages.compare import Side

__all__ = ["Sweep"]

SHARED_STAGES = ("pages", "segments", "predictions", "labels")
"""What a job runs that shares its name: nothing that people or servers see."""

MULTIRUN_FLAGS = ("-m", "--multirun")


@dataclass(slots=True)
class _Job:
    """One job of a sweep and how it ended."""

    overrides: tuple[str, ...]
    alone: bool = True
    passport: Mapping[str, Any] = field(default_factory=dict)
    side: Side | None = None
    error: str = ""


class Sweep:
    """Runs the jobs of one sweep and compares them; of a single run, nothing."""

    def __init__(self) -> None:
        self._jobs: list[_Job] = []
        self._names: Counter[str] = Counter()
        self._swept: set[str] = set()

    def plan(self, argv: Sequence[str]) -> None:
        """Learn the names of all jobs before the first runs."""
        if not any(flag in argv for flag in MULTIRUN_FLAGS):
            return
        from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
        from hydra.core.override_parser.overrides_parser import OverridesParser
        from hydra.errors import HydraException

        from curate.errors import CurateError
        from curate.stages.settings import dataset_name

        words = [word for word in argv if not word.startswith("-")]
        try:
            parsed = OverridesParser.create().parse_overrides(words)
            (jobs,) = BasicSweeper.split_arguments(parsed, None)
            self._swept = {o.key_or_group for o in parsed if o.is_sweep_override()}
            for overrides in jobs:
                config = compose([o for o in overrides if not o.startswith("hydra")])
                self._names[dataset_name(config)] += 1
        except (HydraException, CurateError):
            self._names.clear()  # the sweep itself tells what is wrong, better

    def run(self, config: dict[str, Any], overrides: Sequence[str], choices: Any) -> None:
        """One job."""
        from curate.cli.run import execute
        from curate.stages.compare import side_of
        from curate.stages.settings import dataset_name

        job = _Job(tuple(overrides))
        job.alone = self._names[dataset_name(config)] <= 1
        if not job.alone:
            stages = [stage for stage in config["stages"] if stage in SHARED_STAGES]
            config = {**config, "stages": stages}
        sys.stderr.write(f"job {len(self._jobs)}: {' '.join(overrides)}\n")
        ended = execute(config, overrides, choices=choices, more={"sweep": True})
        job.passport = ended.passport
        job.side = side_of(ended.context)
        self._jobs.append(job)

    def failed(self, overrides: Sequence[str], error: Exception) -> None:
        """A job ended with an error; the table says which."""
        self._jobs.append(_Job(tuple(overrides), error=" ".join(str(error).split())))

    def finish(self) -> None:
        """The table that compares the jobs; nothing for a single run."""
        if not self._names or not self._jobs:
            return
        from rich.table import Table

        from curate.cli.display import result_console
        from curate.stages.compare import Compared, compare_sides

        console = result_console()
        done = [job for job in self._jobs if job.side is not None]
        told: dict[int, Compared] = {}
        if done:
            found = compare_sides([job.side for job in done if job.side is not None])
            told = dict(zip(map(id, done), found, strict=True))
        labels = sorted({name for row in told.values() for name in row.label_chars})
        table = Table("job", "segments", *labels, "score", "differs", "reviewed", box=None)
        for column in table.columns[1:]:
            column.justify = "right"
        for number, job in enumerate(self._jobs):
            name = f"{number}  {self._apart(job)}"
            if job.side is None:
                table.add_row(name, f"[red]failed[/]: {job.error[:80]}")
                continue
            row = told[id(job)]
            table.add_row(
                name,
                f"{row.segments:,}",
                *(_percent(row.label_chars.get(label, 0), row.chars) for label in labels),
                "-" if row.score is None else f"{row.score:.3f}",
                "-" if job is done[0] else _percent(row.differing, row.shared),
                _percent(row.right, row.reviewed) if row.reviewed else "-",
            )
        console.print(table)
        console.print(
            "labels: share of the characters; score: mean probability of the labels given; "
            "differs: characters\nlabelled otherwise than by the first job; reviewed: of the "
            "characters that people read,\nthose to which the labeler gave the label they left",
            style="dim",
        )
        if any(not job.alone for job in self._jobs):
            console.print(
                "nothing was published: the jobs have one name; give each its own to publish"
            )

    def _apart(self, job: _Job) -> str:
        mine = [o for o in job.overrides if o.lstrip("+~").partition("=")[0] in self._swept]
        return " ".join(mine) or "as configured"


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"
