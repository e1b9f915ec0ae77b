"""Fixtures of this room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from curate.pages import PagesConfig, plan_units, read_unit
from curate.schema import Dropped, Page, Quarantined


class Read:
    """What an input gives, by outcome."""

    def __init__(self, items: Iterator[Page | Dropped | Quarantined]) -> None:
        self.items = list(items)

    @property
    def pages(self) -> list[Page]:
        return [item for item in self.items if isinstance(item, Page)]

    @property
    def dropped(self) -> Counter[str]:
        return Counter(item.reason for item in self.items if isinstance(item, Dropped))

    @property
    def quarantined(self) -> list[Quarantined]:
        return [item for item in self.items if isinstance(item, Quarantined)]

    @property
    def reasons(self) -> Counter[str]:
        return Counter(item.reason for item in self.quarantined)


@pytest.fixture
def read() -> Callable[..., Read]:
    """Read an input with options of the `pages` group."""

    def read_input(path: Path | str | list[str], **options: Any) -> Read:
        written = path if isinstance(path, list) else str(path)
        config = PagesConfig(path=written, **options)
        return Read(item for unit in plan_units(config) for item in read_unit(unit, config))

    return read_input
