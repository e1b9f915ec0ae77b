"""`curate serve` as a process: loads once, answers, ends on an interrupt."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from curate.cli import main
from curate.review.interface import labeling_config
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


def test_a_port_that_is_none_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--port", "high"])
    assert ended.value.code == 2
    assert "'high' is no port; give a number up to 65535" in capsys.readouterr().err
