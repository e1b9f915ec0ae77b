"""The loop on a real server: people's work, a better model, its word on what is still unread."""

from __future__ import annotations

import uuid

import pytest

from curate.cli import main
from curate.review.config import ReviewConfig
from curate.review.connection import connect
from tests.cli.conftest import write_pages
from tests.cli.test_training_loop import LOOP, write_towns
from tests.review.test_again import submitted

pytestmark = pytest.mark.server

OPTIONS = [word for word in LOOP if word not in ("name=t", "review=none")]


def test_a_retrained_model_s_predictions_replace_those_of_unread_pages(
    server, state, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    write_pages(tmp_path / "pages")
    write_towns(tmp_path)
    name = f"loop-{uuid.uuid4().hex[:8]}"
    options = [*OPTIONS, f"name={name}", f"paths.state={state}"]

    def run(*words):
        capsys.readouterr()
        assert main([*words, *options]) == 0
        return capsys.readouterr().out

    assert "12 new, 0 updated, 0 closed" in run("run")
    with connect(ReviewConfig(), state) as connection:
        client = connection.client
        (project,) = [p for p in client.projects() if f"“{name}”" in (p["description"] or "")]

        def held():
            tasks = client.tasks(int(project["id"]))
            return {str(task["data"]["url"]): task for task in tasks}

        before = held()
        assert {headline(task) for task in before.values()} == {"article"}
        read = [url for url in before if not url.endswith("p2.html")]
        for url in read:  # somebody who calls headlines boilerplate
            submitted(client, before[url], lambda t, _: "article" if len(t) > 80 else "boilerplate")
        told = run("run")
        assert "8 new, 0 changed, 0 deleted" in told
        assert "new model taken: +" in told
        assert "0 new, 4 updated, 0 closed" in told
        after = held()
        assert len(after) == 12
        for url, task in after.items():
            (prediction,) = task["predictions"]  # the old one is gone
            was = before[url]
            if url in read:
                assert prediction["id"] == was["predictions"][0]["id"]
                assert len(task["annotations"]) == 1
            else:
                assert task["id"] == was["id"]
                assert headline(task) == "boilerplate"
                assert "+project@" in task["data"]["labeler"]
                assert "+project@" not in was["data"]["labeler"]
        assert "the server has them" in run("run")
        assert held() == after


def headline(task):
    """The label of the page's headline in its prediction."""
    (prediction,) = task["predictions"]
    start = task["data"]["text"].index("keeps its crane")
    (label,) = [
        region["value"]["labels"][0]
        for region in prediction["result"]
        if region["value"]["start"] <= start < region["value"]["end"]
    ]
    return label
