from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

import curate.pages
from curate.pages import PagesConfig

CONFIGS = Path(__file__).parents[2] / "configs/pages"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_options_are_the_arguments(path: Path) -> None:
    options: dict[str, Any] = yaml.safe_load(path.read_text())
    assert options.pop("_target_") == "curate.pages.base.PagesConfig"
    assert list(options) == [field.name for field in dataclasses.fields(PagesConfig)]
    options["path"] = "x"
    assert TypeAdapter(PagesConfig).validate_python(options) == PagesConfig(path="x")


@pytest.mark.parametrize(
    "wrong", [{"limit": 0}, {"max_bytes": 10}, {"format": "pdf"}, {"url_from": "x"}, {"path": 5}]
)
def test_wrong_values_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(PagesConfig).validate_python({"path": "x", **wrong})


def test_public_names() -> None:
    for name in curate.pages.__all__:
        assert getattr(curate.pages, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = curate.pages.nothing


def test_importing_the_room_loads_nothing_heavy() -> None:
    code = (
        "import sys, curate.pages; heavy = {'pyarrow', 'numpy', 'fsspec', 'tldextract', 'datasets',"
        " 'huggingface_hub', 'pydantic'} & set(sys.modules); sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_decoding_loads_no_reader() -> None:
    code = (
        "import sys; from curate.pages import decode_html; decode_html(b'<p>x'); heavy = {"
        "'pyarrow', 'fsspec', 'w3lib'} & set(sys.modules); sys.exit(str(heavy) if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
