"""Stages `pull`, `sample` and `push`: people's work comes in, pages go out."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

from curate.io import json_digest, locked, read_rows
from curate.review.connection import Connection, availability, connect
from curate.review.people import ReviewTeam
from curate.review.standing import PageStanding
from curate.review.tasks import ReviewTask
from curate.review.team_plan import TeamPlan
from curate.runs.output import load_result
from curate.sample.base import Choice
from curate.sample.choose import Seen, choose
from curate.schema import Annotation
from curate.stages.again import first_again
from curate.stages.context import Context, Outcome
from curate.stages.exports import sync_work
from curate.stages.learning import second_looks
from curate.stages.people import gold_tasks, next_step, next_steps, plan_notes, told
from curate.stages.review_tasks import Pair, annotations_of, pairs_of, review_tasks, states_of
from curate.stages.reviewed import PeopleSaid, people_said, reviewed_pages
from curate.stages.sampling import candidates, first_pages, store_choices
from curate.stages.serving import key_of_added

__all__ = ["Reviewing"]


class Reviewing:
    """The Label Studio half of one run.

    Opens the server only if a stage needs it; close with `close`. Only one run
    at a time syncs a dataset: a second waits, and is told for whom.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._settings = context.settings
        self._state = Path(context.settings.paths.state)
        self._stack = ExitStack()
        self._project: ReviewTeam | None = None
        self._choices: list[Choice] = []
        self._said: tuple[str, PeopleSaid] | None = None
        self.untrained: Outcome | None = None
        """Predictions before a model was trained on this project's pages, if one was."""
        self._again: dict[str, PageStanding] = {}
        self._stands: set[str] = set()
        self._is_current = False
        self._changed: dict[str, list[Annotation]] = {}
        self._sync_work(send=not context.settings.dry_run)

    def _sync_work(self, *, send: bool = True) -> None:
        settings = self._settings
        sync_work(settings.paths, settings.name, self._context.display.tell, send=send)

    def close(self) -> None:
        """Give the lock and the connection back."""
        self._stack.close()

    @cached_property
    def off(self) -> str:
        """Why this run doesn't review, with what to do; empty where it does."""
        found = availability(self._settings.review, self._state)
        return "" if found.on else found.why

    @cached_property
    def connection(self) -> Connection:
        """The open server.

        Raises:
            ReviewError: no server, a wrong key, or one that is too old.
        """
        lock = self._state / "review" / f"{self._settings.name}.sync.lock"
        self._stack.enter_context(locked(lock, on_wait=self._context.display.tell))
        opened = connect(self._settings.review, self._state, progress=self._context.display.tell)
        return self._stack.enter_context(opened)

    def project(self, *, create: bool) -> ReviewTeam | None:
        """The dataset's projects: one for all, or one for each annotator."""
        # Only opened to write is it brought to today's labels and guidelines.
        if self._project is None or (create and not self._is_current):
            self._project = ReviewTeam.open(
                self.connection,
                self._settings.name,
                self._settings.label_set,
                self._settings.review,
                self._state,
                create=create,
                progress=self._context.display.tell,
            )
            self._is_current = create
        return self._project

    # ------------------------------------------------------------------- pull

    def annotations(self) -> dict[str, list[Annotation]]:
        """People's work that counts today, by page key; also where review is off."""
        return annotations_of(self._settings.export_folder, self._settings.label_set)

    def said(self, segments: Outcome, predictions: Outcome) -> PeopleSaid:
        """What people said of the pages of the input, summed up; worked out once."""
        key = json_digest([self._work_state(), [s.digest for s in predictions.shards]])
        if self._said is None or self._said[0] != key:
            pairs = [(p.segmented, p.predicted) for p in pairs_of(segments, predictions)]
            self._said = key, people_said(pairs, self.annotations(), self._settings)
        return self._said[1]

    def _work_state(self) -> list[tuple[str, str]]:
        """Names people's work as it is now."""
        return sorted(
            (a.annotation_id, a.updated_at.isoformat())
            for found in self.annotations().values()
            for a in found
        )

    def _first_pages(self, pairs: Sequence[Pair], done: set[str]) -> dict[str, tuple[int, float]]:
        """Where to begin on sites that nobody has read from."""
        settings = self._settings
        if not settings.propagation.enabled or settings.sample.strategy != "mix":
            return {}
        if not settings.sample.template_share:
            return {}
        return first_pages([(p.segmented, p.predicted) for p in pairs], done)

    def _second_looks(self, segments: Outcome, predictions: Outcome) -> dict[str, str]:
        """Reviewed pages whose labels look wrong, with the reason."""
        work = self.annotations()
        if not work or not self._settings.sample.suspects:
            return {}
        pairs = [(p.segmented, p.predicted) for p in pairs_of(segments, predictions)]
        read = list(reviewed_pages(pairs, work, self._settings))
        return second_looks(read, self._settings.label_set)

    def pull(self) -> Outcome:
        """Take in what people have done since the last pull."""
        outcome = Outcome("pull", "off", note=self.off)
        if self.off or self._settings.dry_run or not self._context.wants("pull"):
            if not self.off:
                outcome.note = "not asked of the server in a dry run"
            return self._context.close(outcome)
        started = time.perf_counter()
        outcome.state = "unchanged"
        project = self.project(create=False)
        if project is None:
            outcome.note = "no project yet"
        else:
            result = project.pull(
                self._settings.export_folder / "annotations",
                key_of=key_of_added,
                progress=self._context.display.tell,
            )
            self._sync_work()
            outcome.counts.n_in = outcome.counts.n_out = result.n_written
            outcome.state = "ran" if result.n_written else "unchanged"
            outcome.note = (
                f"{result.new} new, {result.changed} changed, {result.deleted} deleted"
                if result.n_written
                else "no new annotations"
            )
            self._context.notes.extend(result.problems)
            if n := result.withheld:
                self._context.notes.append(f"{n} annotations were withdrawn here; left there")
        outcome.seconds = time.perf_counter() - started
        outcome.n_ran = int(outcome.state == "ran")
        return self._context.close(outcome)

    def review_again(self, pages: Sequence[PageStanding]) -> None:
        """Put pages whose reviewed text changed first in the queue, with the old labels."""
        work = self.annotations()
        for page in pages:
            if page.page_id is None or page.reviewed_again:
                continue
            if page.is_whole:
                self._stands.add(page.page_id)
            self._changed[page.page_key] = work.get(page.page_key, [])
            if page.count("partial") or page.count("orphan"):
                self._again[page.page_id] = page

    # ----------------------------------------------------------------- sample

    def sample(self, segments: Outcome, predictions: Outcome) -> Outcome:
        """Choose the pages that should be open for review."""
        outcome = Outcome("sample", "off", note=self.off)
        if self.off or self._settings.dry_run or not self._context.wants("sample"):
            return self._context.close(outcome)
        started = time.perf_counter()
        made = self._context.recipe(
            "sample",
            ["curate.stages.again", "curate.stages.sampling", "curate.sample.choose"],
            self._settings.config["sample"],
        )
        pairs = pairs_of(segments, predictions)
        project = self.project(create=False)
        work = [a for found in self.annotations().values() for a in found]
        waiting, given_up = project.waiting(work) if project else (set[str](), set[str]())
        opened = sorted(waiting)
        # Where only the splitter cut otherwise, what was read is what stands there.
        done = {a.page_id for a in work} | self._stands
        reviewed = sorted((done - waiting) | given_up)
        digests = [(p.segmented.digest, p.predicted.digest) for p in pairs]
        again = sorted(page_id for page_id in self._again if page_id not in reviewed)
        said = self.said(segments, predictions)
        key = self._context.input_key(
            digests, opened, reviewed, self._work_state(), *([again] if again else [])
        )
        folder = self._context.store.folder(made)
        known = None if "sample" in self._settings.force else load_result(folder, key)
        if known is None:
            open_ids = set(opened)
            self._choices = choose(
                candidates(
                    [(p.segmented, p.predicted) for p in pairs],
                    self._settings.label_set,
                    said.sites,
                    self._first_pages(pairs, {*opened, *reviewed}),
                ),
                self._settings.sample,
                self._settings.label_set.names,
                Seen(
                    set(reviewed),
                    open_ids,
                    said.by_label,
                    said.audited,
                    self._second_looks(segments, self.untrained or predictions),
                ),
            )
            self._choices = first_again(
                self._choices, [self._again[i] for i in again], self._settings.sample.pages
            )
            store_choices(folder, key, self._choices, sum(pair.segmented.rows for pair in pairs))
            # The pages of the last round, still open: nothing new was chosen.
            same = {choice.page_id for choice in self._choices} <= open_ids
            outcome.state = "unchanged" if same and self._choices else "ran"
        else:
            rows = [r for b in read_rows(folder / known.shards[0].file) for r in b.to_pylist()]
            self._choices = [Choice(r["page_key"], r["page_id"], r["rank"], r["why"]) for r in rows]
            outcome.state = "unchanged"
        n_pages = sum(pair.segmented.rows for pair in pairs)
        outcome.recipe, outcome.keys = made, [key]
        outcome.counts.n_in, outcome.counts.n_out = n_pages, len(self._choices)
        if rest := n_pages - len(self._choices):
            outcome.counts.dropped["not in this round"] = rest
        outcome.note = f"{len(reviewed)} reviewed so far" if reviewed else ""
        outcome.seconds = time.perf_counter() - started
        outcome.n_ran = int(outcome.state == "ran")
        return self._context.close(outcome)

    # ------------------------------------------------------------------- push

    def plan(self, segments: Outcome, predictions: Outcome, *, create: bool) -> TeamPlan | None:
        """What a push of the sample would do; None where the project is still to be made."""
        project = self.project(create=create)
        if project is None:
            return None
        pairs = pairs_of(segments, predictions)

        def tasks_of(page_ids: Collection[str]) -> Mapping[str, ReviewTask]:
            wanted = {page_id: Choice("", page_id, 0, "") for page_id in page_ids}
            return {task.page_id: task for task in self._tasks(pairs, wanted)}

        return project.plan(
            self.tasks(segments, predictions),
            current=dict(states_of(pairs)),
            annotations=[a for found in self.annotations().values() for a in found],
            gold=gold_tasks(self._settings),
            tasks_of=tasks_of,
        )

    def tasks(self, segments: Outcome, predictions: Outcome) -> list[ReviewTask]:
        """The chosen pages as tasks."""
        chosen = {choice.page_id: choice for choice in self._choices}
        return list(self._tasks(pairs_of(segments, predictions), chosen))

    def push(self, segments: Outcome, predictions: Outcome) -> Outcome:
        """Send the chosen pages that the server lacks, and better predictions."""
        outcome = Outcome("push", "off", note=self.off)
        if self.off or self._settings.dry_run or not self._context.wants("push"):
            return self._context.close(outcome)
        started = time.perf_counter()
        steps = self.plan(segments, predictions, create=True)
        project = self.project(create=True)
        assert steps is not None
        assert project is not None
        outcome.state, outcome.note = "unchanged", "the server has them"
        failed: Sequence[tuple[str, str]] = steps.refused
        if not steps.is_empty:
            self._context.display.stage_started("push", len(steps.new) + len(steps.changed))
            result = project.push(steps, progress=self._context.display.tell)
            failed = list(dict(result.failed).items())  # once each, at however many readers
            outcome.state = "ran"
            outcome.n_ran = 1
            outcome.note = (
                f"{result.created} new, {result.updated} updated, {result.closed} closed "
                f"in {told(project)}"
            )
        outcome.counts.n_in = len(self._choices)
        outcome.counts.n_out = len(self._choices) - len(failed)
        if failed:
            outcome.counts.quarantined["refused"] = len(failed)
            self._context.notes.extend(f"page {page_id}: {why}" for page_id, why in failed)
        self._context.notes.extend(plan_notes(project, steps))
        self._next_steps(project, steps)
        outcome.seconds = time.perf_counter() - started
        return self._context.close(outcome)

    def _next_steps(self, project: ReviewTeam, steps: TeamPlan) -> None:
        words = [str(word) for word in self._context.facts.get("overrides", ())]
        again = " ".join(["curate run", *words])
        waiting = len(self._choices) + steps.again
        self._context.next_steps.extend(
            next_steps(project, steps, again)
            if project.is_team
            else [next_step(project, waiting, again)]
        )

    def _tasks(self, pairs: Sequence[Pair], chosen: Mapping[str, Choice]) -> Iterator[ReviewTask]:
        recipe = self._context.outcomes["predictions"].recipe
        assert recipe is not None
        reasons = self._context.store.root / "reasons" / recipe.fingerprint
        return review_tasks(pairs, chosen, self._settings, self._changed, reasons)
