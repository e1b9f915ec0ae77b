"""Editing the code of a room redoes the stages it computes, and no other."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from curate.cli.compose import compose
from curate.runs import fingerprint
from curate.runs.fingerprint import code_digests, library_versions
from curate.stages.context import Outcome
from curate.stages.pipeline import run_pipeline
from curate.stages.settings import Settings
from tests.cli.conftest import write_pages
from tests.conftest import ROOT

AFTER = {
    "pages": ("segments", "predictions", "labels", "dataset"),
    "segments": ("predictions", "labels", "dataset"),
    "predictions": ("labels", "dataset"),
    "labels": ("dataset",),
    "dataset": (),
}
"""What may have to run where a stage runs: its output may turn out to be as it was."""

ALL = tuple(AFTER)


class Silent:
    """A display that shows nothing."""

    def stage_started(self, name: str, total: int) -> None: ...

    def advance(self, name: str, pages: int, quarantined: int) -> None: ...

    def stage_done(self, outcome: Outcome) -> None: ...

    def tell(self, text: str) -> None: ...


def clear() -> None:
    for function in (code_digests, library_versions):
        function.cache_clear()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which everything was run once with the code as it is."""
    folder = tmp_path_factory.mktemp("edits")
    write_pages(folder / "pages", 3, 2)
    shutil.copytree(
        ROOT / "curate", folder / "curate", ignore=shutil.ignore_patterns("*.npz", "__pycache__")
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fingerprint, "_ROOT", folder / "curate")
        clear()
        states(folder, dry_run=False)
    return folder


@pytest.fixture
def package(base: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The copy of the package that fingerprints are taken of."""
    monkeypatch.setattr(fingerprint, "_ROOT", base / "curate")
    clear()
    yield base / "curate"
    clear()


def states(folder: Path, *overrides: str, dry_run: bool = True) -> dict[str, tuple[str, str]]:
    """State and note of each stage of a run, or of a dry one."""
    paths = [f"paths.{name}={folder / name}" for name in ("exports", "store", "runs", "state")]
    config = compose(
        [
            *("name=t", f"pages.path={folder / 'pages'}", "pages.url_from=path", "review=none"),
            *("engine=serial", "labeler=rules", f"dry_run={str(dry_run).lower()}"),
            *paths,
            *overrides,
        ]
    )
    settings = Settings.from_config(config)
    last: dict[str, object] = {}
    store = folder / "last.json"
    from curate.io import read_json, write_json

    if dry_run:
        last = read_json(store)
    context = run_pipeline(settings, Silent(), last, {"config": config})
    if not dry_run:
        found = {o.stage: o.recipe.to_json() for o in context.outcomes.values() if o.recipe}
        found["pages"] |= {"inputs": context.facts["inputs"]}
        write_json(store, found)
    return {o.stage: (o.state, o.note) for o in context.outcomes.values()}


def redone(found: dict[str, tuple[str, str]]) -> dict[str, list[str]]:
    """Stages by state, of those that don't stay as they are."""
    told: dict[str, list[str]] = {}
    for stage, (state, _) in found.items():
        if state not in ("unchanged", "off"):
            told.setdefault(state, []).append(stage)
    return told


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("cli/run.py", ()),
        ("stages/pipeline.py", ()),
        ("runs/engine.py", ()),
        ("processes.py", ()),
        ("runs/store.py", ()),
        ("sample/choose.py", ()),
        ("review/client.py", ()),
        ("review/sync.py", ()),
        ("labelers/model.py", ()),
        ("evaluate/run.py", ()),
        ("pages/decode.py", ("pages",)),
        ("stages/pages.py", ("pages",)),
        ("segments/blocks.py", ("segments",)),
        ("segments/html.py", ("segments",)),
        ("labelers/rules.py", ("predictions",)),
        ("labelers/tokens.py", ("predictions",)),
        ("review/resolve.py", ("labels",)),
        ("review/anchor.py", ("labels",)),
        ("stages/labels.py", ("labels",)),
        ("dataset/card.py", ("dataset",)),
        ("dataset/splits.py", ("dataset",)),
        ("report/html.py", ("dataset",)),
        ("runs/output.py", ALL),
        ("schema/labels.py", ALL),
        ("schema/records.py", ALL),
        ("schema/tables.py", ALL),
        ("io.py", ALL),
        ("text.py", ALL),
    ],
)
def test_an_edit_redoes_what_it_computes(
    base: Path, package: Path, file: str, stages: tuple[str, ...]
) -> None:
    path = package / file
    text = path.read_text()
    try:
        path.write_text(text + "\n_EDITED = 1\n")
        clear()
        found = states(base)
    finally:
        path.write_text(text)
    told = redone(found)
    would = set(told.pop("would run", []))
    may = set(told.pop("may run", []))
    assert not told
    # What is worked out in the driver of others' outputs is told as may.
    first = stages[:1]
    assert would | may == {*stages, *(AFTER[first[0]] if first else ())}
    assert set(first) <= would
    for stage in set(first):
        assert f"code curate.{file.removesuffix('.py').replace('/', '.')} edited" in found[stage][1]


def test_a_docstring_redoes_nothing(base: Path, package: Path) -> None:
    for file in ("cli/run.py", "segments/blocks.py", "labelers/rules.py"):
        path = package / file
        text = path.read_text()
        first = text.index('"""') + 3
        path.write_text(text[:first] + "Another word. " + text[first:] + "\n# a comment\n")
    clear()
    assert redone(states(base)) == {}
    for file in ("cli/run.py", "segments/blocks.py", "labelers/rules.py"):
        shutil.copy(ROOT / "curate" / file, package / file)


@pytest.mark.parametrize(
    ("override", "stage", "why"),
    [
        ("pages.max_bytes=2048", "pages", "max_bytes 52428800 → 2048"),
        ("segments.max_chars=200", "segments", "max_chars 10000 → 200"),
        ("labeler.max_reasons=1", "predictions", "labeler.max_reasons 3 → 1"),
        ("dataset.min_chars=5", "dataset", "dataset.min_chars 0 → 5"),
        ("sample.pages=3", None, ""),
        ("engine.workers=2", None, ""),
    ],
)
def test_an_option_redoes_its_stage_and_what_follows(
    base: Path, package: Path, override: str, stage: str | None, why: str
) -> None:
    found = states(base, override)
    told = redone(found)
    if stage is None:
        assert told == {}
        return
    assert told["would run"] == [stage]
    assert set(told.get("may run", ())) == set(AFTER[stage])
    assert why in found[stage][1]


def test_a_changed_page_is_named(base: Path, package: Path) -> None:
    file = base / "pages" / "s1.example" / "p0.html"
    text = file.read_text()
    try:
        file.write_text(text.replace("Monday", "Tuesday"))
        state, note = states(base)["pages"]
    finally:
        file.write_text(text)
    assert state == "would run"
    assert "changed: s0.example/p0.html " in note
    assert " → " in note
