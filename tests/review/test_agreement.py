"""Agreement against values worked out by hand, published ones, and plain loops."""

from __future__ import annotations

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from curate.review.agreement import measure, site_agreement
from curate.review.statistics import (
    Estimate,
    alpha,
    bootstrap,
    cohen_kappa,
    coincidences,
    observed,
    one_against_rest,
    pair_table,
)
from curate.review.votes import page_votes
from curate.schema import LabelDef, LabelSet
from tests.review.readings import columns, reading

FIVE = LabelSet("five", tuple(LabelDef(name, "#000000", name, name) for name in "12345"), "")
NAMES = {name: name for name in "12345"}


def test_cohens_kappa_of_a_table_from_the_textbook():
    # Both yes 20, both no 15, apart 5 and 10: 0.7 observed, 0.5 by chance.
    table = np.array([[20.0, 5.0], [10.0, 15.0]])
    assert cohen_kappa(table) == pytest.approx(0.4)
    assert observed(table) == pytest.approx(0.7)


def test_undefined_is_nan_and_no_warning():
    assert np.isnan(cohen_kappa(np.zeros((2, 2))))
    assert np.isnan(cohen_kappa(np.array([[7.0, 0.0], [0.0, 0.0]])))
    assert np.isnan(alpha(np.array([[6.0, 0.0], [0.0, 0.0]])))
    assert np.isnan(observed(np.zeros((2, 2))))
    assert bootstrap(np.zeros((0, 2, 2)), observed) == Estimate(None)


def test_krippendorffs_own_example_with_missing_values():
    # Krippendorff (2011), "C. Nominal data, any number of observers, missing data": 0.743.
    votes = {
        "a": "123321412...",
        "b": "1233224125.3",
        "c": ".3332342251.",
        "d": "12332441251.",
    }
    found = measure(columns("p", votes, NAMES), FIVE)
    assert found.alpha.value == pytest.approx(0.743, abs=5e-4)
    # The twelfth segment has one value, the first two pages' readers differ as published.
    assert (found.n_pages, found.n_segments) == (1, 11)
    assert found.alpha.low is None  # one page gives no interval


@given(
    hnp.arrays(
        np.int16, st.tuples(st.integers(2, 12), st.integers(2, 4)), elements=st.integers(-1, 3)
    ),
    st.integers(1, 5),
)
def test_our_alpha_is_the_packages_also_weighed_by_characters(votes, factor):
    weights = (np.arange(len(votes)) * factor) % 7 + 1
    for rows, matrix in (
        (votes, coincidences(votes, 4)),
        (np.repeat(votes, weights, axis=0), coincidences(votes, 4, weights)),
    ):
        ours = float(alpha(matrix))
        counts = (rows[:, :, None] == np.arange(4)).sum(axis=1)
        counts = counts[counts.sum(axis=1) > 1]
        counts = counts[:, counts.any(axis=0)]
        if counts.shape[1] < 2:
            assert np.isnan(ours)
            continue
        theirs = krippendorff.alpha(value_counts=counts, level_of_measurement="nominal")
        assert ours == pytest.approx(theirs, abs=1e-9)


@given(hnp.arrays(np.int16, (20, 2), elements=st.integers(-1, 2)))
def test_one_label_against_the_rest_is_the_table_of_two(votes):
    table = pair_table(votes[:, 0], votes[:, 1], 3)
    binary = np.where(votes < 0, -1, (votes != 1).astype(int))
    assert (one_against_rest(table, 1) == pair_table(binary[:, 0], binary[:, 1], 2)).all()
    # The rest counted as one label: what was apart among the others is together.
    matrix = one_against_rest(coincidences(votes, 3), 1)
    assert matrix == pytest.approx(coincidences(binary, 2))


