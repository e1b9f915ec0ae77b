"""Training on a handful of invented pages: the same bytes twice, and a folder that loads."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("rapidfuzz", reason="training needs pagecurate[train]")
pytest.importorskip("inscriptis", reason="training needs pagecurate[train]")

from curate.errors import EvaluateError, LabelerError
from curate.gold import lines_digest, read_line_labels
from curate.labelers.folder import read_folder
from curate.labelers.model import ModelLabeler
from curate.labelers.training.blend import HTML_SHARES, SURE_SHARES, TEXT_SHARES
from curate.labelers.training.calibration import calibrate, softened
from curate.labelers.training.corpus import folds_by_site
from curate.labelers.training.fit import TreeOptions
from curate.labelers.training.net import NetOptions
from curate.labelers.training.pipeline import FitOptions
from curate.labelers.training.predictions import out_of_fold_pages
from curate.labelers.training.render import render_lines
from curate.labelers.training.train import Sources, TrainConfig, read_examples, train
from curate.segments.blocks import BlockSegmenter

SMALL = TreeOptions(trees=3, leaves=4, min_rows=2, features=30)
NET = NetOptions(hidden=8, steps=(1,), epochs=2, batch=100)
FIT = FitOptions(main=SMALL, labels=SMALL, teacher=SMALL, types=SMALL, html_net=NET, text_net=NET)
SEGMENTER = BlockSegmenter()
SOURCES = Sources(
    lambda html, url: SEGMENTER.segment_html(html, url=url),
    lambda raw: raw.decode(),
    lambda url: url.split("/")[2],
)
TOPICS = ("bridge", "harbour", "library", "orchard", "railway", "museum", "market", "theatre")


def page(number: int) -> dict[str, object]:
    topic = TOPICS[number % len(TOPICS)]
    body = [
        f"The {topic} opened again on day {number} after a long winter of repairs.",
        f"People who live near the {topic} said that they had missed it every week.",
        f"Its keepers plan a small feast for the {topic} later in the year.",
    ]
    lines = ["Home", "About us", f"The {topic} is back", *body, f"The {topic} at dawn. Photo: Town",
             f"What the {TOPICS[(number + 1) % 8]} needs", "2 hours ago", "Privacy"]  # fmt: skip
    html = (
        f"<title>The {topic} is back</title><nav><a href=/>Home</a><br><br><a href=/a>About us</a>"
        f"</nav><main><h1>{lines[2]}</h1>{''.join(f'<p>{line}</p>' for line in body)}<figure>"
        f"<figcaption>{lines[6]}</figcaption></figure></main><aside class=related><div class=card>"
        f"<h3><a href=/n/x>{lines[7]}</a></h3><div>2 hours ago</div></div></aside>"
        "<footer><p>Privacy</p></footer>"
    )
    return {
        "file_id": f"{number:04}",
        "url": f"https://site{number}.example/{topic}",
        "page_type": "article" if number % 3 else "listing",
        "html": html.encode(),
        "main_content": "\n".join(body),
        "lines": lines,
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    pages = [page(number) for number in range(24)]
    lines = [row.pop("lines") for row in pages]
    pq.write_table(pa.Table.from_pylist(pages), folder / "pages.parquet")
    gold = folder / "gold"
    gold.mkdir()
    with (gold / "pages.jsonl").open("w") as file, (gold / "labels.jsonl").open("w") as labels:
        for row, text in list(zip(pages, lines, strict=True))[:12]:
            told = {"id": f"x-{row['file_id']}", "url": row["url"], "page_type": row["page_type"],
                    "renderer": "html_text", "lines": text}  # fmt: skip
            file.write(json.dumps(told) + "\n")
            labels.write(json.dumps({"id": told["id"], "labels": "BBAAAACTTB"}) + "\n")
    return folder


def config(data: Path, out: Path) -> TrainConfig:
    return TrainConfig(
        str(data / "pages.parquet"), (str(data / "gold"),), str(out), folds=2, fit=FIT
    )


def test_training_twice_gives_the_same_bytes(data: Path, tmp_path: Path) -> None:
    first = train(config(data, tmp_path / "a"), SOURCES)
    second = train(config(data, tmp_path / "b"), SOURCES)
    assert first.version == second.version
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "b").iterdir())
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    labeler = ModelLabeler(folder=str(tmp_path / "a"))
    assert labeler.version == first.version
    row = page(30)
    html = SEGMENTER.segment_html(row["html"].decode(), url=str(row["url"]))
    (found,) = labeler.label([html])
    assert len(found.labels) == len(html)
    assert np.allclose(found.scores.sum(axis=1), 1, atol=1e-5)
    assert all(len(reasons) <= 3 for reasons in found.reasons)
    seen, bare = out_of_fold_pages(first)
    assert len(seen) == 24
    assert len(bare) == 12
    card = (tmp_path / "a" / "card.md").read_text()
    assert "CC-BY-4.0" in card
    assert "Murrough Foley" in card


def test_rules_have_their_share_of_bare_text_in_any_number_of_folds(
    data: Path, tmp_path: Path
) -> None:
    made = train(replace(config(data, tmp_path / "six"), folds=6), SOURCES)
    assert made.text.shares == TEXT_SHARES
    assert made.text.sure_shares == SURE_SHARES
    assert made.html.shares == HTML_SHARES


def test_the_rules_weights_come_from_the_same_pages(data: Path, tmp_path: Path) -> None:
    made = train(config(data, tmp_path / "own"), SOURCES)
    folder = tmp_path / "own"
    assert (folder / "text-rules.json.xz").is_file()
    assert not (folder / "html-rules.json.xz").exists()
    kept = read_folder(folder).text.rules
    assert kept == json.loads(json.dumps(made.text.rules))
    labeler = ModelLabeler(folder=str(folder))
    text = SEGMENTER.segment_text("Home\n\nThe bridge opened again.\n\nPhoto: Town\n\nPrivacy")
    (mine,) = labeler.label([text])
    (folder / "text-rules.json.xz").unlink()  # the package's are taken then
    other = tmp_path / "package"
    folder.rename(other)
    (theirs,) = ModelLabeler(folder=str(other)).label([text])
    assert np.abs(mine.scores - theirs.scores).max() > 0.001


def test_labels_of_lines_are_learnt_from_without_being_counted(data: Path, tmp_path: Path) -> None:
    rows = pq.read_table(data / "pages.parquet").to_pylist()
    lines = tmp_path / "lines"
    lines.mkdir()
    with (lines / "labels.jsonl").open("w") as file:
        for row in rows[10:16]:
            rendered = render_lines(row["html"].decode(), "html_text")
            labels = ("B" + "BBAAAACTTB")[-len(rendered) :]
            told = {"id": row["file_id"], "renderer": "html_text", "lines": lines_digest(rendered),
                    "labels": labels}  # fmt: skip
            if row["file_id"] == "0015":
                told["lines"] = "of another page"
            file.write(json.dumps(told) + "\n")
    said: list[str] = []
    given = replace(config(data, tmp_path / "more"), lines=(str(lines),))
    corpus = read_examples(given, SOURCES, said.append)
    assert said == ["3 of 6 pages of train.lines are here, in the lines labelled"]
    judged = {e.key: e.judged for e in corpus.html if e.gold is not None}
    assert judged == {f"{n:04}": n < 12 for n in range(15)}  # 10 and 11 are gold already
    (text,) = [e for e in corpus.text if e.key == "0013"]
    assert text.rendering == "html_text"
    assert text.gold.argmax(axis=1).tolist()[-10:] == [1, 1, 0, 0, 0, 0, 3, 2, 2, 1]
    made = train(given, SOURCES)
    meta = read_folder(made.folder).meta
    assert [row["pages"] for row in meta["data"]] == [24, 12, 3]
    assert meta["figures"]["html"]["pages"] == 12


def test_line_labels_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluateError, match=r"labels\.jsonl: not found; line labels are rows of"):
        read_line_labels(tmp_path)
    (tmp_path / "labels.jsonl").write_text('{"id": "1", "renderer": "x", "labels": "AQ"}\n')
    with pytest.raises(EvaluateError, match="line 1: KeyError: 'Q'; a row has id"):
        read_line_labels(tmp_path)


def test_a_folder_of_another_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelerError, match=r"no model\.json"):
        read_folder(tmp_path)
    (tmp_path / "model.json").write_text('{"format": 99}')
    with pytest.raises(LabelerError, match="model format 99, this version reads 1"):
        read_folder(tmp_path)
    (tmp_path / "model.json").write_text('{"format": 1, "kinds": {}}')
    with pytest.raises(LabelerError, match="damaged"):
        read_folder(tmp_path)


def test_pages_that_share_a_site_or_content_share_a_fold() -> None:
    keys = [["a", "1"], ["b", "1"], ["b", "2"], ["c", "3"], ["d", "4"], ["e", "5"]]
    fold = folds_by_site(keys, 3, [1.0] * 6)
    assert fold[0] == fold[1] == fold[2]
    assert sorted(np.bincount(fold).tolist()) == [1, 2, 3]


def test_calibration_brings_overconfidence_down() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, 4000)
    right = rng.random(4000) < 0.7
    said = np.where(right, truth, (truth + 1) % 4)
    sure = np.full((4000, 4), 0.01 / 3, np.float32)
    sure[np.arange(4000), said] = 0.99
    temperature, bias = calibrate(sure, np.eye(4, dtype=np.float32)[truth])
    calm = softened(sure, temperature, bias)
    assert temperature < 1
    assert abs(float(calm.max(axis=1).mean()) - 0.7) < 0.02
