"""Reads a version as its users will: run as a process of its own by the gate.

The command line tells a folder and the library that is loaded before anything is asked.
Standard input tells a version's folder and its files; a file in the first folder gets, for
each reader and file, the number of rows and the digest of each column's values.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from curate.dataset.values import digest_table
from curate.io import write_json

__all__ = ["SEEN", "main"]

SEEN = "seen.json"
"""Name of the file with what they saw."""

BATCH_ROWS = 10_000
"""Rows digested at a time, so that memory stays flat."""


def main() -> None:
    """Answer the requests of standard input, a line each, until it ends."""
    scratch = Path(sys.argv[1])
    _load(sys.argv[2])
    seen: dict[str, Any] = {}
    for line in sys.stdin:
        request = json.loads(line)
        folder, files = Path(request["folder"]), request["files"]
        if request["reader"] == "duckdb":
            seen["duckdb"] = _by_duckdb(folder, files, request["memory_limit"], scratch)
        else:
            seen["datasets"], seen["features"] = _by_datasets(folder, files, scratch)
    write_json(scratch / SEEN, seen)


def _load(library: str) -> None:
    # To stream `.mat` files, datasets loads scipy wherever it is installed: 0.4 s, and
    # no part of reading Parquet.
    sys.modules["scipy"] = None  # type: ignore[assignment]
    importlib.import_module(library)


def _by_duckdb(
    folder: Path, files: list[dict[str, Any]], memory_limit: str, scratch: Path
) -> dict[str, Any]:
    from curate.dataset.facts import connect, sql_path

    connection = connect(memory_limit, scratch / "duckdb")
    seen = {}
    for file in files:
        path = folder / file["path"]
        reader = connection.sql(f"SELECT * FROM read_parquet({sql_path(path)})").to_arrow_reader(
            BATCH_ROWS
        )
        digest = digest_table(pq.read_schema(path), reader)
        seen[file["path"]] = {"rows": digest.rows, "values": digest.hexdigest()}
    connection.close()
    return seen


def _by_datasets(
    folder: Path, files: list[dict[str, Any]], scratch: Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    import datasets

    # Its cache is written in pieces of so many rows; of the usual 1,000, a digest's calls
    # cost more than its bytes.
    datasets.config.DEFAULT_MAX_BATCH_SIZE = BATCH_ROWS
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    seen: dict[str, Any] = {}
    features: dict[str, Any] = {}
    for shape in dict.fromkeys(file["shape"] for file in files):
        loaded = datasets.load_dataset(str(folder), shape, cache_dir=str(scratch / "cache"))
        wanted = {file["split"] for file in files if file["shape"] == shape}
        if set(loaded) != wanted:
            raise SystemExit(f"{shape}: splits {sorted(loaded)} instead of {sorted(wanted)}")
        for split, rows in loaded.items():
            told = json.loads(rows.features.arrow_schema.metadata[b"huggingface"])
            features[shape] = told["info"]["features"]
            first = 0
            for file in files:
                if (file["shape"], file["split"]) != (shape, split):
                    continue
                part = rows.data.table.slice(first, file["rows"])
                first += file["rows"]
                schema = pq.read_schema(folder / file["path"])
                digest = digest_table(schema, part.to_batches(max_chunksize=BATCH_ROWS))
                seen[file["path"]] = {"rows": digest.rows, "values": digest.hexdigest()}
            if first != rows.num_rows:
                raise SystemExit(f"{shape}/{split}: {rows.num_rows} rows instead of {first}")
    return seen, features


if __name__ == "__main__":
    main()
    # The answer is out. The readers' libraries keep threads of their own, and now and
    # then one of them ends the interpreter's orderly shutdown with "terminate called".
    os._exit(0)
