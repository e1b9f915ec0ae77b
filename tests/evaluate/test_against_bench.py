"""Our figures against the independent scorers beside the checkout, on a few of their pages."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

pytest.importorskip("rapidfuzz", reason="aligning words needs pagecurate[train]")

from curate.cli.evaluate import _labeling
from curate.evaluate.metrics import label_scores
from curate.evaluate.run import EvaluateConfig, evaluate
from curate.labelers.default import default_labeler

pytestmark = pytest.mark.shared

PAGES = 3


def bench(shared: Path, *args: object) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, args)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def few(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three short gold pages, their HTML as files, and the benchmark cut to eight pages."""
    folder = tmp_path_factory.mktemp("few")
    rows, labels = (
        [json.loads(line) for line in (shared / "data/gold-dev" / name).read_text().splitlines()]
        for name in ("pages.jsonl", "labels.jsonl")
    )
    short = [row for row in rows if 40 < len(row["lines"]) < 90]
    wanted = [next(r for r in short if r["page_type"] == kind) for kind in ("article", "forum")]
    wanted.append(next(r for r in short if r["page_type"] == "listing"))
    ids = {row["id"] for row in wanted}
    table = pq.read_table(shared / "data/wcxb-dev.parquet")
    by_id = {str(name): at for at, name in enumerate(table["file_id"].to_pylist())}
    with (folder / "pages.jsonl").open("w") as file:
        for row in wanted:
            html = table["html"][by_id[row["id"].rsplit("-", 1)[-1]]].as_py()
            row["source"] = f"{row['id']}.html"
            (folder / row["source"]).write_bytes(html)
            file.write(json.dumps(row) + "\n")
    with (folder / "labels.jsonl").open("w") as file:
        file.writelines(json.dumps(row) + "\n" for row in labels if row["id"] in ids)
    rows_kept = sorted({by_id[i.rsplit("-", 1)[-1]] for i in ids} | set(range(5)))
    pq.write_table(table.take(rows_kept), folder / "pages.parquet")
    return folder


@pytest.fixture(scope="module")
def told(few: Path) -> Any:
    config = EvaluateConfig(gold=str(few), benchmark=str(few / "pages.parquet"))
    return evaluate(config, _labeling(default_labeler(), {}))


@pytest.mark.parametrize("mode", ["text", "html"])
def test_labels_score_as_in_the_bench(shared: Path, few: Path, told: Any, mode: str) -> None:
    out = bench(
        shared, shared / "bench/gold.py", few, "--python", sys.executable, "--mode", mode,
        "--html-root", few,
    )  # fmt: skip
    report = getattr(told, mode)
    assert len(report.page_ids) == PAGES
    macro, accuracy = map(float, re.findall(r"^macro-F1 ([\d.]+) accuracy ([\d.]+)", out, re.M)[0])
    confusion = np.sum(report.confusion, axis=0)
    assert f"{report.macro().value:.4f}" == f"{macro:.4f}"
    assert np.trace(confusion[:, :-1]) / confusion.sum() == pytest.approx(accuracy, abs=1e-4)
    for name, ours in zip(report.labels, label_scores(confusion), strict=True):
        row = re.search(rf"^  {name} +P ([\d.]+) R ([\d.]+) F1 ([\d.]+)", out, re.M)
        assert row is not None
        assert [f"{v:.3f}" for v in (ours.precision, ours.recall, ours.f1)] == list(row.groups())
    if mode == "text":
        lines = re.search(r"lines: macro-F1 ([\d.]+)", out)
        assert lines is not None
        by_line = label_scores(np.sum(report.lines, axis=0))
        assert f"{np.mean([s.f1 for s in by_line]):.3f}" == lines.group(1)


def test_main_content_scores_as_in_the_bench(shared: Path, few: Path, told: Any) -> None:
    out = bench(shared, shared / "bench/main_content.py", few / "pages.parquet")
    found = re.search(r"^curate F1 ([\d.]+)", out, re.M)
    assert found is not None
    assert f"{told.main.mean().value:.4f}" == found.group(1)
