"""The final word on each segment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from curate.review.anchor import quoted
from curate.review.consensus import Consensus
from curate.review.resolve import resolve_labels, resolve_page
from curate.schema import Annotation, LabelDef, LabelSet, PagePrediction, SegmentedPage, Span
from curate.text import text_hash

T0 = datetime(2026, 3, 1, tzinfo=UTC)
ORDER = ("article", "boilerplate", "teaser", "caption")

TEXT = "Menu\nThe headline\nFirst part. Second part.\nRelated story\n"


def label_set_of(names) -> LabelSet:
    return LabelSet("four", tuple(LabelDef(name, "#000000", name[0], name) for name in names), "")


def page(text: str = TEXT) -> SegmentedPage:
    starts, ends, position = [], [], 0
    for line in text.splitlines(keepends=True):
        if line.strip():
            starts.append(position)
            ends.append(position + len(line.rstrip()))
        position += len(line)
    return SegmentedPage(
        text=text,
        starts=np.array(starts, np.int32),
        ends=np.array(ends, np.int32),
        kinds=["line"] * len(starts),
        media_type="text/plain",
    )


def prediction(labels: str, scores: list[list[float]] | None = None) -> PagePrediction:
    names = {name[0]: name for name in ORDER}
    given = [names[letter] for letter in labels]
    rows = scores or [[0.7 if name == label else 0.1 for name in ORDER] for label in given]
    return PagePrediction(
        labels=given,
        scores=np.array(rows, np.float32),
        main=np.array([label == "article" for label in given]),
        reasons=[()] * len(given),
    )


def span(text: str, piece: str, label: str, action: str = "accepted") -> Span:
    start = text.index(piece)
    exact, prefix, suffix = quoted(text, start, start + len(piece))
    return Span(start, start + len(piece), label, action, "r", exact, prefix, suffix)


def reading(spans, who: str = "a", text: str = TEXT, at: int = 0, **changes) -> Annotation:
    whole = Annotation(
        annotation_id=f"{who}{at}",
        page_key="k",
        text_hash=text_hash(text),
        text=text,
        annotator=who,
        status="submitted",
        spans=tuple(spans),
        updated_at=T0 + timedelta(seconds=at),
    )
    return replace(whole, **changes)


def whole(labels: dict[str, str], text: str = TEXT) -> list[Span]:
    return [span(text, piece, label) for piece, label in labels.items()]


ALL = {
    "Menu": "boilerplate",
    "The headline": "article",
    "First part. Second part.": "article",
    "Related story": "teaser",
}


def rows(final, text=TEXT):
    pieces = [text[s:e] for s, e in zip(final.starts, final.ends, strict=True)]
    return list(zip(pieces, final.labels, final.origins, final.actions, strict=True))


def test_without_people_the_labeler_has_the_word(label_set):
    final = resolve_labels(page(), prediction("baat"), ORDER, [], label_set)
    assert rows(final) == [
        ("Menu", "boilerplate", "model", None),
        ("The headline", "article", "model", None),
        ("First part. Second part.", "article", "model", None),
        ("Related story", "teaser", "model", None),
    ]
    assert final.scores == pytest.approx((0.7,) * 4)
    assert final.n_annotators == (0, 0, 0, 0)
    assert final.main == (False, True, True, False)
    assert not final.reviewed


def test_people_win_and_rules_can_be_named(label_set):
    spans = whole({**ALL, "Menu": "caption"})
    final = resolve_labels(
        page(), prediction("bbat"), ORDER, [reading(spans)], label_set, machine_origin="rule"
    )
    assert rows(final) == [
        ("Menu", "caption", "human", "accepted"),
        ("The headline", "article", "human", "accepted"),
        ("First part. Second part.", "article", "human", "accepted"),
        ("Related story", "teaser", "human", "accepted"),
    ]
    assert final.scores == pytest.approx((0.1, 0.1, 0.7, 0.7))
    assert final.n_annotators == (1,) * 4
    assert final.agreement == (None,) * 4
    assert final.annotators == (("a",),) * 4
    assert final.main == (False, True, True, False)  # the headline was put in by a person
    assert final.reviewed


def test_a_region_that_was_deleted_leaves_no_label(label_set):
    spans = whole({k: v for k, v in ALL.items() if k != "The headline"})
    final = resolve_labels(page(), prediction("baat"), ORDER, [reading(spans)], label_set)
    assert rows(final)[1] == ("The headline", None, "human", None)
    assert (final.scores[1], final.n_annotators[1], final.main[1]) == (None, 0, False)


def test_segments_are_split_where_a_region_ends(label_set):
    cut = {**ALL, "First part.": "article", "Second part.": "caption"}
    del cut["First part. Second part."]
    final = resolve_labels(page(), prediction("baat"), ORDER, [reading(whole(cut))], label_set)
    assert rows(final)[2:4] == [
        ("First part.", "article", "human", "accepted"),
        ("Second part.", "caption", "human", "accepted"),
    ]
    assert len(final) == 5
    assert list(final.kinds) == ["line"] * 5


def test_a_region_over_several_segments_counts_for_each(label_set):
    spans = [span(TEXT, TEXT.strip(), "article", "drawn")]
    final = resolve_labels(page(), prediction("baat"), ORDER, [reading(spans)], label_set)
    assert [row[1:] for row in rows(final)] == [("article", "human", "drawn")] * 4


def test_majority_then_the_labelers_probability_then_order(label_set):
    def with_menu(label, who):
        return reading(whole({**ALL, "Menu": label}), who)

    three = [with_menu("teaser", "a"), with_menu("caption", "b"), with_menu("caption", "c")]
    final = resolve_labels(page(), prediction("baat"), ORDER, three, label_set)
    assert (final.labels[0], final.n_annotators[0]) == ("caption", 3)
    assert final.agreement[0] == pytest.approx(2 / 3)
    assert final.agreement[1] == 1.0
    assert final.annotators[0] == ("a", "b", "c")

    scores = [[0.1, 0.1, 0.2, 0.6], *[[0.7, 0.1, 0.1, 0.1]] * 3]
    tie = resolve_labels(page(), prediction("baat", scores), ORDER, three[:2], label_set)
    assert (tie.labels[0], tie.agreement[0]) == ("caption", 0.5)
    tie = resolve_labels(page(), prediction("baat"), ORDER, three[:2], label_set)
    assert tie.labels[0] == "teaser"  # equally probable: the first of the label set


def test_who_deleted_abstains(label_set):
    without = reading(whole({k: v for k, v in ALL.items() if k != "Menu"}), "b")
    final = resolve_labels(
        page(), prediction("baat"), ORDER, [reading(whole(ALL)), without], label_set
    )
    assert (final.labels[0], final.n_annotators[0], final.agreement[0]) == ("boilerplate", 1, None)


def test_of_one_annotator_the_latest_counts_and_skips_do_not(label_set):
    readings = [
        reading(whole({**ALL, "Menu": "caption"}), at=2),
        reading(whole(ALL), at=1),
        reading([], at=3, status="skipped"),
        reading([], "b", at=4, status="deleted"),
    ]
    final = resolve_labels(page(), prediction("baat"), ORDER, readings, label_set)
    assert (final.labels[0], final.n_annotators[0]) == ("caption", 1)


def test_the_verdict_is_the_majoritys_the_graver_on_a_tie(label_set):
    def verdict(*given):
        readings = [reading(whole(ALL), f"x{i}", verdict=v) for i, v in enumerate(given)]
        return resolve_labels(page(), prediction("baat"), ORDER, readings, label_set).verdict

    assert verdict(None) is None
    assert verdict("ok", None) == "ok"
    assert verdict("ok", "bad extraction") == "bad extraction"
    assert verdict("ok", "unsure", "ok") == "ok"


def test_a_renamed_label_counts_under_its_new_name(label_set):
    old = reading(whole({**ALL, "Menu": "chrome"}))
    mapped = replace(label_set, from_labels={"chrome": "boilerplate"})
    final = resolve_labels(page(), prediction("aaat"), ORDER, [old], mapped)
    assert final.labels[0] == "boilerplate"
    final = resolve_labels(page(), prediction("aaat"), ORDER, [old], label_set)
    assert final.labels[0] is None  # a label that is gone is no label


CHANGED = "New menu line\nThe headline\nFirst part, edited. Second part.\nRelated story\n"


def test_on_changed_text_only_the_same_words_are_labelled(label_set):
    old = reading(whole({**ALL, "Related story": "caption"}))
    done = resolve_page(page(CHANGED), prediction("baat"), ORDER, [old], label_set)
    assert rows(done.labels, CHANGED) == [
        ("New menu line", "boilerplate", "model", None),
        ("The headline", "article", "human", "accepted"),
        ("First part, edited. Second part.", "article", "model", None),
        ("Related story", "caption", "human", "accepted"),
    ]
    outcomes = [(a.span.exact, a.outcome) for a in done.anchored["a0"]]
    assert outcomes == [
        ("Menu", "orphan"),
        ("The headline", "moved"),
        ("First part. Second part.", "partial"),
        ("Related story", "moved"),
    ]


def test_what_was_deleted_on_the_old_text_stays_deleted_on_the_new(label_set):
    old = reading(whole({k: v for k, v in ALL.items() if k != "Related story"}))
    final = resolve_labels(page(CHANGED), prediction("baat"), ORDER, [old], label_set)
    assert final.labels[3] is None


def test_work_on_another_page_altogether_is_not_used(label_set):
    final = resolve_labels(
        page("Something else\n"), prediction("b"), ORDER, [reading(whole(ALL))], label_set
    )
    assert rows(final, "Something else\n") == [("Something else", "boilerplate", "model", None)]
    assert not final.reviewed


def test_an_empty_page(label_set):
    final = resolve_labels(page("\n"), prediction(""), ORDER, [reading([], text="\n")], label_set)
    assert len(final) == 0
    assert final.reviewed


def test_an_adjudicators_word_ends_it():
    """Two readers differ on two segments; the adjudicator decides, once against both."""
    lines = ["Menu", "The headline", "First part. Second part.", "Related story"]

    def read(labels, who, **changes):
        spans = [
            span(TEXT, x, name) for x, name in zip(lines, labels, strict=True) if name is not None
        ]
        return reading(spans, who, **changes)

    readers = [
        read(["boilerplate", "article", "article", "teaser"], "a"),
        read(["boilerplate", "teaser", "article", "boilerplate"], "b"),
    ]
    word = ["boilerplate", "article", None, "caption"]
    early = read(["caption"] * 4, "d", at=-5, origin="adjudication")
    last = read(word, "c", origin="adjudication", verdict="unsure")
    final = resolve_labels(
        page(), prediction("baat"), ORDER, [early, *readers, last], label_set_of(ORDER)
    )
    assert list(final.labels) == ["boilerplate", "article", None, "caption"]
    assert list(final.adjudicated) == [False, True, False, True]
    assert list(final.agreement) == [1.0, 0.5, None, 0.0]
    # `d` adjudicated before, and `c` has the last word: d's no longer counts.
    assert list(final.n_annotators) == [3, 3, 0, 3]
    assert final.annotators[1] == ("a", "b", "c")
    assert final.verdict == "unsure"
    # Who read first and adjudicated then has both words.
    own = read(word, "a", at=9, origin="adjudication")
    final = resolve_labels(page(), prediction("baat"), ORDER, [*readers, own], label_set_of(ORDER))
    assert list(final.agreement) == [1.0, 0.5, None, 0.0]
    assert list(final.n_annotators) == [2, 2, 0, 2]


def test_dawid_skene_weighs_readers():
    lines = ["Menu", "The headline", "First part. Second part.", "Related story"]
    sure = tuple(tuple(0.97 if i == j else 0.01 for j in range(4)) for i in range(4))
    guess = tuple(tuple(0.25 for _ in range(4)) for _ in range(4))
    consensus = Consensus(
        "dawid_skene", ORDER, (0.25,) * 4, (("a", sure), ("b", guess), ("c", guess))
    )

    def read(labels, who):
        return reading([span(TEXT, x, n) for x, n in zip(lines, labels, strict=True)], who)

    rows = [
        read(["boilerplate", "article", "article", "teaser"], "a"),
        read(["caption"] * 4, "b"),
        read(["caption"] * 4, "c"),
    ]
    args = (page(), prediction("bbbb"), ORDER, rows, label_set_of(ORDER))
    assert list(resolve_labels(*args).labels) == ["caption"] * 4
    final = resolve_labels(*args, consensus=consensus)
    assert list(final.labels) == ["boilerplate", "article", "article", "teaser"]
    assert final.agreement[0] == pytest.approx(1 / 3)
