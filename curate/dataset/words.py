"""Card, Croissant file and manifest of a version whose data files stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from curate.dataset.base import DatasetConfig
from curate.dataset.card import render_card
from curate.dataset.card_input import CardInput
from curate.dataset.croissant import croissant
from curate.dataset.versions import MANIFEST
from curate.io import atomic_path, canonical_json, write_json
from curate.schema import LabelSet

__all__ = ["FORMAT", "told_by", "write_card", "write_words", "written_for_all"]

FORMAT = 1
"""Of the published layout and its manifest; another number makes a new version."""


def told_by(config: DatasetConfig) -> dict[str, object]:
    """Options that reach the card's words, not the data files."""
    return {
        name: getattr(config, name)
        for name in ("title", "license", "sources", "citation", "contact")
    }


def written_for_all(config: DatasetConfig, label_set: LabelSet) -> str:
    """Texts that their writers meant to be published, addresses in them included."""
    own = [config.title or "", config.sources, config.citation, config.contact]
    return "\n".join([*own, label_set.guideline, canonical_json(asdict(label_set))])


def write_card(folder: Path, text: str) -> None:
    """Write the card, in one go: `datasets` may be reading the version."""
    with atomic_path(folder / "README.md") as path:
        path.write_text(text, encoding="utf-8")


def write_words(told: CardInput, folder: Path, digests: Mapping[str, str], digest: str) -> None:
    """Write the files that describe a version.

    Args:
        told: everything that is told of it.
        folder: of the version, with its data files.
        digests: of each data file; digest: of the version.
    """
    write_card(folder, render_card(told))
    write_json(folder / "croissant.json", croissant(told))
    facts, label_set = told.facts, told.label_set
    write_json(
        folder / MANIFEST,
        {
            "format": FORMAT,
            "name": told.name,
            "version": told.version,
            "digest": digest,
            "counts": facts.flat(),
            "splits": {split: asdict(counts) for split, counts in facts.splits.items()},
            "left_out": {
                "pages": dict(told.left_out.pages),
                "segments": dict(told.left_out.segments),
            },
            "masked": dict(told.masked),
            "withdrawn": dict(told.withdrawn),
            "leaks": dict(told.leaks),
            "agreement": None if facts.agreement is None else asdict(facts.agreement),
            "kept_suggestions": dict(facts.kept_suggestions),
            "quality": None if told.quality is None else asdict(told.quality),
            "diff": told.diff,
            "notes": list(told.messages),
            "labels": asdict(label_set) | {"guideline_digest": label_set.guideline_digest},
            "config": _public_config(told.config),
            "facts": dict(told.given),
            "files": [
                {
                    "path": file.path,
                    "rows": file.rows,
                    "bytes": told.file_bytes[file.path],
                    "digest": digests[file.path],
                    "values": file.values,
                }
                for file in told.files
            ],
        },
    )


def _public_config(config: DatasetConfig) -> dict[str, object]:
    """Options as published: without places, which tell of a machine and not of the data."""
    told = {
        key: value for key, value in asdict(config).items() if key not in {"mirror", "neighbours"}
    }
    return told | {"decontaminate": [Path(path).name for path in config.decontaminate]}
