"""HTML to block-level segments, in one walk over the parsed tree.

White space is collapsed as a browser does, with one liberty: every white-space
character, the no-break and the ideographic space too, becomes a plain space
(kept as it is inside `pre`). Inline elements are joined; a `br` is a line break
within the segment, two of them end it. Elements hidden by an attribute or a
style are read (they often hold the content of tabs), so is `noscript`, unless
it repeats what the page has said before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser

from curate.errors import SegmentError
from curate.schema import Layout
from curate.segments.block import LINE, Block, Repeats, make_block, two_words
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
from curate.segments.tree import Tree

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

__all__ = ["Rendering", "render"]

MAX_DEPTH = 100_000
"""Open block elements at once. The parser's time grows with the square of it:
3 s at 50,000 (measured), minutes at 500,000."""

DEPTH_CHECK_CHARS = 500_000
"""Shorter documents can't be nested that deep."""

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
    if len(content) > DEPTH_CHECK_CHARS:
        _check_depth(content)
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
    tree = Tree(root, body)
    return Rendering(_walk(tree, body), tree.parent, tree.tag, tree.attrs, title, lang)


def _check_depth(content: str | bytes) -> None:
    """Refuse what would keep the parser busy for minutes."""
    raw = content.encode("utf-8", "replace") if isinstance(content, str) else content
    n_tags = raw.count(b"<")
    if n_tags <= MAX_DEPTH or n_tags - 2 * raw.count(b"</") <= MAX_DEPTH:
        return
    raw = raw.lower()
    depth = sum(
        max(0, raw.count(b"<" + name) - raw.count(b"</" + name))
        for name in (b"div", b"ul", b"ol", b"section", b"article", b"blockquote", b"center", b"dl")
    )
    if depth > MAX_DEPTH:
        raise SegmentError(
            f"about {depth} elements nested in {len(raw)} bytes, at most {MAX_DEPTH} can be "
            "parsed in bounded time; drop the page, or cut what was never closed"
        )


def _walk(tree: Tree, body: LexborNode) -> list[Block]:
    """Blocks in document order.

    One loop without recursion, state in local variables: the hottest code of
    the whole splitter. `frames` holds, for each open element, what to restore
    when it closes: None for a plain inline element, else a tuple that begins
    with the element's action.
    """
    table = tag_table()
    text_tag, action_of, kind_of = table.text, table.action.get, table.kind
    style_of, keeps_kind, generic = table.style, table.keep_kind, table.generic
    preformatted, row_tag, noscript_tag = table.preformatted, table.row, table.noscript
    blocks: list[Block] = []
    repeats = Repeats(blocks)
    elements, ids = tree.open, tree.ids
    frames: list[tuple[Any, ...] | None] = [None, None]
    base = depth = low = last = hold = block_level = len(elements)
    kind, keep, pre, row = "div", False, False, 0
    styles, href, link = 0, "", 0
    media = begun = n_anchors = 0
    # The block being read; `parts` stays empty until there is something to show.
    parts: list[str] = []
    linked: list[str] = []
    chain: list[LexborNode] = []
    every, some, n_links, last_link, target = -1, 0, 0, 0, ""
    broken = False
    node = body.first_child
    while True:
        if node is None:
            # ------------------------------------------------ an element ends
            frame = frames[-1]
            if parts and (depth == base or (frame is not None and frame[0] == BLOCK)):
                holder = tree.holder(block_level, chain, hold)
                about = (kind, row, holder, n_links, target, media, begun)
                block = make_block(parts, linked, pre, every, some, about)
                if block is not None:
                    blocks.append(block)
                    media = begun = 0
                parts, linked = [], []
                every, some, n_links, last_link, target, broken = -1, 0, 0, 0, "", False
            if depth == base:
                return blocks
            frames.pop()
            node = elements.pop()
            depth -= 1
            if len(ids) > depth:
                known = ids.pop()
                if parts:
                    tree.closed[depth] = (node, known)
            node = node.next
            if depth < low:
                low = depth
            if frame is not None:
                action = frame[0]
                if action == BLOCK:
                    _, block_level, kind, keep, pre, first = frame
                    if first >= 0:
                        repeats.drop_from(first)
                elif action == LINK:
                    _, styles, href, link = frame
                else:
                    styles = frame[1]
            continue
        tag = node.tag_id
        if tag == text_tag:
            # ---------------------------------------------------------- text
            text = node.text_content
            if not text or text.isspace():
                if parts:
                    parts.append((text or "") if pre else " ")
            else:
                if not parts:
                    chain = elements[block_level:] if depth > block_level else []
                    hold = depth
                    if len(chain) > MAX_CHAIN:
                        chain, hold = [], block_level
                elif low < last:  # the element of the text before has closed
                    if low < hold:
                        hold = low
                    if low < depth and not pre and two_words(parts[-1], text, styles, elements[-1]):
                        parts.append(" ")
                low = last = depth
                parts.append(text)
                every &= styles
                some |= styles
                broken = False
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
        action = action_of(tag, INLINE)
        begun += 1
        if BLOCK <= action <= RULE or (action == BREAK and broken and not pre):
            if parts:
                holder = tree.holder(block_level, chain, hold)
                about = (kind, row, holder, n_links, target, media, begun)
                block = make_block(parts, linked, pre, every, some, about)
                if block is not None:
                    blocks.append(block)
                    media = begun = 0
                parts, linked = [], []
                every, some, n_links, last_link, target, broken = -1, 0, 0, 0, "", False
            child = node.first_child if action == BLOCK else None
            if child is None:
                node = node.next
                continue
            frames.append(
                (BLOCK, block_level, kind, keep, pre, len(blocks) if tag == noscript_tag else -1)
            )
            if not (keep and tag in generic):
                kind = kind_of[tag]
                keep = tag in keeps_kind
                pre = tag in preformatted
            if tag == row_tag:
                row += 1
            elements.append(node)
            depth += 1
            block_level = depth
            node = child
            continue
        if action <= LINK:
            child = node.first_child
            if child is None or (tag >= UNKNOWN_TAG and node.tag == "annotation"):
                node = node.next
                continue
            if action == INLINE:
                frames.append(None)
            elif action == STYLE:
                frames.append((STYLE, styles))
                styles |= style_of[tag]
            else:
                frames.append((LINK, styles, href, link))
                target_here = node.attributes.get("href")
                if target_here is not None:
                    # Two links side by side are two things, blank between or not.
                    if parts and linked and parts[-1] is linked[-1]:
                        parts.append(" ")
                    href = target_here.strip()[:MAX_HREF]
                    n_anchors += 1
                    link = n_anchors
                    styles |= LINKED
            elements.append(node)
            depth += 1
            node = child
            continue
        if action == BREAK:
            if parts:
                parts.append("\n" if pre else LINE)
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