def test_two_readers_by_hand(label_set):
    """Two pages, 8 segments: by hand, segment by segment and character by character."""
    a, b, t = "article", "boilerplate", "teaser"
    first = ["Ten chars.", "Four", "Twelve chars", "xx"]
    second = ["Menu", "Twenty characters ok", "Photo", "End"]
    rows = [
        reading("p1", first, [a, b, a, t], "ada", lead_time_s=60),
        reading("p1", first, [a, b, b, t], "bo", lead_time_s=30),
        reading("p2", second, [b, a, t, b], "ada", lead_time_s=120),
        reading("p2", second, [b, a, b, None], "bo"),  # took the last region away
        reading("p3", second, [b, a, t, b], "ada"),  # nobody else read it
    ]
    found = measure(rows, label_set)
    assert (found.n_read, found.n_pages, found.n_segments, found.disputed) == (3, 2, 7, 2)
    # 5 of 7 the same. Ada: 3 a, 2 b, 2 t; Bo: 2 a, 4 b, 1 t.
    chance = (3 * 2 + 2 * 4 + 2 * 1) / 49
    (pair,) = found.pairs
    assert (pair.first, pair.second, pair.n_pages) == ("ada", "bo", 2)
    assert pair.share.value == pytest.approx(5 / 7)
    assert pair.kappa.value == pytest.approx((5 / 7 - chance) / (1 - chance))
    assert found.kappa == pair.kappa
    # Coincidences: 14 values, 5 a, 6 b, 3 t; four of them stand apart.
    expected = 14 * 14 - (25 + 36 + 9)
    assert found.alpha.value == pytest.approx(1 - 13 * 4 / expected)
    # Characters that are no white space: 9, 4, 11, 2 and 4, 18, 5.
    chars = 9 + 4 + 11 + 2 + 4 + 18 + 5
    same = chars - 11 - 5
    assert (found.n_chars, pair.n_chars) == (chars, chars)
    assert found.share_chars.value == pytest.approx(same / chars)
    ada = {a: 9 + 11 + 18, b: 4 + 4, t: 2 + 5}
    bo = {a: 9 + 18, b: 4 + 11 + 4 + 5, t: 2}
    chance = sum(ada[x] * bo[x] for x in (a, b, t)) / chars**2
    assert pair.kappa_chars.value == pytest.approx((same / chars - chance) / (1 - chance))
    margins = [ada[x] + bo[x] for x in (a, b, t)]
    expected = (2 * chars) ** 2 - sum(n * n for n in margins)
    assert found.alpha_chars.value == pytest.approx(1 - (2 * chars - 1) * 2 * 16 / expected)
    # teaser against the rest: both 1, ada alone 1, neither 5.
    teaser = found.by_label[label_set.names.index(t)]
    chance = (2 * 1 + 5 * 6) / 49
    assert teaser.kappa.value == pytest.approx((6 / 7 - chance) / (1 - chance))
    assert teaser.n_segments == 2
    assert found.by_label[label_set.names.index("caption")].alpha.value is None
    assert [(c.first, c.second, c.n_segments, c.n_chars) for c in found.confusions] == [
        (a, b, 1, 11),
        (b, t, 1, 5),
    ]
    people = {r.annotator: r for r in found.readers}
    assert (people["ada"].n_pages, people["ada"].n_shared) == (3, 2)
    assert people["ada"].minutes == pytest.approx(1.5)
    assert people["bo"].minutes == pytest.approx(0.5)
    assert people["bo"].chars_per_minute == pytest.approx(len("\n".join(first)) / 0.5)
    assert people["ada"].windows == ()
    # Ada's label by Bo's: article, boilerplate, teaser.
    assert [row[:3] for row in people["ada"].table[:3]] == [(2, 1, 0), (0, 2, 0), (0, 1, 1)]
    assert [row[:3] for row in people["bo"].table[:3]] == [(2, 0, 0), (1, 2, 1), (0, 0, 1)]
    assert found.alpha.low <= found.alpha.value <= found.alpha.high


