"""Options of the review half, and the key it opens the server with."""

from __future__ import annotations

import base64
import binascii
import json
import os
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

from annotated_types import Interval

from curate.errors import ReviewError

__all__ = [
    "API_KEY_VARIABLE",
    "LOOPBACK",
    "ApiKey",
    "ReviewConfig",
    "key_from_environment",
    "parse_key",
]

API_KEY_VARIABLE = "LABEL_STUDIO_API_KEY"

LOOPBACK = "127.0.0.1"

LEGACY_MAX_CHARS = 40
"""Longest legacy token: the width of the server's column; 40 hex digits unless
its administrator chose another."""


@dataclass(frozen=True, slots=True)
class ReviewConfig:
    """Options of the `review` group; see `configs/review/auto.yaml`.

    Attributes:
        annotators: people who read, by e-mail address or name; each gets a
            project of their own. Empty: one project for whoever comes.
        overlap: share of pages read by all `annotators_per_page`, the rest by one.
        overlap_rule: `share` takes that share by chance (the page's own, so that
            it never changes); `low_agreement` all pages of sites whose readers
            agree on less than `agreement_floor` of the segments, and that share
            of the others.
        consensus: how several readings become one label.
        adjudicate_above: share of a page's characters that its readers label
            differently, above which an adjudicator decides; None: never.
        adjudicator: who that is, by e-mail address or name.
        gold: folder of labelled pages to mix in; adjudicated pages are gold too.
        gold_share: share of an annotator's pages that are gold.
        server_host: address that the local server listens on.
    """

    mode: Literal["auto", "label_studio", "none"] = "auto"
    url: str | None = None
    project: str | None = None
    annotators_per_page: Annotated[int, Interval(ge=1, le=20)] = 1
    doubt_below: Annotated[float, Interval(ge=0, le=1)] = 0.6
    push_batch: Annotated[int, Interval(ge=1, le=500)] = 200
    page_size: Annotated[int, Interval(ge=10, le=250)] = 100
    timeout_s: Annotated[float, Interval(gt=0, le=3600)] = 60.0
    transfer_timeout_s: Annotated[float, Interval(gt=0, le=3600)] = 600.0
    annotators: tuple[str, ...] = ()
    overlap: Annotated[float, Interval(ge=0, le=1)] = 1.0
    overlap_rule: Literal["share", "low_agreement"] = "share"
    agreement_floor: Annotated[float, Interval(ge=0, le=1)] = 0.8
    consensus: Literal["majority", "dawid_skene"] = "majority"
    adjudicate_above: Annotated[float, Interval(ge=0, le=1)] | None = 0.05
    adjudicator: str | None = None
    gold: str | None = None
    gold_share: Annotated[float, Interval(ge=0, le=0.5)] = 0.0
    server_host: str = LOOPBACK

    def __post_init__(self) -> None:
        """Fail on what the types can't say."""
        if self.url is not None:
            parts = urlsplit(self.url)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ReviewError(
                    f"review.url={self.url!r} is not the address of a server; "
                    "write it in full, as https://label-studio.example.org"
                )
        if self.project is not None and not 3 <= len(self.project.strip()) <= 50:
            raise ReviewError(
                f"review.project={self.project!r} has {len(self.project.strip())} characters; "
                "Label Studio takes titles of 3 to 50"
            )
        self._check_people()

    def _check_people(self) -> None:
        names = [name.strip().lower() for name in self.annotators]
        if "" in names or any(c.isspace() for name in names for c in name):
            raise ReviewError(
                "review.annotators holds an empty name or one with blanks in it; "
                "write e-mail addresses or short names, as [ada@example.org,bo]"
            )
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ReviewError(f"review.annotators names {', '.join(twice)} twice; name each once")
        if names and len(names) < self.annotators_per_page:
            raise ReviewError(
                f"review.annotators_per_page={self.annotators_per_page} and review.annotators "
                f"names {len(names)}; name more people, or lower it"
            )
        if not names and (self.overlap < 1 or self.overlap_rule != "share"):
            raise ReviewError(
                "review.overlap and review.overlap_rule need review.annotators: with one project "
                "for all, Label Studio asks for as many readers on every page; name the people"
            )
        if self.gold_share and not names:
            raise ReviewError(
                "review.gold_share needs review.annotators: gold pages are dealt to each of them"
            )

    @property
    def is_open_to_others(self) -> bool:
        """Whether the local server can be reached from other machines."""
        host = self.server_host.strip().lower()
        return not (host in (LOOPBACK, "localhost", "::1") or host.startswith("127."))


@dataclass(frozen=True, slots=True, repr=False)
class ApiKey:
    """A key of a user of the server.

    Attributes:
        kind: `pat` is a personal access token (a JWT that is exchanged for
            short-lived ones), `legacy` is sent as it is.
    """

    kind: Literal["pat", "legacy"]
    value: str

    def __repr__(self) -> str:
        """Without the secret: keys end up in tracebacks."""
        return f"ApiKey(kind={self.kind!r})"


def parse_key(text: str, *, where: str = API_KEY_VARIABLE) -> ApiKey:
    """Tell a personal access token from a legacy one.

    Blanks and quotes around it are dropped: a token with a line end would be
    taken for another kind and fail with a message that says nothing.

    Raises:
        ReviewError: it is neither; the message never shows it.
    """
    value = text.strip().strip("'\"").strip()
    for prefix in ("Token ", "Bearer "):
        value = value.removeprefix(prefix).strip()
    make = "make one in Label Studio under Account & Settings"
    if not value:
        raise ReviewError(f"{where} is empty; {make}")
    if not value.isascii() or not value.isprintable() or any(c.isspace() for c in value):
        raise ReviewError(f"{where} holds blanks or odd characters, so it is no token; {make}")
    if value.count(".") == 2:
        kind = _jwt_type(value)
        if kind == "access":
            raise ReviewError(
                f"{where} is an access token, which lives five minutes; "
                "use the personal access token itself (Account & Settings)"
            )
        if kind is not None:
            return ApiKey("pat", value)
    if len(value) > LEGACY_MAX_CHARS or "." in value:
        raise ReviewError(
            f"{where} holds {len(value)} characters that are neither a personal access token "
            f"(three parts joined by dots) nor a legacy token (at most {LEGACY_MAX_CHARS}); {make}"
        )
    return ApiKey("legacy", value)


def key_from_environment() -> ApiKey | None:
    """The key in `LABEL_STUDIO_API_KEY`, None where it is not set.

    Raises:
        ReviewError: it is set to something that is no key.
    """
    text = os.environ.get(API_KEY_VARIABLE)
    return None if text is None else parse_key(text)


def _jwt_type(value: str) -> str | None:
    """`token_type` of a JWT's payload (`refresh` where it has none), None if it is no JWT."""
    payload = value.split(".")[1]
    try:
        raw = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        claims = json.loads(raw)
    except (binascii.Error, ValueError):
        return None
    return str(claims.get("token_type", "refresh")) if isinstance(claims, dict) else None
