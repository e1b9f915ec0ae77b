"""HTML to block-level segments, in one walk over the parsed tree.

White space is collapsed as a browser does, with one liberty: every white-space
character, the no-break and the ideographic space too, becomes a plain space
(kept as it is inside `pre`). Inline elements are joined; a `br` is a line break
within the segment, two of them end it. Elements hidden by an attribute or a
style are read (they often hold the content of tabs), so is `noscript`, unless
it repeats what the page has said before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser

from curate.schema import Layout
from curate.segments.block import LINE, Block, Repeats, make_block, two_words
from curate.segments.depth import check_depth
from curate.segments.tags import (
    BLOCK,
    BREAK,
    INLINE,
    LINK,
    LINKED,
    MEDIA,
    RULE,
    SKIP,
    STYLE,
    UNKNOWN_TAG,
    tag_table,
)
from curate.segments.tree import (
    BELOW,
    BLOCK_FRAME,
    ID,
    KIND,
    NODE,
    PLAIN,
    STYLE_NOW,
    UP,
    Frame,
    Tree,
)

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

__all__ = ["Rendering", "render"]

MAX_HREF = 300
"""Characters of a link's target that are kept; data: and tracking URLs are longer."""

MAX_CHAIN = 50
"""Inline elements within one another below a block; with more, the block is the
holder (the walk would cost the square of the depth)."""

HAS_BREAK, HAS_CONTROL = Layout.HAS_BREAK, Layout.HAS_CONTROL
_PARSE_OPTIONS = int(LexborDocumentOptions.WO_EVENTS)


class Rendering(NamedTuple):
    """What a walk over a document found."""

    blocks: list[Block]
    node_parent: list[int]
    node_tag: list[str]
    node_attrs: list[str]
    title: str | None
    lang: str | None


def render(content: str | bytes) -> Rendering:
    """Parse a document and read its blocks in document order.

    Args:
        content: HTML; bytes are read as UTF-8, wrong ones as U+FFFD.

    Raises:
        SegmentError: nested deeper than the parser can take in bounded time.
    """
    check_depth(content)
    parser = LexborHTMLParser(content, options=_PARSE_OPTIONS)
    root = parser.root
    if root is None:
        return Rendering([], [], [], [], None, None)
    attributes = root.attributes
    lang = (attributes.get("lang") or attributes.get("xml:lang") or "").strip()[:35] or None
    title = None
    if (head := parser.head) is not None:
        title_tag = tag_table().title
        node = head.first_child
        while node is not None:
            if node.tag_id == title_tag:
                title = " ".join(node.text().split()) or None
                break
            node = node.next
    body = parser.body
    if body is None:  # a frameset
        return Rendering([], [], [], [], title, lang)
    html_frame: Frame = [None, root, -1, None, 0, None, PLAIN, root.tag_id, attributes]
    inside = ("div", False, False)
    top: Frame = [html_frame, body, -1, inside, 0, None, PLAIN, body.tag_id, None]
    tree = Tree()
    blocks = _walk(tree, top, body)
    return Rendering(blocks, tree.parent, tree.tag, tree.attrs, title, lang)


