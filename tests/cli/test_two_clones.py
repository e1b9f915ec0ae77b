"""The same pages and configuration in two working folders give the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import write_pages

RUN = ("run", "name=t", "pages.path=pages", "pages.url_from=path", "review=none")


def test_two_clones_publish_the_same_files(tmp_path: Path) -> None:
    """Data files, card, Croissant file, manifest and report, wherever and whenever it runs."""
    found = []
    for name, zone in (("one", "UTC"), ("another one", "Asia/Tokyo")):
        folder = tmp_path / name
        write_pages(folder / "pages")
        done = subprocess.run(
            [sys.executable, "-m", "curate", *RUN],
            cwd=folder,
            env={**os.environ, "TZ": zone, "PYTHONHASHSEED": str(len(name))},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        version = folder / "exports" / "t" / "v0001"
        found.append(
            {
                path.relative_to(version).as_posix(): path.read_bytes()
                for path in sorted(version.rglob("*"))
                if path.is_file()
            }
        )
    assert len(found[0]) >= 8
    assert found[0] == found[1]
