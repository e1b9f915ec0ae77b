"""The pipeline's outcomes as rows on the terminal."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from rich.console import Console

from curate.report.run_view import RunDisplay, StageRow
from curate.stages.context import Context, Outcome

__all__ = ["TerminalDisplay", "result_console"]

PLAIN_WIDTH = 160
"""Columns of a table where the output is no terminal."""


def result_console() -> Console:
    """Where a command prints its answer: tables of a fixed width off a terminal."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


class TerminalDisplay:
    """Shows a run; a `curate.stages.context.Display`."""

    def __init__(self, *, log: Path | None = None) -> None:
        self._view = RunDisplay(log=log)

    def __enter__(self) -> TerminalDisplay:
        self._view.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._view.__exit__(kind, error, trace)

    def stage_started(self, name: str, total: int) -> None:
        """A stage begins, with `total` tasks."""
        self._view.stage_started(name, total)

    def advance(self, name: str, pages: int, quarantined: int) -> None:
        """A task of the stage ended."""
        self._view.advance(name, pages, quarantined)

    def stage_done(self, outcome: Outcome) -> None:
        """The stage ended."""
        self._view.stage_done(_row(outcome))

    def tell(self, text: str) -> None:
        """Say one line."""
        self._view.tell(text)

    def finish(self, context: Context, seconds: float) -> None:
        """The table, what the user should know, and what to do next."""
        for note in context.notes:
            self._view.warn(note)
        rows = [_row(outcome) for outcome in context.outcomes.values()]
        self._view.finish(rows, context.next_steps, seconds)


def _row(outcome: Outcome) -> StageRow:
    counted = outcome.state != "off"
    return StageRow(
        stage=outcome.stage,
        state=outcome.state,
        n_in=outcome.counts.n_in if counted else None,
        n_out=outcome.counts.n_out if counted else None,
        dropped=dict(outcome.counts.dropped),
        quarantined=dict(outcome.counts.quarantined),
        seconds=outcome.seconds if outcome.n_ran else 0.0,
        note=outcome.note,
    )
