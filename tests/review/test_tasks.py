"""Pages as tasks: text and offsets."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import ReviewError
from curate.review.tasks import (
    body_of,
    check_task,
    make_task,
    prediction_digest,
    prediction_of,
    restored_text,
    server_text,
)
from curate.schema import PagePrediction, SegmentedPage, page_id_of
from curate.text import text_hash

LABELS = ("article", "boilerplate", "teaser", "caption")


@given(st.text())
def test_any_text_is_sent_in_the_same_length_and_restored_exactly(text):
    sent, replaced = server_text(text)
    assert len(sent) == len(text)
    sent.encode("utf-8")
    assert not any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\t\n\r" for c in sent)
    data = {"text": sent, "replaced": replaced, "text_hash": text_hash(text)}
    assert restored_text(data) == text


def test_what_is_replaced_and_what_stays():
    text = "a\tb\r\nc\x00d\x0ce\x85f\ud800g\u200dh\u00a0i\U0001f600"
    assert server_text(text) == (
        "a\tb\r\nc\ufffdd e f\ufffdg\u200dh\u00a0i\U0001f600",
        [[6, 0], [8, 12], [10, 0x85], [12, 0xD800]],
    )


def test_text_that_was_changed_on_the_server_is_noticed():
    data = {"text": "Hello", "text_hash": text_hash("hello")}
    with pytest.raises(ReviewError, match="not the text that was sent"):
        restored_text(data)
    with pytest.raises(ReviewError, match="gone"):
        restored_text({"text_hash": "x"})


def test_spans_are_proved_before_they_are_sent(make_task):
    task = make_task("k", "one\ntwo\nthree")
    check_task(task, LABELS)
    for wrong, told in [
        (replace(task, ends=[3, 7, 14]), "span 8-14"),
        (replace(task, starts=[0, 2, 8]), "span 2-7 is not after 3"),
        (replace(task, starts=[0, 7, 8]), "span 7-7"),
        (replace(task, starts=[-1, 4, 8]), "span -1-3"),
        (replace(task, labels=["article", "ad", "teaser"]), "label 'ad'"),
        (replace(task, text="one\ntwo\nthree!"), "its id is not that of its text"),
        (replace(task, scores=[0.5]), "differ in number"),
    ]:
        with pytest.raises(ReviewError, match=told):
            check_task(wrong, LABELS)


def test_a_region_has_the_segments_id_span_score_and_reasons(make_task):
    task = replace(make_task("k", "one\ntwo", score=0.25), reasons=[["a", "b"], []])
    prediction = prediction_of(task)
    assert prediction["score"] == 0.25
    assert prediction["result"][0] == {
        "id": f"{task.page_id}-0-3",
        "from_name": "label",
        "to_name": "text",
        "type": "labels",
        "score": 0.25,
        "value": {"start": 0, "end": 3, "labels": ["article"]},
        "meta": {"text": ["a; b"]},
    }
    assert "meta" not in prediction["result"][1]


def test_the_digest_of_a_prediction_ignores_what_the_server_adds(make_task):
    sent = prediction_of(make_task("k", "one\ntwo"))
    held = {
        **sent,
        "id": 7,
        "created_ago": "now",
        "result": [
            {**r, "origin": "prediction", "value": {**r["value"], "text": "x"}}
            for r in sent["result"]
        ],
    }
    assert prediction_digest(held) == prediction_digest(sent)
    moved = prediction_of(make_task("k", "one\ntwos"))
    assert prediction_digest(moved) != prediction_digest(sent)


def test_a_task_from_segments_and_their_prediction():
    page = SegmentedPage(
        text="one two",
        starts=np.array([0, 4], np.int32),
        ends=np.array([3, 7], np.int32),
        kinds=["p", "p"],
        media_type="text/plain",
        url="https://x.org/a",
        site="x.org",
        title="T",
    )
    prediction = PagePrediction(
        labels=["teaser", "article"],
        scores=np.array([[0.3, 0.1, 0.6], [0.8, 0.15, 0.05]], np.float32),
        main=np.array([False, True]),
        reasons=[["a"], ["b"]],
    )
    task = make_task("k", page, prediction, ("article", "boilerplate", "teaser"), "m@1", why="w")
    assert task.page_id == page_id_of("k", "one two")
    assert list(task.scores) == [0.6, 0.8]
    assert list(task.rivals) == ["article", "boilerplate"]
    body = body_of(task, 0.7)
    assert {k: body[k] for k in ("text", "title", "site", "url", "why", "labeler")} == {
        "text": "one two",
        "title": "T",
        "site": "x.org",
        "url": "https://x.org/a",
        "why": "w",
        "labeler": "m@1",
    }
    assert '"60% article?"' in body["head"]
    assert "80%" not in body["head"]


def test_a_page_without_segments_can_be_sent(make_task):
    task = make_task("k", " \n ")
    check_task(task, LABELS)
    assert prediction_of(task) == {"model_version": "curate", "score": 0.0, "result": []}


def test_segments_to_look_at_come_first_in_the_order_of_the_text(make_task):
    task = make_task("p", "One.\nTwo.\nThree.\nFour.")
    task = replace(task, scores=[0.9, 0.5, 0.9, 0.3])
    told = prediction_of(task)
    assert [r["value"]["start"] for r in told["result"]] == [5, 17, 0, 10]
    assert task.to_look_at == [1, 3]
    remarked = replace(task, remarks=["", "", "A: article, B: teaser", ""])
    assert remarked.to_look_at == [2]
    lower = replace(task, doubt_below=0.4)
    assert lower.to_look_at == [3]
    assert prediction_digest(prediction_of(lower)) != prediction_digest(told)
