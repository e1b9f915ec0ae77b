"""Models of folds never see the sites that they are asked about, and are trained once."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("rapidfuzz", reason="training needs pagecurate[train]")
pytest.importorskip("inscriptis", reason="training needs pagecurate[train]")

from curate.errors import EvaluateError
from curate.labelers.training.fit import TreeOptions
from curate.labelers.training.net import NetOptions
from curate.labelers.training.pipeline import FitOptions
from curate.labelers.training.train import Sources, TrainConfig
from curate.segments.blocks import BlockSegmenter
from curate.stages.crossval import fold_models, folds_of_benchmark

TOPICS = ("bridge", "harbour", "library", "orchard", "railway", "museum", "market", "theatre")
SMALL = TreeOptions(trees=2, leaves=4, min_rows=2, features=20)
NET = NetOptions(hidden=8, steps=(1,), epochs=2, batch=100)
SEGMENTER = BlockSegmenter()
SOURCES = Sources(
    lambda html, url: SEGMENTER.segment_html(html, url=url),
    lambda raw: raw.decode(),
    lambda url: url.split("/")[2],
)


def lines_of(number: int) -> list[str]:
    topic = TOPICS[number % 8]
    return ["Home", f"The {topic} is back", f"The {topic} opened on day {number} after repairs.",
            f"Its keepers plan a small feast for the {topic} in year {number}.",
            f"The {topic} at dawn. Photo: Town", "What the mill needs", "Privacy"]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen pages of eight sites, each with gold lines."""
    folder = tmp_path_factory.mktemp("data")
    rows = []
    with (folder / "pages.jsonl").open("w") as pages, (folder / "labels.jsonl").open("w") as labels:
        for number in range(16):
            lines = lines_of(number)
            html = (
                f"<nav><a href=/>{lines[0]}</a></nav><main><h1>{lines[1]}</h1><p>{lines[2]}</p>"
                f"<p>{lines[3]}</p><figure><figcaption>{lines[4]}</figcaption></figure></main>"
                f"<aside class=card><h3><a href=/x>{lines[5]}</a></h3></aside><footer>{lines[6]}"
            )
            url = f"https://site{number // 2}.example/{number}"
            rows.append({"file_id": f"{number:04}", "url": url, "page_type": "article",
                         "html": html.encode(), "main_content": "\n".join(lines[2:4])})  # fmt: skip
            told = {"id": f"x-{number:04}", "url": url, "page_type": "article",
                    "renderer": "html_text", "lines": lines}  # fmt: skip
            pages.write(json.dumps(told) + "\n")
            labels.write(json.dumps({"id": told["id"], "labels": "BAAACTB"}) + "\n")
    pq.write_table(pa.Table.from_pylist(rows), folder / "pages.parquet")
    return folder


def test_folds_are_cut_by_site(data: Path) -> None:
    fold = folds_of_benchmark(data / "pages.parquet", set(), SOURCES.site_of, 4)
    assert len(fold) == 16
    assert all(fold[f"{n:04}"] == fold[f"{n + 1:04}"] for n in range(0, 16, 2))
    assert sorted(list(fold.values()).count(part) for part in range(4)) == [4, 4, 4, 4]


def test_each_fold_is_trained_once_without_its_sites(data: Path, tmp_path: Path) -> None:
    fit = FitOptions(
        main=SMALL, labels=SMALL, teacher=SMALL, types=SMALL, html_net=NET, text_net=NET
    )
    config = TrainConfig(
        str(data / "pages.parquet"), (str(data),), "unused", folds=2, renderers=("html_text",),
        fit=fit,
    )  # fmt: skip
    told: list[str] = []
    first = fold_models(config, 2, SOURCES, tmp_path, told.append)
    assert [line for line in told if line.endswith("training on the other sites")] == [
        "fold 1 of 2: training on the other sites",
        "fold 2 of 2: training on the other sites",
    ]
    for labeler in first.labelers:
        meta = json.loads((labeler.model_folder / "model.json").read_text())
        assert [row["pages"] for row in meta["data"]] == [8, 8]
    assert first.labelers[0].version != first.labelers[1].version
    assert first.labeler_of("0003") is first.labelers[first.fold["0003"]]
    with pytest.raises(EvaluateError, match="page 9999 is not in the benchmark"):
        first.labeler_of("9999")
    told.clear()
    again = fold_models(config, 2, SOURCES, tmp_path, told.append)
    assert told == []
    assert again.name == first.name
