"""The Croissant description of a version (croissant.json), read by mlcroissant.

Source:
    Croissant format specification 1.1, MLCommons.
"""

from __future__ import annotations

from typing import Any

from curate.dataset.card_input import CardInput, shapes_of
from curate.dataset.columns import Column, columns_of, fields_of

__all__ = ["croissant"]

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}

_TYPES = {
    "string": "sc:Text",
    "int32": "cr:Int32",
    "float32": "cr:Float32",
    "float64": "cr:Float64",
    "bool": "sc:Boolean",
    "label": "cr:Int64",
    "strings": "sc:Text",
    "floats": "cr:Float32",
}


def croissant(told: CardInput) -> dict[str, Any]:
    """The JSON-LD of a version: its files and the records they hold.

    Files are found relative to croissant.json, so the description moves with
    its folder.
    """
    shapes = shapes_of(told.config, told.files)
    title = told.config.title or told.name
    counts = told.facts.flat()
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": told.name,
        "alternateName": title,
        "description": (
            f"{counts['segments']:,} labelled segments of {counts['pages']:,} web pages from "
            f"{counts['sites']:,} sites; labels: {', '.join(told.label_set.names)}."
        ),
        "license": told.config.license,
        "version": f"{int(told.version[1:])}.0.0",
        "isLiveDataset": False,
        "citeAs": told.config.citation or f"{title}, version {told.version}",
        "keywords": ["web pages", "boilerplate removal", told.label_set.name],
        "distribution": [_file_set(shape) for shape in shapes],
        "recordSet": [_record_set(told, shape) for shape in shapes],
    }


def _file_set(shape: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{shape}-files",
        "name": f"{shape}-files",
        "description": f"Parquet files of {shape}, named after their split.",
        "encodingFormat": "application/x-parquet",
        "includes": f"{shape}/*.parquet",
    }


def _record_set(told: CardInput, shape: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "@type": "cr:RecordSet",
        "@id": shape,
        "name": shape,
        "description": f"One record a row of {shape}.",
        "field": [_field(shape, column) for column in columns_of(shape, told.config)],
    }
    key = {"segments": "segment_id", "pages": "page_key", "annotations": "annotation_id"}[shape]
    entry["key"] = {"@id": f"{shape}/{key}"}
    return entry


def _source(shape: str, column: str) -> dict[str, Any]:
    return {"fileSet": {"@id": f"{shape}-files"}, "extract": {"column": column}}


def _field(shape: str, column: Column) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{shape}/{column.name}",
        "name": column.name,
        "description": column.doc,
    }
    inner = fields_of(column.kind)
    if inner is not None:
        entry["repeated"] = True
        entry["subField"] = [
            {
                "@type": "cr:Field",
                "@id": f"{shape}/{column.name}/{name}",
                "name": name,
                "dataType": _TYPES[kind],
                "source": _source(shape, column.name) | {"transform": {"jsonPath": name}},
            }
            for name, kind in inner
        ]
        return entry
    entry["dataType"] = _TYPES[column.kind]
    entry["source"] = _source(shape, column.name)
    if column.kind in {"strings", "floats"}:
        entry["repeated"] = True
    return entry
