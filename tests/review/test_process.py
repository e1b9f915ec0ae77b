"""Processes that outlive their starter; the server's environment; pseudonyms."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from curate.errors import ReviewError
from curate.processes import birth_of, is_alive
from curate.review import process, server_env
from curate.review.pseudonyms import Pseudonyms


@pytest.fixture
def sleeper(tmp_path):
    command = [sys.executable, "-c", "import time; print('hi', flush=True); time.sleep(60)"]
    pid = process.spawn(command, env=os.environ, log=tmp_path / "log", cwd=tmp_path)
    birth = birth_of(pid)
    yield pid, birth
    process.terminate(pid, birth)


def test_a_process_is_told_from_a_later_one_of_its_id(sleeper):
    pid, birth = sleeper
    assert is_alive(pid, birth)
    assert not is_alive(pid, "another birth")
    process.terminate(pid, "another birth")  # not ours: left alone
    assert is_alive(pid, birth)
    process.terminate(pid, birth)
    assert not is_alive(pid, birth)
    assert birth_of(pid) is None


def test_it_has_a_session_of_its_own_and_no_parent_here(sleeper):
    pid, _ = sleeper
    assert os.getsid(pid) == pid
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def test_a_busy_port_is_passed_over():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        assert process.free_port("127.0.0.1", port) > port
        assert process.free_port("127.0.0.1", port, tries=1) is None


def test_an_environment_is_complete_only_with_todays_mark(tmp_path, monkeypatch):
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin/python").touch()
    assert not server_env.is_complete(venv)
    (venv / server_env.MARKER).write_text(server_env._wanted())
    assert server_env.is_complete(venv)
    monkeypatch.setattr(server_env, "SERVER_VERSION", "9.9.9")
    assert not server_env.is_complete(venv)


def test_a_half_built_environment_is_removed_and_nothing_else(tmp_path):
    half = tmp_path / "half"
    half.mkdir()
    (half / "pyvenv.cfg").touch()
    server_env._clear(half)
    assert not half.exists()
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.tex").touch()
    with pytest.raises(ReviewError, match="is no Python environment, so it was not touched"):
        server_env._clear(home)
    assert (home / "thesis.tex").exists()


def test_the_build_starts_from_a_python_that_the_pins_fit(monkeypatch):
    assert server_env._interpreter() == Path(sys.executable) or sys.version_info >= (3, 14)
    monkeypatch.setattr(server_env, "PYTHONS", ())
    with pytest.raises(ReviewError, match=r"install one of them, or set review\.url"):
        server_env._interpreter()


def test_a_failed_step_says_why_and_where_the_log_is(tmp_path):
    log = tmp_path / "install.log"
    script = "print('Collecting x'); print('ERROR: No space left on device'); raise SystemExit(1)"
    with pytest.raises(ReviewError, match=r"exit 1: ERROR: No space .* free about 2 GB") as error:
        server_env._call([sys.executable, "-c", script], str(log), print, total=3)
    assert str(log) in str(error.value)
    assert "Collecting x" in log.read_text()


def test_the_constraints_pin_everything_and_name_no_index():
    lines = server_env.CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert f"label-studio=={server_env.SERVER_VERSION}" in pins
    assert all(line.count("==") == 1 and " " not in line for line in pins)
    assert len(pins) > 100


def test_pseudonyms_are_one_persons_everywhere_and_no_address(tmp_path):
    path = tmp_path / "state" / "pseudonym.key"
    names = Pseudonyms(path)
    ada = names.of("Ada@Example.org ")
    assert ada == names.of("ada@example.org") == Pseudonyms(path).of("ada@example.org")
    assert ada != names.of("bob@example.org")
    assert len(ada) == len("annotator-0123456789")
    assert path.stat().st_mode & 0o777 == 0o600
    assert Pseudonyms(tmp_path / "other.key").of("ada@example.org") != ada


def test_a_broken_key_is_not_replaced(tmp_path):
    path = tmp_path / "pseudonym.key"
    path.write_text("short")
    with pytest.raises(ReviewError, match="holds no key of 32 bytes"):
        Pseudonyms(path).of("x")
    assert path.read_text() == "short"
