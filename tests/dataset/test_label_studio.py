"""The exported tasks go into a real Label Studio and come back as they were."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from curate.review import server as server_module
from curate.review.config import ReviewConfig
from curate.review.connection import connect
from curate.review.project import ReviewProject
from curate.review.server_env import VENV_VARIABLE

from .conftest import LABELS, Bench, Seg, make_docs

pytestmark = [pytest.mark.server, pytest.mark.acceptance, pytest.mark.usefixtures("fast")]

PORT = 8294
"""Away from a person's own server and from the review room's tests."""

ROOT = Path(__file__).parents[2]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Path]:
    if os.environ.get("CURATE_SKIP_SERVER") == "1":
        pytest.skip("CURATE_SKIP_SERVER=1: no Label Studio in this run")
    os.environ.setdefault(VENV_VARIABLE, str(ROOT / ".curate/test-server-venv"))
    server_module.start(tmp_path, port=PORT, progress=print)
    yield tmp_path
    server_module.stop(tmp_path)


def test_tasks_are_imported_and_read_back(bench: Bench, workspace: Path) -> None:
    docs = make_docs(4)
    odd = Seg(
        "tab\tbell \x07 👩‍👩‍👧 שלום e\u0301", "teaser", "human", "relabelled", annotators=("a",)
    )
    docs[0] = replace(docs[0], segments=(*docs[0].segments, odd))
    bench.publish(docs, neighbours=("label_studio",))
    state = workspace / ".curate/state"
    with connect(ReviewConfig(), state) as connection:
        project = ReviewProject.open(connection, "imported", LABELS, ReviewConfig(), state)
        assert project is not None
        for path in (bench.home / "neighbours" / "v0001" / "label_studio").iterdir():
            tasks = json.loads(path.read_text(encoding="utf-8"))
            sent = connection.client.import_tasks(project.number, tasks)
            for number, task in zip(sent, tasks, strict=True):
                there = connection.client.task_data(number)
                assert there["data"] == task["data"]
                for kind in ("annotations", "predictions"):
                    assert len(there[kind]) == len(task[kind])
                    for stored, given in zip(there[kind], task[kind], strict=True):
                        regions = {region["id"]: region for region in stored["result"]}
                        assert {key: region["value"] for key, region in regions.items()} == {
                            region["id"]: region["value"] for region in given["result"]
                        }
