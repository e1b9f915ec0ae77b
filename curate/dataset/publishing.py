"""Publishing a version: build beside, check, rename, and only then name it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from curate.dataset.base import (
    DatasetConfig,
    LeftOut,
    Progress,
    Published,
    ShardPair,
    SplitCounts,
    no_progress,
)
from curate.dataset.build import Built, build
from curate.dataset.card import notes_of, render_card
from curate.dataset.card_input import CardInput
from curate.dataset.croissant import croissant
from curate.dataset.diff import diff_versions
from curate.dataset.facts import Facts, connect, count
from curate.dataset.gate import check_data, check_words
from curate.dataset.hub import push_once
from curate.dataset.mirror import Mirror
from curate.dataset.neighbours import export_neighbours
from curate.dataset.reread import reload_and_compare
from curate.dataset.scan import without_places
from curate.dataset.versions import MANIFEST, Home, publish_lock
from curate.errors import DatasetError
from curate.io import TEMP_PREFIX, canonical_json, file_digest, json_digest, read_json, write_json
from curate.schema import LabelSet

__all__ = ["publish"]

FORMAT = 1
"""Of the published layout and its manifest; another number makes a new version."""


def publish(
    config: DatasetConfig,
    label_set: LabelSet,
    shards: Sequence[ShardPair],
    *,
    exports: Path,
    name: str,
    facts: Mapping[str, object],
    annotations: Sequence[Path] | None = None,
    report: Callable[[Path], None] | None = None,
    memory_limit: str = "1GB",
    progress: Progress = no_progress,
) -> Published:
    """Publish the next version of a dataset, or find that nothing has changed.

    A version is built in a folder beside, passes the gate, gets its name, and
    is visible when `latest.json`, written last, names it. Whatever fails on the
    way leaves the previous version as the latest.

    Args:
        config: what to publish, and how.
        label_set: labels in published order, with descriptions for the card.
        shards: of the store.
        exports: folder of all datasets.
        name: of this one; a folder in `exports`.
        facts: JSON-like provenance for manifest and card. It must hold no secret
            and no clock time that should not make two publishes differ.
        annotations: Parquet files of ANNOTATION_SCHEMA for the shape
            `annotations`; None takes those in `exports/<name>/annotations/`.
        report: writes `report.html` into the folder it is given.
        memory_limit: for the queries that see all rows, e.g. `1GB`.
        progress: told what is being done.

    Raises:
        DatasetError: damaged inputs, nothing to publish, another publisher at
            work, a check of the gate that failed, or a push that the hub
            refused (the version is published here all the same, and the next
            publish tries again).
    """
    home = Home(exports / name)
    facts = without_places(facts)
    _refuse_patterns(home.folder.resolve())
    with publish_lock(home.folder):
        home.sweep()
        mirror = Mirror(config.mirror, name) if config.mirror else None
        if mirror is not None:
            mirror.take_over(home)
        staging = home.stage()
        scratch = home.folder / f"{TEMP_PREFIX}version-scratch"
        try:
            if annotations is None:
                annotations = sorted((home.folder / "annotations").rglob("[!.]*.parquet"))
            built = build(config, label_set, shards, annotations, staging, scratch, progress)
            published = _finish(
                config, label_set, built, home, staging, scratch, name, facts, report,
                memory_limit, progress,
            )  # fmt: skip
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            if staging.exists():
                shutil.rmtree(staging)
        export_neighbours(published.path, config.neighbours)
        if mirror is not None:
            published = replace(published, mirrored=mirror.bring(home, progress))
    if config.push_to_hub is not None:
        url = push_once(
            published.path, config.push_to_hub, private=config.hub_private, progress=progress
        )
        published = replace(published, pushed=url)
    return published


def _refuse_patterns(folder: Path) -> None:
    """Such a path is written and read by all but `datasets`, which takes it for a pattern."""
    met = next((char for char in str(folder) if char in "*?["), None)
    if met is not None:
        raise DatasetError(
            f"{folder}: datasets can't load from a path with {met!r}; set paths.exports (or name) "
            "to one without *, ? and ["
        )


def _finish(
    config: DatasetConfig,
    label_set: LabelSet,
    built: Built,
    home: Home,
    staging: Path,
    scratch: Path,
    name: str,
    given: Mapping[str, object],
    report: Callable[[Path], None] | None,
    memory_limit: str,
    progress: Progress,
) -> Published:
    digests = {file.path: file_digest(staging / file.path) for file in built.files}
    digest = json_digest(
        {"format": FORMAT, "files": digests, "labels": asdict(label_set), "told": _told(config)}
    )
    latest = home.latest()
    previous = home.latest_path()
    if latest is not None and previous is not None and latest["digest"] == digest:
        manifest = read_json(previous / MANIFEST)
        return Published(
            path=previous,
            version=str(latest["version"]),
            changed=False,
            counts=manifest["counts"],
            splits={split: SplitCounts(**n) for split, n in manifest["splits"].items()},
            left_out=built.left_out,
            notes=built.notes,
        )
    version = home.next_version()
    connection = connect(memory_limit, scratch / "duckdb")
    try:
        progress("check", 0, 3)
        leaks = check_data(connection, staging, previous, built.files, config)
        facts = count(connection, staging, built.files, label_set.names)
        diff = diff_versions(connection, previous, staging) if previous else None
    finally:
        connection.close()
    _write_words(
        config, label_set, built, staging, previous, name, version, given, facts, leaks, diff,
        digests, digest,
    )  # fmt: skip
    if report is not None:
        report(staging)
    progress("check", 1, 3)
    check_words(staging, given, _written_for_all(config, label_set))
    progress("check", 2, 3)
    reload_and_compare(staging, built.files, config, label_set, memory_limit, scratch)
    progress("check", 3, 3)
    path = home.commit(staging, version, digest)
    return Published(
        path=path,
        version=version,
        changed=True,
        counts=facts.flat(),
        splits=facts.splits,
        left_out=built.left_out,
        diff=diff,
        notes=built.notes,
    )


def _written_for_all(config: DatasetConfig, label_set: LabelSet) -> str:
    """Texts that their writers meant to be published, addresses in them included."""
    own = [config.title or "", config.sources, config.citation, config.contact]
    return "\n".join([*own, label_set.guideline, canonical_json(asdict(label_set))])


def _told(config: DatasetConfig) -> dict[str, object]:
    """Options that reach the card's words, not the data files."""
    return {
        name: getattr(config, name)
        for name in ("title", "license", "sources", "citation", "contact")
    }


