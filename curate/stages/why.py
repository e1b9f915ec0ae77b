"""Why a stage runs again: what differs between its recipe and the last run's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["changes", "inputs_changed", "why_again"]

SHOWN = 3
"""Differences named in one line of the table."""


def why_again(now: Mapping[str, Any], last: Mapping[str, Any] | None) -> str:
    """One line: the config keys, code files or libraries that changed, old → new."""
    if last is None:
        return "first run"
    found = list(changes(now, last))
    if not found:
        return "input changed"
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(found[:SHOWN]) + more


def inputs_changed(
    now: Sequence[Mapping[str, Any]], last: Sequence[Mapping[str, Any]] | None
) -> str:
    """One line: units of the input that are new, changed (old → new) or gone; empty for none."""
    if last is None:
        return ""
    old, new = ({str(u["key"]): str(u["version"]) for u in units} for units in (last, now))
    told = [
        ("new", [key for key in new if key not in old]),
        (
            "changed",
            [
                f"{key} {old[key][:6]} → {new[key][:6]}"
                for key in new
                if key in old and old[key] != new[key]
            ],
        ),
        ("gone", [key for key in old if key not in new]),
    ]
    return "; ".join(
        f"{what}: {', '.join(names[:SHOWN])}"
        + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
        for what, names in told
        if names
    )


def changes(now: Mapping[str, Any], last: Mapping[str, Any]) -> Iterator[str]:
    """Each difference between two recipes, config first."""
    yield from _values("", now.get("config"), last.get("config"))
    for module in sorted({*now["code"], *last["code"]}):
        old, new = last["code"].get(module), now["code"].get(module)
        if old != new:
            what = "added" if old is None else "removed" if new is None else "edited"
            yield f"code {module} {what}"
    for library in sorted({*now["libraries"], *last["libraries"]}):
        old, new = last["libraries"].get(library), now["libraries"].get(library)
        if old != new:
            yield f"{library} {old or 'none'} → {new or 'none'}"
    if now["schema_version"] != last["schema_version"]:
        yield f"schema version {last['schema_version']} → {now['schema_version']}"


def _values(key: str, now: object, last: object) -> Iterator[str]:
    if isinstance(now, Mapping) and isinstance(last, Mapping):
        for name in sorted({*now, *last}):
            yield from _values(f"{key}.{name}" if key else name, now.get(name), last.get(name))
    elif now != last:
        yield f"{key} {_short(last)} → {_short(now)}"


def _short(value: object) -> str:
    text = "null" if value is None else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
