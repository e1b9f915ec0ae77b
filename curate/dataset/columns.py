"""Columns of the published shapes: order, types, meaning, and how readers see them.

`datasets` restores a ClassLabel from plain Parquet where the schema's metadata
has the key `huggingface`; the storage type must be int64 exactly, and a column
that is missing there loses its feature silently. So both are written from here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from curate.dataset.base import DatasetConfig

__all__ = [
    "Column",
    "arrow_schema",
    "columns_of",
    "features_json",
    "features_yaml",
    "fields_of",
    "label_names",
]

Kind = Literal[
    "string",
    "int32",
    "float32",
    "float64",
    "bool",
    "label",
    "strings",
    "floats",
    "spans",
    "readings",
]

_SPAN: tuple[tuple[str, Kind], ...] = (
    ("start", "int32"),
    ("end", "int32"),
    ("label", "label"),
    ("origin", "string"),
    ("score", "float32"),
)
_READING: tuple[tuple[str, Kind], ...] = (
    ("start", "int32"),
    ("end", "int32"),
    ("label", "label"),
    ("action", "string"),
    ("text", "string"),
)
_STRUCTS: dict[str, tuple[tuple[str, Kind], ...]] = {"spans": _SPAN, "readings": _READING}
_LISTS = {"strings": "string", "floats": "float32"}


@dataclass(frozen=True, slots=True)
class Column:
    """One published column.

    Attributes:
        name: as in the files.
        kind: decides the Arrow type and the feature.
        doc: one line for the dataset card.
        coded: few distinct values, so that dictionary encoding pays.
    """

    name: str
    kind: Kind
    doc: str
    coded: bool = False


_SEGMENTS = (
    Column("segment_id", "string", "page_id, start and end: names this span of this page state"),
    Column("page_key", "string", "identity of the page over time (digest of its URL or path)"),
    Column("page_id", "string", "page_key and a digest of the text: this state of the page"),
    Column("url", "string", "address, if known", coded=True),
    Column(
        "site", "string", "registrable domain, or what stands for it; decides the split", coded=True
    ),
    Column(
        "index", "int32", "position among the page's segments, from 0; gaps are unpublished ones"
    ),
    Column("start", "int32", "first code point in the page's text"),
    Column("end", "int32", "code point after the last"),
    Column("text", "string", "the segment's text: `page.text[start:end]`"),
    Column("label", "label", "the label as a ClassLabel number"),
    Column("label_name", "string", "the label's name", coded=True),
    Column("origin", "string", "who gave the label: human, propagated, model or rule", coded=True),
    Column("action", "string", "for human labels: accepted, relabelled or drawn", coded=True),
    Column("score", "float32", "probability of this label by the labeler, 0-1; null if unknown"),
    Column("n_annotators", "int32", "people who labelled the segment"),
    Column("agreement", "float32", "share of them that gave this label, 0-1; null below two"),
    Column("adjudicated", "bool", "an adjudicator ended a disagreement"),
    Column("annotators", "strings", "their pseudonyms, sorted"),
    Column("labeler", "string", "labeler and version that gave the score", coded=True),
    Column("guideline", "string", "digest of the guidelines the annotators had", coded=True),
    Column("kind", "string", "element or line kind: p, h1, li, line, …", coded=True),
    Column("page_type", "string", "article, forum, product, …; null if not told", coded=True),
    Column("language", "string", "ISO 639-1 code of the page; null if not told", coded=True),
)

_PAGES = (
    Column("page_key", "string", "identity of the page over time (digest of its URL or path)"),
    Column("page_id", "string", "page_key and a digest of the text: this state of the page"),
    Column("url", "string", "address, if known"),
    Column(
        "site", "string", "registrable domain, or what stands for it; decides the split", coded=True
    ),
    Column("title", "string", "title of the document, if any"),
    Column("language", "string", "ISO 639-1 code; null if not told", coded=True),
    Column("page_type", "string", "article, forum, product, …; null if not told", coded=True),
    Column("text", "string", "the page's text, which all offsets count in"),
    Column("main_text", "string", "its main content: the main segments, one per line"),
    Column("n_segments", "int32", "published segments"),
    Column("reviewed", "bool", "a person has read the page"),
    Column(
        "segments",
        "spans",
        "the published segments in page order: start, end, label, origin, score",
    ),
)

_ANNOTATIONS = (
    Column("annotation_id", "string", "one person's reading of one page"),
    Column("page_key", "string", "identity of the page over time"),
    Column("page_id", "string", "the published state of the page, which the reading is of"),
    Column("url", "string", "address, if known"),
    Column("site", "string", "decides the split", coded=True),
    Column("annotator", "string", "pseudonym", coded=True),
    Column("verdict", "string", "what was said of the whole page: ok, unsure", coded=True),
    Column("lead_time_s", "float64", "seconds the reading took, if known"),
    Column("guideline", "string", "digest of the guidelines in force", coded=True),
    Column("n_spans", "int32", "labelled regions"),
    Column("spans", "readings", "regions in page order: start, end, label, action, text"),
)

_PATH = Column("path", "string", "DOM path of the segment; null for plain text", coded=True)
_SCORES = Column(
    "scores", "floats", "probability of every label, in ClassLabel order; null if unknown"
)
_CLUSTER = Column(
    "cluster",
    "string",
    "smallest page_key of the page's exact and near copies, left-out ones too; null without any",
)
_HTML = Column("html", "string", "the page's HTML as read; null for plain text")


def columns_of(shape: str, config: DatasetConfig) -> tuple[Column, ...]:
    """Columns of a shape in published order; optional ones stand at the end."""
    if shape == "segments":
        optional = ((config.paths, _PATH), (config.scores, _SCORES))
        return _SEGMENTS + tuple(column for wanted, column in optional if wanted)
    if shape == "pages":
        more = ((config.clusters, _CLUSTER), (config.html, _HTML))
        return _PAGES + tuple(column for wanted, column in more if wanted)
    return _ANNOTATIONS


def fields_of(kind: str) -> tuple[tuple[str, Kind], ...] | None:
    """Names and kinds inside a list of structs; None for every other kind."""
    return _STRUCTS.get(kind)


def _arrow_type(kind: str) -> pa.DataType:
    if kind in _STRUCTS:
        return pa.list_(pa.struct([pa.field(name, _arrow_type(k)) for name, k in _STRUCTS[kind]]))
    if kind in _LISTS:
        return pa.list_(_arrow_type(_LISTS[kind]))
    types = {
        "string": pa.string(),
        "int32": pa.int32(),
        "float32": pa.float32(),
        "float64": pa.float64(),
        "bool": pa.bool_(),
        "label": pa.int64(),
    }
    return types[kind]


def _feature(kind: str, names: Sequence[str]) -> dict[str, Any]:
    if kind in _STRUCTS:
        inner: Any = {name: _feature(k, names) for name, k in _STRUCTS[kind]}
        return {"feature": inner, "_type": "List"}
    if kind in _LISTS:
        return {"feature": _feature(_LISTS[kind], names), "_type": "List"}
    if kind == "label":
        return {"names": list(names), "_type": "ClassLabel"}
    return {"dtype": kind, "_type": "Value"}


def features_json(columns: Sequence[Column], names: Sequence[str]) -> dict[str, Any]:
    """Features as `datasets` writes them into a schema's metadata."""
    return {column.name: _feature(column.kind, names) for column in columns}


