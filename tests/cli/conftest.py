"""A small workspace and the command in it, as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]

ARTICLE = """<!doctype html><html lang="en"><head><title>{title} - Daily</title></head><body>
<nav><a href="/">Home</a> <a href="/news">News</a> <a href="/sport">Sport</a></nav>
<main><h1>{title}</h1>
<p>{body} The harbour board met on Monday and heard forty-one residents, most of whom wanted
the old crane to stay where it is. A decision is expected before the end of the month.</p>
<p>Engineers said that the foundations, laid in 1911, would carry the crane for another fifty
years if the joints are greased and the rails are kept free of rust and seaweed.</p></main>
<footer>© Daily. All rights reserved. Imprint. Privacy.</footer></body></html>"""


def write_pages(folder: Path, n_sites: int = 4, n_pages: int = 3) -> None:
    """A mirror of small sites: `<host>/<page>.html`."""
    for site in range(n_sites):
        for page in range(n_pages):
            file = folder / f"s{site}.example" / f"p{page}.html"
            file.parent.mkdir(parents=True, exist_ok=True)
            body = f"Page {page} of site {site} tells of crane number {site * 10 + page}."
            file.write_text(ARTICLE.format(title=f"Crane {site}-{page} stays 😀", body=body))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """An empty working folder with twelve pages in `pages/`."""
    write_pages(tmp_path / "pages")
    return tmp_path


@pytest.fixture
def curate(workspace: Path) -> Command:
    """Run `curate ARGS` in the workspace; checks the exit status, and a clean exit."""

    def call(*args: str, status: int = 0, **env: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "curate", *args],
            cwd=workspace,
            env={**os.environ, "COLUMNS": "160", "NO_COLOR": "1", **env},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == status, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        # DuckDB's bindings complain at exit of objects that were never given back.
        assert "leaked" not in done.stderr
        return done

    return call
