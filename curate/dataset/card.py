"""The dataset card: README.md of a version, made from facts.

Nothing in it is written by hand but what stands between the notes' markers,
and that is carried from version to version.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from curate.dataset.card_input import CardInput, shapes_of, splits_of
from curate.dataset.card_sections import NOTES_END, NOTES_START, sections
from curate.dataset.card_text import NOTES_HINT
from curate.dataset.columns import columns_of, features_yaml

__all__ = ["NOTES_END", "NOTES_START", "joined_notes", "notes_of", "render_card"]

_NOTES = re.compile(re.escape(NOTES_START) + r"(.*?)" + re.escape(NOTES_END), re.DOTALL)
_SPDX = re.compile(r"[a-z0-9][a-z0-9.-]*")


def notes_of(card: str) -> str | None:
    """The hand-written part of a card, None where the markers are not there."""
    match = _NOTES.search(card)
    return match[1] if match else None


def joined_notes(cards: Sequence[str]) -> str | None:
    """The hand-written text of all cards: what one holds already is not said twice."""
    found: list[str] = []
    for card in cards:
        notes = notes_of(card)
        if notes is None or notes == NOTES_HINT or any(notes.strip() in met for met in found):
            continue
        found = [met for met in found if met.strip() not in notes]
        found.append(notes)
    return "".join(found) if found else None


def render_card(told: CardInput) -> str:
    """The card's text: YAML for the machines, then Markdown for people."""
    import yaml

    head = yaml.safe_dump(_metadata(told), sort_keys=False, allow_unicode=True, width=100)
    return f"---\n{head}---\n\n" + "\n\n".join(sections(told)) + "\n"


# -------------------------------------------------------------------- metadata


def _metadata(told: CardInput) -> dict[str, Any]:
    n_rows = told.facts.flat()["segments"]
    listed = _SPDX.fullmatch(told.config.license)
    head: dict[str, Any] = {
        "pretty_name": told.config.title or told.name,
        "license": told.config.license if listed else "other",
    }
    if not listed:
        head["license_name"] = told.config.license
    languages = [code for code in told.facts.languages if re.fullmatch(r"[a-z]{2,3}", code)]
    if languages:
        head["language"] = sorted(languages)
    head |= {
        "task_categories": ["text-classification", "token-classification"],
        "tags": ["web-pages", "boilerplate-removal", "page-segments", told.label_set.name],
        "size_categories": [_size_category(n_rows)],
        "configs": [_config(told, shape) for shape in shapes_of(told)],
        "dataset_info": [_info(told, shape) for shape in shapes_of(told)],
    }
    return head


def _config(told: CardInput, shape: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"config_name": shape}
    if shape == "segments":
        entry["default"] = True
    entry["data_files"] = [
        {"split": split, "path": f"{shape}/{split}-*.parquet"} for split in splits_of(told, shape)
    ]
    return entry


def _info(told: CardInput, shape: str) -> dict[str, Any]:
    files = [file for file in told.files if file.shape == shape]
    splits = []
    for split in splits_of(told, shape):
        mine = [file for file in files if file.split == split]
        splits.append(
            {
                "name": split,
                "num_bytes": sum(file.arrow_bytes for file in mine),
                "num_examples": sum(file.rows for file in mine),
            }
        )
    return {
        "config_name": shape,
        "features": features_yaml(columns_of(shape, told.config), told.label_set.names),
        "splits": splits,
        "download_size": sum(told.file_bytes[file.path] for file in files),
        "dataset_size": sum(file.arrow_bytes for file in files),
    }


def _size_category(n_rows: int) -> str:
    edges = [
        (10**3, "n<1K"),
        (10**4, "1K<n<10K"),
        (10**5, "10K<n<100K"),
        (10**6, "100K<n<1M"),
        (10**7, "1M<n<10M"),
        (10**8, "10M<n<100M"),
    ]
    return next((name for edge, name in edges if n_rows < edge), "100M<n<1B")
