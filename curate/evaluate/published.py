"""People's work of a published dataset version as gold for its labeler."""

from __future__ import annotations

import json
from pathlib import Path

from curate.errors import EvaluateError
from curate.gold import GoldPage

__all__ = ["read_published"]


def read_published(version: Path) -> list[GoldPage]:
    """Reviewed pages of a published dataset version, their human segments as lines.

    Args:
        version: folder such as `exports/<name>/v0001`.

    Raises:
        EvaluateError: it holds no `pages` files.
    """
    import pyarrow.parquet as pq

    files = sorted((version / "pages").glob("*.parquet"))
    if not files:
        raise EvaluateError(
            f"{version}: no pages/*.parquet; give a published version, such as exports/name/v0001"
        )
    names = None
    out = []
    for path in files:
        table = pq.read_table(path, columns=["page_key", "url", "page_type", "text", "segments"])
        kind = table.schema.field("segments").type.value_type
        names = _class_names(path) if not _is_text(kind) else None
        for row in table.to_pylist():
            # Propagated labels are people's at one remove: no gold, and their pages were not read.
            human = [s for s in row["segments"] if s["origin"] == "human"]
            if not human:
                continue
            text = row["text"]
            out.append(
                GoldPage(
                    row["page_key"],
                    row["url"],
                    row["page_type"],
                    [text[s["start"] : s["end"]] for s in human],
                    [names[s["label"]] if names else str(s["label"]) for s in human],
                )
            )
    return out


def _is_text(struct: object) -> bool:
    import pyarrow as pa

    field = struct.field("label")  # type: ignore[attr-defined]  # pyarrow ships no types
    return bool(pa.types.is_string(field.type) or pa.types.is_large_string(field.type))


def _class_names(path: Path) -> list[str]:
    """Names behind the label integers, from the Hugging Face part of the metadata."""
    import pyarrow.parquet as pq

    meta = (pq.read_schema(path).metadata or {}).get(b"huggingface")

    def find(value: object) -> list[str] | None:
        if isinstance(value, dict):
            if value.get("_type") == "ClassLabel":
                return list(value["names"])
            return next((found for part in value.values() if (found := find(part))), None)
        if isinstance(value, list):
            return next((found for part in value if (found := find(part))), None)
        return None

    found = find(json.loads(meta)) if meta else None
    if found is None:
        raise EvaluateError(f"{path}: labels are numbers without names; publish the version again")
    return found
