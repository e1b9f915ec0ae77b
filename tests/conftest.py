"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In several processes: a file stays together, and so does all that needs Label Studio."""
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        needs_server = item.get_closest_marker("server") or "server" in fixtures
        group = "server" if needs_server else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The development data beside the checkout (`../shared`, or CURATE_SHARED)."""
    path = Path(os.environ.get("CURATE_SHARED", ROOT.parent / "shared"))
    if not (path / "data").is_dir():
        pytest.skip(f"needs the development data in {path}; set CURATE_SHARED to its folder")
    return path


@pytest.fixture
def figure() -> Callable[[str], None]:
    """Report a measured figure: printed, and kept for the table of `make acceptance`."""

    def tell(line: str) -> None:
        sys.stdout.write(line + "\n")
        if file := os.environ.get("CURATE_FIGURES"):
            with Path(file).open("a", encoding="utf-8") as out:
                out.write(line + "\n")

    return tell
