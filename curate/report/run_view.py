"""A run on the terminal: progress while it goes, the table and what comes next.

Progress and warnings go to stderr, the result to stdout. On a terminal stages
are live bars above a line of memory and workers; elsewhere each stage is one plain
line when it ends, and one a minute while it goes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from curate.report.page_view import visible
from curate.report.resources import Held, held_now
from curate.report.run_table import (
    StageRow,
    duration,
    note_lines,
    reason_lines,
    run_table,
    stage_line,
)

__all__ = ["RunDisplay", "StageRow"]

REFRESH_PER_SECOND = 8

PLAIN_WIDTH = 160
"""Columns of the table where the output is no terminal."""

NARROW = 100
"""Columns below which the bar gives way to the numbers."""

PLAIN_SECONDS = 60.0
"""Between two lines on the progress of a stage where the output is no terminal."""

HELD_SECONDS = 1.0
"""Between two looks at the memory."""

NOTES_WIDTH = 100
"""Columns from which the notes fit beside the numbers, which take about 66."""


class RunDisplay:
    """Where a run shows itself; use as a context manager around the stages.

    Args:
        err: console of progress and warnings; stderr by default.
        out: console of the result; stdout by default.
        log: a file that gets one JSON object for each event, appended.
    """

    def __init__(
        self, err: Console | None = None, out: Console | None = None, log: Path | None = None
    ) -> None:
        self.err = err or Console(stderr=True)
        self.out = out or Console()
        self._log_path = log
        self._log: IO[str] | None = None
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.fields[stage]:<12}"),
            BarColumn(bar_width=24 if self.err.width >= NARROW else 8),
            MofNCompleteColumn(),
            _PagesColumn(),
            TimeRemainingColumn(compact=True),
            _QuarantineColumn(),
            console=self.err,
        )
        self._live: Live | None = None
        self._lines: list[Text] = []
        self._tasks: dict[str, TaskID] = {}
        self._warned: set[str] = set()
        self._began = self._told_at = time.monotonic()
        self._held: tuple[float, Held | None] = (0.0, None)

    def __enter__(self) -> RunDisplay:
        if self._log_path is not None:
            self._log_path.parent.mkdir(parents=True, exist_ok=True)
            self._log = self._log_path.open("a", encoding="utf-8")
        if self.err.is_terminal:
            self._live = Live(
                get_renderable=lambda: Group(*self._lines, self._progress, self._footer()),
                console=self.err,
                refresh_per_second=REFRESH_PER_SECOND,
                transient=True,
                # Prints of warnings go above the bars; results stay on stdout.
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()
        if kind is not None and self.err.is_terminal:
            for line in self._lines:
                self._say(line)
        if self._log is not None:
            self._log.close()
            self._log = None

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def stage_started(self, name: str, total: int) -> None:
        """A stage begins, with `total` shards to do."""
        self._tasks[name] = self._progress.add_task(
            name, total=total, stage=name, pages=0, quarantined=0
        )
        self._told_at = time.monotonic()
        self._event("started", stage=name, total=total)

    def advance(self, name: str, pages: int, quarantined: int) -> None:
        """One shard of the stage ended, with so many pages kept and quarantined."""
        task = self._tasks.get(name)
        if task is None:
            return
        fields = self._progress.tasks[self._progress.task_ids.index(task)].fields
        self._progress.update(
            task,
            advance=1,
            pages=fields["pages"] + pages,
            quarantined=fields["quarantined"] + quarantined,
        )
        held = self._memory()
        memory = {"driver_mb": held.driver_mb, "workers_mb": held.workers_mb} if held else {}
        told = {key: round(value, 1) for key, value in memory.items()}
        self._event("advanced", stage=name, pages=pages, quarantined=quarantined, **told)
        if not self.err.is_terminal and time.monotonic() - self._told_at >= PLAIN_SECONDS:
            self._told_at = time.monotonic()
            self._say(self._plain(self._progress.tasks[self._progress.task_ids.index(task)]))

    def stage_done(self, row: StageRow) -> None:
        """The stage ended, or had nothing to do."""
        task = self._tasks.pop(row.stage, None)
        if task is not None:
            self._progress.remove_task(task)
        self._event(
            "done",
            stage=row.stage,
            state=row.state,
            n_in=row.n_in,
            n_out=row.n_out,
            dropped=dict(row.dropped),
            quarantined=dict(row.quarantined),
            seconds=round(row.seconds, 3),
            note=row.note,
        )
        line = stage_line(row)
        if self._live is not None:
            # Shown while the run goes; the table says it all again at the end.
            self._lines.append(line)
        else:
            self._say(line)

    def tell(self, text: str) -> None:
        """Say one line."""
        self._event("told", text=text)
        self._say(Text(visible(text)))

    def warn(self, text: str) -> None:
        """Say one line that should be noticed; the same one only once."""
        if text in self._warned:
            return
        self._warned.add(text)
        self._event("warned", text=text)
        self._say(Text.assemble(("warning: ", "bold yellow"), visible(text)))

    def finish(
        self, rows: Sequence[StageRow], next_lines: Sequence[str] = (), seconds: float | None = None
    ) -> None:
        """Print the result: table of stages, reasons, and what to do next.

        Args:
            rows: the stages in order.
            next_lines: what to do next, one step a line.
            seconds: of the whole run, if it should be told.
        """
        self._stop()
        if not self.out.is_terminal:
            # Nobody sees a right edge in a file: notes stay on one line.
            self.out.width = max(self.out.width, PLAIN_WIDTH)
        wide = self.out.width >= NOTES_WIDTH
        self.out.print(run_table(rows, notes=wide))
        for line in [] if wide else note_lines(rows):
            self.out.print(line, soft_wrap=True)
        for line in reason_lines(rows):
            self.out.print(line, soft_wrap=True)
        if seconds is not None:
            self.out.print(Text(f"done in {duration(seconds)}"))
        for number, step in enumerate(next_lines):
            head = Text("next: " if number == 0 else "      ", style="bold")
            self.out.print(head.append(visible(step), style="bold"), soft_wrap=True)

    def _memory(self) -> Held | None:
        """What was held a moment ago: looking costs some milliseconds."""
        at, held = self._held
        if time.monotonic() - at >= HELD_SECONDS:
            held = held_now()
            self._held = (time.monotonic(), held)
        return held

    def _footer(self) -> Text:
        held = self._memory()
        parts = [str(held)] if held else []
        parts.append(duration(time.monotonic() - self._began))
        return Text(" · ".join(parts), style="dim")

    def _plain(self, task: Task) -> Text:
        """One line on a stage that is going on."""
        pages, quarantined = task.fields["pages"], task.fields["quarantined"]
        rate = pages / max(task.elapsed or 0.0, 1e-9)
        parts = [f"{task.completed:.0f} of {task.total:.0f}"]
        if pages:  # adding up reads tables, not pages
            parts += [f"{pages:,} pages", f"{rate:,.1f}/s"]
        if quarantined:
            parts.append(f"{quarantined:,} quarantined")
        if task.time_remaining is not None:
            parts.append(f"{duration(task.time_remaining)} left")
        if held := self._memory():
            parts.append(str(held))
        return Text(f"{task.fields['stage']}: {', '.join(parts)}")

    def _say(self, line: Text) -> None:
        self.err.print(line, soft_wrap=True, highlight=False)

    def _event(self, event: str, **facts: object) -> None:
        if self._log is not None:
            record = {"event": event, "time": round(time.time(), 3), **facts}
            self._log.write(json.dumps(record, ensure_ascii=False) + "\n")
            self._log.flush()


class _PagesColumn(TextColumn):
    """Pages so far and pages a second."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        """As the progress bar asks."""
        pages = task.fields["pages"]
        if not pages:
            return Text("")
        elapsed = task.elapsed or 0.0
        rate = f" {pages / elapsed:,.0f}/s" if elapsed >= 1 else ""
        return Text(f"{pages:,} pages{rate}", style="cyan")


class _QuarantineColumn(TextColumn):
    """Pages put in quarantine, where there are any."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        """As the progress bar asks."""
        n = task.fields["quarantined"]
        return Text(f"{n:,} quarantined", style="yellow") if n else Text("")