def test_a_segment_cut_by_one_reader_is_compared_piece_by_piece(label_set):
    text = ["First half. Second half."]
    whole = reading("p", text, ["article"], "ada")
    halves = reading("p", text, ["article"], "bo")
    from dataclasses import replace

    from curate.schema import Span

    halves = replace(
        halves,
        spans=(
            Span(0, 11, "article", "drawn", "x", "First half."),
            Span(12, 24, "caption", "drawn", "y", "Second half."),
        ),
    )
    (page,) = page_votes([whole, halves], label_set)
    assert list(zip(page.starts, page.ends, strict=True)) == [(0, 11), (12, 24)]
    assert page.votes.tolist() == [[0, 0], [0, 3]]
    assert page.disputed.tolist() == [False, True]
    assert page.chars.tolist() == [10, 11]


def test_the_latest_reading_counts_and_skips_and_other_texts_do_not(label_set):
    lines = ["One", "Two"]
    rows = [
        reading("p", lines, ["article", "article"], "ada", minute=0),
        reading("p", lines, ["teaser", "teaser"], "ada", minute=5),
        reading("p", lines, ["teaser", "teaser"], "bo", minute=1),
        reading("p", lines, [None, None], "cy", status="skipped"),
        reading("p", ["One", "Two more"], ["caption", "caption"], "di"),
    ]
    found = measure(rows, label_set)
    assert (found.n_read, found.n_pages, found.share.value) == (2, 1, 1.0)
    assert [p.annotators for p in page_votes(rows, label_set)] in (
        [("ada", "bo"), ("di",)],
        [("di",), ("ada", "bo")],
    )


def test_drift_and_speed_over_time(label_set):
    """Fifty pages of four segments: Bo agrees on all at first and on half at the end."""
    rows = []
    for i in range(50):
        lines = [f"Line {i} {n}" for n in range(4)]
        labels = ["article", "article", "teaser", "teaser"]
        rows.append(reading(f"p{i:02}", lines, labels, "ada", minute=i, lead_time_s=60))
        n_wrong = 2 if i >= 40 else 0
        given = ["caption"] * n_wrong + labels[n_wrong:]
        lead = 60 if i < 40 else 30
        rows.append(reading(f"p{i:02}", lines, given, "bo", minute=i, lead_time_s=lead))
    bo = measure(rows, label_set).readers[1]
    assert [w.n_pages for w in bo.windows] == [10] * 5
    assert [w.agreement for w in bo.windows] == [1.0, 1.0, 1.0, 1.0, 0.5]
    assert bo.drift == Estimate(-0.5, -0.5, -0.5)
    speeds = [w.chars_per_minute for w in bo.windows]
    assert speeds[4] == pytest.approx(2 * speeds[3])


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Two readers who are right with 0.9 and 0.8 and else say the other of two labels."""
    rng = np.random.default_rng(7)
    truth_share = 0.9 * 0.8 + 0.1 * 0.2
    covered = 0
    for _ in range(100):
        right = rng.random((40, 10, 2)) < (0.9, 0.8)
        truth = rng.integers(0, 2, (40, 10, 1))
        votes = np.where(right, truth, 1 - truth)
        tables = np.stack([pair_table(page[:, 0], page[:, 1], 2) for page in votes])
        estimate = bootstrap(tables, observed, replicates=300)
        covered += estimate.low <= truth_share <= estimate.high
    assert 88 <= covered <= 99


def test_agreement_by_site(label_set):
    lines = ["One", "Two"]
    rows = [
        reading("p", lines, ["article", "article"], "ada"),
        reading("p", lines, ["article", "teaser"], "bo"),
        reading("q", lines, ["article", "article"], "ada"),
        reading("q", lines, ["article", "article"], "bo"),
        reading("r", lines, ["article", "article"], "bo"),
    ]
    sites = {"p": "one.example", "q": "two.example", "r": "three.example"}
    assert site_agreement(rows, label_set, sites) == {"one.example": 0.5, "two.example": 1.0}
