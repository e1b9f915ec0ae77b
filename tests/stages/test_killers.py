"""Pages that crash, hang or eat memory: each with its outcome, every other page right."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from curate.cli.compose import compose
from curate.errors import RunError
from curate.io import read_rows
from curate.schema import PagePrediction, SegmentedPage
from curate.stages.context import Context
from curate.stages.pipeline import run_pipeline
from curate.stages.settings import Settings

REASONS = {
    "segfault": "killed its process",
    "exit": "killed its process",
    "sigkill": "killed its process",
    "loop": "time limit",
    "sleep": "time limit",
    "hang": "time limit",
    "bomb": "memory limit",
    "raise": "error",
    "recurse": "error",
    "label-abort": "killed its process",
    "label-loop": "time limit",
}
"""Kinds of killer and what becomes of them; `label-` ones strike in the labeler."""


EXTREMES = {
    "deep": "<div>" * 50_000 + "bottom",
    "long": "<p>" + "word " * 4_000_000,
}


def recurse() -> None:
    recurse()


def misbehave(how: str) -> None:
    if how == "segfault":
        ctypes.string_at(0)
    elif how == "exit":
        os._exit(7)
    elif how == "sigkill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "label-abort":
        os.abort()
    elif how in ("loop", "label-loop"):
        while True:
            sum(range(100))
    elif how == "sleep":
        time.sleep(600)
    elif how == "hang":
        # One operation in C that neither gives the interpreter back nor looks at signals.
        str(7 ** (10**9))
    elif how == "bomb":
        hoard = []
        while True:
            hoard.append(bytearray(20_000_000))
    elif how == "raise":
        raise ValueError("not today")
    elif how == "recurse":
        recurse()


def way_of(text: str) -> str:
    _, found, rest = text.partition("KILLER:")
    return rest.split(":")[0] if found else ""


@dataclass(frozen=True)
class Hostile:
    """A component that breaks on the pages that say how."""

    inner: Any
    name: str = "hostile"
    version: str = "1"

    @property
    def label_names(self) -> Any:
        return self.inner.label_names

    def segment(self, content: bytes, **options: Any) -> SegmentedPage:
        if not (how := way_of(content.decode())).startswith("label"):
            misbehave(how)
        page: SegmentedPage = self.inner.segment(content, **options)
        return page

    def label(self, pages: Sequence[SegmentedPage]) -> list[PagePrediction]:
        for page in pages:
            misbehave(way_of(page.text))
        found: list[PagePrediction] = self.inner.label(pages)
        return found


class Silent:
    def stage_started(self, name: str, total: int) -> None: ...
    def advance(self, name: str, pages: int, quarantined: int) -> None: ...
    def stage_done(self, outcome: object) -> None: ...
    def tell(self, text: str) -> None: ...


def run(folder: Path, pages: Path, *overrides: str, hostile: bool = True) -> Context:
    paths = [f"paths.{name}={folder / name}" for name in ("exports", "store", "runs", "state")]
    fixed = ["name=killers", "review=none", "engine.workers=2"]
    limits = ["engine.page_seconds=1.5", "engine.page_memory=400MB"]
    config = compose([f"pages.path={pages}", *fixed, *limits, *paths, *overrides])
    settings = Settings.from_config(config)
    if hostile:
        settings = replace(
            settings, segmenter=Hostile(settings.segmenter), labeler=Hostile(settings.labeler)
        )
    return run_pipeline(settings, Silent(), {}, {})


def write_input(file: Path, n_pages: int, killers: Sequence[str]) -> dict[str, str]:
    """JSONL of plain pages with killers spread among them: source to kind of killer."""
    sources: dict[str, str] = {}
    every = n_pages // (len(killers) + 1) if killers else n_pages
    with file.open("w", encoding="utf-8") as out:
        for number in range(n_pages):
            text = f"<p>Page {number} tells of crane number {number * 7}, painted red.</p>"
            out.write(json.dumps({"url": f"https://s{number % 9}.example/{number}", "html": text}))
            out.write("\n")
            if number % every == every - 1 and number // every < len(killers):
                how = killers[number // every]
                record = {"url": f"https://k.example/{number}", "html": f"<p>KILLER:{how}: {text}"}
                out.write(json.dumps(record) + "\n")
                sources[f"{file.name}#{number + len(sources) + 2}"] = how
    return sources


def quarantined(context: Context, stage: str) -> dict[str, tuple[str, str]]:
    rows = [
        row
        for file in context.outcomes[stage].quarantines
        for batch in read_rows(file)
        for row in batch.to_pylist()
    ]
    return {row["source"]: (row["reason"], row["detail"]) for row in rows}


def published(folder: Path) -> dict[str, str]:
    version = json.loads((folder / "exports" / "killers" / "latest.json").read_text())["version"]
    return {
        row["url"]: row["text"]
        for file in sorted((folder / "exports" / "killers" / version / "pages").glob("*.parquet"))
        for batch in read_rows(file, columns=["url", "text"])
        for row in batch.to_pylist()
    }


def check(folder: Path, n_pages: int, segmenter: list[str], labeler: list[str]) -> None:
    killers = [*segmenter, *labeler]
    source = folder / "input.jsonl"
    sources = write_input(source, n_pages, killers)
    with source.open("a", encoding="utf-8") as out:
        for name, html in EXTREMES.items():
            out.write(json.dumps({"url": f"https://k.example/{name}", "html": html}) + "\n")
    context = run(folder, source, "engine.max_error_rate=0.5", "engine.page_seconds=2")
    segments = quarantined(context, "segments")
    predictions = quarantined(context, "predictions")
    met = {sources.get(s): reason for s, (reason, _) in {**segments, **predictions}.items()}
    # The deep page and the long line are no killers: labelled, or beyond these tight limits.
    met.pop(None, None)
    assert met == {how: REASONS[how] for how in killers}
    assert {sources.get(s) for s in predictions} - {None} == set(labeler)
    details = " ".join(detail for _, detail in [*segments.values(), *predictions.values()])
    told = {"segfault": "SIGSEGV(-11)", "exit": "EXIT(7)", "sigkill": "SIGKILL(-9)"}
    told |= {"label-abort": "SIGABRT(-6)", "raise": "ValueError: not today"}
    for how in killers:
        assert told.get(how, "") in details, details
    texts = published(folder)
    every = {f"https://s{n % 9}.example/{n}" for n in range(n_pages)}
    assert every <= set(texts)
    assert set(texts) - every <= {"https://k.example/deep", "https://k.example/long"}
    for number in range(n_pages):
        text = f"Page {number} tells of crane number {number * 7}, painted red."
        assert texts[f"https://s{number % 9}.example/{number}"].strip() == text


@pytest.mark.filterwarnings("ignore:A worker stopped while some jobs were given:UserWarning")
def test_killers_are_left_out_and_told(tmp_path: Path) -> None:
    check(tmp_path, 60, ["segfault", "hang", "bomb", "raise"], ["label-abort"])


@pytest.mark.acceptance
@pytest.mark.filterwarnings("ignore:A worker stopped while some jobs were given:UserWarning")
def test_killers_among_20000_pages(tmp_path: Path, figure: Callable[[str], None]) -> None:
    began = time.monotonic()
    check(
        tmp_path,
        20_000,
        [how for how in REASONS if not how.startswith("label")],
        [how for how in REASONS if how.startswith("label")],
    )
    figure(f"20,000 pages with 13 killers in {time.monotonic() - began:.0f} s")


def test_too_many_faults_fail_the_stage_and_a_higher_rate_lets_them_through(tmp_path: Path) -> None:
    source = tmp_path / "input.jsonl"
    write_input(source, 40, ["raise"] * 12)
    with pytest.raises(RunError) as caught:
        run(tmp_path, source, "engine=serial")
    assert str(caught.value).startswith(
        "stage segments: 12 of 52 pages broke it (12 error), more than engine.max_error_rate=0.05; "
    )
    context = run(tmp_path, source, "engine=serial", "engine.max_error_rate=0.5")
    assert context.outcomes["segments"].state == "unchanged"
    assert len(published(tmp_path)) >= 40


def test_other_limits_redo_only_what_they_broke(tmp_path: Path) -> None:
    source = tmp_path / "input.jsonl"
    write_input(source, 20, ["sleep"])
    limits = ("engine=serial", "engine.page_seconds=0.3")
    context = run(tmp_path, source, *limits)
    assert [r for r, _ in quarantined(context, "segments").values()] == ["time limit"]
    assert run(tmp_path, source, *limits).outcomes["segments"].state == "unchanged"
    other = run(tmp_path, source, "engine=serial", "engine.page_seconds=0.4")
    assert other.outcomes["segments"].state != "unchanged"
    assert other.outcomes["pages"].state == "unchanged"
