"""The configuration of a recorded run, taken from its record without trusting it.

A record is a file that anyone may have edited. Of it are used: options of the
shipped config groups, and plain values of keys that those options have. No class
is named by it, nothing in it is interpolated, and no value of it but
`pages.path` may name a place outside the working folder: what else the run
read or wrote elsewhere has to be said again on the command line.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curate.errors import RunError
from curate.runs.record import Record

__all__ = ["Retaken", "retake"]

STAGES = ("pages", "segments", "predictions", "labels", "dataset")
"""Stages that a repetition runs: those that need no server."""

OF_THIS_WORKSPACE = ("paths", "engine")
"""Groups that don't decide what comes out, only where and how it is worked out."""

NOT_REPEATED: Mapping[str, Any] = {
    "dataset.push_to_hub": None,
    "dataset.mirror": None,
    "dataset.neighbours": [],
    "review.mode": "none",
    "review.url": None,
    "review.project": None,
}
"""A repetition shows nothing to anyone: it neither pushes nor syncs."""

INPUT = "pages.path"

TEXTS = re.compile(r"schema\..*|dataset\.(?:title|license|sources|citation|contact)|pages\.site")
"""Keys whose values are words, never opened."""

_OPTION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_PLACE = re.compile(r"[/\\~]|[A-Za-z]:[\\/]|(?:.*[\\/])?\.\.(?:[\\/].*)?$|.*://", re.DOTALL)
_ELSEWHERE = "…/"
"""What is left of an absolute path in a published manifest."""


@dataclass(frozen=True, slots=True)
class Retaken:
    """A configuration ready to run, and what of the record was left aside."""

    config: dict[str, Any]
    left_aside: tuple[str, ...]


def retake(
    record: Record,
    overrides: Sequence[str],
    *,
    compose: Callable[[Sequence[str]], Mapping[str, Any]],
    options: Callable[[str], Mapping[str, str]],
) -> Retaken:
    """The configuration that a record tells, with the caller's overrides over it.

    Args:
        overrides: the caller's own, trusted, as for `curate run`.
        compose: composes the shipped configuration under overrides.
        options: the shipped options of a group, each with the class that it names.

    Raises:
        RunError: the record names something that a configuration can't hold, or a
            place that the caller has to name.
    """
    if not record.config:
        raise RunError(f"{record.file} holds no configuration; it can't be repeated")
    groups = {key for key in record.config if options(key)}
    given = [_key_of(override) for override in overrides]
    chosen = {
        group: _option(record, group, options(group))
        for group in sorted(groups - set(OF_THIS_WORKSPACE))
        if group not in given
    }
    base = [f"{group}={option}" for group, option in chosen.items()]
    before = compose(base)
    config = copy.deepcopy(dict(before))
    left: list[str] = []
    for key, value in record.config.items():
        if key in chosen:
            left += _overlay(config[key], value, key, record)
        elif key not in config or key.startswith("_"):
            raise RunError(f"{record.file}: {key} is not a key of the configuration; remove it")
    config["name"] = _name(record)
    _set_caller(
        config, before, compose([*base, *overrides]) if overrides else before, given, groups
    )
    for key, value in NOT_REPEATED.items():
        if key not in given:
            _put(config, key, value)
    config |= {"stages": list(STAGES), "force": [], "dry_run": False}
    for key, value in _leaves({k: v for k, v in config.items() if k in chosen}):
        if key not in given:
            for text in _texts(value):
                _check_place(record, key, text)
    return Retaken(config, tuple(left))


def _option(record: Record, group: str, known: Mapping[str, str]) -> str:
    """The shipped option that a section of the record goes over.

    The one that the record says was chosen; for an option of the user's own,
    any that builds the same class.
    """
    section = record.config[group]
    if not isinstance(section, Mapping):
        raise RunError(f"{record.file}: {group} is {section!r}, not a group of options")
    said = record.choices.get(group)
    if said is not None and not _OPTION.fullmatch(said):
        raise RunError(f"{record.file}: {group}={said!r} can't be the name of an option")
    target = section.get("_target_")
    for option in [said, *known] if said in known else known:
        if known[str(option)] == target:
            return str(option)
    raise RunError(
        f"{record.file}: {group}._target_={target!r} is not what an option of configs/{group}/ "
        f"names; a record can't name code (allowed are {', '.join(known)})"
    )


def _overlay(
    into: dict[str, Any], section: Mapping[str, Any], where: str, record: Record
) -> Iterator[str]:
    """Put a section's plain values into the composed one; yields keys that it lacks."""
    for key, value in section.items():
        if key == "_target_":  # compared when the option was found
            continue
        name = f"{where}.{key}"
        _check_plain(record, name, value)
        if key in into:
            into[key] = copy.deepcopy(value)
        else:
            yield name


def _check_plain(record: Record, key: str, value: object) -> None:
    """Raise for anything but plain values, or for what could be more than it looks."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            if not isinstance(name, str) or name.startswith(("_", "hydra")):
                raise RunError(f"{record.file}: {key}.{name} is not a key of a value; remove it")
            _check_plain(record, f"{key}.{name}", part)
    elif isinstance(value, list):
        for part in value:
            _check_plain(record, key, part)
    elif isinstance(value, str):
        if "${" in value:
            raise RunError(
                f"{record.file}: {key}={value!r} asks for an interpolation; a record holds "
                "plain values only"
            )
    elif value is not None and not isinstance(value, bool | int | float):
        raise RunError(f"{record.file}: {key} is no plain value")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)


def _check_place(record: Record, key: str, value: str) -> None:
    if TEXTS.fullmatch(key):
        return
    if "***" in value:
        raise RunError(
            f"{record.file}: a secret was taken out of {key}={value}; give it again as {key}=VALUE"
        )
    if value.startswith(_ELSEWHERE):
        raise RunError(
            f"{key} was {value} on the machine of {record.title}; say where it is on this one: "
            f"{key}=PATH"
        )
    if key != INPUT and _PLACE.match(value):
        raise RunError(
            f"{record.file}: {key}={value} names a place outside the working folder; if you trust "
            f"it, give it yourself as {key}={value}"
        )


def _name(record: Record) -> str:
    if not record.name or record.name.startswith(".") or re.search(r"[/\\\0]", record.name):
        raise RunError(f"{record.file}: name={record.name!r} can't name a dataset")
    return record.name


def _set_caller(
    config: dict[str, Any],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    given: Sequence[str],
    groups: set[str],
) -> None:
    """Put the caller's overrides over the record: what they set, or what they changed."""
    was = dict(_leaves(before))
    for key, value in _leaves(after):
        if key not in was or was[key] != value:
            _put(config, key, value)
    for key in given:
        if key in groups:
            config[key] = copy.deepcopy(after[key])
        elif (found := _get(after, key)) is not None or key in was:
            _put(config, key, found)


def _key_of(override: str) -> str:
    return override.lstrip("+~").partition("=")[0].partition("@")[0].replace("/", ".")


def _leaves(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, item in value.items():
        if isinstance(item, Mapping) and item:
            yield from _leaves(item, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", item


def _get(value: Mapping[str, Any], key: str) -> Any:
    found: Any = value
    for part in key.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def _put(value: dict[str, Any], key: str, item: object) -> None:
    *parents, last = key.split(".")
    place: Any = value
    for part in parents:
        if not isinstance(place, dict) or part not in place:
            return
        place = place[part]
    if isinstance(place, dict) and (last in place or not parents):
        place[last] = copy.deepcopy(item)
