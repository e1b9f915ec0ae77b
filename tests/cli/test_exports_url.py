"""`paths.exports` at a URL, as a user meets it: two workspaces share a dataset on S3."""

from __future__ import annotations

import io
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq

from curate.review.annotations import append
from curate.schema import Annotation, Span
from curate.text import text_hash
from tests.cli.conftest import Command
from tests.dataset.servers import s3_server

BASE = ("name=t", "pages.path=pages", "pages.url_from=path", "review=none", "engine=serial")


def rows(fs: Any, folder: str) -> list[dict[str, Any]]:
    return [
        row
        for path in sorted(fs.find(folder))
        for row in pq.read_table(io.BytesIO(fs.cat_file(path))).to_pylist()
    ]


def test_two_workspaces_share_work_and_versions(workspace: Path, curate: Command) -> None:
    with s3_server() as (env, url):
        run = (*BASE, f"paths.exports={url}")
        assert f"v0001 is at {url}/t/v0001" in curate("run", *run, **env).stderr
        assert not (workspace / "exports").exists()
        fs, root = fsspec.core.url_to_fs(f"{url}/t", skip_instance_cache=True)
        pages = rows(fs, f"{root}/v0001/pages")
        assert len(pages) == 12

        # Work is pulled here (one reading of one page), and the next run sends it up.
        (folder,) = (workspace / ".curate/state/exports").glob("*/t")
        append(folder / "annotations", [reading(pages[0])])
        curate("run", *run, **env)
        fs.invalidate_cache()
        assert len(fs.find(f"{root}/annotations")) == 1
        assert [row["reviewed"] for row in rows(fs, f"{root}/v0002/pages")].count(True) == 1

        # Another machine, which has neither: it withdraws the page and publishes.
        shutil.rmtree(workspace / ".curate")
        curate("review", "withdraw", "--page", pages[0]["page_key"], *run, **env)
        curate("run", *run, **env)
        fs.invalidate_cache()
        assert [path.rsplit("/", 1)[1] for path in fs.find(f"{root}/annotations")] == [
            "removed.txt",
            "withdrawn.jsonl",
        ]
        assert json.loads(fs.cat_file(f"{root}/latest.json"))["version"] == "v0003"
        keys = {row["page_key"] for row in rows(fs, f"{root}/v0003/pages")}
        assert keys == {row["page_key"] for row in pages[1:]}
        card = fs.cat_file(f"{root}/v0003/README.md").decode()
        assert "Withdrawn on request, so absent from now on: 1 page." in card


def reading(page: dict[str, Any]) -> Annotation:
    text = page["text"]
    return Annotation(
        annotation_id="import-1",
        page_key=page["page_key"],
        text_hash=text_hash(text),
        text=text,
        annotator="a-1",
        status="submitted",
        spans=tuple(
            Span(
                s["start"], s["end"], "article", "relabelled", f"r{n}", text[s["start"] : s["end"]]
            )
            for n, s in enumerate(page["segments"])
        ),
        updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        origin="import:test",
    )
