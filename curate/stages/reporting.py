"""The facts of the visual report, counted over a version's own files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from curate.io import read_json
from curate.report.data import (
    SCORE_BINS,
    Agreement,
    Example,
    ExampleSegment,
    Group,
    LabelCount,
    ReportData,
    ReviewState,
    Split,
    StageCount,
    UnsureSegment,
    VersionDiff,
)
from curate.schema import LabelSet
from curate.sql import aggregating
from curate.stages.quality_view import quality_view

__all__ = ["report_data"]

GROUPS_SHOWN = 12
"""Sites named one by one; what a bar chart holds on one screen."""

UNSURE_SHOWN = 20
EXAMPLES_SHOWN = 4
EXAMPLE_SEGMENTS = 60
EXAMPLE_CHARS = 400
"""The report stays below a megabyte and is read in minutes."""


SUMS = """
CREATE TEMP TABLE sums AS
SELECT page_key, label_name, any_value(site) AS site, any_value(page_type) AS page_type,
       any_value(language) AS language, count(*) AS n, sum("end" - "start") AS chars
FROM segments GROUP BY 1, 2
"""
"""What most of the report adds up, a few rows a page, so that the files are read once for it."""


def report_data(
    version: Path, label_set: LabelSet, stages: Sequence[StageCount], memory_limit: str
) -> ReportData:
    """What `report.html` of the version in this folder tells.

    Args:
        version: folder with `manifest.json` and both shapes.
        stages: counts of this run's stages.
    """
    manifest = read_json(version / "manifest.json")
    with aggregating(memory_limit) as connection:
        for shape in ("segments", "pages"):
            files = sorted(str(path) for path in (version / shape).glob("*.parquet"))
            connection.read_parquet(files).create_view(shape)
        connection.execute(SUMS)
        rows = _Rows(connection)
        return ReportData(
            name=manifest["name"],
            version=manifest["version"],
            labels=_labels(rows, label_set),
            stages=stages,
            splits=[
                Split(name, s["pages"], s["segments"], s["sites"], s["reviewed"])
                for name, s in manifest["splits"].items()
            ],
            sites=_groups(rows, "site"),
            page_types=_groups(rows, "page_type"),
            languages=_groups(rows, "language"),
            origins=dict(
                rows("SELECT origin, count(*) FROM segments GROUP BY 1 ORDER BY 2 DESC, 1")
            ),
            unsure=_unsure(rows),
            examples=_examples(rows, label_set),
            review=_review(rows, manifest),
            diff=_diff(manifest),
            quality=quality_view(manifest, version.parent),
            labeler=", ".join(
                row[0] for row in rows("SELECT DISTINCT labeler FROM segments ORDER BY 1")
            ),
            notes=tuple(manifest.get("notes") or ()),
        )


class _Rows:
    """Runs a query and gives its rows."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __call__(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._connection.execute(query, list(values)).fetchall()
        return found


def _labels(rows: _Rows, label_set: LabelSet) -> list[LabelCount]:
    counts = {
        name: (n, chars)
        for name, n, chars in rows("SELECT label_name, sum(n), sum(chars) FROM sums GROUP BY 1")
    }
    histogram: dict[str, list[int]] = {}
    for name, index, n in rows(
        "SELECT label_name, least(floor(score * $1), $1 - 1)::INT, count(*) FROM segments "
        "WHERE score IS NOT NULL GROUP BY 1, 2",
        SCORE_BINS,
    ):
        histogram.setdefault(name, [0] * SCORE_BINS)[index] = n
    return [
        LabelCount(
            label.name,
            label.color,
            *counts.get(label.name, (0, 0)),
            description=label.description,
            scores=tuple(histogram.get(label.name, ())),
        )
        for label in label_set.labels
    ]


def _groups(rows: _Rows, column: str) -> list[Group]:
    """Pages and characters by a column's values, largest first, the rest summed up."""
    pages: dict[str, int] = {}
    chars: dict[str, dict[str, int]] = {}
    for name, label, n_pages, n in rows(
        f"""
        WITH named AS (SELECT coalesce({column}, 'not told') AS name, * FROM sums),
        shown AS (
            SELECT name, count(DISTINCT page_key) AS pages FROM named
            GROUP BY 1 ORDER BY pages DESC, name
        ),
        ranked AS (SELECT *, row_number() OVER (ORDER BY pages DESC, name) AS rank FROM shown)
        SELECT ranked.name, label_name, any_value(pages), sum(chars)
        FROM named JOIN ranked USING (name) GROUP BY 1, 2, rank ORDER BY rank, 2
        """  # noqa: S608 - the column is one of ours
    ):
        pages[name] = n_pages
        chars.setdefault(name, {})[label] = n
    names = list(pages)
    groups = [Group(name, pages[name], chars[name]) for name in names[:GROUPS_SHOWN]]
    if rest := names[GROUPS_SHOWN:]:
        total: dict[str, int] = {}
        for name in rest:
            for label, n in chars[name].items():
                total[label] = total.get(label, 0) + n
        groups.append(Group(f"{len(rest)} others", sum(pages[n] for n in rest), total))
    return groups


