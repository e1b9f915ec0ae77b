"""The section on quality tells what the manifest and a stored evaluation hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curate.errors import ReportError
from curate.report.quality import quality_body
from curate.stages.quality_view import quality_view

HALF = {"value": 0.5, "low": 0.25, "high": 0.75}
MANIFEST = {
    "quality": {
        "pages": 3,
        "segments": 1200,
        "accuracy": HALF,
        "macro_f1": HALF,
        "labels": {
            "article": {"segments": 1100, "precision": HALF, "recall": HALF, "f1": HALF},
            "caption": {"segments": 100, "precision": None, "recall": HALF, "f1": HALF},
        },
        "confusion": {"article": {"article": 1000, "caption": 100}, "caption": {"article": 100}},
    }
}


def test_people_against_the_labeler(tmp_path: Path) -> None:
    view = quality_view(MANIFEST, tmp_path)
    assert view is not None
    html = "".join(quality_body(view, {"article": 0}))
    assert "1,200 segments of 3 reviewed pages: it agrees on 50.0% (25.0% to 75.0%)" in html
    assert "never given" in html
    assert '<td class="num">1,000</td>' in html
    assert "no random sample" in html


def test_nothing_reviewed_is_no_section(tmp_path: Path) -> None:
    assert quality_view({"quality": None}, tmp_path) is None


def test_a_stored_evaluation_is_shown_and_a_wrong_one_told(tmp_path: Path) -> None:
    file = tmp_path / "evaluation.json"
    told = {
        "labeler": "model@<x>",
        "main_content": {
            "pages": 7,
            "word_f1": HALF,
            "by_page_type": {"forum": {"pages": 7, "word_f1": 0.5}},
        },
        "differences": {"trafilatura: main content": HALF},
    }
    file.write_text(json.dumps(told))
    view = quality_view({}, tmp_path)
    assert view is not None
    html = "".join(quality_body(view, {}))
    assert "Main content of model@&lt;x&gt;" in html
    assert "0.500 [0.250, 0.750]" in html
    assert "trafilatura: main content" in html
    file.write_text("{}")
    with pytest.raises(ReportError, match=r"evaluation\.json is not what"):
        quality_view({}, tmp_path)
