"""The gate's search for what must not be published: secrets, addresses, what was withdrawn."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate.dataset.base import Withdrawn
from curate.dataset.facts import files_of
from curate.dataset.mask import EMAIL
from curate.dataset.scan import find_secret
from curate.dataset.shards import ShardFile
from curate.errors import DatasetError

__all__ = ["WORDS", "check_withdrawn", "check_words", "scan_columns"]

FREE_TEXT = {"text", "main_text", "title", "html", "url", "path", "spans"}
"""Columns that hold what pages say, where an e-mail address may well stand."""

WORDS = ("README.md", "croissant.json", "manifest.json", "report.html")


def scan_columns(connection: Any, folder: Path, files: Sequence[ShardFile]) -> None:
    """No secret and no e-mail address where only ids, names and codes belong.

    Values that pages have too, such as the page's ids on each of its segments, are looked
    at there: patterns over a million rows are what this costs.
    """
    schema = pq.read_schema(next((folder / "pages").glob("*.parquet")))
    of_pages = {field.name for field in schema if pa.types.is_string(field.type)}
    for shape in dict.fromkeys(file.shape for file in files):
        schema = pq.read_schema(next((folder / shape).glob("*.parquet")))
        source = files_of(folder, shape)
        for field in schema:
            if field.name in FREE_TEXT:
                continue
            if pa.types.is_string(field.type):
                values = f"SELECT {field.name} AS v FROM {source}"
                if shape != "pages" and field.name in of_pages:
                    pages = f"SELECT {field.name} FROM {files_of(folder, 'pages')}"
                    # A null among them would make every value count as met.
                    met = f"{pages} WHERE {field.name} IS NOT NULL"
                    values += f" WHERE {field.name} NOT IN ({met})"
            elif pa.types.is_list(field.type) and pa.types.is_string(field.type.value_type):
                values = f"SELECT unnest({field.name}) AS v FROM {source}"
            else:
                continue
            _scan_values(connection, values, f"{shape}.{field.name}")
        _scan_urls(connection, source, shape)


def _scan_values(connection: Any, values: str, where: str) -> None:
    # The engine narrows down, Python's own patterns decide.
    cursor = connection.execute(
        f"SELECT DISTINCT v FROM ({values}) WHERE v LIKE '%@%' OR "
        "(length(v) >= 16 AND NOT regexp_full_match(v, '[0-9a-f-]+'))"
    )
    while rows := cursor.fetchmany(10_000):
        for (value,) in rows:
            if EMAIL.search(value):
                raise DatasetError(
                    f"{where} holds an e-mail address ({_hidden(value)}); "
                    "use pseudonyms or correct the source, then publish again"
                )
            kind = find_secret(value)
            if kind:
                raise DatasetError(
                    f"{where} holds what looks like {kind} ({_hidden(value)}); "
                    "revoke it, remove it from the source, then publish again"
                )


def _scan_urls(connection: Any, source: str, shape: str) -> None:
    row = connection.execute(
        "SELECT regexp_extract(url, '@([^/?#]*)', 1), count(*) "
        f"FROM {source} WHERE contains(url, '@') "
        "AND regexp_matches(url, '^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*:[^/?#]*@') "
        "GROUP BY 1 ORDER BY 1 LIMIT 1"
    ).fetchone()
    if row:
        raise DatasetError(
            f"{shape}.url holds a user name and password for {row[0]} ({row[1]} rows); "
            "change that password, remove it from the source, then publish again"
        )


def _hidden(value: str) -> str:
    """Enough of a value to find it, not enough to use it."""
    return repr(value[:3] + "…")


def check_withdrawn(
    connection: Any, folder: Path, files: Sequence[ShardFile], withdrawn: Withdrawn
) -> None:
    """Nothing of a withdrawn page or person is in the data files.

    Raises:
        DatasetError: what is still there, by its key or pseudonym.
    """
    columns = {"segments": "annotators", "annotations": "[annotator]"}
    for shape in dict.fromkeys(file.shape for file in files):
        source = files_of(folder, shape)
        queries = [("page", f"SELECT page_key AS v FROM {source}", withdrawn.pages)]
        if shape in columns:
            people = f"SELECT unnest({columns[shape]}) AS v FROM {source}"
            queries.append(("annotator", people, withdrawn.people))
        for what, values, gone in queries:
            row = connection.execute(
                f"SELECT min(v) FROM ({values}) WHERE list_contains($1, v)", [sorted(gone)]
            ).fetchone()
            if gone and row[0] is not None:
                raise DatasetError(
                    f"{what} {row[0]} was withdrawn but is still in {shape}; "
                    "run again with force=[labels,dataset]"
                )


def check_words(folder: Path, given: Mapping[str, object], allowed: str = "") -> None:
    """No secret in card, manifest, Croissant file or report; no address in the facts.

    Args:
        folder: staging folder of the new version.
        given: the run's facts.
        allowed: text that was written to be published; addresses in it may stand
            in the facts too.

    Raises:
        DatasetError: the first finding, telling the file and the kind only.
    """
    for name in WORDS:
        path = folder / name
        if not path.exists():
            continue
        # The report quotes pages, which may print any pattern; there, and only
        # there, just the secrets of this environment count.
        kind = find_secret(path.read_text(encoding="utf-8"), own_only=name == "report.html")
        if kind:
            raise DatasetError(
                f"{name} would publish what looks like {kind}; remove it from the configuration "
                "(secrets belong into the environment), then publish again"
            )
    public = set(EMAIL.findall(allowed))
    met = EMAIL.findall(json.dumps(given, ensure_ascii=False, default=str))
    private = [address for address in met if address not in public]
    if private:
        raise DatasetError(
            f"the run's facts hold an e-mail address ({_hidden(private[0])}), which the "
            "manifest would publish; remove it from the configuration, or use dataset.contact "
            "for a public one"
        )
