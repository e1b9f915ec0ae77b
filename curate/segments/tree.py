"""The elements that a walk over an HTML tree has open, and the table of those that hold text."""

from __future__ import annotations

from typing import Any

from curate.segments.tags import tag_table

__all__ = [
    "BELOW",
    "BLOCK_FRAME",
    "ID",
    "KIND",
    "MAX_ATTRS",
    "NODE",
    "PLAIN",
    "STYLE_NOW",
    "UP",
    "Frame",
    "Tree",
]

MAX_ATTRS = 1000
"""Characters of an element's tokens that are kept."""

Frame = list[Any]
"""An open element, as a plain list: hundreds are made a page, and nothing is made faster.
It holds all that is true inside its element, so that closing it restores nothing: the
walk goes on with the frame above."""

UP, NODE, ID, KIND, BELOW, BLOCK_FRAME, STYLE_NOW, TAG, ATTRIBUTES = range(9)
"""Places of a frame: the frame above; the element; its index in the table, -1 outside;
what the innermost block says (`TagTable.inside`); how far below that block the
element stands, 0 for the block itself; the block's frame, None for the block itself;
styles, link target and link number of the text inside; the tag's number; the
element's attributes where they have been read."""

PLAIN = (0, "", 0)
"""Styles, link target and link number of text without any."""


class Tree:
    """The table of elements that hold text, as in `Layout`; filled from frames.

    Attributes:
        parent, tag, attrs: the table, as in `Layout`.
    """

    def __init__(self) -> None:
        self.parent: list[int] = []
        self.tag: list[str] = []
        self.attrs: list[str] = []
        self._names = tag_table().names

    def enter(self, frame: Frame) -> int:
        """Index of an element that is not in the table yet; those above it enter first."""
        fresh = [frame]
        above = frame[UP]
        while above is not None and above[ID] < 0:
            fresh.append(above)
            above = above[UP]
        at: int = -1 if above is None else above[ID]
        parent, tag, attrs, names = self.parent, self.tag, self.attrs, self._names
        for frame in reversed(fresh):
            parent.append(at)
            frame[ID] = at = len(tag)
            # A tag's name costs the parser a new string each time.
            tag.append(names.get(frame[TAG]) or frame[NODE].tag or "")
            # Read here, while the parser's memory of it is near: all at the end costs more.
            found = frame[ATTRIBUTES]
            if found is None:
                found = frame[NODE].attributes
            if not found:
                attrs.append("")
            elif len(found) == 1 and "class" in found:  # most have only classes
                attrs.append((found["class"] or "")[:MAX_ATTRS])
            else:
                attrs.append(_tokens(found))
        return at


_TOLD = frozenset({"role", "itemprop", "hidden", "aria-hidden", "style"})


def _tokens(attributes: dict[str, str | None]) -> str:
    """`#id`, classes, role, itemprop, and whether the element is hidden."""
    if _TOLD.isdisjoint(attributes):
        tokens = attributes.get("class") or ""
        name = attributes.get("id")
        if name:
            tokens = f"#{name} {tokens}" if tokens else f"#{name}"
        return tokens[:MAX_ATTRS]
    tokens = ""
    for name, value in attributes.items():
        if name == "class":
            if value:
                tokens = f"{tokens} {value}" if tokens else value
        elif name == "id":
            if value:
                tokens = f"#{value} {tokens}" if tokens else f"#{value}"
        elif name in _TOLD:
            if name == "hidden" or value == "true" or (name == "style" and _styled_away(value)):
                tokens = f"{tokens} @hidden"
            elif value and (name == "role" or name == "itemprop"):
                tokens = f"{tokens} {name}={value}"
    return tokens[:MAX_ATTRS]


def _styled_away(style: str | None) -> bool:
    if not style:
        return False
    style = style[:MAX_ATTRS].lower()
    if "none" not in style and "hidden" not in style:
        return False
    style = style.replace(" ", "")
    return "display:none" in style or "visibility:hidden" in style
