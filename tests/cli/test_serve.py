"""`curate serve` as a process: loads once, answers, ends on an interrupt."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from curate.cli import main
from curate.cli.serve import PASSWORD_VARIABLE
from curate.review.interface import labeling_config
from curate.review.server_info import own_address
from tests.review.conftest import label_set

__all__ = ["label_set"]


def test_it_serves_the_configured_labeler_until_interrupted(tmp_path: Path, label_set) -> None:
    command = [sys.executable, "-m", "curate", "serve", "--port", "0", "labeler=rules"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("rules@")
            url = line.rsplit(" ", 1)[1].strip()
            assert url.startswith("http://127.0.0.1:")
            task = {"data": {"text": "Menu\nStorm closes the harbour\nRead more"}}
            body = {"tasks": [task], "label_config": labeling_config(label_set)}
            request = urllib.request.Request(
                f"{url}/predict",
                json.dumps(body).encode(),
                {"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=30) as answer:
                (told,) = json.load(answer)["results"]
            assert [(r["value"]["start"], r["value"]["end"]) for r in told["result"]] == [
                (0, 4),
                (5, 29),
                (30, 39),
            ]
        finally:
            process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert errors.splitlines()[-1] == "stopped"
    assert "Traceback" not in errors


def test_it_is_opened_to_other_machines_with_a_warning_or_a_password(tmp_path: Path) -> None:
    other = own_address()
    if other.startswith("127.") or not other[0].isdigit():
        pytest.skip("this machine has no address but loopback")
    curate = [sys.executable, "-m", "curate", "serve", "--port", "0", "labeler=rules"]
    open_env = {k: v for k, v in os.environ.items() if k != PASSWORD_VARIABLE}
    with ExitStack() as stack:
        served = [
            stack.enter_context(process(command, tmp_path, env))
            for command, env in (
                ([*curate, "--host", "0.0.0.0"], open_env),
                ([*curate, "--host", "0.0.0.0"], {**open_env, PASSWORD_VARIABLE: "sesame"}),
                (curate, open_env),
            )
        ]
        lines = [one.stdout.readline() for one in served]
        anybody, asked, here = (line.rsplit(" ", 1)[1].strip() for line in lines)
        assert anybody.startswith(f"http://{other}:")
        assert health(anybody) == 200
        assert health(asked) == 401
        assert health(asked, "curate:wrong") == 401
        assert health(asked, "curate:sesame") == 200
        assert here.startswith("http://127.0.0.1:")
        assert health(here) == 200
        with pytest.raises(urllib.error.URLError, match="refused"):
            health(here.replace("127.0.0.1", other))
        # Nobody asks under a name of their own what listens on loopback only.
        assert health(here, host="evil.example") == 403
        for one in served:
            one.send_signal(signal.SIGINT)
        warned, quiet, local = (one.communicate(timeout=30)[1] for one in served)
    assert warned.startswith(f"warning: anybody who reaches {anybody} can have pages labelled; set")
    assert "warning" not in quiet + local
    assert "sesame" not in quiet


@contextmanager
def process(command: list[str], cwd: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def health(url: str, login: str = "", host: str = "") -> int:
    headers = {"Host": host} if host else {}
    if login:
        headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(f"{url}/health", headers=headers), timeout=30) as a:
            return int(a.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_port_that_is_none_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--port", "high"])
    assert ended.value.code == 2
    assert "'high' is no port; give a number up to 65535" in capsys.readouterr().err
