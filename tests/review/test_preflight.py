"""What is checked before anything is touched: one clear line each."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from curate.errors import ReviewError
from curate.review.client import LabelStudio, version_warning
from curate.review.config import ReviewConfig, parse_key
from curate.review.connection import Connection
from curate.review.interface import labeling_config
from curate.review.preflight import check_people, check_projects, check_server
from curate.review.project import ReviewProject
from curate.review.server import LocalServer
from curate.review.server_info import ServerInfo
from tests.review.fake import TOKEN

RIGHTS = [
    *("projects.create", "tasks.create", "tasks.change", "predictions.any", "annotations.view")
]


def client(release="1.23.2", rights=RIGHTS, status=200, detail="", config="") -> LabelStudio:
    """A server that tells this of itself."""

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/api/version":
            return httpx.Response(200, json={"release": release})
        if status != 200:
            return httpx.Response(status, json={"detail": detail})
        if path == "/api/current-user/whoami":
            return httpx.Response(200, json={"email": "o@example.org", "permissions": rights})
        if path == "/api/users":
            return httpx.Response(200, json=[{"id": 2, "email": "ada@example.org"}])
        if path == "/api/invite":
            return httpx.Response(200, json={"invite_url": "/user/signup/?token=t", "token": "t"})
        return httpx.Response(200, json={"id": 1, "title": "p", "label_config": config})

    return LabelStudio(
        "https://ls.example.org", parse_key(TOKEN), transport=httpx.MockTransport(answer)
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"release": "1.17.0"}, "runs Label Studio 1.17.0; at least 1.18 is needed"),
        (
            {"status": 401, "detail": "legacy token authentication has been disabled"},
            "has legacy tokens switched off, and LABEL_STUDIO_API_KEY holds one",
        ),
        ({"status": 401, "detail": "Invalid token."}, "refuses the legacy token in LABEL_STUDIO"),
        ({"rights": RIGHTS[1:]}, "lacks the right to projects.create"),
        ({"status": 403, "detail": "no"}, "this user may not do GET /api/current-user/whoami"),
    ],
)
def test_what_ends_it_is_told_in_one_line(options, told):
    with client(**options) as opened, pytest.raises(ReviewError) as error:
        opened.check()
    assert told in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("release", "told"),
    [
        ("1.23.2", ""),
        ("1.23.9", ""),
        ("1.18.0", ""),
        ("1.24.0", "newer than 1.23.2"),
        ("2.0.1.post1", "newer than 1.23.2"),
        ("develop", "doesn't tell its version"),
    ],
)
def test_a_server_newer_than_tried_is_told_and_goes_on(release, told):
    assert (told in version_warning(release)) if told else version_warning(release) == ""
    with client(release=release) as opened:
        assert opened.check() == release
        findings = list(check_server(Connection(opened, "x", release)))
    assert [f.level for f in findings] == ["warning" if told else "ok", "warning", "ok"]
    assert "a legacy token, and the server takes it" in findings[1].text


def test_people_without_an_account_are_named_with_the_way_in():
    with client() as opened:
        connection = Connection(opened, "x", "1.23.2")
        (finding,) = check_people(connection, ReviewConfig(annotators=("ada", "bo")))
        assert finding.level == "error"
        assert "has no user bo (review.annotators)" in finding.text
        assert "https://ls.example.org/user/signup/?token=t" in finding.text
        (finding,) = check_people(connection, ReviewConfig(annotators=("ada",)))
        assert (finding.level, finding.text) == ("ok", "1 of 1 people have accounts")
        assert list(check_people(connection, ReviewConfig())) == []


def test_a_labeling_interface_that_does_not_fit_is_an_error(label_set, tmp_path):
    good = labeling_config(label_set)
    for config, level, told in (
        (good, "ok", "fits schema web4"),
        (good.replace('value="teaser"', 'value="ad"'), "error", "labels missing there: teaser"),
        ("<View/>", "error", 'it has no <Text name="text">'),
        ("<View", "error", "not readable XML"),
    ):
        with client(config=config) as opened:
            project = ReviewProject(
                Connection(opened, "x", "1"), ReviewConfig(), label_set, tmp_path, "n", 1, "p"
            )
            (finding,) = check_projects([project], label_set)
        assert finding.level == level
        assert told in finding.text


def test_who_can_reach_a_server_and_what_is_told_of_it(tmp_path):
    def info(host: str) -> ServerInfo:
        return ServerInfo("http://127.0.0.1:8090", "r", 1, "i", tmp_path, tmp_path, host=host)

    assert not info("127.0.0.1").is_open
    assert info("127.0.0.1").warning == ""
    assert info("127.0.0.1").url_for_others == "http://127.0.0.1:8090"
    everywhere = info("0.0.0.0")
    assert everywhere.is_open
    assert "travel unencrypted" in everywhere.warning
    assert everywhere.url_for_others.startswith("http://")
    assert everywhere.url_for_others.endswith(":8090")
    assert info("192.0.2.7").url_for_others == "http://192.0.2.7:8090"


@pytest.mark.server
def test_a_running_server_is_not_opened_in_passing(server, state: Path):
    assert server.host == "127.0.0.1"
    with pytest.raises(ReviewError, match=r"listens on 127\.0\.0\.1, not on 0\.0\.0\.0"):
        LocalServer(state).start(host="0.0.0.0")
    assert LocalServer(state).status().host == "127.0.0.1"