def _write_words(
    config: DatasetConfig,
    label_set: LabelSet,
    built: Built,
    staging: Path,
    previous: Path | None,
    name: str,
    version: str,
    given: Mapping[str, object],
    facts: Facts,
    leaks: Mapping[str, int],
    diff: Mapping[str, Any] | None,
    digests: Mapping[str, str],
    digest: str,
) -> None:
    """Card, Croissant file and manifest of a version whose data files stand."""
    sizes = {file.path: (staging / file.path).stat().st_size for file in built.files}
    notes = None
    if previous is not None and (previous / "README.md").exists():
        notes = notes_of((previous / "README.md").read_text(encoding="utf-8"))
    told = CardInput(
        name=name,
        version=version,
        config=config,
        label_set=label_set,
        facts=facts,
        files=built.files,
        file_bytes=sizes,
        left_out=built.left_out,
        given=given,
        leaks=leaks,
        masked=built.masked,
        diff=diff,
        previous=previous.name if previous else None,
        notes=notes,
        messages=built.notes,
    )
    (staging / "README.md").write_text(render_card(told), encoding="utf-8")
    write_json(staging / "croissant.json", croissant(told))
    write_json(
        staging / MANIFEST,
        {
            "format": FORMAT,
            "name": name,
            "version": version,
            "digest": digest,
            "counts": facts.flat(),
            "splits": {split: asdict(counts) for split, counts in facts.splits.items()},
            "left_out": _plain_left_out(built.left_out),
            "masked": built.masked,
            "leaks": dict(leaks),
            "diff": diff,
            "notes": list(built.notes),
            "labels": asdict(label_set) | {"guideline_digest": label_set.guideline_digest},
            "config": _public_config(config),
            "facts": dict(given),
            "files": [
                {
                    "path": file.path,
                    "rows": file.rows,
                    "bytes": sizes[file.path],
                    "digest": digests[file.path],
                    "values": file.values,
                }
                for file in built.files
            ],
        },
    )


def _public_config(config: DatasetConfig) -> dict[str, object]:
    """Options as published: without places, which tell of a machine and not of the data."""
    told = {
        key: value for key, value in asdict(config).items() if key not in {"mirror", "neighbours"}
    }
    return told | {"decontaminate": [Path(path).name for path in config.decontaminate]}


def _plain_left_out(left_out: LeftOut) -> dict[str, dict[str, int]]:
    return {"pages": dict(left_out.pages), "segments": dict(left_out.segments)}
