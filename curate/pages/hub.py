"""Hugging Face datasets: which files of a repository are the data, at one revision.

A repository's card may declare configurations with their files; without it all
files count. Rows are read straight from the files, by ranges, so nothing but
what is needed is fetched, and any number of tasks share a dataset.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from curate.errors import PageError

__all__ = ["card_patterns", "hub_place"]

CONVERTED = "refs/convert/parquet"
"""Branch where the Hub keeps a Parquet copy of datasets in other formats."""

_READABLE = (
    ".parquet", ".jsonl", ".ndjson", ".json", ".arrow", ".warc", ".wet", ".html", ".htm", ".txt",
    ".gz", ".zst", ".bz2", ".xz",
)  # fmt: skip
_CARD = "README.md"


def hub_place(path: str) -> tuple[str, bool, tuple[str, ...]]:
    """Where `hf://datasets/org/name[@revision][/folder or file]` is.

    Returns:
        The URL with the revision's commit in it; whether it is one file; the
        patterns of the files that the dataset's default configuration names.

    Raises:
        PageError: no such dataset or revision, no access, or no network.
    """
    repo, revision, inner = _parts(path)
    info = _info(path, repo, revision)
    files = [str(file.rfilename) for file in info.siblings or []]
    if not inner and revision is None and not _any_readable(files):
        converted = _info(path, repo, CONVERTED, missing_ok=True)
        if converted is not None:
            info = converted
            files = [str(file.rfilename) for file in info.siblings or []]
    place = f"hf://datasets/{repo}@{info.sha}"
    if inner:
        if inner not in files and not any(name.startswith(f"{inner}/") for name in files):
            tops = sorted({name.partition("/")[0] for name in files})
            raise PageError(
                f"pages.path={path}: the dataset has no {inner}; it has {', '.join(tops[:20])}"
            )
        return f"{place}/{inner}", inner in files, ()
    data = info.card_data
    card = data.to_dict() if data is not None else {}
    return place, False, _patterns(card, path)


def card_patterns(folder: Path) -> tuple[str, ...]:
    """Patterns of the files that the card of a local dataset folder names, if any.

    Raises:
        PageError: it names several configurations, and none as the default.
    """
    try:
        text = (folder / _CARD).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    if not text.startswith("---\n") or "\nconfigs:" not in text:
        return ()
    import yaml

    try:
        card = yaml.safe_load(text[4:].partition("\n---")[0])
    except yaml.YAMLError:
        return ()
    return _patterns(card if isinstance(card, dict) else {}, str(folder))


def _parts(path: str) -> tuple[str, str | None, str]:
    rest = path.removeprefix("hf://").strip("/")
    kind, _, rest = rest.partition("/")
    names = rest.split("/")
    if kind != "datasets" or len(names) < 2 or not all(names[:2]):
        raise PageError(
            f"pages.path={path}: is not of the form hf://datasets/org/name[@revision][/folder]"
        )
    name, mark, revision = names[1].partition("@")
    inner = names[2:]
    if mark and revision == "refs" and len(inner) >= 2:
        revision, inner = "/".join(["refs", *inner[:2]]), inner[2:]
    revision = revision.replace("%2F", "/")
    return f"{names[0]}/{name}", revision if mark else None, "/".join(inner)


def _info(path: str, repo: str, revision: str | None, *, missing_ok: bool = False) -> Any:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        GatedRepoError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        return HfApi().dataset_info(repo, revision=revision)
    except RevisionNotFoundError as error:
        if missing_ok:
            return None
        raise PageError(
            f"pages.path={path}: the dataset has no revision {revision!r}; give a branch, tag or "
            "commit after @, or leave it out"
        ) from error
    except GatedRepoError as error:
        raise PageError(
            f"pages.path={path}: the dataset asks for consent to its terms; give it on its page "
            "on the Hub and set HF_TOKEN"
        ) from error
    except RepositoryNotFoundError as error:
        raise PageError(
            f"pages.path={path}: the Hub has no dataset {repo}, or it is private; check the name, "
            "or set HF_TOKEN"
        ) from error
    except OfflineModeIsEnabled as error:
        raise PageError(
            f"pages.path={path}: HF_HUB_OFFLINE is set; unset it, or give a local folder"
        ) from error
    except (TypeError, AttributeError, LookupError, AssertionError):
        raise  # ours to mend
    except Exception as error:
        if missing_ok:
            return None
        text = " ".join(str(error).split())[:160] or type(error).__name__
        raise PageError(
            f"pages.path={path}: the Hugging Face Hub can't be reached ({type(error).__name__}: "
            f"{text}); check the network and HF_ENDPOINT, or give a local folder"
        ) from error


def _any_readable(files: Iterable[str]) -> bool:
    # Metadata at the top (`dataset_infos.json`) is no data.
    return any(
        name.lower().endswith(_READABLE) and not (name.endswith(".json") and "/" not in name)
        for name in files
    )


def _patterns(card: dict[str, Any], where: str) -> tuple[str, ...]:
    configs = [config for config in card.get("configs") or [] if isinstance(config, dict)]
    if not configs:
        return ()
    chosen = [config for config in configs if config.get("default")]
    chosen = chosen or [config for config in configs if config.get("config_name") == "default"]
    if not chosen and len(configs) > 1:
        listed = "; ".join(
            f"{config.get('config_name')}: {', '.join(_paths(config)[:2])}"
            for config in configs[:12]
        )
        raise PageError(
            f"pages.path={where}: the dataset has {len(configs)} configurations and none is its "
            f"default; add the folder of one to the path ({listed})"
        )
    return tuple(_paths((chosen or configs)[0]))


def _paths(config: dict[str, Any]) -> list[str]:
    files = config.get("data_files")
    found: list[str] = []
    for item in files if isinstance(files, list) else [files]:
        paths = item.get("path") if isinstance(item, dict) else item
        found += [path for path in (paths if isinstance(paths, list) else [paths]) if path]
    folder = config.get("data_dir")
    if not found and folder:
        found = [f"{folder}/**"]
    return [str(path).removeprefix("./") for path in found]
