"""What the stages of one run share, and the record of how each went."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from curate.dataset import Published
from curate.errors import RunError
from curate.io import json_digest
from curate.limits import FAULTS
from curate.places import Place
from curate.runs.engine import EngineConfig, Failure, Finished, Task, check_failures, run_tasks
from curate.runs.fingerprint import Recipe, recipe
from curate.runs.output import Counts, TaskResult, load_results
from curate.runs.store import Store
from curate.stages.settings import Settings
from curate.stages.why import why_again

__all__ = ["Context", "Display", "Outcome", "ShardRef"]

ALWAYS_LET_THROUGH = 10
"""Pages that may break a stage whatever their share: a handful of bad ones in a
small input says nothing about the rest."""

FEW_PAGES = 64
"""Pages that one worker does alone: one or two seconds of work."""

PART_OF = {"evidence": "predictions", "train": "predictions"}
"""Steps with a row and an output of their own that run with a stage."""

State = Literal["ran", "partly", "unchanged", "would run", "may run", "off"]


@dataclass(frozen=True, slots=True)
class ShardRef:
    """A stored shard: where it is, what it holds, and the digest of its bytes."""

    path: Place
    rows: int
    digest: str


@dataclass(slots=True)
class Outcome:
    """How one stage of a run went.

    Attributes:
        state: `ran`, `partly` (some tasks were known), `unchanged`, `off`; in a
            dry run `would run` or `may run` (where its input would change).
        seconds, cpu_seconds: of this run only; 0 for what was known.
        note: one line for the table: why it ran, or what it did.
        kept: by the shard's place, the stage's input without the pages that it
            had to leave out, so that both stay aligned row by row.
    """

    stage: str
    state: State
    counts: Counts = field(default_factory=Counts)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0
    n_tasks: int = 0
    n_ran: int = 0
    note: str = ""
    recipe: Recipe | None = None
    keys: list[str] = field(default_factory=list)
    shards: list[ShardRef] = field(default_factory=list)
    quarantines: list[Place] = field(default_factory=list)
    kept: dict[int, ShardRef] = field(default_factory=dict)

    @property
    def output(self) -> str | None:
        """Digest of all that the stage gave, None without shards."""
        return json_digest([shard.digest for shard in self.shards]) if self.shards else None


def _fitting(engine: EngineConfig, tasks: Sequence[Task]) -> EngineConfig:
    """The engine with one worker where all there is to do is a few pages.

    Each worker loads the labeler and its tables first, which costs as much as
    some twenty pages; a second one would make a small addition no faster.
    """
    few = all(task.n_pages for task in tasks) and sum(t.n_pages for t in tasks) <= FEW_PAGES
    return replace(engine, workers=1) if few and engine.kind == "local" else engine


class Display(Protocol):
    """Where a run shows its progress."""

    def stage_started(self, name: str, total: int) -> None:
        """A stage begins, with `total` tasks."""

    def advance(self, name: str, pages: int, quarantined: int) -> None:
        """A task of the stage ended."""

    def stage_done(self, outcome: Outcome) -> None:
        """The stage ended."""

    def tell(self, text: str) -> None:
        """Say one line."""


@dataclass(slots=True)
class Context:
    """Settings, store and display of a run, and its stages' outcomes so far.

    Attributes:
        facts: JSON-like; what the passport and the dataset card tell.
        notes: sentences the user should read at the end.
        next_steps: what to do next, one line each.
        published: the outcome of the publish, if this run published.
    """

    settings: Settings
    store: Store
    display: Display
    last_recipes: Mapping[str, Any]
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    next_steps: list[str] = field(default_factory=list)
    published: Published | None = None

    def wants(self, stage: str) -> bool:
        """Whether the stage, or the one that it is part of, is among `stages`."""
        return PART_OF.get(stage, stage) in self.settings.stages

    def forces(self, stage: str) -> bool:
        """Whether the stage is to run again even where its output is known."""
        return PART_OF.get(stage, stage) in self.settings.force and self.wants(stage)

    def recipe(self, stage: str, modules: Sequence[str], config: object) -> Recipe:
        """The stage's recipe under this run's configuration."""
        return recipe(stage, modules, config)

    def knows(self, made: Recipe) -> bool:
        """Whether the store has outputs of the recipe, maybe not all that are needed."""
        return self.store.recipe_of(made.stage, made.fingerprint) is not None

    def close(self, outcome: Outcome) -> Outcome:
        """Record and show a stage's outcome."""
        self.outcomes[outcome.stage] = outcome
        self.display.stage_done(outcome)
        return outcome

    def run_shards(
        self,
        made: Recipe,
        tasks: Sequence[tuple[str, Callable[..., None], tuple[Any, ...], int]],
        *,
        complete_input: bool = True,
    ) -> Outcome:
        """Run a stage of independent tasks: those whose output isn't in the store.

        Args:
            made: the stage's recipe.
            tasks: (key, body, args, n_pages) in output order.
            complete_input: False in a dry run whose earlier stages would run.

        Raises:
            RunError: tasks failed, or the stage isn't among `stages` and its
                output isn't known.
        """
        stage = made.stage
        started = time.perf_counter()
        forced = self.forces(stage)
        folder = self.store.peek(made)
        known = {} if forced else self._known(folder, [key for key, *_ in tasks])
        todo = [row for row in tasks if row[0] not in known]
        outcome = Outcome(stage, "unchanged", n_tasks=len(tasks), recipe=made)
        if self.settings.dry_run:
            if todo or not complete_input:
                outcome.state = "would run" if todo else "may run"
                outcome.note = self._why(made, len(known), len(tasks), forced)
        elif todo:
            if not self.wants(stage):
                raise RunError(
                    f"stage {stage} is not among stages={list(self.settings.stages)}, and "
                    f"{len(todo)} of its {len(tasks)} outputs are not in the store; "
                    f"add {stage} to stages"
                )
            with self.store.working(made, self.display.tell) as waited:
                if waited and not forced:  # another run has made some of it meanwhile
                    known |= self._known(folder, [key for key, *_ in todo])
                    todo = [row for row in todo if row[0] not in known]
                if todo:
                    outcome.note = self._why(made, len(known), len(tasks), forced)
                    known.update(self._execute(outcome, made, todo))
                    outcome.state = "partly" if len(todo) < len(tasks) else "ran"
        folder = self.store.peek(made)
        for key, *_ in tasks:
            if key in known:
                self._collect(outcome, folder, known[key])
        self._check_faults(outcome)
        outcome.seconds = time.perf_counter() - started
        outcome.n_ran = len(todo)
        return outcome

    def _known(self, folder: Place, keys: Sequence[str]) -> dict[str, TaskResult]:
        """Outputs that are in the store and hold under the limits of this run."""
        limits = self.settings.engine.limits
        found = load_results(folder, keys)
        return {key: result for key, result in found.items() if result.holds_under(limits)}

    def _check_faults(self, outcome: Outcome) -> None:
        """Fail a stage that too many pages broke; what it made stays in the store."""
        met = {r: outcome.counts.quarantined[r] for r in FAULTS if outcome.counts.quarantined[r]}
        n_faults, n_in = sum(met.values()), outcome.counts.n_in
        allowed = self.settings.engine.max_error_rate
        if n_faults <= max(ALWAYS_LET_THROUGH, allowed * n_in):
            return
        told = ", ".join(f"{n} {reason}" for reason, n in met.items())
        raise RunError(
            f"stage {outcome.stage}: {n_faults} of {n_in} pages broke it ({told}), more than "
            f"engine.max_error_rate={allowed:g}; see {outcome.quarantines[0]}, then mend the "
            "input, raise engine.page_seconds or engine.page_memory, or allow a higher rate"
        )

    def _execute(
        self,
        outcome: Outcome,
        made: Recipe,
        todo: Sequence[tuple[str, Callable[..., None], tuple[Any, ...], int]],
    ) -> dict[str, TaskResult]:
        folder = self.store.folder(made)
        self.display.stage_started(made.stage, len(todo))
        tasks = [Task(made.stage, key, folder, body, args, n) for key, body, args, n in todo]
        results, failures = dict[str, TaskResult](), list[Failure]()
        for ended in run_tasks(_fitting(self.settings.engine, tasks), tasks):
            if isinstance(ended, Finished):
                results[ended.task.key] = ended.result
                outcome.cpu_seconds += ended.cpu_seconds
                outcome.peak_mb = max(outcome.peak_mb, ended.peak_mb)
                counts = ended.result.counts
                self.display.advance(made.stage, counts.n_out, counts.quarantined.total())
            else:
                failures.append(ended)
                self.display.advance(made.stage, 0, 0)
        check_failures(made.stage, failures)
        return results

    def _collect(self, outcome: Outcome, folder: Place, result: TaskResult) -> None:
        outcome.keys.append(result.key)
        outcome.counts.add(result.counts)
        if kept := result.kept:
            ref = ShardRef(folder / kept.file, kept.rows, kept.digest)
            outcome.kept[len(outcome.shards)] = ref
        outcome.shards.extend(ShardRef(folder / s.file, s.rows, s.digest) for s in result.shards)
        if result.quarantine:
            outcome.quarantines.append(folder / result.quarantine)

    def _why(self, made: Recipe, n_known: int, n_tasks: int, forced: bool) -> str:
        if forced:
            return "forced"
        if n_known:
            return f"{n_tasks - n_known} of {n_tasks} inputs are new"
        return why_again(made.to_json(), self.last_recipes.get(made.stage))

    def input_key(self, *parts: object) -> str:
        """A task's key: digest of what it reads. No hyphen or dot: it names files."""
        return json_digest(parts, chars=24)