def _walk(tree: Tree, top: Frame, body: LexborNode) -> list[Block]:
    """Blocks in document order.

    One loop without recursion, state in local variables: the hottest code of
    the whole splitter. What holds inside an element stands in its frame; what
    belongs to the block being read, in variables.
    """
    table = tag_table()
    text_tag, actions, n_known = table.text, table.actions, len(table.actions)
    inside_of, generic, style_of = table.inside, table.generic, table.style
    row_tag, noscript_tag = table.row, table.noscript
    blocks: list[Block] = []
    noscripts: list[tuple[Frame, int]] = []
    repeats = Repeats(blocks)
    frame, enter = top, tree.enter
    depth = low = last = hold = row = media = begun = n_anchors = 0
    # The block being read; `parts` stays empty until there is something to show.
    parts: list[str] = []
    linked: list[str] = []
    first, first_depth = top, 0
    every, some, n_links, last_link, target = -1, 0, 0, 0, ""
    broken = False
    node = body.first_child
    while True:
        if node is None:
            # ------------------------------------------------ an element ends
            if parts and not frame[BELOW]:
                while first_depth > hold:
                    first, first_depth = first[UP], first_depth - 1
                holder = first[ID]
                if holder < 0:
                    holder = enter(first)
                block = make_block(
                    parts, linked, frame[KIND], every, some,
                    row, holder, n_links, target, media, begun,
                )  # fmt: skip
                if block is not None:
                    blocks.append(block)
                    media = begun = 0
                parts, linked = [], []
                every, some, n_links, last_link, target, broken = -1, 0, 0, 0, "", False
            if noscripts and noscripts[-1][0] is frame:
                repeats.drop_from(noscripts.pop()[1])
            if frame is top:
                return blocks
            node = frame[NODE].next
            frame = frame[UP]
            depth -= 1
            if depth < low:
                low = depth
            continue
        tag = node.tag_id
        if tag == text_tag:
            # ---------------------------------------------------------- text
            if parts:
                text = node.text_content or ""
                if not text or text.isspace():
                    parts.append(text if frame[KIND][2] else " ")
                    node = node.next
                    continue
                if low < last:  # the element of the text before has closed
                    if low < hold:
                        hold = low
                    if (
                        low < depth
                        and not frame[KIND][2]
                        and two_words(parts[-1], text, frame[STYLE_NOW][0], frame[NODE])
                    ):
                        parts.append(" ")
            else:
                # Two texts of three are blanks between blocks.
                if node.is_empty_text_node or (text := node.text_content or " ").isspace():
                    node = node.next
                    continue
                first, first_depth, hold = frame, depth, depth
                if frame[BELOW] > MAX_CHAIN:
                    first = frame[BLOCK_FRAME]
                    first_depth = hold = depth - frame[BELOW]
            low = last = depth
            parts.append(text)
            broken = False
            now = frame[STYLE_NOW]
            if now is PLAIN:
                every = 0
            else:
                styles, href, link = now
                every &= styles
                some |= styles
                if styles >= LINKED:
                    linked.append(text)
                    if link != last_link:
                        if not n_links:
                            target = href
                        n_links += 1
                        last_link = link
            node = node.next
            continue
        # ------------------------------------------------- an element begins
        action = actions[tag] if tag < n_known else INLINE
        begun += 1
        if BLOCK <= action <= RULE or (action == BREAK and broken and not frame[KIND][2]):
            if parts:
                while first_depth > hold:
                    first, first_depth = first[UP], first_depth - 1
                holder = first[ID]
                if holder < 0:
                    holder = enter(first)
                block = make_block(
                    parts, linked, frame[KIND], every, some,
                    row, holder, n_links, target, media, begun,
                )  # fmt: skip
                if block is not None:
                    blocks.append(block)
                    media = begun = 0
                parts, linked = [], []
                every, some, n_links, last_link, target, broken = -1, 0, 0, 0, "", False
            if action != BLOCK or (child := node.first_child) is None:
                node = node.next
                continue
            inside = frame[KIND]
            if not (inside[1] and tag in generic):
                inside = inside_of[tag]
            frame = [frame, node, -1, inside, 0, None, frame[STYLE_NOW], tag, None]
            depth += 1
            if tag == row_tag:
                row += 1
            elif tag == noscript_tag:
                noscripts.append((frame, len(blocks)))
            node = child
        elif action <= LINK:
            child = node.first_child
            if child is None or (tag >= UNKNOWN_TAG and node.tag == "annotation"):
                node = node.next
                continue
            now, attributes = frame[STYLE_NOW], None
            if action == STYLE:
                now = (now[0] | style_of[tag], now[1], now[2])
            elif action == LINK:
                attributes = node.attributes
                target_here = attributes.get("href")
                if target_here is not None:
                    # Two links side by side are two things, blank between or not.
                    if parts and linked and parts[-1] is linked[-1]:
                        parts.append(" ")
                    n_anchors += 1
                    now = (now[0] | LINKED, target_here.strip()[:MAX_HREF], n_anchors)
            below = frame[BELOW]
            holds = frame[BLOCK_FRAME] if below else frame
            frame = [frame, node, -1, frame[KIND], below + 1, holds, now, tag, attributes]
            depth += 1
            node = child
        else:
            if action == BREAK:
                if parts:
                    parts.append("\n" if frame[KIND][2] else LINE)
                    broken = True
                    some |= HAS_BREAK
            elif action < SKIP:
                if parts:
                    parts.append(" ")
                if action == MEDIA:
                    media += 1
                else:
                    some |= HAS_CONTROL
            node = node.next
