"""The section on agreement: figures, intervals, and no more people than pseudonyms."""

from __future__ import annotations

import re

from curate.report.agreement import (
    AgreementView,
    ConfusionRow,
    Figure,
    LabelRow,
    PairRow,
    agreement_body,
)
from curate.report.data import LabelCount, ReportData
from curate.report.html import render_report

VIEW = AgreementView(
    pages=40,
    segments=1200,
    chars=54321,
    disputed=30,
    overall=[("Krippendorff's alpha", Figure(0.812, 0.78, 0.84), Figure(0.9))],
    labels=[
        LabelRow("article", 900, Figure(0.9, 0.8, 0.95), Figure(None)),
        LabelRow("caption", 0, Figure(None), Figure(None)),
    ],
    pairs=[
        PairRow("annotator-1", "annotator-2", 20, 600, Figure(0.97), Figure(0.8, 0.7, 0.9)),
        PairRow("annotator-1", "<b>", 20, 600, Figure(0.97), Figure(-0.9)),
    ],
    confusions=[ConfusionRow("article", "teaser", 30, 2000)],
    consensus="majority",
)


def test_figures_and_intervals_are_shown():
    body = "".join(agreement_body(VIEW, {"article": 0}))
    assert "40 pages were read by two or more people: 1,200 segments, 54,321 characters" in body
    assert "On 30 segments (2.5%) they differ" in body
    assert "0.812, 95 % interval 0.78 to 0.84" in body
    assert "caption" not in body  # nobody gave it
    assert "&lt;b&gt;" in body
    assert "<td>article</td>" not in body
    assert body.count("<svg") == 5
    # A value below the scale stands at its end, inside the picture.
    places = [float(x) for x in re.findall(r'cx="([0-9.]+)"', body)]
    assert all(0 < x < 260 for x in places)


def test_a_report_has_the_section_only_with_data():
    labels = [LabelCount("article", "#2e7d32", 1, 1)]
    assert 'id="agreement"' not in render_report(ReportData("d", "v0001", labels))
    page = render_report(ReportData("d", "v0001", labels, agreement=VIEW))
    assert page.count('id="agreement"') == 1
    assert page == render_report(ReportData("d", "v0001", labels, agreement=VIEW))