def features_yaml(columns: Sequence[Column], names: Sequence[str]) -> list[dict[str, Any]]:
    """Features as a dataset card's `dataset_info` lists them."""

    def told(name: str, kind: str) -> dict[str, Any]:
        if kind in _STRUCTS:
            return {"name": name, "list": [told(n, k) for n, k in _STRUCTS[kind]]}
        if kind in _LISTS:
            return {"name": name, "list": _LISTS[kind]}
        if kind == "label":
            numbered = {str(number): label for number, label in enumerate(names)}
            return {"name": name, "dtype": {"class_label": {"names": numbered}}}
        return {"name": name, "dtype": kind}

    return [told(column.name, column.kind) for column in columns]


def arrow_schema(columns: Sequence[Column], names: Sequence[str]) -> pa.Schema:
    """The schema of every shard of a shape, with the readers' metadata."""
    told = {"info": {"features": features_json(columns, names)}}
    fields = [pa.field(column.name, _arrow_type(column.kind)) for column in columns]
    return pa.schema(fields, metadata={"huggingface": json.dumps(told)})


def label_names(schema: pa.Schema) -> dict[str, list[str]]:
    """Names of every ClassLabel in a published schema, by column (`segments.label`)."""
    raw = (schema.metadata or {}).get(b"huggingface")
    if raw is None:
        return {}
    found: dict[str, list[str]] = {}

    def walk(path: str, feature: Any) -> None:
        if not isinstance(feature, dict):
            return
        if feature.get("_type") == "ClassLabel":
            found[path] = list(feature["names"])
        elif feature.get("_type") == "List":
            walk(path, feature["feature"])
        elif "_type" not in feature:
            for name, child in feature.items():
                walk(f"{path}.{name}" if path else name, child)

    walk("", json.loads(raw)["info"]["features"])
    return found