def _unsure(rows: _Rows) -> list[UnsureSegment]:
    return [
        UnsureSegment(page=title or url or key, text=text, label=label, score=score, url=url)
        for key, url, title, text, label, score in rows(
            """
            SELECT s.page_key, s.url, p.title, left(s.text, $1), s.label_name, s.score
            FROM segments AS s JOIN pages AS p USING (page_key)
            WHERE s.origin <> 'human' AND s.score IS NOT NULL
            ORDER BY s.score, s.page_key, s.start LIMIT $2
            """,
            EXAMPLE_CHARS,
            UNSURE_SHOWN,
        )
    ]


def _examples(rows: _Rows, label_set: LabelSet) -> list[Example]:
    """Pages of different sites, those with most different labels first."""
    chosen = rows(
        """
        WITH kinds AS (
            SELECT page_key, any_value(site) AS site, count(*) AS kinds, sum(n) AS n
            FROM sums GROUP BY 1
        )
        SELECT page_key FROM kinds
        QUALIFY row_number() OVER (
            PARTITION BY site ORDER BY kinds DESC, abs(n - $1), page_key
        ) = 1
        ORDER BY kinds DESC, abs(n - $1), page_key LIMIT $2
        """,
        EXAMPLE_SEGMENTS,
        EXAMPLES_SHOWN,
    )
    examples = []
    for (key,) in chosen:
        ((url, title, page_type, language, n),) = rows(
            "SELECT url, title, page_type, language, n_segments FROM pages WHERE page_key = $1", key
        )
        segments = [
            ExampleSegment(text, label, kind or "p", score, origin)
            for text, label, kind, score, origin in rows(
                "SELECT left(text, $1), label_name, kind, score, origin FROM segments "
                "WHERE page_key = $2 ORDER BY start LIMIT $3",
                EXAMPLE_CHARS,
                key,
                EXAMPLE_SEGMENTS,
            )
            if label in label_set.names
        ]
        left_out = max(0, n - len(segments))
        examples.append(Example(title or url or key, segments, url, page_type, language, left_out))
    return examples


def _review(rows: _Rows, manifest: Mapping[str, Any]) -> ReviewState | None:
    ((pages, reviewed),) = rows("SELECT count(*), count(*) FILTER (reviewed) FROM pages")
    if not reviewed:
        return None
    actions = rows(
        "SELECT action, count(*) FROM segments WHERE action IS NOT NULL GROUP BY 1 ORDER BY 1"
    )
    ((people,),) = rows(
        "SELECT count(DISTINCT who) FROM (SELECT unnest(annotators) AS who FROM segments)"
    )
    ((mean, n),) = rows("SELECT avg(agreement), count(agreement) FROM segments")
    kept = manifest.get("kept_suggestions") or {}
    return ReviewState(
        reviewed=reviewed,
        pages=pages,
        annotators=people,
        actions=dict(actions),
        agreement=(mean, n) if n else None,
        kept=[Agreement(label, *row) for label, row in kept.items()],
        orphans=_orphans(manifest),
    )


def _orphans(manifest: Mapping[str, Any]) -> int:
    """Reviewed spans whose words no longer stand on their page."""
    told = (manifest.get("facts") or {}).get("standing") or {}
    return int(told.get("partial", 0)) + int(told.get("orphan", 0))


def _diff(manifest: Mapping[str, Any]) -> VersionDiff | None:
    diff = manifest.get("diff")
    if not diff:
        return None
    return VersionDiff(
        before=str(diff["from"]),
        pages=_numbers(diff.get("pages")),
        segments=_numbers(diff.get("segments")),
        relabelled=_numbers(diff.get("relabelled")),
    )


def _numbers(value: object) -> dict[str, int]:
    if not isinstance(value, Mapping):
        return {}
    return {str(key): item for key, item in value.items() if isinstance(item, int)}
