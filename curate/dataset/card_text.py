"""Parts of the dataset card that don't depend on the data."""

from __future__ import annotations

__all__ = ["LIMITS", "LOADING", "NOTES_HINT"]

LOADING = """## How to load

Run in the folder that holds `VERSION`, or put its path (for `datasets` also the name on the hub) \
in its place. \
`label` is a number with names in `datasets`; `label_name` is the name in every reader.

```python
from datasets import load_dataset

segments = load_dataset("VERSION", "segments", split="SPLIT")
print(segments.features["label"].names, segments[0]["text"], segments[0]["label_name"])

pages = load_dataset("VERSION", "pages", split="SPLIT", streaming=True)
page = next(iter(pages))
print([page["text"][s["start"]:s["end"]] for s in page["segments"]][:3])
```

```python
import pandas

segments = pandas.read_parquet("VERSION/segments")
print(segments.groupby("label_name").size())
```

```python
import polars

pages = polars.read_parquet("VERSION/pages/SPLIT-*.parquet")
print(pages.select("url", "n_segments", "reviewed"))
```

```python
import duckdb

counts = "SELECT label_name, origin, count(*) FROM 'VERSION/segments/*.parquet' GROUP BY ALL"
print(duckdb.sql(counts))
```"""

LIMITS = """## Known limits

- Labels with origin `model` or `rule` are a machine's and have its errors; filter on `origin`, or \
on `score`, where that matters. A score is the labeler's own estimate, made on other pages.
- Reviewers saw the labeler's suggestions, which draws their labels towards it.
- Text that a reviewer left without a label is in the page's `text` but in no segment.
- Splits are by site: ratios hold only roughly, and a large site moves them.
- Near-duplicates are found by estimated similarity (MinHash); a few pairs close to the threshold \
are missed."""

NOTES_HINT = (
    "\nText written here, between the two comments, is kept in every later version of this card.\n"
)
