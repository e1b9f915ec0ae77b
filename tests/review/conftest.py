"""A real Label Studio and a real browser, started once for all tests of the room."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from curate.review import server as server_module
from curate.review.config import ReviewConfig
from curate.review.connection import Connection, connect
from curate.review.project import ReviewProject
from curate.review.server import LocalServer, ServerInfo
from curate.review.server_env import VENV_VARIABLE
from curate.review.tasks import ReviewTask
from curate.schema import LabelSet, page_id_of

ROOT = Path(__file__).resolve().parents[2]

TEST_PORT = 8500 + os.getpid() % 200 * 10
"""Away from the port that a person's own server would have, and from that of other
test sessions: between looking for a free port and taking it, seconds pass."""

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def label_set() -> LabelSet:
    """The shipped label set."""
    config = yaml.safe_load((ROOT / "configs/schema/web4.yaml").read_text(encoding="utf-8"))
    del config["_target_"]
    return TypeAdapter(LabelSet).validate_python(config)


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose local server is shared by the session's tests."""
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture(scope="session")
def server_venv() -> Path:
    """The server's environment, built once and kept for later sessions."""
    if os.environ.get("CURATE_SKIP_SERVER") == "1":
        pytest.skip("CURATE_SKIP_SERVER=1: no Label Studio in this run")
    venv = Path(os.environ.get(VENV_VARIABLE) or ROOT / ".curate/test-server-venv")
    os.environ[VENV_VARIABLE] = str(venv)
    return venv


@pytest.fixture(scope="session")
def server(workspace: Path, server_venv: Path) -> Iterator[ServerInfo]:
    """A running Label Studio with nothing in it."""
    info = server_module.start(workspace, port=TEST_PORT, progress=print)
    yield info
    server_module.stop(workspace)


@pytest.fixture
def state(workspace: Path) -> Path:
    """The state folder of the server's workspace."""
    return workspace / ".curate/state"


@pytest.fixture
def connection(server: ServerInfo, state: Path) -> Iterator[Connection]:
    """An open connection to the server."""
    with connect(ReviewConfig(), state) as opened:
        yield opened


@pytest.fixture
def project(connection: Connection, label_set: LabelSet, state: Path) -> ReviewProject:
    """A new, empty project."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    opened = ReviewProject.open(connection, name, label_set, ReviewConfig(), state)
    assert opened is not None
    return opened


@pytest.fixture(scope="session")
def browser_page(server: ServerInfo, workspace: Path) -> Iterator[Any]:
    """A logged-in browser window."""
    sync_api = pytest.importorskip("playwright.sync_api")
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next((path for name in names if (path := shutil.which(name))), None)
    if chromium is None:
        pytest.skip(f"needs a browser on the PATH: {', '.join(names)}")
    password = LocalServer(workspace / ".curate/state").password()
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.goto(f"{server.url}/user/login/")
        page.fill("input[name=email]", server.username)
        page.fill("input[name=password]", password)
        page.click("button[type=submit]")
        page.wait_for_url(lambda url: "/user/login" not in url, wait_until="commit")
        yield page
        browser.close()


@pytest.fixture(scope="session")
def make_task() -> Callable[..., ReviewTask]:
    """Builds a task whose segments are the lines of a text, labels dealt in turn."""

    def make(
        key: str,
        text: str,
        *,
        labels: tuple[str, ...] = ("article", "boilerplate", "teaser", "caption"),
        score: float = 0.9,
        version: str = "rules@1",
        rank: int = 0,
    ) -> ReviewTask:
        starts, ends, position = [], [], 0
        for line in text.splitlines(keepends=True):
            body = line.strip()
            if body:
                start = position + line.index(body)
                starts.append(start)
                ends.append(start + len(body))
            position += len(line)
        n = len(starts)
        return ReviewTask(
            page_key=key,
            page_id=page_id_of(key, text),
            text=text,
            url=f"https://example.org/{key}",
            site="example.org",
            title=f"Title of {key}",
            starts=starts,
            ends=ends,
            labels=[labels[i % len(labels)] for i in range(n)],
            scores=[score] * n,
            model_version=version,
            rank=rank,
        )

    return make
