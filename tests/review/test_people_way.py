"""Two annotators and an adjudicator, by commands alone, up to a published version."""

from __future__ import annotations

import json
import re

import pyarrow.parquet as pq
import pytest

from curate.cli import main
from curate.review.config import ReviewConfig
from curate.review.connection import connect
from tests.review.readers import client_of, submit

pytestmark = pytest.mark.server

PAGES = {
    "harbour": "Menu\n\nThe crane stays where it is.\nPhoto: City archive.\nMore news",
    "library": "Menu\n\nThe library opens on Sunday.\nPhoto: City archive.\nMore news",
    "bridge": "Menu\n\nThe bridge is closed in May.\nPhoto: City archive.\nMore news",
}

ADDRESS = re.compile(rb"[\w.+-]+@[\w-]+\.\w+")


@pytest.fixture
def run(tmp_path, state, monkeypatch, capsys, server):
    """Run a command in a workspace of its own, on the session's server."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    for name, text in PAGES.items():
        file = tmp_path / f"pages/{name}.example/p.txt"
        file.parent.mkdir(parents=True)
        file.write_text(text)
    options = (
        f"name=way-{tmp_path.name[-12:]}",
        "pages.path=pages",
        "pages.site=folder",
        "engine=serial",
        f"paths.state={state}",
        "review.annotators=[ada@example.org,bo@example.org]",
        "review.annotators_per_page=2",
        "review.adjudicator=cy@example.org",
        "review.consensus=dawid_skene",
    )

    def call(*words, status=0):
        capsys.readouterr()
        assert main([*words, *options]) == status
        return capsys.readouterr()

    return call


def rows(folder, shape="segments"):
    (newest,) = [json.loads((folder / "latest.json").read_text())["version"]]
    files = sorted((folder / newest / shape).glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def test_the_whole_way_of_two_annotators_and_no_address_in_what_is_published(run, state, tmp_path):
    told = run("review", "check").out
    assert "accounts that the next push makes: ada@example.org, bo@example.org" in told or (
        "people have accounts" in told
    )
    planned = run("review", "plan").out
    assert re.search(r"ada@example.org +3 +0 +0 +0 +0 +0", planned)
    assert "blindness rests on people's word" in planned
    first = run("run")
    assert "ada@example.org: 3 of 3 pages left at http://127.0.0.1" in first.out + first.err

    with connect(ReviewConfig(), state) as connection:
        client = connection.client
        # Other tests on this server have annotators of the same names.
        ours = [p for p in client.projects() if "way-" in p["title"]]
        mine = {p["title"].rpartition(" · ")[2]: int(p["id"]) for p in ours}
        for who, odd in (("ada", "article"), ("bo", "caption")):
            with client_of(connection.local, f"{who}@example.org") as reader:
                for task in client.tasks(mine[who]):
                    # They differ on the photo line of one page.
                    text = task["data"]["text"]
                    photo = text.index("Photo")
                    submit(reader, task, labelled(task, photo, odd, "bridge" in text))
        run("review", "pull")
        assert re.search(r"ada@example.org +3 +0 +0 +3 +0 ", run("review", "status").out)
        agreement = json.loads(run("review", "agreement", "--json").out)
        assert (agreement["n_pages"], agreement["disputed"]) == (3, 1)
        tables = agreement["consensus"]["tables"]
        assert len(tables) == 2
        assert all(table[0][0] > 0.8 for table in tables.values())
        n = agreement["n_segments"]
        assert agreement["share"]["value"] == pytest.approx((n - 1) / n)
        shown = run("review", "agreement").out
        assert "article / caption" in shown
        assert "ada@example.org" in shown

        run("run")  # makes the adjudication project
        (number,) = [
            int(p["id"])
            for p in client.projects()
            if "adjudication (cy)" in p["title"] and "way-" in p["title"]
        ]
        with client_of(connection.local, "cy@example.org") as reader:
            (task,) = client.tasks(number)
            photo = task["data"]["text"].index("Photo")
            submit(reader, task, labelled(task, photo, "caption", True))
    run("run")
    folder = next((tmp_path / "exports").iterdir())
    published = rows(folder)
    photos = {row["site"]: row for row in published if row["text"].startswith("Photo")}
    bridge = photos["bridge.example"]
    assert (bridge["label_name"], bridge["origin"]) == ("caption", "human")
    assert (bridge["n_annotators"], bridge["agreement"], bridge["adjudicated"]) == (3, 0.5, True)
    harbour = photos["harbour.example"]
    assert (harbour["n_annotators"], harbour["agreement"], harbour["adjudicated"]) == (2, 1, False)
    assert [name.split("-")[0] for name in bridge["annotators"]] == ["annotator"] * 3

    met = {
        file: found
        for file in (tmp_path / "exports").rglob("*")
        if file.is_file() and (found := ADDRESS.findall(read(file)))
    }
    assert met == {}
    manifest = (folder / "latest.json").parent / "v0001" / "manifest.json"
    assert "person 1" in manifest.read_text()
    report = sorted(folder.glob("v*/report.html"))[-1].read_text()
    assert "Krippendorff" in report


def labelled(task, photo, label, differs):
    """A reader who says `article` of all but the photo line, where they differ on one page."""
    starts = [r["value"]["start"] for r in task["predictions"][-1]["result"]]

    def say(n, _):
        if starts[n] != photo:
            return "article"
        return label if differs else "caption"

    return say


def read(file):
    """A file's bytes; those of Parquet uncompressed."""
    if file.suffix == ".parquet":
        return json.dumps(pq.read_table(file).to_pylist(), default=str).encode()
    return file.read_bytes()
