"""Every failure of a server ends in one clear line."""

from __future__ import annotations

import json

import httpx
import pytest

from curate.errors import ReviewError
from curate.review.client import LabelStudio, NotFoundError, UnreachableError
from curate.review.config import ApiKey, ReviewConfig

URL = "https://ls.example.org/base"
SECRET = "0123456789abcdef0123456789abcdef01234567"


def client(answer, key=None, **options) -> LabelStudio:
    return LabelStudio(
        URL + "/",
        key or ApiKey("legacy", SECRET),
        ReviewConfig(**options),
        transport=httpx.MockTransport(answer),
    )


def answers(status, **content):
    return lambda _request: httpx.Response(status, **content)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (answers(401, json={"detail": "Invalid token."}), r"refuses the legacy token .*Invalid"),
        (
            answers(401, json={"detail": "legacy token authentication has been disabled"}),
            "has legacy tokens switched off",
        ),
        (answers(403, json={"detail": "no"}), r"may not do GET /api/version \(no\)"),
        (answers(404, html="<h1>Not found</h1>"), "is no Label Studio"),
        (answers(200, html="<h1>Welcome</h1>"), "with text/html instead of JSON"),
        (answers(302, headers={"location": "https://sso"}), "sends .* on to https://sso"),
        (answers(200, json={"release": "1.9.2"}), "runs Label Studio 1.9.2; at least 1.18"),
        (answers(500, html="<h1>Oops</h1>"), r"failed at GET /api/version \(HTTP 500"),
        (answers(413), "lower review.push_batch"),
        (answers(418, json={"validation_errors": {"x": ["y"]}}), r'HTTP 418: {"x": \["y"\]}'),
    ],
)
def test_what_a_server_may_answer(answer, told, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    with client(answer) as ls, pytest.raises(ReviewError, match=told) as error:
        ls.check()
    assert SECRET not in str(error.value)
    assert "\n" not in str(error.value)
    assert "<h1>" not in str(error.value)


def test_a_user_who_may_not_write():
    def answer(request):
        if request.url.path.endswith("whoami"):
            return httpx.Response(200, json={"permissions": ["annotations.view", "tasks.change"]})
        return httpx.Response(200, json={"release": "1.23.2"})

    with (
        client(answer) as ls,
        pytest.raises(ReviewError, match=r"lacks the right to projects\.crea"),
    ):
        ls.check()


def test_a_server_that_is_down_is_named_after_a_few_tries(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    tries = []

    def refuse(request):
        tries.append(request.method)
        raise httpx.ConnectError("Connection refused")

    with client(refuse) as ls:
        with pytest.raises(UnreachableError, match=r"no Label Studio can be reached at https://ls"):
            ls.version()
        assert tries == ["GET"] * 3
        with pytest.raises(UnreachableError):
            ls.import_tasks(1, [{}])
        assert tries == ["GET"] * 3 + ["POST"]  # a write is never repeated


def test_no_answer_in_time_says_how_long(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)

    def late(request):
        raise httpx.ReadTimeout("late", request=request)

    with (
        client(late, transfer_timeout_s=7) as ls,
        pytest.raises(UnreachableError, match=r"no answer to POST /api/x within 7 s"),
    ):
        ls.post("/api/x", {})


def test_a_legacy_token_is_sent_as_it_is_below_the_servers_path():
    def answer(request):
        assert request.headers["Authorization"] == f"Token {SECRET}"
        assert str(request.url) == f"{URL}/api/version"
        return httpx.Response(200, json={"release": "1.23.2"})

    with client(answer) as ls:
        assert ls.version() == "1.23.2"


def test_a_personal_token_is_exchanged_and_exchanged_again_when_refused():
    calls = []

    def answer(request):
        calls.append(request.url.path.removeprefix("/base"))
        if request.url.path.endswith("/api/token/refresh/"):
            assert json.loads(request.content) == {"refresh": "a.b.c"}
            return httpx.Response(200, json={"access": f"access{len(calls)}"})
        fresh = request.headers["Authorization"] != "Bearer access1" or len(calls) < 3
        return httpx.Response(200 if fresh else 401, json={"release": "1.23.2"})

    with client(answer, ApiKey("pat", "a.b.c")) as ls:
        assert ls.version() == "1.23.2"
        assert calls == ["/api/token/refresh/", "/api/version"]
        assert ls.version() == "1.23.2"
    assert calls[2:] == ["/api/version", "/api/token/refresh/", "/api/version"]


def test_a_personal_token_that_was_revoked():
    with (
        client(answers(401, json={"detail": "x"}), ApiKey("pat", "a.b.c")) as ls,
        pytest.raises(ReviewError, match="refuses the personal access token in LABEL_STUDIO"),
    ):
        ls.check()


def test_tasks_are_read_page_by_page_until_the_last():
    pages = []

    def answer(request):
        pages.append(int(request.url.params["page"]))
        first = (pages[-1] - 1) * 10
        tasks = [{"id": i} for i in range(first, min(first + 10, 25))]
        return httpx.Response(200, json={"tasks": tasks, "total": 25})

    with client(answer, page_size=10) as ls:
        assert [task["id"] for task in ls.tasks(3)] == list(range(25))
    assert pages == [1, 2, 3]


def test_a_page_past_the_end_ends_the_list_and_a_missing_project_does_not():
    def answer(request):
        if request.url.params["page"] == "2":
            return httpx.Response(404, json={"detail": "Invalid page."})
        return httpx.Response(200, json={"tasks": [{"id": 1}], "total": 11})

    with client(answer, page_size=10) as ls:
        assert [task["id"] for task in ls.tasks(3)] == [1]
    with client(answers(404, html="x")) as ls, pytest.raises(NotFoundError):
        list(ls.tasks(3))


def test_the_proxy_of_the_environment_is_not_used_for_loopback(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    ls = LabelStudio("http://127.0.0.1:9", ApiKey("legacy", SECRET))
    assert not ls._http._mounts
    ls.close()
