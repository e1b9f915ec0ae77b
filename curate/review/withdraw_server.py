"""A withdrawal on the server: annotations and drafts of a person, or of a page, are deleted there.

They are looked for on the server itself: what was withdrawn here before, or was
never pulled, is found too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from curate.review.client import NotFoundError
from curate.review.connection import Connection
from curate.review.pseudonyms import Pseudonyms
from curate.review.withdraw import What

__all__ = ["delete_on_server"]


def delete_on_server(
    connection: Connection,
    projects: Iterable[int],
    what: What,
    key: str,
    pseudonyms: Pseudonyms,
    key_of: Callable[[Mapping[str, Any]], str],
) -> int:
    """Delete the work in these projects; returns how many annotations and drafts it was.

    Tasks stay, those of a withdrawn page too: the next push closes what nobody
    has worked on. It can be cut and repeated.

    Args:
        key: the annotator's pseudonym, or the page's key.
        key_of: key of a page that was added by hand, from its task's data.
    """
    client = connection.client
    emails = client.emails()

    def is_meant(data: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
        if what == "annotator":
            who = entry.get("completed_by", entry.get("user"))
            return pseudonyms.of(_name(who, emails, connection.server)) == key
        told = data.get("page_key")
        if not told and isinstance(data.get("text"), str):
            told = key_of(data)
        return bool(told == key)

    deleted = 0
    for project in projects:
        for task in client.tasks(project):
            for kind in ("annotations", "drafts"):
                for entry in task.get(kind) or ():
                    if not is_meant(task.get("data") or {}, entry):
                        continue
                    try:
                        client.delete(f"/api/{kind}/{entry['id']}/")
                    except NotFoundError:
                        continue
                    deleted += 1
    return deleted


def _name(who: Any, emails: Mapping[int, str], server: str) -> str:
    """What a pseudonym is made of, as a pull does it; drafts tell the address itself."""
    if isinstance(who, Mapping):
        who = who.get("id")
    if who is None:
        return f"{server}/unknown"
    if isinstance(who, str) and not who.isdigit():
        return who
    return emails.get(int(who)) or f"{server}/{int(who)}"
