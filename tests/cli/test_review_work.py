"""Human work in and out as files, and its withdrawal, by commands alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curate.cli import main
from curate.review.annotations import load, read_all
from tests.cli.conftest import Command

BASE = ("name=t", "pages.path=pages.jsonl", "engine=serial", "labeler=rules", "review=none")

TEXTS = {
    f"https://s{i}.example/story": f"Menu\nThe crane of site {i} stays where it is.\nRead more\n"
    f"A decision on crane {i} is expected before the end of the month, the board said.\nImprint"
    for i in range(4)
}


Review = Callable[..., tuple[str, str]]


@pytest.fixture
def review(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Review:
    """Run `curate review ARGS` in the workspace, in this process; (stdout, stderr)."""
    monkeypatch.chdir(workspace)
    monkeypatch.setenv("COLUMNS", "160")

    def call(*args: str, status: int = 0) -> tuple[str, str]:
        capsys.readouterr()
        try:
            ended = main(["review", *args])
        except SystemExit as error:
            ended = int(str(error.code))
        told = capsys.readouterr()
        assert ended == status, told
        return told.out, told.err

    return call


def prepared(workspace: Path) -> Path:
    """Four pages as input, and one person's labels on two of them in a file."""
    lines = [json.dumps({"url": url, "text": text}) for url, text in TEXTS.items()]
    (workspace / "pages.jsonl").write_text("\n".join(lines) + "\n")
    labelled = []
    for url, text in list(TEXTS.items())[:2]:
        start = text.index("The crane")
        spans = [
            {"start": 0, "end": 4, "label": "boilerplate"},
            {"start": start, "end": text.index("\nRead"), "label": "caption"},
        ]
        labelled.append({"url": url, "text": text, "spans": spans, "annotator": "Grace Harbour"})
    path = workspace / "hand.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in labelled))
    return path


def published(workspace: Path, version: str) -> list[dict[str, object]]:
    files = sorted((workspace / "exports/t" / version / "segments").glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def test_import_publish_back_up_withdraw_and_publish_without(
    workspace: Path, curate: Command, review: Review
):
    hand = prepared(workspace)
    told = review("import", hand.name, "--report", "spans.jsonl", *BASE)[0]
    assert "hand.jsonl: 2 annotations new, 0 changed, 0 known already" in told
    assert "spans on today's pages: 4 kept" in told
    assert (workspace / "spans.jsonl").read_text() == ""
    folder = workspace / "exports/t/annotations"
    who = load(folder)[0].annotator

    curate("run", *BASE)
    human = [row for row in published(workspace, "v0001") if row["origin"] == "human"]
    assert sorted((row["url"], row["label_name"], tuple(row["annotators"])) for row in human) == [
        (url, label, (who,)) for url in list(TEXTS)[:2] for label in ("boilerplate", "caption")
    ]

    review("export", "backup.parquet")
    review("export", "backup.jsonl")
    before = list(read_all(folder))
    for kind in ("parquet", "jsonl"):
        away = folder.rename(workspace / f"away-{kind}")
        told = review("import", f"backup.{kind}")[0]
        assert f"backup.{kind}: 2 rows restored, 0 were there" in told
        assert list(read_all(folder)) == before
        assert [p.read_bytes() for p in sorted(away.glob("*.parquet"))] == [
            p.read_bytes() for p in sorted(folder.glob("*.parquet"))
        ]

    told = review("withdraw", "--annotator", who)[0]
    assert "withdrew 2 rows: 2 annotations of 2 pages by 1 annotators" in told
    assert "versions published before still hold it: v0001" in told
    assert list(read_all(folder)) == []
    assert "2 withdrawn here before, left out" in review("import", hand.name)[0]
    review("import", "backup.parquet")
    assert list(read_all(folder)) == []
    curate("run", *BASE)
    latest = json.loads((workspace / "exports/t/latest.json").read_text())["version"]
    assert latest == "v0002"
    assert {row["origin"] for row in published(workspace, latest)} == {"rule"}
    for file in (workspace / "exports/t" / latest).rglob("*"):
        assert file.is_dir() or who.encode() not in file.read_bytes(), file
    review("withdraw", "--annotator", who, "--lift")
    assert "2 annotations new" in review("import", hand.name)[0]


def test_work_without_pages_and_errors_in_one_line(workspace: Path, review: Review):
    hand = prepared(workspace)
    told = review("import", hand.name, "name=t")[0]
    assert "pages.path is not set" in told
    assert "spans on today's pages: 4 no page" in told
    page = load(workspace / "exports/t/annotations")[0].page_key
    url = next(iter(TEXTS))
    assert "withdrew 1 rows" in review("withdraw", "--page", url, "name=t")[0]
    assert "withdrew 1 rows" in (review("withdraw", "--page", url.replace("s0", "s1"), "name=t")[0])
    record = (workspace / "exports/t/annotations/withdrawn.jsonl").read_text()
    assert page in record
    assert "Grace" not in record
    for args, message in [
        (("import", "none.json", "name=t"), "ReviewError: none.json is no file"),
        (("export", "x.csv", "name=t"), "ReviewError: x.csv ends in .csv; a backup is"),
        (
            ("withdraw", "--annotator", "annotator-q", "name=t"),
            "ReviewError: no work of annotator annotator-q in",
        ),
        (("export", "x.jsonl", "name=t"), "ReviewError: no human work in"),
    ]:
        _, errors = review(*args, status=1)
        assert errors.strip().splitlines()[-1].startswith(message), errors
    assert (
        "one of the arguments --annotator --page is required" in (review("withdraw", status=2)[1])
    )
