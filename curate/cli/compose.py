"""Composing the configuration: where it lies, and Hydra's errors in our form."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import curate
from curate.errors import ConfigError

__all__ = ["compose", "compose_group", "config_folder", "group_options", "plain", "rewritten"]


def config_folder() -> Path:
    """The folder `configs`: inside an installed package, else of the checkout."""
    package = Path(curate.__file__).resolve().parent
    for folder in (package / "configs", package.parent / "configs"):
        if (folder / "curate.yaml").is_file():
            return folder
    raise ConfigError(f"no configs/ beside or inside {package}; install the package again")


def group_options(group: str) -> dict[str, str]:
    """The shipped options of a config group, sorted, each with the class that it names.

    None where it is no group.
    """
    if not group.isidentifier():
        return {}
    found = {}
    for path in sorted((config_folder() / group).glob("*.yaml")):
        named = re.search(r"(?m)^_target_:\s*(\S+)", path.read_text(encoding="utf-8"))
        if named:
            found[path.stem] = named[1]
    return found


def compose(overrides: Sequence[str], *, complete: bool = False) -> dict[str, Any]:
    """The configuration under these overrides, as plain values.

    Args:
        complete: refuse mandatory values that are not set.

    Raises:
        ConfigError: an override names an unknown key or option, or can't be read.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    try:
        with initialize_config_dir(str(config_folder()), version_base="1.3"):
            composed = hydra_compose("curate", overrides=list(overrides))
            return plain(composed, complete=complete)
    except (HydraException, OmegaConfBaseException) as error:
        raise rewritten(error) from error


def compose_group(group: str, overrides: Sequence[str]) -> dict[str, Any]:
    """The configuration with a group that a run doesn't have (`train`, `evaluate`).

    Raises:
        ConfigError: as `compose`, or a mandatory value of the group is not set.
    """
    option = next((o.partition("=")[2] for o in overrides if o.startswith(f"{group}=")), "default")
    rest = [o for o in overrides if not o.startswith(f"{group}=")]
    plus = "" if group in compose([]) else "+"
    config = compose([f"{plus}{group}={option}", *rest])
    missing = [key for key, value in config[group].items() if value == "???"]
    if missing:
        raise ConfigError(f"{group}.{missing[0]} is not set; give it as {group}.{missing[0]}=VALUE")
    return config


def plain(config: Any, *, complete: bool = True) -> dict[str, Any]:
    """A composed configuration as plain dicts, lists and scalars, resolved.

    Raises:
        ConfigError: an interpolation can't be resolved, or an unknown key was added.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        value = OmegaConf.to_container(config, resolve=True, throw_on_missing=complete)
    except OmegaConfBaseException as error:
        raise rewritten(error) from error
    assert isinstance(value, dict)
    return {str(key): item for key, item in value.items() if key != "hydra"}


def rewritten(error: Exception) -> ConfigError:
    """Hydra's error as one line: what was met, what is allowed, what to do."""
    texts = [str(error)]
    cause = error.__cause__
    while cause is not None:
        texts.append(str(cause))
        cause = cause.__cause__
    text = "\n".join(texts)
    if found := re.search(
        r"Could not find '([^']+)/([^'/]+)'.*?Available options in '[^']+':\n(.*)", text, re.S
    ):
        group, option, options = found.groups()
        allowed = ", ".join(sorted(line.strip() for line in options.splitlines() if line.strip()))
        return ConfigError(f"{group}={option} is not known; allowed are {allowed}")
    if found := re.search(r"Could not override '([^']+)'", text):
        return ConfigError(_unknown_key(found.group(1)))
    if found := re.search(r"Key '([^']+)' is not in struct\s+full_key: (\S+)", text):
        return ConfigError(_unknown_key(found.group(2)))
    if found := re.search(r"Missing mandatory value: (\S+)", text):
        key = getattr(error, "full_key", None) or found.group(1)
        return ConfigError(f"{key} is not set; give it as {key}=VALUE")
    if found := re.search(
        r"Value '(.*?)' of type '.*?' could not be converted to (\w+)\s+full_key: (\S+)", text
    ):
        value, kind, key = found.groups()
        return ConfigError(f"{key}={value} is not of type {kind.lower()}")
    return ConfigError(" ".join(texts[0].split()))


def _unknown_key(key: str) -> str:
    """Name the nearest known key, from the configuration without overrides."""
    import difflib

    known = sorted(_keys(compose([])))
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]}? " if close else ""
    group = key.partition(".")[0] + "."
    allowed = [name for name in known if name.startswith(group)] if "." in key else []
    if not allowed:
        allowed = sorted({name.partition(".")[0] for name in known})
    return f"{key} is not a key of the configuration; {hint}allowed are {', '.join(allowed)}"


def _keys(value: Mapping[str, Any], prefix: str = "") -> list[str]:
    keys = []
    for name, item in value.items():
        if name == "_target_":
            continue
        if isinstance(item, Mapping):
            keys += _keys(item, f"{prefix}{name}.")
        else:
            keys.append(f"{prefix}{name}")
    return keys
