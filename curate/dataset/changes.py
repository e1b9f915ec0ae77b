"""What changed between two labelled states of a dataset, told in full.

Runs as queries of DuckDB over the Parquet files: only columns that are compared
are read, and texts only of pages whose text changed and of the examples shown.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curate.dataset.facts import connect, files_of
from curate.dataset.versions import MANIFEST
from curate.errors import DatasetError
from curate.io import read_json

__all__ = ["State", "changes", "flat_changes", "version_state"]

SITES_SHOWN = 20
EXAMPLES_SHOWN = 3
EXAMPLE_CHARS = 160
"""What a person takes in; `--json` has the same, with all flips counted."""

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class State:
    """One side of a comparison.

    Attributes:
        name: how a person calls it.
        segments: SQL table expression with the columns page_key, page_id, site,
            start, end, text, label_name, origin, action, score, agreement.
        pages: SQL table expression with page_key, page_id, site, reviewed.
        labels: the label set: name, labels, guideline_digest.
        columns: name to type of the published columns, empty for a run.
        config: the composed configuration.
        made_of: what else decides the result: labeler, packages, stage code.
    """

    name: str
    segments: str
    pages: str
    labels: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    made_of: Mapping[str, Any] = field(default_factory=dict)


def version_state(folder: Path) -> State:
    """A published version.

    Raises:
        DatasetError: the folder is none.
    """
    import pyarrow.parquet as pq

    if not (folder / MANIFEST).is_file():
        raise DatasetError(
            f"{folder} is no published version (it has no {MANIFEST}); "
            "name a folder like exports/samples/v0001, or a run of `curate runs`"
        )
    manifest = read_json(folder / MANIFEST)
    facts = manifest.get("facts") or {}
    columns: dict[str, str] = {}
    for shape in ("segments", "pages"):
        first = min((folder / shape).glob("*.parquet"), default=None)
        if first is not None:
            columns |= {f"{shape}.{f.name}": str(f.type) for f in pq.read_schema(first)}
    return State(
        name=f"{manifest.get('name')} {manifest.get('version')}",
        segments=files_of(folder, "segments"),
        pages=files_of(folder, "pages"),
        labels=manifest.get("labels") or {},
        columns=columns,
        config=facts.get("config") or {},
        made_of=facts,
    )


def changes(before: State, after: State, *, memory_limit: str = "1GB") -> dict[str, Any]:
    """Everything that is not as it was, as plain values for JSON.

    A segment is the same where the same span of the same text has it; on pages
    whose text changed, where the same words stand as often before. Where only
    the splitter moved borders, labels are compared by characters.

    Returns:
        `pages` and `segments` (added, removed, changed, unchanged), `flips` (by
        label), `flips_by_origin`, `flips_by_site`, `characters` (relabelled where
        segments were cut otherwise), `examples`, `schema`, `config`, `made_of`,
        and `metrics` (then, now).
    """
    with tempfile.TemporaryDirectory() as scratch:
        connection = connect(memory_limit, Path(scratch))
        try:
            connection.execute("SET preserve_insertion_order = false")
            return _Comparison(connection, before, after).told()
        finally:
            connection.close()


class _Comparison:
    """The queries, over temporary tables that hold what is compared."""

    def __init__(self, connection: Any, before: State, after: State) -> None:
        self._connection = connection
        self._states = {"b": before, "a": after}
        for side, state in self._states.items():
            self._run(
                f"CREATE TEMP TABLE {side}_pages AS "
                f"SELECT page_key, page_id, site, reviewed FROM {state.pages}"
            )
        self._run(
            "CREATE TEMP TABLE page_states AS SELECT coalesce(b.page_key, a.page_key) AS page_key, "
            "CASE WHEN b.page_key IS NULL THEN 'added' WHEN a.page_key IS NULL THEN 'removed' "
            "WHEN a.page_id = b.page_id THEN 'same' ELSE 'changed' END AS state "
            "FROM b_pages b FULL JOIN a_pages a ON a.page_key = b.page_key"
        )
        for side, state in self._states.items():
            # Texts are matched by their digest; of unchanged pages none is read.
            self._run(
                f"CREATE TEMP TABLE {side} AS "
                f'SELECT s.page_key, s.page_id, s.site, s."start" AS first, s."end" AS last, '
                "s.label_name AS label, s.origin, s.action, p.state, NULL::UHUGEINT AS words, "
                f"0 AS nth FROM {state.segments} s JOIN page_states p USING (page_key) "
                "WHERE p.state <> 'changed' UNION ALL BY NAME "
                f'SELECT page_key, page_id, site, "start" AS first, "end" AS last, '
                "label_name AS label, origin, action, 'changed' AS state, "
                "md5_number(text) AS words, "
                "row_number() OVER (PARTITION BY page_key, md5_number(text) "
                'ORDER BY "start") AS nth '
                f"FROM {state.segments} WHERE page_key IN "
                "(SELECT page_key FROM page_states WHERE state = 'changed')"
            )
        self._run(
            "CREATE TEMP TABLE joined AS SELECT b.page_key IS NOT NULL AS was, "
            "a.page_key IS NOT NULL AS still, coalesce(a.page_key, b.page_key) AS page_key, "
            "coalesce(a.page_id, b.page_id) AS page_id, coalesce(a.site, b.site) AS site, "
            "coalesce(a.first, b.first) AS first, coalesce(a.last, b.last) AS last, "
            "coalesce(a.state, b.state) AS state, b.label AS old, a.label AS new, "
            "b.origin AS old_origin, a.origin AS new_origin, "
            "b.action AS old_action, a.action AS new_action "
            "FROM b FULL JOIN a ON a.page_key = b.page_key "
            "AND a.words IS NOT DISTINCT FROM b.words AND a.nth = b.nth AND (a.words IS NOT NULL "
            "OR (a.first = b.first AND a.last = b.last))"
        )
        self._run(
            "CREATE TEMP VIEW flips AS SELECT * FROM joined WHERE was AND still AND old <> new"
        )

    def told(self) -> dict[str, Any]:
        before, after = self._states["b"], self._states["a"]
        return {
            "from": before.name,
            "to": after.name,
            "pages": self._pages(),
            "segments": self._segments(),
            "flips": self._counted("old || ' → ' || new", "flips"),
            "flips_by_origin": self._counted("old_origin || ' → ' || new_origin", "flips"),
            "flips_by_site": self._counted("site", "flips", SITES_SHOWN),
            "origins": self._counted(
                "old_origin || ' → ' || new_origin",
                "joined WHERE was AND still AND old_origin <> new_origin",
            ),
            "characters": self._characters(),
            "examples": self._examples(),
            "schema": _schema_changes(before, after),
            "config": flat_changes(_without_paths(before.config), _without_paths(after.config)),
            "made_of": _made_of(before.made_of, after.made_of),
            "metrics": self._metrics(),
        }

    def _run(self, query: str, *values: object) -> list[Row]:
        found: list[Row] = self._connection.execute(query, list(values)).fetchall()
        return found

    def _pages(self) -> dict[str, int]:
        n = {
            str(k): int(v)
            for k, v in self._run("SELECT state, count(*) FROM page_states GROUP BY 1")
        }
        return {k: n.get(k, 0) for k in ("added", "removed", "changed")} | {
            "unchanged": n.get("same", 0)
        }

    def _segments(self) -> dict[str, int]:
        ((added, removed, changed, total),) = self._run(
            "SELECT count(*) FILTER (NOT was), count(*) FILTER (NOT still), "
            "count(*) FILTER (was AND still AND (old, old_origin, old_action) "
            "IS DISTINCT FROM (new, new_origin, new_action)), "
            "count(*) FROM joined"
        )
        found = {"added": added, "removed": removed, "changed": changed}
        return found | {"unchanged": total - added - removed - changed}

    def _counted(self, what: str, table: str, limit: int | None = None) -> dict[str, int]:
        more = f"LIMIT {limit}" if limit else ""
        rows = self._run(
            f"SELECT {what} AS name, count(*) AS n FROM {table} "
            f"GROUP BY 1 ORDER BY n DESC, 1 {more}"
        )
        return {str(name): int(n) for name, n in rows}

    def _characters(self) -> dict[str, int]:
        """Characters by label then and now where borders of segments moved."""
        rows = self._run(
            "WITH gone AS (SELECT b.* FROM b ANTI JOIN a USING (page_id, first, last) "
            "WHERE b.state = 'same'), came AS (SELECT a.* FROM a ANTI JOIN b "
            "USING (page_id, first, last) WHERE a.state = 'same') "
            "SELECT gone.label || ' → ' || came.label AS name, "
            "sum(least(gone.last, came.last) - greatest(gone.first, came.first)) AS n "
            "FROM gone JOIN came ON gone.page_id = came.page_id AND gone.first < came.last "
            "AND came.first < gone.last WHERE gone.label <> came.label "
            "GROUP BY 1 ORDER BY n DESC, 1"
        )
        return {str(name): int(n) for name, n in rows}

    def _examples(self) -> list[dict[str, Any]]:
        """Some segments of each kind of flip, of different pages where there are."""
        rows = self._run(
            "WITH shown AS (SELECT *, row_number() OVER (PARTITION BY page_key, old, new "
            "ORDER BY first) AS here FROM flips), picked AS (SELECT * FROM shown "
            "QUALIFY row_number() OVER (PARTITION BY old, new ORDER BY here, page_key) <= $1), "
            'read AS (SELECT page_key, page_id, "start" AS first, "end" AS last, '
            f"left(text, $2) AS text FROM {self._states['a'].segments} "
            "WHERE page_key IN (SELECT page_key FROM picked)) "
            "SELECT p.site, p.page_key, p.old, p.new, p.old_origin, p.new_origin, r.text "
            "FROM picked p JOIN read r USING (page_id, first, last) "
            "ORDER BY p.old, p.new, p.here, p.page_key",
            EXAMPLES_SHOWN,
            EXAMPLE_CHARS,
        )
        names = ("site", "page_key", "from", "to", "from_origin", "to_origin", "text")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _metrics(self) -> list[dict[str, Any]]:
        old, new = (self._measured(side) for side in ("b", "a"))
        return [
            {"name": name, "then": old.get(name), "now": new.get(name)}
            for name in dict.fromkeys([*old, *new])
        ]

    def _measured(self, side: str) -> dict[str, float | int | None]:
        segments = self._states[side].segments
        ((pages, reviewed, sites),) = self._run(
            f"SELECT count(*), count(*) FILTER (reviewed), count(DISTINCT site) FROM {side}_pages"
        )
        found: dict[str, float | int | None] = {
            "pages": pages,
            "sites": sites,
            "pages reviewed": reviewed,
        }
        rows = self._run(
            'SELECT label_name, count(*), sum("end" - "start"), avg(score), '
            "count(*) FILTER (origin = 'human'), count(*) FILTER (action = 'accepted'), "
            f"avg(agreement), count(agreement) FROM {segments} GROUP BY 1 ORDER BY 1"
        )
        chars = sum(row[2] or 0 for row in rows) or 1
        found["segments"] = sum(row[1] for row in rows)
        for name, n, size, score, human, accepted, _, _ in rows:
            found[f"segments {name}"] = n
            found[f"characters {name}, share"] = round((size or 0) / chars, 4)
            found[f"score {name}, mean"] = None if score is None else round(score, 4)
            if human:
                found[f"suggestion kept {name}, share"] = round(accepted / human, 4)
        weights = [(row[6], row[7]) for row in rows if row[7]]
        if weights:
            n_read = sum(n for _, n in weights)
            found["agreement, mean"] = round(sum(mean * n for mean, n in weights) / n_read, 4)
        return found


def flat_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Leaves of two nested mappings that differ: key, then, now."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    return [
        {"key": key, "then": old.get(key), "now": new.get(key)}
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    ]


def _leaves(value: object, prefix: str = "") -> Sequence[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        return [
            pair
            for name, item in value.items()
            for pair in _leaves(item, f"{prefix}.{name}" if prefix else str(name))
        ]
    return [(prefix, value)]


def _without_paths(config: Mapping[str, Any]) -> dict[str, Any]:
    """What decides the data: not where things lie, nor how the labels are worded twice."""
    return {k: v for k, v in config.items() if k not in ("paths", "engine", "schema")}


def _schema_changes(before: State, after: State) -> dict[str, Any]:
    """Labels, their wording, guideline and published columns."""
    old, new = ([str(d["name"]) for d in s.labels.get("labels", ())] for s in (before, after))
    worded = {str(d["name"]): d for d in before.labels.get("labels", ())}
    return {
        "labels": {
            "added": [name for name in new if name not in old],
            "removed": [name for name in old if name not in new],
            "reworded": [
                str(d["name"])
                for d in after.labels.get("labels", ())
                if d["name"] in worded and d != worded[d["name"]]
            ],
            "reordered": old != new and sorted(old) == sorted(new),
        },
        "map": flat_changes(
            before.labels.get("from_labels") or {}, after.labels.get("from_labels") or {}
        ),
        "guideline": before.labels.get("guideline_digest") != after.labels.get("guideline_digest"),
        "columns": flat_changes(
            {k.replace(".", "/"): v for k, v in before.columns.items()},
            {k.replace(".", "/"): v for k, v in after.columns.items()},
        )
        if before.columns and after.columns
        else [],
    }


def _made_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Labeler, packages, Python, and which stages run other code."""
    kept = ("labeler", "packages", "python", "curate", "people")
    told = [k for k in kept if before.get(k) and after.get(k)]  # older records tell less
    old, new = ({k: facts[k] for k in told} for facts in (before, after))
    for facts, into in ((before, old), (after, new)):
        stages = facts.get("stages") or {}
        into["code"] = {
            stage: row.get("code") or (row.get("recipe") or {}).get("fingerprint")
            for stage, row in stages.items()
            if row.get("code")
        }
    return flat_changes(old, new)
