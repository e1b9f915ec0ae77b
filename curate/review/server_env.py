"""The environment of its own that the local Label Studio runs in.

Its pins (pyarrow below 25, Django 5.2 and 150 more) would bind ours, so it is
installed apart, on first use, from the constraints shipped beside this file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from curate.errors import ReviewError
from curate.io import locked
from curate.text import digest

__all__ = [
    "CONSTRAINTS",
    "DATABASE",
    "QUIET",
    "SERVER_VERSION",
    "VENV_VARIABLE",
    "blank_database",
    "build",
    "is_complete",
    "python_of",
]

SERVER_VERSION = "1.23.2"
CONSTRAINTS = Path(__file__).with_name("server-constraints.txt")

VENV_VARIABLE = "CURATE_SERVER_VENV"
"""Folder of an environment that several workspaces share, so that it is built once."""

PYTHONS = ((3, 11), (3, 12), (3, 13))
"""Versions the pins have wheels for: numpy 2.2, which OpenCV 4.12 asks for, ends at 3.13."""

MARKER = ".curate-complete"
DATABASE = "label_studio.sqlite3"

QUIET = {
    "SENTRY_DSN": "",
    "FRONTEND_SENTRY_DSN": "",
    "LATEST_VERSION_CHECK": "false",
    "COLLECT_ANALYTICS": "false",
}
"""Settings with which Label Studio sends nothing to anybody."""

TELL_EVERY_S = 3.0
"""Seconds between two lines of progress while pip works."""

DROPPED_VARIABLES = (
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
    "PIP_CONSTRAINT",
    "PIP_REQUIREMENT",
    "PIP_NO_DEPS",
    "PIP_REQUIRE_HASHES",
)
"""What would send the installation elsewhere or bind it to other pins."""


def is_complete(venv: Path) -> bool:
    """Whether the environment was built to the end from today's constraints."""
    try:
        return (venv / MARKER).read_text() == _wanted() and python_of(venv).exists()
    except OSError:
        return False


def python_of(venv: Path) -> Path:
    """The environment's interpreter."""
    return venv / "bin" / "python"


def blank_database(venv: Path) -> Path:
    """A database with all tables and nothing in them."""
    return venv / "curate-blank.sqlite3"


def build(venv: Path, progress: Callable[[str], None]) -> None:
    """Make the environment unless it is complete; an interrupted one is made anew.

    Raises:
        ReviewError: no fitting Python, no room, or pip failed.
    """
    if is_complete(venv):
        return
    with locked(venv.with_name(venv.name + ".lock"), on_wait=progress):
        if is_complete(venv):
            return
        _clear(venv)
        python = _interpreter()
        progress(f"building Label Studio's own environment in {venv} (about 1 GB, minutes, once)")
        log = venv.with_name(venv.name + "-install.log")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as file:
            _call([str(python), "-m", "venv", str(venv)], file.name, progress, total=0)
            _call(
                [
                    *(str(python_of(venv)), "-m", "pip", "install", "--no-input", "--no-compile"),
                    *("--disable-pip-version-check", "--progress-bar", "off"),
                    *("-c", str(CONSTRAINTS), f"label-studio=={SERVER_VERSION}"),
                ],
                file.name,
                progress,
                total=_n_pins(),
            )
            progress("laying out an empty database (about a minute)")
            _lay_out(venv, file.name, progress)
        (venv / MARKER).write_text(_wanted())
        progress("Label Studio is installed")


def _lay_out(venv: Path, log: str, progress: Callable[[str], None]) -> None:
    """Migrate an empty database once; a new workspace starts from a copy of it."""
    folder = venv / "curate-blank"
    folder.mkdir()
    command = [str(python_of(venv)), "-m", "label_studio.server", "version"]
    extra = {"LABEL_STUDIO_BASE_DATA_DIR": str(folder), **QUIET}
    _call(command, log, progress, total=0, extra=extra)
    # Only the tables are kept: the secret beside them must not be shared.
    (folder / DATABASE).replace(blank_database(venv))
    shutil.rmtree(folder)


def _wanted() -> str:
    return digest(CONSTRAINTS.read_text(encoding="utf-8"), SERVER_VERSION, chars=32)


def _n_pins() -> int:
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    return sum(1 for line in lines if line and not line.startswith("#"))


def _clear(venv: Path) -> None:
    """Remove an incomplete environment; refuse to remove anything else."""
    if not venv.exists():
        return
    if venv.is_dir() and ((venv / "pyvenv.cfg").exists() or not any(venv.iterdir())):
        shutil.rmtree(venv)
        return
    raise ReviewError(
        f"{venv} is there and is no Python environment, so it was not touched; "
        f"set {VENV_VARIABLE} to an empty or new folder"
    )


def _interpreter() -> Path:
    """A Python that the pins have wheels for: this one, else one on the PATH."""
    if sys.version_info[:2] in PYTHONS:
        return Path(sys.executable)
    for major, minor in reversed(PYTHONS):
        found = shutil.which(f"python{major}.{minor}")
        if found:
            return Path(found)
    allowed = ", ".join(f"{major}.{minor}" for major, minor in PYTHONS)
    raise ReviewError(
        f"the local Label Studio needs Python {allowed}, and this is "
        f"{sys.version_info[0]}.{sys.version_info[1]}; install one of them, or set review.url "
        "to another Label Studio, or review=none"
    )


def _call(
    command: list[str],
    log: str,
    progress: Callable[[str], None],
    *,
    total: int,
    extra: Mapping[str, str] | None = None,
) -> None:
    """Run a step of the build, its output in `log`, telling how far it is."""
    kept: deque[str] = deque(maxlen=400)
    n, told = 0, time.monotonic()
    with (
        Path(log).open("a", encoding="utf-8") as file,
        subprocess.Popen(
            command,
            env={**_environment(os.environ), **(extra or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        assert process.stdout is not None
        try:
            for line in process.stdout:
                file.write(line)
                kept.append(line.strip())
                n += line.startswith("Collecting ")
                if total and time.monotonic() - told >= TELL_EVERY_S:
                    told = time.monotonic()
                    progress(f"fetching Label Studio: {min(n, total)} of about {total} packages")
                if line.startswith("Installing collected packages:") and line.count(",") > 20:
                    progress(f"unpacking {line.count(',') + 1} packages (a minute or two)")
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise ReviewError(_why(kept, process.returncode, log))


def _why(lines: deque[str], code: int, log: str) -> str:
    told = [line for line in lines if line.startswith(("ERROR:", "error:", "Error:"))]
    text = " ".join(lines)
    if "No space left" in text:
        hint = "free about 2 GB"
    elif any(word in text for word in ("ConnectionError", "NewConnectionError", "Could not fetch")):
        hint = "check the network or pip's settings"
    else:
        hint = "see the log"
    reason = (told or list(lines)[-1:] or ["no output"])[-1][:300]
    return (
        f"Label Studio's environment could not be built (exit {code}: {reason}); {hint}, then "
        f"try again, or set review.url to another Label Studio, or review=none; log: {log}"
    )


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    kept = {k: v for k, v in variables.items() if k not in DROPPED_VARIABLES}
    return {**kept, "PYTHONNOUSERSITE": "1", "PYTHONUNBUFFERED": "1"}
