"""Progress, the table of stages, and what comes next."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from curate.report.run_table import StageRow, duration
from curate.report.run_view import RunDisplay

ROWS = [
    StageRow("pages", "ran", 10, 7, {"superseded": 2}, {"bad gzip": 1}, 1.25, "first run"),
    StageRow("segments", "unchanged", 7, 7),
    StageRow("push", "off", note="review=none"),
]


def console(*, terminal: bool = False, width: int = 120) -> Console:
    return Console(
        file=io.StringIO(), force_terminal=terminal, width=width, color_system=None, _environ={}
    )


def text(where: Console) -> str:
    assert isinstance(where.file, io.StringIO)
    return where.file.getvalue()


def shown(rows: list[StageRow], steps: list[str], **options: object) -> str:
    out = console(**options)  # type: ignore[arg-type]
    RunDisplay(err=console(), out=out).finish(rows, steps)
    return "\n".join(line.rstrip() for line in text(out).splitlines())


def test_result_is_a_table_reasons_and_next_steps() -> None:
    assert shown(ROWS, ["open it", "then run again"]) == "\n".join(
        [
            "stage     state      in  out  dropped  quarantined  seconds",
            "─" * 72,
            "pages     ran        10    7        2            1      1.2  first run",
            "segments  unchanged   7    7        0            0        -",
            "push      off         -    -        -            -        -  review=none",
            "pages: dropped 2 superseded",
            "pages: quarantined 1 bad gzip",
            "",
            "next: open it",
            "      then run again",
        ]
    )


def test_notes_stand_below_a_narrow_table() -> None:
    lines = shown(ROWS, [], terminal=True, width=70).splitlines()
    assert lines[2] == "pages     ran        10    7        2            1      1.2"
    assert "pages: first run" in lines
    assert "push: review=none" in lines


def test_reasons_beyond_the_eighth_are_summed_up() -> None:
    reasons = {f"reason {i}": i for i in range(1, 12)}
    out = shown([StageRow("pages", "ran", 66, 0, reasons)], [])
    assert "pages: dropped 11 reason 11, 10 reason 10" in out
    assert out.endswith("6 for 3 other reasons\n")


def test_off_a_terminal_each_stage_is_one_line_on_stderr() -> None:
    err, out = console(), console()
    with RunDisplay(err=err, out=out) as display:
        display.stage_started("pages", 2)
        display.advance("pages", 5, 0)
        display.advance("pages", 2, 1)
        for row in ROWS:
            display.stage_done(row)
    assert text(err).splitlines() == [
        "pages       ran       10 in, 7 out, 2 dropped, 1 quarantined, 1.2 s (first run)",
        "segments    unchanged 7 in, 7 out",
        "push        off        (review=none)",
    ]
    assert text(out) == ""


def test_a_warning_is_said_once_and_is_no_markup() -> None:
    err = console()
    with RunDisplay(err=err, out=console()) as display:
        display.warn("[red]site a.example[/] holds \x1b[31mall pages")
        display.warn("[red]site a.example[/] holds \x1b[31mall pages")
        display.tell("review is off")
    assert text(err).splitlines() == [
        "warning: [red]site a.example[/] holds \ufffd[31mall pages",
        "review is off",
    ]


def test_on_a_terminal_progress_vanishes_and_the_table_stays() -> None:
    err, out = console(terminal=True), console(terminal=True)
    with RunDisplay(err=err, out=out) as display:
        display.stage_started("pages", 2)
        display.advance("pages", 5, 1)
        display.stage_done(ROWS[0])
    display.finish(ROWS, [])
    assert "pages     ran        10" in text(out)
    assert text(err).endswith("\x1b[2K")  # The last thing done is to erase the bars.


def test_a_run_that_fails_keeps_what_its_stages_said() -> None:
    err = console(terminal=True)
    display = RunDisplay(err=err, out=console())
    display.__enter__()
    display.stage_done(ROWS[0])
    display.__exit__(ValueError, ValueError(), None)
    assert text(err).rstrip().endswith("1 quarantined, 1.2 s (first run)")


def test_progress_of_a_stage_nobody_started_is_ignored() -> None:
    with RunDisplay(err=console(), out=console()) as display:
        display.advance("pages", 1, 0)


def test_the_log_holds_one_object_an_event(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "run.jsonl"
    with RunDisplay(err=console(), out=console(), log=log) as display:
        display.stage_started("pages", 1)
        display.advance("pages", 7, 1)
        display.stage_done(ROWS[0])
        display.warn("careful")
    events = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert [event["event"] for event in events] == ["started", "advanced", "done", "warned"]
    assert events[1]["pages"] == 7
    assert events[2]["dropped"] == {"superseded": 2}


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10.0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (3599.6, "1 h 00 min"),
        (7620, "2 h 07 min"),
    ],
)
def test_durations_read_well(seconds: float, told: str) -> None:
    assert duration(seconds) == told
