"""How people's work stands on changed pages; labels that were renamed, merged, split."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from curate.review.anchor import quoted
from curate.review.migrate import Move, migrated, plan_migration
from curate.review.standing import of_json, page_standing, suggested, to_json, totals
from curate.schema import Annotation, LabelRule, PagePrediction, SegmentedPage, Span
from curate.text import text_hash

OLD = """Home News Sport
Crane stays in the old harbour for good
The harbour board met on Monday and heard forty residents. A decision comes soon.
Photo: Ada Example
Ferry timetable changes in May"""
LABELS = ("boilerplate", "article", "article", "caption", "teaser")


def annotation(text: str = OLD, labels: tuple[str, ...] = LABELS, **more: object) -> Annotation:
    spans, at = [], 0
    for line, label in zip(text.split("\n"), labels, strict=True):
        exact, prefix, suffix = quoted(text, at, at + len(line))
        region = f"r{len(spans)}"
        span = Span(at, at + len(line), label, "accepted", region, exact, prefix, suffix)
        spans.append(span)
        at += len(line) + 1
    base = Annotation("a", "p", text_hash(text), text, "annotator-1", "submitted", tuple(spans),
                      datetime(2026, 1, 1, tzinfo=UTC))  # fmt: skip
    return replace(base, **more)


def fates(text: str | None, work: Annotation | None = None) -> dict[str, str]:
    stood = page_standing("p", text and "p-1", text, [work or annotation()])
    told = {fate.exact.split(" ")[0]: fate.outcome for fate in stood.fates}
    assert stood.kept + len(stood.fates) == 5
    assert of_json(to_json(stood)) == stood
    return told


def test_a_paragraph_inserted_before_moves_all():
    text = OLD.replace("Crane stays", "A paragraph that was put in here.\nCrane stays")
    names = ("Crane", "The", "Photo:", "Ferry")
    assert fates(text) == dict.fromkeys(names, "moved")  # the menu line is kept


def test_a_sentence_changed_inside_is_partial():
    assert fates(OLD.replace("forty residents", "many people")) == {
        "The": "partial",
        "Photo:": "moved",
        "Ferry": "moved",
    }


def test_a_block_that_moved_is_found():
    lines = OLD.split("\n")
    assert fates("\n".join([*lines[:1], *lines[3:], *lines[1:3]])) == {
        "Crane": "moved",
        "The": "moved",
        "Photo:": "moved",
        "Ferry": "moved",
    }


def test_a_page_that_was_replaced_orphans_all():
    text = "Quite another page.\nNothing of what was read here stands on it any more."
    assert set(fates(text).values()) == {"orphan"}
    assert set(fates(None).values()) == {"absent"}


def test_only_other_line_breaks_leave_nothing_to_review():
    work = [annotation()]
    broken = OLD.replace("board met", "board\nmet").replace("\nPhoto", "\n\nPhoto")
    assert page_standing("p", "p-1", broken, work).is_whole
    assert not page_standing("p", "p-1", f"{OLD}\nOne more line.", work).is_whole
    assert not page_standing("p", "p-1", OLD.replace("forty", "some"), work).is_whole


def test_totals_tell_every_span_once():
    pages = [page_standing("p", "p-1", OLD.replace("forty", "some"), [annotation()])]
    found = totals(pages, 7)
    assert found == {"kept": 9, "moved": 2, "partial": 1, "orphan": 0, "absent": 0}
    assert sum(found.values()) == 7 + 5


def test_a_newer_reading_of_todays_text_needs_no_other():
    text = OLD.replace("forty", "some")
    newer = annotation(text, annotation_id="b", updated_at=datetime(2026, 2, 1, tzinfo=UTC))
    stood = page_standing("p", "p-1", text, [annotation(), newer])
    assert (stood.reviewed_again, stood.kept, stood.fates) == (True, 5, ())


def test_old_labels_are_suggested_where_the_words_changed(label_set):
    text = OLD.replace("forty residents", "many people")
    starts, at = [], 0
    for line in text.split("\n"):
        starts.append(at)
        at += len(line) + 1
    ends = [s + len(line) for s, line in zip(starts, text.split("\n"), strict=True)]
    page = SegmentedPage(text, np.array(starts, np.int32), np.array(ends, np.int32),
                         ["line"] * 5, "text/plain")  # fmt: skip
    machine = PagePrediction(
        ["boilerplate"] * 5,
        np.full((5, 4), 0.25, np.float32),
        np.zeros(5, bool),
        [["short"]] * 5,
    )
    found = suggested(page, machine, [annotation()], label_set)
    assert list(found.labels) == list(LABELS)
    assert found.reasons[2] == ["a person said so of its earlier words", "short"]
    assert found.reasons[0] == ["a person said so", "short"]
    assert (found.scores == machine.scores).all()


# -------------------------------------------------------------------- migration


@pytest.fixture
def renamed(label_set):
    """`teaser` is now `card`, `caption` merged into `article`."""
    labels = tuple(
        replace(label, name="card") if label.name == "teaser" else label
        for label in label_set.labels
        if label.name != "caption"
    )
    ways = {"teaser": "card", "caption": "article"}
    return replace(label_set, name="cards", labels=labels, from_labels=ways)


@pytest.fixture
def split(label_set):
    """`caption` split into credits and descriptions, told by their words."""
    credit = replace(label_set.labels[3], name="credit", hotkey="5")
    rules = (LabelRule("credit", text=r"(?i)^(photo|image):"), LabelRule("caption"))
    return replace(
        label_set,
        name="credits",
        labels=(*label_set.labels, credit),
        from_labels={"caption": rules},
    )


def test_renamed_and_merged_labels_count_under_their_new_name(renamed):
    work = annotation()
    found = migrated(work, renamed)
    assert [s.label for s in found.spans] == [
        "boilerplate",
        "article",
        "article",
        "article",
        "card",
    ]
    assert [s.exact for s in found.spans] == OLD.split("\n")
    assert [s.label for s in work.spans] == list(LABELS)
    assert plan_migration([work], renamed) == [
        Move("caption", "article", 1, 1),
        Move("teaser", "card", 1, 1),
    ]


def test_a_split_label_is_told_by_its_words(split):
    assert [s.label for s in migrated(annotation(), split).spans][3] == "credit"
    plain = annotation(OLD.replace("Photo: Ada", "The old crane by Ada"))
    assert [s.label for s in migrated(plain, split).spans][3] == "caption"
    # What was given under the split set itself is not split again.
    assert [s.label for s in migrated(annotation(schema="credits"), split).spans] == list(LABELS)


def test_a_label_without_a_name_today_is_told(renamed):
    gone = replace(renamed, from_labels={"teaser": "card"})
    assert Move("caption", None, 1, 1) in plan_migration([annotation()], gone)
    assert [s.label for s in migrated(annotation(), gone).spans][3] == "caption"


def test_names_follow_several_renamings(renamed):
    ways = {"ad": "teaser", "teaser": "card"}
    assert replace(renamed, from_labels=ways).label_of("ad") == "card"
    assert replace(renamed, from_labels={"a": "b", "b": "a"}).label_of("a") is None


def test_a_map_that_leads_nowhere_is_refused(label_set):
    with pytest.raises(ValueError, match=r"from_labels\.ad leads to 'advert'"):
        replace(label_set, from_labels={"ad": "advert"})
    with pytest.raises(ValueError, match=r"from_labels\.ad"):
        replace(label_set, from_labels={"ad": (LabelRule("teaser", text="("),)})
