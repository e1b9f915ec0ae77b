"""The local server: started, found, stopped, started again."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time

import httpx
import pytest

from curate.errors import ReviewError
from curate.processes import birth_of
from curate.review import process
from curate.review.client import LabelStudio
from curate.review.config import ReviewConfig, parse_key
from curate.review.connection import availability, connect
from curate.review.server import LocalServer

pytestmark = pytest.mark.server


def test_a_second_start_is_instant_and_the_same(server, workspace):
    local = LocalServer(workspace / ".curate/state")
    begun = time.monotonic()
    again = local.start(port=1)
    assert time.monotonic() - begun < 3
    assert (again.pid, again.url, again.started_now) == (server.pid, server.url, False)
    assert local.status().pid == server.pid


def test_it_listens_on_loopback_only_and_lets_nobody_sign_up(server):
    port = int(server.url.rsplit(":", 1)[1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # no packet is sent
        outside = probe.getsockname()[0]
    if not outside.startswith("127."):
        with socket.socket() as sock:
            sock.settimeout(1)
            assert sock.connect_ex((outside, port)) != 0
    with httpx.Client(trust_env=False) as visitor:
        visitor.get(f"{server.url}/user/signup/")
        token = visitor.cookies["csrftoken"]
        form = {"email": "x@example.org", "password": "0123456789ab", "csrfmiddlewaretoken": token}
        answer = visitor.post(
            f"{server.url}/user/signup/", data=form, headers={"Referer": server.url}
        )
    assert answer.status_code == 403


def test_credentials_and_data_are_the_users_own(server, workspace):
    home = workspace / ".curate/state/label-studio"
    assert home.stat().st_mode & 0o777 == 0o700
    assert server.credentials_file.stat().st_mode & 0o777 == 0o600
    kept = json.loads(server.credentials_file.read_text())
    assert set(kept) == {"username", "password", "token"}
    assert kept["password"] not in server.log.read_text()
    command = subprocess.run(
        ["ps", "-o", "args=", "-p", str(server.pid)], capture_output=True, text=True, check=False
    )
    assert kept["password"] not in command.stdout
    assert kept["token"] not in command.stdout


def test_review_finds_it_without_a_url_or_a_key(server, state, monkeypatch):
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "not the local one")
    assert availability(ReviewConfig(), state).on
    with connect(ReviewConfig(), state) as opened:
        assert opened.release == "1.23.2"
        assert opened.server.startswith("local/")
    for url in (server.url, server.url.replace("127.0.0.1", "localhost") + "/"):
        with connect(ReviewConfig(url=url), state) as opened:
            assert opened.server.startswith("local/")
            assert opened.local is not None


def test_where_nothing_was_started_review_is_off_or_an_error(tmp_path, monkeypatch):
    monkeypatch.delenv("LABEL_STUDIO_API_KEY", raising=False)
    found = availability(ReviewConfig(), tmp_path)
    assert not found.on
    assert "curate server start" in found.why
    assert not availability(ReviewConfig(mode="none"), tmp_path).on
    assert availability(ReviewConfig(mode="label_studio"), tmp_path).on
    with pytest.raises(ReviewError, match="run curate server start"):
        connect(ReviewConfig(mode="label_studio"), tmp_path)
    with pytest.raises(ReviewError, match="LABEL_STUDIO_API_KEY is not; put a token"):
        connect(ReviewConfig(url="https://ls.example.org"), tmp_path)


def test_another_servers_key_and_a_personal_token(server, workspace, state, tmp_path, monkeypatch):
    local = LocalServer(state)
    # As a server that is not ours: by its address and a key in the environment.
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "f" * 40)
    with pytest.raises(ReviewError, match="refuses the legacy token in LABEL_STUDIO_API_KEY"):
        connect(ReviewConfig(url=server.url), tmp_path)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", local.key().value)
    with connect(ReviewConfig(url=server.url), tmp_path) as opened:
        assert opened.server == server.url
        made = opened.client.post("/api/token/", {})["token"]
    with LabelStudio(server.url, parse_key(made + "\n")) as client:
        assert client._key.kind == "pat"
        assert client.check() == "1.23.2"
    with (
        LabelStudio(server.url, parse_key(made[:-4] + "AAAA")) as client,
        pytest.raises(ReviewError, match="refuses the personal access token"),
    ):
        client.check()


def test_it_is_stopped_and_started_again_with_its_data(server_venv, tmp_path):
    """On a busy port, from a process that ends, with a stale note left behind."""
    state = tmp_path / ".curate/state"
    local = LocalServer(state)
    with socket.socket() as busy:
        # Below the ports that outgoing connections take, which could grab ours meanwhile.
        port = process.free_port("127.0.0.1", 8310)
        busy.bind(("127.0.0.1", port))
        busy.listen()
        code = (
            "import sys; from pathlib import Path; from curate.review import server\n"
            "server.start(Path(sys.argv[1]), port=int(sys.argv[2]), progress=print)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path), str(port)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "starting Label Studio on port" in done.stdout
    try:
        info = local.status()  # it outlived its starter
        assert int(info.url.rsplit(":", 1)[1]) > port
        with connect(ReviewConfig(), state) as opened:
            number = opened.client.create_project({"title": "kept"})
        process.terminate(info.pid, birth_of(info.pid))  # as by a reboot
        assert local.status() is None
        assert not local.stop()

        with connect(ReviewConfig(), state) as opened:  # started again by itself
            again = local.status()
            assert (again.url, again.instance) == (info.url, info.instance)
            assert opened.client.project(number)["title"] == "kept"
        assert local.stop()
        assert local.status() is None

        # Credentials that are lost: a new user, who sees the same projects.
        local.credentials_file.unlink()
        assert local.start().username != info.username
        with connect(ReviewConfig(), state) as opened:
            assert opened.client.project(number)["title"] == "kept"
    finally:
        local.stop()
