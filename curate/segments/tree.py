"""The open elements of a walk over an HTML tree, and the table of those that hold text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from curate.segments.tags import tag_table

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

__all__ = ["MAX_ATTRS", "Tree"]

MAX_ATTRS = 1000
"""Characters of an element's tokens that are kept."""


class Tree:
    """Elements by level (the root is level 1), entered into the table when they hold text.

    Attributes:
        open: the open elements, the root first.
        ids: table indices of the first `len(ids)` open elements; whoever closes
            elements cuts it.
        closed: elements of the table that closed while a block went on that they
            hold text of, by level, with their table index.
        parent, tag, attrs: the table, as in `Layout`.
    """

    def __init__(self, root: LexborNode, body: LexborNode) -> None:
        self.open: list[LexborNode] = [root, body]
        self.ids: list[int] = []
        self.closed: dict[int, tuple[LexborNode, int]] = {}
        self.parent: list[int] = []
        self.tag: list[str] = []
        self.attrs: list[str] = []
        self._names = tag_table().names

    def node(self, level: int) -> int:
        """Table index of the open element at a level."""
        ids = self.ids
        while len(ids) < level:
            at = len(ids)
            ids.append(self._add(self.open[at], ids[at - 1] if at else -1))
        return ids[level - 1]

    def holder(self, block_level: int, chain: list[LexborNode], level: int) -> int:
        """Table index of the element at `level` in or below a block.

        Args:
            block_level: level of the open block.
            chain: elements from the block down to its first text, the block not
                among them; they may be closed by now.
            level: level of the holder, at most block_level + len(chain).
        """
        elements = self.open
        still = level  # the deepest level that is open still; closed ones are few
        while still > block_level and not (
            still <= len(elements) and elements[still - 1] is chain[still - 1 - block_level]
        ):
            still -= 1
        node = self.node(still)
        for at in range(still, level):
            element = chain[at - block_level]
            known = self.closed.get(at)
            node = known[1] if known and known[0] is element else self._add(element, node)
        return node

    def _add(self, element: LexborNode, parent: int) -> int:
        self.parent.append(parent)
        number = element.tag_id
        # A tag's name costs the parser a new string each time.
        self.tag.append(self._names.get(number) or element.tag or "")
        attributes = element.attributes
        self.attrs.append(_tokens(attributes) if attributes else "")
        return len(self.parent) - 1


_TOLD = frozenset({"role", "itemprop", "hidden", "aria-hidden", "style"})


def _tokens(attributes: dict[str, str | None]) -> str:
    """`#id`, classes, role, itemprop, and whether the element is hidden."""
    if len(attributes) == 1 and "class" in attributes:  # most have only classes
        return (attributes["class"] or "")[:MAX_ATTRS]
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
