"""Masking of personal data in page texts, without moving a single offset."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from curate.errors import DatasetError

__all__ = ["EMAIL", "Masker"]

EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,24}(?![\w-])"
)
"""An e-mail address in running text: local part, at, dotted domain with letters last.
A pattern, not a library: what the well-kept ones add is the validation of an address
that is already known to be one."""

_DIGIT = re.compile(r"\d")


class Masker:
    """Replaces personal data by characters of the same kind and number.

    Letters of an e-mail address become `x`, its digits and a phone number's `0`,
    signs stay: `jane.roe2@example.org` is `xxxx.xxx0@xxxxxxx.xxx`. So every span
    still lies where it lay, and a reader still sees what stood there.

    Args:
        kinds: `email`, `phone`, or both; none leaves texts as they are.
        region: ISO 3166 country whose national phone numbers are found too;
            None finds international ones (`+49 …`) only.
    """

    def __init__(self, kinds: Sequence[str], region: str | None = None) -> None:
        self._steps: list[tuple[str, Callable[[str], list[tuple[int, int]]]]] = []
        if "email" in kinds:
            self._steps.append(("email", _emails))
        if "phone" in kinds:
            self._steps.append(("phone", _phone_finder(region)))

    def mask(self, text: str, counts: Counter[str]) -> str:
        """The masked text; `counts` gains the number found of each kind."""
        for kind, find in self._steps:
            spans = find(text)
            if not spans:
                continue
            counts[kind] += len(spans)
            parts, end = [], 0
            for start, stop in spans:
                parts += [text[end:start], _hide(text[start:stop])]
                end = stop
            text = "".join([*parts, text[end:]])
        return text


def _emails(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in EMAIL.finditer(text)] if "@" in text else []


def _phone_finder(region: str | None) -> Callable[[str], list[tuple[int, int]]]:
    import phonenumbers

    if region is not None and region not in phonenumbers.SUPPORTED_REGIONS:
        raise DatasetError(
            f"dataset.mask_region={region!r} is no country code; "
            "write two capital letters, such as US, or null for international numbers only"
        )

    def find(text: str) -> list[tuple[int, int]]:
        if not _DIGIT.search(text):
            return []
        return [(match.start, match.end) for match in phonenumbers.PhoneNumberMatcher(text, region)]

    return find


def _hide(found: str) -> str:
    return "".join("0" if c.isdigit() else "x" if c.isalpha() else c for c in found)
