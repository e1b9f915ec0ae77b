"""Every option of every group composes and builds; every key is explained."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path

import pytest
import yaml

from curate.cli.compose import compose
from curate.stages.settings import STAGES, Settings

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
OPTIONS = sorted(
    (path.parent.name, path.stem)
    for path in CONFIGS.glob("*/*.yaml")
    if path.parent.name not in ("experiment", "train", "evaluate")
)
FILES = sorted(str(path.relative_to(CONFIGS)) for path in CONFIGS.rglob("*.yaml"))


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_builds(group: str, option: str) -> None:
    settings = Settings.from_config(compose([f"{group}={option}", "name=t", "pages.path=x"]))
    assert settings.name == "t"
    assert settings.stages == STAGES


def test_experiments_build() -> None:
    for path in (CONFIGS / "experiment").glob("*.yaml"):
        settings = Settings.from_config(compose([f"experiment={path.stem}"]))
        assert settings.name == path.stem


@pytest.mark.parametrize("file", FILES)
def test_a_file_lists_exactly_its_class_arguments(file: str) -> None:
    section = yaml.safe_load((CONFIGS / file).read_text())
    target = section.pop("_target_", None)
    if target is None:
        assert file == "curate.yaml" or file.startswith("experiment/")
        return
    module, _, name = target.rpartition(".")
    cls = getattr(importlib.import_module(module), name)
    assert set(section) == {field.name for field in dataclasses.fields(cls) if field.init}


@pytest.mark.parametrize("file", FILES)
def test_every_key_has_a_comment(file: str) -> None:
    lines = (CONFIGS / file).read_text().splitlines()
    if file.startswith(("schema/", "experiment/")) or file == "curate.yaml":
        return
    explained = False  # a comment explains the keys below it, up to the next blank line
    for line in lines:
        explained = (explained and bool(line.strip())) or line.lstrip().startswith("#")
        key = line.partition(":")[0]
        if line and line[0].isalpha() and key not in ("_target_", "kind", "strategy", "mode"):
            assert explained or "#" in line, f"{file}: {key} has no comment"
