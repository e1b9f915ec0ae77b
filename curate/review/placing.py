"""Where the spans of an imported reading stand in their text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from curate.errors import ReviewError
from curate.review.anchor import reanchor
from curate.review.formats import RawReading
from curate.review.interface import LABEL_CONTROL
from curate.schema import Span, segment_id_of
from curate.text import replace_surrogates

__all__ = ["placed"]


def placed(
    raw: RawReading, text: str, page_id: str, names: Sequence[str]
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """The regions where their quotes stand in the text, and the quotes that stand nowhere.

    Offsets are believed where the quote stands there, or where there is none.
    Else they are tried as UTF-16 units, which some tools count in, and then the
    quote is looked for.
    """
    units: list[int] | None = None
    found: list[Mapping[str, Any]] = []
    lost: list[str] = []
    for item in raw.result:
        value = item["value"]
        if item.get("from_name") != LABEL_CONTROL:
            found.append(item)
            continue
        quote, start, end = value.get("text"), value.get("start"), value.get("end")
        if item.get("of") == "hypertextlabels":
            start = end = None  # places in a browser's tree, not in a text
        counted = isinstance(start, int) and isinstance(end, int)
        if isinstance(quote, str) and quote.strip():
            if counted and _same(text[start:end], quote):
                pass
            else:
                if units is None and not text.isascii():
                    units = _utf16(text)
                place = None
                if counted and units is not None:
                    place = _from_units(units, start, end)
                if place is None or not _same(text[place[0] : place[1]], quote):
                    place = _looked_for(text, quote, value, start if counted else None)
                if place is None:
                    lost.append(quote)
                    continue
                start, end = place
        elif not counted:
            raise ReviewError("a span has neither offsets in the text nor a quote")
        labels = [_name(label, names) for label in value["labels"]]
        region = {**item, "value": {"start": start, "end": end, "labels": labels}}
        if raw.exact:
            region |= {"id": segment_id_of(page_id, start, end), "origin": "prediction"}
        found.append(region)
    return found, lost


def _name(label: object, names: Sequence[str]) -> object:
    """A label's name where a dataset gives its number."""
    if isinstance(label, int) and not isinstance(label, bool) and 0 <= label < len(names):
        return names[label]
    return label


def _same(found: str, quote: str) -> bool:
    """Whether a quote is this text; browsers write white space in their own way."""
    return found == quote or found.split() == quote.replace("\\n", "\n").split()


def _utf16(text: str) -> list[int]:
    """For each UTF-16 unit of the text the code point it belongs to, and the end."""
    units: list[int] = []
    for i, char in enumerate(text):
        units += [i, i] if ord(char) > 0xFFFF else [i]
    return [*units, len(text)]


def _from_units(units: list[int], start: int, end: int) -> tuple[int, int] | None:
    return (units[start], units[end]) if 0 <= start < end < len(units) else None


def _looked_for(
    text: str, quote: str, value: Mapping[str, Any], near: int | None
) -> tuple[int, int] | None:
    span = Span(
        near if near is not None else -1,
        0,
        "",
        "drawn",
        "",
        replace_surrogates(quote),
        str(value.get("prefix") or ""),
        str(value.get("suffix") or ""),
    )
    found = reanchor([span], text)[0]
    if found.outcome not in ("kept", "moved"):
        return None
    return found.found[0].start, found.found[0].end
