"""Telling a project of the live backend."""

from __future__ import annotations

from pathlib import Path

from curate.errors import ReviewError
from curate.review.client import LabelStudio
from curate.review.config import ReviewConfig
from curate.review.connection import connect
from curate.review.people import ReviewTeam
from curate.schema import LabelSet

__all__ = ["add_backend", "register_backend"]


def register_backend(
    config: ReviewConfig,
    state: Path,
    name: str,
    label_set: LabelSet,
    url: str,
    password: str | None = None,
) -> str:
    """Add the backend at `url` to a dataset's project, unless it has it; says what was done.

    Raises:
        ReviewError: no server, no project, or Label Studio refuses the address.
    """
    with connect(config, state) as connection:
        team = ReviewTeam.open(connection, name, label_set, config, state, create=False)
        seats = [seat.project for seat in team.seats if not seat.former] if team else []
        projects = [project for project in seats if project is not None]
        if not projects:
            raise ReviewError(f"no project for {name} yet; curate review push makes it")
        told = []
        for project in projects:
            added = add_backend(connection.client, project.number, url, password)
            has = "now has" if added else "has"
            told.append(f"project {project.number} ({project.url}) {has} this backend")
        return "; ".join(told)


def add_backend(client: LabelStudio, project: int, url: str, password: str | None = None) -> bool:
    """Add a backend to a project; False where it was there.

    Label Studio may answer with an error and have added it all the same, so it
    is the list that counts.

    Raises:
        ReviewError: it was not added.
    """
    if _has(client, project, url):
        return False
    settings = {"project": project, "url": url, "title": "curate"}
    if password is not None:
        settings |= {
            "auth_method": "BASIC_AUTH",
            "basic_auth_user": "curate",
            "basic_auth_pass": password,
        }
    try:
        client.post("/api/ml/", settings)
    except ReviewError as error:
        if _has(client, project, url):
            return True
        why = str(error)
        if any(word in why.lower() for word in ("reserved", "local ip", "ssrf")):
            hint = (
                "Label Studio asks no address of its own machine or network unless it runs with "
                "ML_BLOCK_LOCAL_IP=false and SSRF_PROTECTION_ENABLED=false, as a local server of "
                "curate on loopback does"
            )
        else:
            hint = "what curate serve printed says more"
        raise ReviewError(f"{why}; {hint}") from error
    return True


def _has(client: LabelStudio, project: int, url: str) -> bool:
    known = client.get("/api/ml/", {"project": project})
    return any(str(entry.get("url")).rstrip("/") == url.rstrip("/") for entry in known)
