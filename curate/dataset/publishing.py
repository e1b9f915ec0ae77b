"""Publishing a version: build beside, check, rename, and only then name it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from curate.dataset.base import (
    HERE,
    NOTHING_WITHDRAWN,
    DatasetConfig,
    Progress,
    Published,
    ShardPair,
    SplitCounts,
    Withdrawn,
    Workers,
    no_progress,
)
from curate.dataset.build import Built, build
from curate.dataset.card import joined_notes
from curate.dataset.card_head import HeadInput, render_head
from curate.dataset.card_input import CardInput
from curate.dataset.diff import diff_versions
from curate.dataset.facts import connect, count, languages
from curate.dataset.gate import check_data
from curate.dataset.gate_scan import check_withdrawn, check_words, scan_columns
from curate.dataset.hub import push_once
from curate.dataset.hub_client import card_on_hub
from curate.dataset.neighbours import NEIGHBOURS, export_neighbours
from curate.dataset.quality import quality
from curate.dataset.remote import Remote
from curate.dataset.remote_work import exchange
from curate.dataset.reread import Readers
from curate.dataset.scan import without_places
from curate.dataset.versions import MANIFEST, Home, publish_lock
from curate.dataset.words import FORMAT, told_by, write_card, write_words, written_for_all
from curate.errors import DatasetError
from curate.io import TEMP_PREFIX, json_digest, read_json
from curate.schema import LabelSet

__all__ = ["publish"]

TWO_READERS = 96
"""Shards from which on DuckDB reads back in a process of its own: some 2,500 large pages. It
takes 0.4 s of CPU time to load its libraries, which it must save by the clock."""


def publish(
    config: DatasetConfig,
    label_set: LabelSet,
    shards: Sequence[ShardPair],
    *,
    exports: Path,
    name: str,
    facts: Mapping[str, object],
    exports_url: str | None = None,
    annotations: Sequence[Path] | None = None,
    withdrawn: Withdrawn = NOTHING_WITHDRAWN,
    report: Callable[[Path], None] | None = None,
    memory_limit: str = "1GB",
    progress: Progress = no_progress,
    workers: Workers = HERE,
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
        exports_url: where all datasets are, if not there: `exports` is then the
            working copy, and a version is visible when it is whole at the URL.
        facts: JSON-like provenance for manifest and card. It must hold no secret
            and no clock time that should not make two publishes differ.
        annotations: Parquet files of ANNOTATION_SCHEMA for the shape
            `annotations`; None takes those in `exports/<name>/annotations/`.
        withdrawn: pages and people that must not be in it.
        report: writes `report.html` into the folder it is given.
        memory_limit: for the queries that see all rows, e.g. `1GB`.
        progress: told what is being done.
        workers: who does its parts; the bytes don't depend on it.

    Raises:
        DatasetError: damaged inputs, nothing to publish, another publisher at
            work, a check of the gate that failed, or a push that the hub
            refused (the version is published here all the same, and the next
            publish tries again).
    """
    home = Home(exports / name)
    facts = without_places(facts)
    _refuse_patterns(home.folder.resolve())
    with ExitStack() as stack:
        stack.enter_context(publish_lock(home.folder))
        home.sweep()
        leader = (
            Remote(exports_url, name, option="paths.exports", leads=True) if exports_url else None
        )
        mirror = Remote(config.mirror, name) if config.mirror else None
        for remote in (leader, mirror):
            if remote is not None:
                stack.enter_context(remote.locked(progress))
                remote.take_over(home)
        staging = home.stage()
        scratch = home.folder / f"{TEMP_PREFIX}version-scratch"
        try:
            if annotations is None:
                annotations = sorted((home.folder / "annotations").rglob("[!.]*.parquet"))
            n_readers = min(2, workers.n) if len(shards) >= TWO_READERS else 1
            with Readers(scratch, n_readers) as readers:
                built = build(
                    config, label_set, shards, annotations, withdrawn, staging, scratch,
                    progress, workers,
                )  # fmt: skip
                published = _finish(
                    config, label_set, shards, withdrawn, built, home, staging, scratch, name,
                    facts, report, memory_limit, progress, workers, readers,
                )  # fmt: skip
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            if staging.exists():
                shutil.rmtree(staging)
        export_neighbours(published.path, config.neighbours)
        if leader is not None:
            if config.neighbours:
                exchange(leader, home.folder, f"{NEIGHBOURS}/{published.version}")
            published = replace(published, url=leader.bring(home, progress))
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
    shards: Sequence[ShardPair],
    withdrawn: Withdrawn,
    built: Built,
    home: Home,
    staging: Path,
    scratch: Path,
    name: str,
    given: Mapping[str, object],
    report: Callable[[Path], None] | None,
    memory_limit: str,
    progress: Progress,
    workers: Workers,
    readers: Readers,
) -> Published:
    digests = {file.path: file.digest for file in built.files}
    parts = {"format": FORMAT, "files": digests, "labels": asdict(label_set)}
    if withdrawn:  # the card tells of it, whatever the files hold
        parts["withdrawn"] = withdrawn.counts()
    digest = json_digest(parts | {"told": told_by(config)})
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
    file_bytes = {file.path: (staging / file.path).stat().st_size for file in built.files}
    try:
        told_of = languages(connection, staging)
        head = render_head(HeadInput(name, config, label_set, told_of, built.files, file_bytes))
        write_card(staging, head)
        readers.read(staging, built.files, memory_limit)
        progress("check", 0, 3)
        leaks = check_data(
            connection, staging, previous, built.files, config, workers, built.signed
        )
        scan_columns(connection, staging, built.files)
        check_withdrawn(connection, staging, built.files, withdrawn)
        facts = count(connection, staging, built.files, label_set.names)
        diff = diff_versions(connection, previous, staging) if previous else None
        if diff is not None:
            progress(_difference(version, diff), 0, 0)
    finally:
        connection.close()
    cards = []
    if previous is not None and (previous / "README.md").exists():
        cards.append((previous / "README.md").read_text(encoding="utf-8"))
    if config.push_to_hub is not None:
        cards.append(card_on_hub(config.push_to_hub, scratch) or "")
    told = CardInput(
        head=head,
        name=name,
        version=version,
        config=config,
        label_set=label_set,
        facts=facts,
        files=built.files,
        file_bytes=file_bytes,
        left_out=built.left_out,
        given=given,
        leaks=leaks,
        masked=built.masked,
        withdrawn=withdrawn.counts(),
        quality=quality(shards, label_set, facts.reviewed),
        diff=diff,
        previous=previous.name if previous else None,
        notes=joined_notes(cards),
        messages=built.notes,
    )
    write_words(told, staging, digests, digest)
    if report is not None:
        report(staging)
    progress("check", 1, 3)
    check_words(staging, given, written_for_all(config, label_set))
    progress("check", 2, 3)
    readers.compare(built.files, config, label_set)
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


def _difference(version: str, diff: Mapping[str, Any]) -> str:
    """The row diff as one line."""
    parts = []
    for what in ("pages", "segments"):
        counts = [f"{diff[what][key]:,} {key}" for key in ("added", "removed", "changed")]
        parts.append(f"{what} {', '.join(counts)}")
    changes = list(diff["relabelled"].items())
    if changes:
        told = ", ".join(f"{change} {n:,}" for change, n in changes[:3])
        parts.append(f"labels {told}{', …' if len(changes) > 3 else ''}")
    return f"{version} against {diff['from']}: {'; '.join(parts)}"
