"""The head of a dataset card: YAML by which `datasets` loads a version.

It is made of less than the rest of the card, so `datasets` can read a version by it while
the rest is still being found out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curate.dataset.base import DatasetConfig
from curate.dataset.card_input import shapes_of
from curate.dataset.columns import columns_of, features_yaml
from curate.dataset.shards import ShardFile
from curate.schema import SPLITS, LabelSet

__all__ = ["HeadInput", "render_head"]

_SPDX = re.compile(r"[a-z0-9][a-z0-9.-]*")


@dataclass(frozen=True, slots=True)
class HeadInput:
    """Everything a card's head is made of.

    Attributes:
        name: of the dataset.
        languages: pages by language.
        files: written shards; file_bytes: their sizes on disk by path.
    """

    name: str
    config: DatasetConfig
    label_set: LabelSet
    languages: Mapping[str, int]
    files: Sequence[ShardFile]
    file_bytes: Mapping[str, int]


def render_head(told: HeadInput) -> str:
    """The head's text, with the lines that enclose it."""
    import yaml

    head = yaml.safe_dump(_metadata(told), sort_keys=False, allow_unicode=True, width=100)
    return f"---\n{head}---\n"


def _metadata(told: HeadInput) -> dict[str, Any]:
    n_rows = sum(file.rows for file in told.files if file.shape == "segments")
    listed = _SPDX.fullmatch(told.config.license)
    head: dict[str, Any] = {
        "pretty_name": told.config.title or told.name,
        "license": told.config.license if listed else "other",
    }
    if not listed:
        head["license_name"] = told.config.license
    languages = [code for code in told.languages if re.fullmatch(r"[a-z]{2,3}", code)]
    if languages:
        head["language"] = sorted(languages)
    head |= {
        "task_categories": ["text-classification", "token-classification"],
        "tags": ["web-pages", "boilerplate-removal", "page-segments", told.label_set.name],
        "size_categories": [_size_category(n_rows)],
        "configs": [_config(told, shape) for shape in shapes_of(told.config, told.files)],
        "dataset_info": [_info(told, shape) for shape in shapes_of(told.config, told.files)],
    }
    return head


def _config(told: HeadInput, shape: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"config_name": shape}
    if shape == "segments":
        entry["default"] = True
    entry["data_files"] = [
        {"split": split, "path": f"{shape}/{split}-*.parquet"} for split in _splits_of(told, shape)
    ]
    return entry


def _info(told: HeadInput, shape: str) -> dict[str, Any]:
    files = [file for file in told.files if file.shape == shape]
    splits = []
    for split in _splits_of(told, shape):
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


def _splits_of(told: HeadInput, shape: str) -> list[str]:
    """Splits that a shape has, in order."""
    return [
        split
        for split in SPLITS
        if any(file.shape == shape and file.split == split for file in told.files)
    ]
