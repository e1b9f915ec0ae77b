"""The shape `annotations`: each annotator's own reading of a published page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.dataset.base import DatasetConfig, Withdrawn
from curate.dataset.columns import arrow_schema, columns_of
from curate.dataset.facts import connect, sql_path
from curate.dataset.shards import ShardFile, ShardWriter
from curate.errors import DatasetError
from curate.schema import LabelSet

__all__ = ["write_annotations"]


def write_annotations(
    config: DatasetConfig,
    label_set: LabelSet,
    sources: Sequence[Path],
    withdrawn: Withdrawn,
    folder: Path,
    scratch: Path,
    files: Sequence[ShardFile],
) -> list[ShardFile]:
    """Write the readings of published pages, beside their pages' shards.

    Of one annotation the latest row counts, of equally late ones that in the
    later file, and of a person's readings of a page the latest; deleted and
    skipped ones and readings of another state of the page are not published. A shard that would
    be empty is not written, so the shape's shards are numbered by themselves.
    """
    columns = columns_of("annotations", config)
    schema = arrow_schema(columns, label_set.names)
    if not sources:
        return []
    connection = connect("512MB", scratch / "duckdb")
    try:
        connection.execute(
            "CREATE TEMP TABLE reading AS SELECT * FROM ("
            f"SELECT * FROM read_parquet([{', '.join(sql_path(path) for path in sources)}], "
            "filename = true, file_row_number = true) "
            "QUALIFY row_number() OVER (PARTITION BY annotation_id "
            "ORDER BY updated_at DESC, filename DESC, file_row_number DESC) = 1"
            ") WHERE status = 'submitted' AND NOT list_contains($1, annotator) "
            "QUALIFY row_number() OVER (PARTITION BY page_key, annotator "
            "ORDER BY updated_at DESC, annotation_id DESC) = 1",
            [sorted(withdrawn.people)],
        )
        written = []
        for split in dict.fromkeys(file.split for file in files):
            shards = [file for file in files if file.shape == "pages" and file.split == split]
            tables = [
                table
                for file in shards
                if (table := _readings(connection, folder, file, schema, label_set)).num_rows
            ]
            for number, table in enumerate(tables):
                with ShardWriter(
                    folder, "annotations", split, number, len(tables), schema, columns
                ) as writer:
                    writer.write(table)
                    written.append(writer.close())
        return written
    finally:
        connection.close()


def _readings(
    connection: Any, folder: Path, shard: ShardFile, schema: pa.Schema, label_set: LabelSet
) -> pa.Table:
    # page_id is the key and the first 16 digits of the text's digest.
    rows = connection.sql(
        "SELECT r.annotation_id, p.page_key, p.page_id, p.url, p.site, r.annotator, r.verdict, "
        "r.lead_time_s, r.guideline, r.spans, p.text AS page_text "
        f"FROM reading r JOIN read_parquet([{sql_path(folder / shard.path)}]) p "
        "ON p.page_key = r.page_key AND p.page_id = r.page_key || '-' || r.text_hash[1:16] "
        "ORDER BY p.page_key, r.annotator, r.annotation_id"
    ).to_arrow_table()
    return _table(rows.to_pylist(), schema, label_set)


def _table(rows: list[dict[str, Any]], schema: pa.Schema, label_set: LabelSet) -> pa.Table:
    numbers = {name: number for number, name in enumerate(label_set.names)}
    built = []
    for row in rows:
        text = row.pop("page_text")
        spans = []
        for span in sorted(row["spans"] or [], key=lambda span: (span["start"], span["end"])):
            words = text[span["start"] : span["end"]]
            name = label_set.label_of(span["label"], words, schema=row.get("schema"))
            if name is None:
                raise DatasetError(
                    f"annotation {row['annotation_id']}: label {span['label']!r} is not one of "
                    f"{', '.join(numbers)}; name it in the label set's from_labels"
                )
            start, end = span["start"], span["end"]
            spans.append(
                {
                    "start": start,
                    "end": end,
                    "label": numbers[name],
                    "action": span["action"],
                    "text": text[start:end],
                }
            )
        built.append({**row, "n_spans": len(spans), "spans": spans})
    return pa.Table.from_pylist(built, schema=schema)
