"""The open elements of a walk over an HTML tree, and the table of those that hold text."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
        self.tag.append(element.tag or "")
        attributes = element.attributes
        self.attrs.append(_tokens(attributes) if attributes else "")
        return len(self.parent) - 1


def _tokens(attributes: dict[str, str | None]) -> str:
    """`#id`, classes, role, itemprop, and whether the element is hidden."""
    get = attributes.get
    tokens = get("class") or ""
    if len(attributes) > 1 or not tokens:
        if value := get("id"):
            tokens = f"#{value} {tokens}" if tokens else f"#{value}"
        if value := get("role"):
            tokens = f"{tokens} role={value}"
        if value := get("itemprop"):
            tokens = f"{tokens} itemprop={value}"
        if "hidden" in attributes or get("aria-hidden") == "true" or _styled_away(get("style")):
            tokens = f"{tokens} @hidden"
    return tokens[:MAX_ATTRS]


def _styled_away(style: str | None) -> bool:
    if not style:
        return False
    style = style[:MAX_ATTRS].lower()
    if "none" not in style and "hidden" not in style:
        return False
    style = style.replace(" ", "")
    return "display:none" in style or "visibility:hidden" in style
