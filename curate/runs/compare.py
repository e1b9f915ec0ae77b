"""Two records compared: what differs, and since which run it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curate.runs.record import Record

__all__ = ["Difference", "compare_inputs", "compare_outputs", "compare_recipes"]

NOW = "this run"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it was.

    Attributes:
        where: `input`, `stage segments`, `file`, `annotations`, `package`.
        what: which: a unit of the input, a config key, a module, a file.
        then, now: its values, shortened; `-` where it was or is not there.
        since: the first run of the history that has it as it is now.
    """

    where: str
    what: str
    then: str
    now: str
    since: str = NOW


def compare_inputs(then: Record, now: Record) -> list[Difference]:
    """Units of the input that are new, gone or changed."""
    old, new = ({str(u.get("key")): u for u in r.inputs} for r in (then, now))
    return [
        Difference("input", key, _version(old.get(key)), _version(new.get(key)))
        for key in sorted({*old, *new})
        if _version(old.get(key)) != _version(new.get(key))
    ]


def compare_recipes(
    then: Record, now: Record, history: Sequence[Mapping[str, Any]]
) -> list[Difference]:
    """What the stages were made of: config keys, modules, libraries; each told once.

    Args:
        history: passports of this workspace, newest first.
    """
    found: dict[tuple[str, str, str], Difference] = {}
    for stage, row in now.stages.items():
        was = then.stages.get(stage, {}).get("recipe")
        recipe = row.get("recipe")
        if not isinstance(was, Mapping) or not isinstance(recipe, Mapping):
            continue
        for kind, name, old, new in _recipe_changes(was, recipe):
            key = (kind, name, str(new))
            if key not in found:
                since = _since(history, stage, kind, name, new)
                where = f"stage {stage}" if kind == "config" else kind
                found[key] = Difference(where, name, _short(old), _short(new), since)
    return list(found.values())


def compare_outputs(
    then: Record, now: Record, history: Sequence[Mapping[str, Any]]
) -> list[Difference]:
    """Stage outputs and published files whose bytes differ."""
    found = []
    for stage, row in now.stages.items():
        old, new = then.stages.get(stage, {}).get("output"), row.get("output")
        if old and new and old != new:
            since = NOW
            for passport in history:
                if passport.get("stages", {}).get(stage, {}).get("output") != new:
                    break
                since = _named(passport)
            found.append(
                Difference(
                    f"stage {stage}", "output", _counts(then, stage), _counts(now, stage), since
                )
            )
    for path in sorted({*then.files, *now.files}):
        old, new = then.files.get(path), now.files.get(path)
        if old != new:
            found.append(Difference("file", path, _short(old), _short(new)))
    return found


def _recipe_changes(
    old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[tuple[str, str, Any, Any]]:
    for kind, part in (("config", "config"), ("code", "code"), ("package", "libraries")):
        was, now = (dict(_leaves(recipe.get(part))) for recipe in (old, new))
        for name in sorted({*was, *now}):
            if was.get(name) != now.get(name):
                yield kind, name, was.get(name), now.get(name)


def _since(
    history: Sequence[Mapping[str, Any]], stage: str, kind: str, name: str, value: object
) -> str:
    """The oldest run, going back from the newest, that had the value as it is now."""
    part = {"config": "config", "code": "code", "package": "libraries"}[kind]
    since = NOW
    for passport in history:
        recipe = passport.get("stages", {}).get(stage, {}).get("recipe")
        if not recipe:
            continue
        if dict(_leaves(recipe.get(part))).get(name) != value:
            break
        since = _named(passport)
    return since


def _named(passport: Mapping[str, Any]) -> str:
    return f"{passport.get('run_id')}"


def _leaves(value: object, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            # Module names hold dots: only the config is deeper than one level.
            yield from _leaves(item, f"{prefix}.{name}" if prefix else str(name))
    else:
        yield prefix, value


def _version(unit: Mapping[str, Any] | None) -> str:
    return "-" if unit is None else _short(unit.get("version"))


def _counts(record: Record, stage: str) -> str:
    row = record.stages[stage]
    return f"{row.get('out')} pages, {_short(row.get('output'))}"


def _short(value: object) -> str:
    if value is None:
        return "-"
    text = str(value)
    if len(text) in (16, 24, 32) and all(c in "0123456789abcdef" for c in text):
        return text[:8]
    return text if len(text) <= 40 else text[:37] + "..."
