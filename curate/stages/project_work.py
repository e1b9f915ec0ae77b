"""Reviewed pages of datasets, for `curate train`: people's labels beside the labeler's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from curate.errors import LabelerError
from curate.io import read_rows
from curate.labelers.base import LABEL_NAMES
from curate.labelers.second_columns import Look
from curate.labelers.training.project import ProjectTraining, Reviewed, reviewed_page
from curate.review.annotations import load
from curate.review.resolve import resolve_labels
from curate.schema import Annotation, FinalLabels, LabelSet, SegmentedPage
from curate.segments.rows import from_row

__all__ = ["read_work"]

BATCH_PAGES = 64


def read_work(
    options: ProjectTraining, labeler: Any, segmenter: Any, store: Path, label_set: LabelSet
) -> list[Reviewed]:
    """The reviewed pages that `train.annotations` and `train.versions` name, by page id.

    A page's elements are in neither of them: they come from the workspace's
    store, where a run has left them, or from the version's HTML
    (`dataset.html=true`).

    Raises:
        LabelerError: a folder holds no human work, or none of its pages is
            known with its elements.
    """
    work: dict[str, list[Annotation]] = defaultdict(list)
    for folder in options.annotations:
        found = [a for a in load(Path(folder) / "annotations") if a.status == "submitted"]
        if not found:
            raise LabelerError(
                f"{folder}/annotations: no submitted annotation; give the folder of a dataset "
                "that people have reviewed, such as exports/name"
            )
        for annotation in found:
            work[annotation.page_id].append(annotation)
    published: dict[str, _Published] = {}
    for folder in options.versions:
        published.update(_published(Path(folder)))
    wanted = {*work, *published}
    pages = dict(_stored(store, wanted))
    for page_id, told in published.items():
        if page_id not in pages and told.html:
            page = segmenter.segment_html(told.html, url=told.url)
            if page.text == told.text:
                pages[page_id] = replace(page, site=told.site)
    if not pages:
        raise LabelerError(
            f"none of {len(wanted)} reviewed pages is in {store} with its elements, and no version "
            "holds HTML; run the dataset again in this workspace, or publish it with "
            "dataset.html=true"
        )
    names = sorted(pages)
    out = []
    predictions = labeler.label([pages[name] for name in names])
    for page_id, prediction in zip(names, predictions, strict=True):
        page = pages[page_id]
        if page_id in work:
            final = resolve_labels(page, prediction, LABEL_NAMES, work[page_id], label_set)
        else:
            final = published[page_id].final()
        site = page.site or page_id
        found_page = reviewed_page(page_id, Look(page, prediction), final, site)
        if found_page is not None:
            out.append(found_page)
    return out


def _stored(store: Path, wanted: set[str]) -> Iterator[tuple[str, SegmentedPage]]:
    """The segmented pages of these states that any run has left in the store."""
    left = set(wanted)
    for shard in sorted((store / "segments").glob("*/*.parquet")):
        if not left or "quarantine" in shard.name:
            continue
        at = 0
        here = []
        for batch in read_rows(shard, columns=["page_id"], batch_rows=4096):
            ids = batch.column(0).to_pylist()
            here += [at + row for row, page_id in enumerate(ids) if page_id in left]
            at += len(ids)
        at = 0
        for batch in read_rows(shard, batch_rows=BATCH_PAGES) if here else ():
            rows = [row - at for row in here if at <= row < at + batch.num_rows]
            at += batch.num_rows
            for row in batch.take(rows).to_pylist() if rows else ():
                left.discard(row["page_id"])
                yield row["page_id"], from_row(row)


class _Published:
    """A page of a published version with its human segments."""

    def __init__(self, page: dict[str, Any]) -> None:
        self.text: str = page["text"]
        self.html: str | None = page.get("html")
        self.url: str | None = page["url"]
        self.site: str = page["site"]
        self.rows: list[dict[str, Any]] = []

    def final(self) -> FinalLabels:
        """Its human labels; what no person has labelled is left out."""
        rows: Sequence[dict[str, Any]] = self.rows
        n = len(rows)

        def column(name: str) -> list[Any]:
            return [row[name] for row in rows]

        return FinalLabels(
            starts=np.array(column("start"), np.int32),
            ends=np.array(column("end"), np.int32),
            kinds=column("kind"),
            labels=column("label_name"),
            origins=column("origin"),
            actions=column("action"),
            scores=column("score"),
            n_annotators=column("n_annotators"),
            agreement=column("agreement"),
            adjudicated=column("adjudicated"),
            annotators=column("annotators"),
            main=[False] * n,
            reviewed=True,
        )


_SEGMENTS = ("page_id", "start", "end", "kind", "label_name", "origin", "action", "score",
             "n_annotators", "agreement", "adjudicated", "annotators")  # fmt: skip


def _published(version: Path) -> dict[str, _Published]:
    pages = sorted((version / "pages").glob("*.parquet"))
    if not pages:
        raise LabelerError(
            f"{version}: no pages/*.parquet; give a published version, such as exports/name/v0001"
        )
    human: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in _rows(sorted((version / "segments").glob("*.parquet")), _SEGMENTS):
        if row["origin"] == "human":
            human[row["page_id"]].append(row)
    out = {}
    columns = ("page_id", "text", "url", "site", "html")
    for page in _rows(pages, columns):
        if page["page_id"] in human:
            out[page["page_id"]] = _Published(page)
            out[page["page_id"]].rows = sorted(human[page["page_id"]], key=lambda r: r["start"])
    if not out:
        raise LabelerError(f"{version}: none of its labels comes from a person; review some pages")
    return out


def _rows(files: Iterable[Path], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    for path in files:
        known = set(pq.read_schema(path).names)
        for batch in read_rows(path, columns=[name for name in columns if name in known]):
            yield from batch.to_pylist()
