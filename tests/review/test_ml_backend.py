"""The live backend: its four calls, what it refuses, and a real Label Studio that asks it."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from curate.errors import ReviewError
from curate.review.annotations import load
from curate.review.connecting import add_backend
from curate.review.interface import labeling_config
from curate.review.ml_backend import AskedPage, Backend, Controls, controls_of
from curate.review.ml_http import MAX_BODY_BYTES, MLServer
from curate.review.server_info import own_address
from curate.schema import page_id_of, segment_id_of

FEW = (
    '<View><Text name="t" value="$t"/>'
    '<Labels name="l" toName="t"><Label value="article"/></Labels></View>'
)

TEXT = "Menu\nA headline \U0001f389\r\n\nThe end."


class Labeler:
    """Lines, all `article`; counts what it is asked."""

    def __init__(self, make_task) -> None:
        self.asked: list[AskedPage] = []
        self.make = make_task

    def __call__(self, pages):
        self.asked += pages
        if any("boom" in page.text for page in pages):
            raise RuntimeError("a secret path /home/somebody")
        return [
            self.make(page.page_key or "hand", page.text, labels=("article",), score=0.75)
            for page in pages
        ]


@pytest.fixture
def labeler(make_task) -> Labeler:
    return Labeler(make_task)


@pytest.fixture
def backend(labeler, label_set) -> Backend:
    return Backend(labeler, label_set, "rules@1")


@pytest.fixture
def served(backend) -> Iterator[MLServer]:
    with MLServer(backend, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def call(server, method, path, body=None, headers=None, raw=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    content = raw if raw is not None else json.dumps(body).encode() if body is not None else None
    sent = {"Content-Type": "application/json"} if content is not None else {}
    connection.request(method, path, content, {**sent, **(headers or {})})
    response = connection.getresponse()
    told = json.loads(response.read())
    connection.close()
    return response.status, told


def asked(label_set, *tasks):
    return {"tasks": list(tasks), "label_config": labeling_config(label_set), "project": "1.2"}


# ------------------------------------------------------------------------- calls


def test_health_setup_predict_webhook(served, labeler, label_set):
    assert call(served, "GET", "/health")[1]["status"] == "UP"
    assert call(served, "GET", "/")[0] == 200
    setup = {"project": "1.2", "schema": labeling_config(label_set), "access_token": "t"}
    assert call(served, "POST", "/setup", setup) == (
        200,
        {"model_version": "curate", "labeler": "rules@1"},
    )
    task = {"id": 7, "data": {"text": TEXT, "url": "https://a.example/x", "title": "T"}}
    status, told = call(served, "POST", "/predict", asked(label_set, task, {"data": {}}))
    assert status == 200
    first, empty = told["results"]
    page_id = page_id_of("hand", TEXT)
    assert [
        (r["id"], r["from_name"], r["to_name"], r["type"], r["score"], r["value"])
        for r in first["result"]
    ] == [
        (
            segment_id_of(page_id, start, end),
            "label",
            "text",
            "labels",
            0.75,
            {"start": start, "end": end, "labels": ["article"]},
        )
        for start, end in [(0, 4), (5, 17), (20, 28)]
    ]
    assert (first["model_version"], first["score"]) == ("curate", 0.75)
    assert empty == {"model_version": "curate", "score": 0.0, "result": []}
    assert labeler.asked == [AskedPage(TEXT, "https://a.example/x", "T", None)]
    assert call(served, "POST", "/webhook", {"action": "ANNOTATION_CREATED"})[0] == 200


def test_a_project_of_other_names_is_served_in_its_own(backend, label_set):
    labels = "".join(f'<Label value="{name}"/>' for name in (*label_set.names, "more"))
    xml = (
        f'<View><Labels name="kind" toName="body">{labels}</Labels>'
        '<Text name="body" value="$content"/></View>'
    )
    assert controls_of(xml, label_set) == Controls(
        "kind", "body", "content", (*label_set.names, "more")
    )
    told = backend.answer({"tasks": [{"data": {"content": "One."}}], "label_config": xml})
    assert [(r["from_name"], r["to_name"]) for r in told["results"][0]["result"]] == [
        ("kind", "body")
    ]


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        ("", "is no XML"),
        ("<View>", "is no XML"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><View/>', "declares entities"),
        ("<View/>", "has no <Labels> over a <Text>"),
        (
            FEW,
            "lacks boilerplate, teaser, caption",
        ),
    ],
)
def test_a_project_that_can_not_be_predicted_for_is_told(served, label_set, xml, message):
    with pytest.raises(ReviewError, match=message):
        controls_of(xml, label_set)
    status, told = call(served, "POST", "/setup", {"schema": xml})
    assert (status, message in told["error"]) == (400, True)


# ----------------------------------------------------------------------- refusals


def test_the_client_sees_no_traceback(served, label_set, caplog):
    status, told = call(served, "POST", "/predict", asked(label_set, {"data": {"text": "boom"}}))
    assert (status, told) == (500, {"error": "curate serve failed; its own output says why"})
    assert "/home/somebody" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "message"),
    [
        ("GET", "/admin", {}, 404, "nothing here; known are GET /health"),
        ("POST", "/train", {"body": {}}, 404, "nothing here"),
        ("POST", "/predict", {"raw": b"{"}, 400, "is no JSON"),
        ("POST", "/predict", {"raw": b"[" * 100_000}, 400, "is no JSON"),
        ("POST", "/predict", {"raw": b"[]"}, 400, "no JSON object"),
        ("POST", "/predict", {"raw": b"\xff"}, 400, "is no JSON"),
        ("POST", "/predict", {"body": {"tasks": 3}}, 400, "tasks is no list"),
        ("POST", "/predict", {"body": {"tasks": [{}] * 1001}}, 400, "at most 1000 at a time"),
        ("POST", "/predict", {"body": {}, "headers": {"Host": "evil.example"}}, 403, "under the"),
        ("POST", "/setup", {"body": {}, "headers": {"Content-Type": "text/plain"}}, 415, "json"),
        (
            "POST",
            "/setup",
            {"raw": b"", "headers": {"Content-Length": str(MAX_BODY_BYTES + 1)}},
            413,
            "bytes; at most",
        ),
    ],
)
def test_requests_that_are_refused(served, method, path, options, status, message):
    got, told = call(served, method, path, **options)
    assert (got, message in told["error"]) == (status, True), told


def test_a_length_is_asked_for_and_another_method_is_not_known(served):
    with socket.create_connection(served.server_address, timeout=10) as raw:
        raw.sendall(
            b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\r\n"
        )
        assert raw.recv(100).startswith(b"HTTP/1.1 411 ")
    with socket.create_connection(served.server_address, timeout=10) as raw:
        raw.sendall(b"DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 501 ")


def test_a_page_too_long_to_wait_for(backend, label_set, monkeypatch):
    monkeypatch.setattr("curate.review.ml_backend.MAX_TEXT_CHARS", 10)
    with pytest.raises(ReviewError, match="a page of 11 characters; at most 10"):
        backend.answer(asked(label_set, {"data": {"text": "x" * 11}}))


def test_a_password_is_asked_for_where_there_is_one(served):
    served.password = "open"
    assert call(served, "GET", "/health")[0] == 401

    def basic(text):
        return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}

    assert call(served, "GET", "/health", headers=basic("any:open"))[0] == 200
    assert call(served, "GET", "/health", headers=basic("any:shut"))[0] == 401
    assert call(served, "GET", "/health", headers={"Authorization": "Basic ***"})[0] == 401


def test_a_port_that_is_taken(served, backend):
    with pytest.raises(ReviewError, match=r"can't listen on 127\.0\.0\.1:\d+ .*--port or --host"):
        MLServer(backend, "127.0.0.1", served.server_address[1])


# ----------------------------------------------------------------- a real server


@pytest.mark.server
def test_label_studio_gets_segments_for_a_page_added_by_hand(
    served, labeler, project, label_set, make_task, tmp_path
):
    client = project.connection.client
    served_at = served.url
    sent = make_task("ours", "Sent by us.\nSecond line.")
    project.push(project.plan([sent]))
    assert add_backend(client, project.number, served_at) is True
    assert add_backend(client, project.number, served_at + "/") is False
    (number,) = client.import_tasks(project.number, [{"data": {"text": TEXT}}])
    begun = time.monotonic()
    shown = client.get(f"/api/tasks/{number}/", {"project": project.number})
    assert time.monotonic() - begun < 20
    (prediction,) = shown["predictions"]
    assert prediction["model_version"] == "curate"
    assert [r["value"] for r in prediction["result"]] == [
        {"start": start, "end": end, "labels": ["article"]}
        for start, end in [(0, 4), (5, 17), (20, 28)]
    ]
    assert [page.text for page in labeler.asked] == [TEXT]
    # The labeling stream goes on showing what was pushed, and a push is not disturbed.
    steps = project.plan([sent])
    assert (steps.is_empty, steps.foreign) == (True, 1)
    settings = client.project(project.number)
    assert settings["model_version"] == "curate"
    # What a person makes of it comes back under the key it is served under.
    accepted = [{**region, "origin": "prediction"} for region in prediction["result"]]
    client.post(f"/api/tasks/{number}/annotations/", {"result": accepted, "lead_time": 2})
    assert project.pull(tmp_path, key_of=lambda _: "hand").new == 1
    (annotation,) = load(tmp_path)
    assert [(s.exact, s.action) for s in annotation.spans] == [
        ("Menu", "accepted"),
        ("A headline \U0001f389", "accepted"),
        ("The end.", "accepted"),
    ]


@pytest.mark.server
def test_label_studio_asks_over_the_network_with_the_password(backend, project):
    """Listening beyond loopback, registered as `curate serve --host 0.0.0.0 --connect` does it."""
    client = project.connection.client
    with MLServer(backend, "0.0.0.0", 0, password="sesame") as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        assert server.url.startswith(f"http://{own_address()}:")
        with pytest.raises(ReviewError):
            add_backend(client, project.number, server.url, "wrong")
        assert add_backend(client, project.number, server.url, "sesame") is True
        (number,) = client.import_tasks(project.number, [{"data": {"text": TEXT}}])
        shown = client.get(f"/api/tasks/{number}/", {"project": project.number})
        assert len(shown["predictions"][0]["result"]) == 3
        server.shutdown()
        thread.join()


@pytest.mark.server
def test_a_project_of_other_labels_is_not_connected(served, project, label_set, caplog):
    client = project.connection.client
    few = labeling_config(replace(label_set, labels=label_set.labels[:2]))
    other = client.create_project({"title": "Other labels", "label_config": few})
    with pytest.raises(ReviewError, match="what curate serve printed says more"):
        add_backend(client, other, served.url)
    assert "its <Labels name='label'> lacks teaser, caption" in caplog.text
