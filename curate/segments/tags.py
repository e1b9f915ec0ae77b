"""What each HTML element means to the splitter.

The parser numbers the tags it knows, and every other tag by a pointer; the
numbers are asked for once, by name, so that no release of it can shift them.
"""

from __future__ import annotations

from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser

from curate.schema import Layout

__all__ = [
    "BLOCK",
    "BREAK",
    "CONTROL",
    "INLINE",
    "LINK",
    "LINKED",
    "MEDIA",
    "RULE",
    "SKIP",
    "STYLE",
    "UNKNOWN_TAG",
    "TagTable",
    "tag_table",
]

# What the walk does on meeting an element; it compares by order: up to LINK the
# element is inline and its children are read.
INLINE, STYLE, LINK, BLOCK, RULE, BREAK, MEDIA, CONTROL, SKIP = range(9)

UNKNOWN_TAG = 1 << 16
"""Numbers from here on are pointers to the names of tags the parser doesn't know."""

LINKED = 1 << 16
"""Style bit of text inside a link, above the bits of `Layout.flags`."""

_BLOCK = """
    address article aside blockquote body button caption center dd details dialog dir div dl dt
    fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup html legend li
    listing main marquee menu nav noscript ol p plaintext pre search section summary table
    tbody td tfoot th thead tr ul xmp
"""
"""Elements that browsers lay out as blocks, lists or tables, and buttons: two
buttons side by side are two things, whatever the style sheet says."""

_SKIP = """
    annotation-xml area base datalist frame head link meta noembed noframes optgroup
    option param rp script source style svg template title track
"""
"""Not rendered, or rendered as something else than its text: code, styles,
drawings, entries of closed lists."""

_MEDIA = "audio canvas embed iframe img video"
"""Counted; what stands inside is only for browsers that don't know them."""

_CONTROL = "input meter progress select textarea"

_STYLE = {
    "b strong": Layout.ALL_BOLD,
    "i em cite dfn": Layout.ALL_ITALIC,
    "time": Layout.HAS_TIME,
    "code kbd samp var tt": Layout.HAS_CODE,
    "label": Layout.HAS_CONTROL,
}

_INLINE = "span font small u s q abbr mark sub sup big strike ins del bdi bdo"

_KEEP_KIND = "h1 h2 h3 h4 h5 h6 figcaption caption button summary dt pre legend"
"""Blocks whose kind their generic children keep: `<h2><div>x</div></h2>` is an h2."""

_GENERIC = "div p section article span header center noscript figure hgroup"
_PLAIN_KIND = {"body", "noscript", "html"}
_PREFORMATTED = "pre listing plaintext xmp"


class TagTable(NamedTuple):
    """Tag numbers to meanings.

    Attributes:
        text: number of text nodes.
        actions: what to do on meeting an element, by tag number; `INLINE` beyond.
        style: tag number to style bits.
        inside: number of a block's tag to what it says of its segments: their kind,
            whether generic blocks inside keep it, whether white space stays.
        generic: tag numbers of those blocks.
        row, noscript, title: numbers of `tr`, `noscript`, `title`.
        names: tag number to name, of all that are told above.
    """

    text: int
    actions: tuple[int, ...]
    style: dict[int, int]
    inside: dict[int, tuple[str, bool, bool]]
    generic: frozenset[int]
    row: int
    noscript: int
    title: int
    names: dict[int, str]


_table: TagTable | None = None


def tag_table() -> TagTable:
    """The table, made on first use (under a millisecond)."""
    global _table
    if _table is None:
        _table = _make()
    return _table


def _make() -> TagTable:
    parser = LexborHTMLParser("<p>x")
    paragraph = parser.css_first("p")
    assert paragraph is not None
    assert paragraph.first_child is not None

    known: dict[int, str] = {}

    def ids(names: str) -> frozenset[int]:
        return frozenset(number(name) for name in names.split())

    def number(name: str) -> int:
        code = parser.create_node(name).tag_id
        known[code] = name
        return code

    action: dict[int, int] = {}
    for names, act in (
        (_BLOCK, BLOCK),
        (_MEDIA, MEDIA),
        (_SKIP, SKIP),
        (_CONTROL, CONTROL),
        ("br", BREAK),
        ("hr", RULE),
        ("a", LINK),
        (" ".join(_STYLE), STYLE),
    ):
        for name in names.split():
            action[number(name)] = act
    assert max(action) < UNKNOWN_TAG
    style = {number(name): bits for names, bits in _STYLE.items() for name in names.split()}
    keep_kind, preformatted = ids(_KEEP_KIND), ids(_PREFORMATTED)
    inside = {}
    for name in _BLOCK.split():
        tag = number(name)
        kind = "div" if name in _PLAIN_KIND else name
        inside[tag] = (kind, tag in keep_kind, tag in preformatted)
    return TagTable(
        text=paragraph.first_child.tag_id,
        actions=tuple(action.get(tag, INLINE) for tag in range(max(action) + 1)),
        style=style,
        inside=inside,
        generic=ids(_GENERIC),
        row=number("tr"),
        noscript=number("noscript"),
        title=number("title"),
        names=known | {number(name): name for name in _INLINE.split()},
    )
