from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.dataset import DatasetConfig
from curate.dataset.columns import arrow_schema, columns_of
from curate.dataset.mask import Masker
from curate.dataset.select import Selection, select_pages
from curate.dataset.shards import pages_table, segments_table

from .conftest import LABELS, Doc, Seg, key_of, write_shards

TEXT = st.text(min_size=1, max_size=12).filter(lambda text: not text.isspace())
SEGMENTS = st.builds(
    Seg,
    text=TEXT,
    label=st.one_of(st.none(), st.sampled_from(LABELS.names)),
    score=st.one_of(st.none(), st.floats(0, 1, width=32)),
    main=st.booleans(),
    annotators=st.lists(st.sampled_from(("a", "b")), unique=True).map(tuple),
)
PAGES = st.lists(st.lists(SEGMENTS, max_size=6).map(tuple), min_size=1, max_size=5)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(PAGES)
def test_every_row_comes_from_its_page_and_none_is_lost(
    tmp_path: Path, pages: list[tuple[Seg, ...]]
) -> None:
    docs = [Doc(key_of(str(n)), "s.example", segments) for n, segments in enumerate(pages)]
    config, selection = DatasetConfig(), Selection()
    (pair,) = write_shards(tmp_path, docs)
    tables = list(select_pages(pair, config, LABELS.names, selection, Masker(())))
    told: dict[str, list[dict[str, Any]]] = {}
    for shape, build in (("segments", segments_table), ("pages", pages_table)):
        schema = arrow_schema(columns_of(shape, config), LABELS.names)
        parts = [build(table, schema, LABELS.names) for table in tables]
        told[shape] = pa.concat_tables(parts, promote_options="none").to_pylist() if parts else []
    kept = [doc for doc in docs if any(segment.label for segment in doc.segments)]
    assert [row["page_key"] for row in told["pages"]] == [doc.key for doc in kept]
    assert [(row["page_id"], row["text"], row["label_name"]) for row in told["segments"]] == [
        (doc.page_id, segment.text, segment.label)
        for doc in kept
        for segment in doc.segments
        if segment.label
    ]
    by_key = {doc.key: doc for doc in docs}
    for row in told["segments"]:
        doc = by_key[row["page_key"]]
        segment = doc.segments[row["index"]]
        assert doc.text[row["start"] : row["end"]] == row["text"]
        assert row["segment_id"] == f"{doc.page_id}-{row['start']}-{row['end']}"
        assert (row["score"], row["annotators"]) == (segment.score, list(segment.annotators))
    for row in told["pages"]:
        doc = by_key[row["page_key"]]
        labelled = [segment for segment in doc.segments if segment.label]
        assert row["n_segments"] == len(row["segments"]) == len(labelled)
        assert row["main_text"] == "\n".join(s.text for s in labelled if s.main)
    n = Counter(segment.label is None for doc in docs for segment in doc.segments)
    assert selection.segments_given == n[True] + n[False]
    assert selection.segments_out["no label"] == n[True]
    assert selection.pages_out["no published segment"] == len(docs) - len(kept)
