"""Accounts of the people who read: made on the local server, found on another.

On the local server an account is made as its owner would make it, by the
server's invite link; sign-up without the link is closed. Passwords are random
and kept in a file that only this user can read.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curate.errors import ReviewError
from curate.io import locked
from curate.review.client import LabelStudio
from curate.review.server import LocalServer

__all__ = ["Account", "accounts_of", "kept_passwords"]

LOCAL_DOMAIN = "curate.local"
"""Of addresses made for people named without one: a domain that no mail can reach."""

PASSWORD_BYTES = 9
"""12 characters to type; 72 random bits, behind a form that takes seconds a try to overload."""

FILE = "people.json"


@dataclass(frozen=True, slots=True)
class Account:
    """One person's account.

    Attributes:
        name: as in `review.annotators`.
        email: what the account is known by; what the pseudonym is made of.
        user: the server's number of it; None where it is still to be made.
    """

    name: str
    email: str
    user: int | None

    @property
    def short(self) -> str:
        """What is written where the address need not be."""
        return self.email.partition("@")[0]


def accounts_of(
    client: LabelStudio,
    names: Sequence[str],
    local: LocalServer | None,
    *,
    create: bool,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Account]:
    """The accounts of these people, in order.

    Args:
        names: e-mail addresses or short names; a short name is the part before
            the `@`, or the user name, of one account.
        local: the local server, on which missing accounts are made.
        create: make them; False: leave `user` None.

    Raises:
        ReviewError: somebody is not a user of a server that isn't the local
            one, or a short name fits several.
    """
    users = _users(client)
    found = [_find(name, users, client.url) for name in names]
    missing = [name for name, user in zip(names, found, strict=True) if user is None]
    if missing and local is None:
        raise ReviewError(
            f"{client.url} has no user {', '.join(missing)} (review.annotators); invite them with "
            f"{_invite(client)} and run again, or correct the names"
        )
    if missing and create:
        assert local is not None
        for name in missing:
            _make(client, local, _address(name))
            tell(f"account {_address(name)} made; password in {local.home / FILE}")
        users = _users(client)
        found = [_find(name, users, client.url) for name in names]
    accounts = []
    for name, user in zip(names, found, strict=True):
        email = str(user["email"]) if user else _address(name)
        accounts.append(Account(name, email.lower(), int(user["id"]) if user else None))
    emails = [account.email for account in accounts]
    if twice := next((a for a in accounts if emails.count(a.email) > 1), None):
        raise ReviewError(
            f"review.annotators names {twice.email} twice, by different names; name each once"
        )
    return accounts


def kept_passwords(local: LocalServer) -> dict[str, str]:
    """Passwords of the accounts that were made here, by address."""
    try:
        kept = json.loads((local.home / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in kept.items()} if isinstance(kept, dict) else {}


def _users(client: LabelStudio) -> list[Mapping[str, Any]]:
    answer = client.get("/api/users")
    rows = answer.get("results", []) if isinstance(answer, dict) else answer
    return [row for row in rows if row.get("email")]


def _address(name: str) -> str:
    name = name.strip().lower()
    return name if "@" in name else f"{name}@{LOCAL_DOMAIN}"


def _find(name: str, users: Sequence[Mapping[str, Any]], url: str) -> Mapping[str, Any] | None:
    wanted = name.strip().lower()

    def known_as(user: Mapping[str, Any]) -> set[str]:
        email = str(user["email"]).lower()
        return {email, email.partition("@")[0], str(user.get("username") or "").lower()}

    exact = [user for user in users if str(user["email"]).lower() == wanted]
    fitting = exact or ([] if "@" in wanted else [u for u in users if wanted in known_as(u)])
    if len(fitting) > 1:
        emails = ", ".join(sorted(str(user["email"]) for user in fitting))
        raise ReviewError(
            f"review.annotators: {name} may be {emails} on {url}; give the e-mail address"
        )
    return fitting[0] if fitting else None


def _invite(client: LabelStudio) -> str:
    try:
        told = client.get("/api/invite")
        return client.url + str(told["invite_url"])
    except (ReviewError, KeyError, TypeError):
        return "its invite link (Organization page)"


def _make(client: LabelStudio, local: LocalServer, email: str) -> None:
    """Sign somebody up by the invite link; the password is kept before it is used."""
    import httpx

    path = local.home / FILE
    with locked(local.home / "people.lock"):
        kept = kept_passwords(local)
        password = kept.setdefault(email, secrets.token_urlsafe(PASSWORD_BYTES))
        fd = os.open(path.with_suffix(".new"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            json.dump(kept, file, indent=2, sort_keys=True)
        path.with_suffix(".new").replace(path)
        link = client.url + str(client.get("/api/invite")["invite_url"])
        with httpx.Client(trust_env=False, timeout=client.config.timeout_s) as visitor:
            visitor.get(link)
            answer = visitor.post(
                link,
                data={
                    "email": email,
                    "password": password,
                    "allow_newsletters": "",
                    "csrfmiddlewaretoken": visitor.cookies.get("csrftoken", ""),
                },
                headers={"Referer": link},
            )
    if answer.status_code != 302:
        told = " ".join(re.findall(r'class="field_errors">(.*?)</ul>', answer.text, re.DOTALL))
        why = "; ".join(re.findall(r"<li>([^<]+)</li>", told)) or f"HTTP {answer.status_code}"
        raise ReviewError(
            f"{client.url} made no account for {email} ({why}); "
            "correct review.annotators, or sign up there by its invite link"
        )
