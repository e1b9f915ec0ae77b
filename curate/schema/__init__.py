"""Records that the rooms exchange, and their Arrow schemas.

Rooms never import each other: what one hands to the next is declared here.
A change of a column or of its meaning raises `SCHEMA_VERSION`, which is part of
every stage's fingerprint, so that stored outputs of another shape are redone.

Spans are half-open `[start, end)` in Unicode code points of the page's text.
"""

from curate.schema.labels import (
    LabelDef,
    LabelRule,
    LabelSet,
)
from curate.schema.records import (
    ACTIONS,
    ORIGINS,
    SPLITS,
    Action,
    Annotation,
    Dropped,
    FinalLabels,
    FloatArray,
    IntArray,
    Layout,
    MediaType,
    Origin,
    Page,
    PagePrediction,
    Quarantined,
    SegmentedPage,
    Span,
    page_id_from,
    page_id_of,
    segment_id_of,
)
from curate.schema.tables import (
    ANNOTATION_SCHEMA,
    LABELED_SCHEMA,
    PAGE_SCHEMA,
    PREDICTED_SCHEMA,
    QUARANTINE_SCHEMA,
    SAMPLE_SCHEMA,
    SCHEMA_VERSION,
    SEGMENTED_SCHEMA,
)

__all__ = [
    "ACTIONS",
    "ANNOTATION_SCHEMA",
    "LABELED_SCHEMA",
    "ORIGINS",
    "PAGE_SCHEMA",
    "PREDICTED_SCHEMA",
    "QUARANTINE_SCHEMA",
    "SAMPLE_SCHEMA",
    "SCHEMA_VERSION",
    "SEGMENTED_SCHEMA",
    "SPLITS",
    "Action",
    "Annotation",
    "Dropped",
    "FinalLabels",
    "FloatArray",
    "IntArray",
    "LabelDef",
    "LabelRule",
    "LabelSet",
    "Layout",
    "MediaType",
    "Origin",
    "Page",
    "PagePrediction",
    "Quarantined",
    "SegmentedPage",
    "Span",
    "page_id_from",
    "page_id_of",
    "segment_id_of",
]
