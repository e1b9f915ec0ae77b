"""Floors of the shipped model on the development gold.

The model was trained on these pages, so the figures are too high; they guard
against a broken file or feature, nothing else. Honest ones are in card.md.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from curate.evaluate.scoring import JOINER, score_text_labels
from curate.gold import read_gold_folder
from curate.io import file_digest
from curate.labelers import model as model_module
from curate.labelers.base import LABEL_NAMES
from curate.labelers.model import SHIPPED, ModelLabeler
from curate.segments.blocks import BlockSegmenter

GOLD_DIGEST = "2059b4ab367c094335ce90fecddd3963"
TEXT_FLOOR = 0.80


@pytest.mark.shared
def test_bare_text_stays_above_its_floor(shared: Path) -> None:
    folder = shared / "data" / "gold-dev"
    if file_digest(folder / "labels.jsonl") != GOLD_DIGEST:
        pytest.skip("the gold has changed; train again and pin its digest")
    gold = read_gold_folder(folder)
    segmenter = BlockSegmenter()
    pages = [segmenter.segment_text(JOINER.join(page.lines), url=page.url) for page in gold]
    found = ModelLabeler().label(pages)
    pairs = [(g, (p, f)) for g, p, f in zip(gold, pages, found, strict=True)]
    report = score_text_labels(pairs, LABEL_NAMES)
    assert report.macro().value >= TEXT_FLOOR
    assert report.calibration_error() <= 0.06


@pytest.mark.shared
def test_the_news_page_comes_out_right(shared: Path) -> None:
    text = (shared / "data" / "pages" / "gvwire-iraqi-militia-leader.txt").read_text()
    page = BlockSegmenter().segment_text(text)
    (found,) = ModelLabeler().label([page])
    lines = [page.segment_text(at) for at in range(len(page))]
    own = lines.index("AP Interview: Iraqi Militia Leader Wants US Troops to Leave")
    body = lines.index("Share") + 1
    first = lines.index("DON'T MISS")
    assert found.labels[own] == "article"
    assert set(found.labels[body:first]) == {"article"}
    for at, line in enumerate(lines):
        if line in ("DON'T MISS", "UP NEXT", "Share", "Search", "January 28, 2019"):
            assert found.labels[at] == "boilerplate", line
        elif line.endswith(("ago", "Texas")):
            assert found.labels[at] in ("teaser", "boilerplate"), line
        elif line.endswith(("Times)", "File)", "Herald)", "Drago)", "REUTERS", "Illustration)")):
            assert found.labels[at] == "caption", line
    assert found.labels.count("article") == 1 + first - body


def test_the_card_tells_what_the_model_file_tells() -> None:
    folder = Path(model_module.__file__).parent / SHIPPED
    meta = json.loads((folder / "model.json").read_text())
    card = (folder / "card.md").read_text()
    assert f"{meta['figures']['main_word_f1']:.4f}" in card
    assert f"{meta['figures']['text']['macro_f1']:.3f}" in card
    assert all(np.isfinite(meta["figures"][kind]["ece"]) for kind in ("html", "text"))
