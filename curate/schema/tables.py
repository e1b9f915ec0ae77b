"""Arrow schemas of what the stages store."""

from __future__ import annotations

import pyarrow as pa

__all__ = [
    "ANNOTATION_SCHEMA",
    "LABELED_SCHEMA",
    "PAGE_SCHEMA",
    "PREDICTED_SCHEMA",
    "QUARANTINE_SCHEMA",
    "SAMPLE_SCHEMA",
    "SCHEMA_VERSION",
    "SEGMENTED_SCHEMA",
]

SCHEMA_VERSION = 1

_string = pa.string()
_strings = pa.list_(pa.string())
_ints = pa.list_(pa.int32())
_time = pa.timestamp("us", tz="UTC")

PAGE_SCHEMA = pa.schema(
    [
        pa.field("page_key", _string, nullable=False),
        pa.field("url", _string),
        pa.field("site", _string, nullable=False),
        pa.field("source", _string, nullable=False),
        pa.field("media_type", _string, nullable=False),
        pa.field("title", _string),
        pa.field("fetched_at", _time),
        pa.field("charset", _string),
        pa.field("content", pa.large_string(), nullable=False),
    ]
)

SEGMENTED_SCHEMA = pa.schema(
    [
        pa.field("page_key", _string, nullable=False),
        pa.field("page_id", _string, nullable=False),
        pa.field("url", _string),
        pa.field("site", _string, nullable=False),
        pa.field("source", _string, nullable=False),
        pa.field("media_type", _string, nullable=False),
        pa.field("title", _string),
        pa.field("lang", _string),
        pa.field("fetched_at", _time),
        pa.field("text_hash", _string, nullable=False),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("starts", _ints, nullable=False),
        pa.field("ends", _ints, nullable=False),
        pa.field("kinds", _strings, nullable=False),
        # The layout; all null for plain text.
        pa.field("node_parent", _ints),
        pa.field("node_tag", _strings),
        pa.field("node_attrs", _strings),
        pa.field("segment_node", _ints),
        pa.field("link_chars", _ints),
        pa.field("n_links", _ints),
        pa.field("segment_href", _strings),
        pa.field("media_before", _ints),
        pa.field("elements_before", _ints),
        pa.field("flags", _ints),
    ]
)

PREDICTED_SCHEMA = pa.schema(
    [
        pa.field("page_key", _string, nullable=False),
        pa.field("page_id", _string, nullable=False),
        pa.field("labels", _strings, nullable=False),
        # Row-major [n_segments * n_labels], label order in the shard's metadata.
        pa.field("scores", pa.list_(pa.float32()), nullable=False),
        pa.field("main", pa.list_(pa.bool_()), nullable=False),
        pa.field("reasons", pa.list_(_strings), nullable=False),
        pa.field("page_type", _string),
        pa.field("page_type_score", pa.float32()),
        pa.field("language", _string),
        pa.field("labeler", _string, nullable=False),
    ]
)

SAMPLE_SCHEMA = pa.schema(
    [
        pa.field("page_key", _string, nullable=False),
        pa.field("page_id", _string, nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("why", _string, nullable=False),
    ]
)

LABELED_SCHEMA = pa.schema(
    [
        pa.field("page_key", _string, nullable=False),
        pa.field("page_id", _string, nullable=False),
        pa.field("starts", _ints, nullable=False),
        pa.field("ends", _ints, nullable=False),
        pa.field("kinds", _strings, nullable=False),
        pa.field("labels", _strings, nullable=False),
        pa.field("origins", _strings, nullable=False),
        pa.field("actions", _strings, nullable=False),
        pa.field("scores", pa.list_(pa.float32()), nullable=False),
        pa.field("n_annotators", _ints, nullable=False),
        pa.field("agreement", pa.list_(pa.float32()), nullable=False),
        pa.field("adjudicated", pa.list_(pa.bool_()), nullable=False),
        pa.field("annotators", pa.list_(_strings), nullable=False),
        pa.field("main", pa.list_(pa.bool_()), nullable=False),
        pa.field("page_type", _string),
        pa.field("language", _string),
        pa.field("labeler", _string, nullable=False),
        pa.field("guideline", _string),
        pa.field("reviewed", pa.bool_(), nullable=False),
        pa.field("verdict", _string),
    ]
)

ANNOTATION_SCHEMA = pa.schema(
    [
        pa.field("annotation_id", _string, nullable=False),
        pa.field("page_key", _string, nullable=False),
        pa.field("text_hash", _string, nullable=False),
        pa.field("annotator", _string, nullable=False),
        pa.field("status", _string, nullable=False),
        pa.field("updated_at", _time, nullable=False),
        pa.field("lead_time_s", pa.float64()),
        pa.field("verdict", _string),
        pa.field("schema", _string, nullable=False),
        pa.field("guideline", _string, nullable=False),
        pa.field("origin", _string, nullable=False),
        pa.field("server", _string),
        pa.field("project_id", pa.int64()),
        pa.field("task_id", pa.int64()),
        pa.field("server_annotation_id", pa.int64()),
        pa.field(
            "spans",
            pa.list_(
                pa.struct(
                    [
                        pa.field("start", pa.int32(), nullable=False),
                        pa.field("end", pa.int32(), nullable=False),
                        pa.field("label", _string, nullable=False),
                        pa.field("action", _string, nullable=False),
                        pa.field("region_id", _string, nullable=False),
                        pa.field("exact", _string, nullable=False),
                        pa.field("prefix", _string, nullable=False),
                        pa.field("suffix", _string, nullable=False),
                    ]
                )
            ),
            nullable=False,
        ),
        pa.field("text", pa.large_string(), nullable=False),
    ]
)

QUARANTINE_SCHEMA = pa.schema(
    [
        pa.field("source", _string, nullable=False),
        pa.field("stage", _string, nullable=False),
        pa.field("reason", _string, nullable=False),
        pa.field("detail", _string, nullable=False),
        pa.field("page_key", _string),
    ]
)
