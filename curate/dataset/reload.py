"""Reads a version as its users will: run as a process of its own by the gate.

Standard input tells the folder and its files; standard output gets, for each
reader and file, the number of rows and the digest of each column's values.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from curate.dataset.values import digest_table

__all__ = ["main"]

BATCH_ROWS = 10_000
"""Rows digested at a time, so that memory stays flat."""


def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    folder, scratch = Path(request["folder"]), Path(request["scratch"])
    by_duckdb = _by_duckdb(folder, request["files"], request["memory_limit"], scratch)
    by_datasets, features = _by_datasets(folder, request["files"], scratch)
    json.dump({"duckdb": by_duckdb, "datasets": by_datasets, "features": features}, sys.stdout)


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
    sys.stdout.flush()
    # The answer is out. The readers' libraries keep threads of their own, and now and
    # then one of them ends the interpreter's orderly shutdown with "terminate called".
    os._exit(0)
