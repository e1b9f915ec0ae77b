"""HTML to blocks: what becomes a segment, and where it stood."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import SegmentError
from curate.schema import Layout, SegmentedPage
from curate.segments.blocks import BlockSegmenter

SEGMENTER = BlockSegmenter()


def split(html: str | bytes, **options: str) -> SegmentedPage:
    return SEGMENTER.segment_html(html, **options)


def texts(html: str | bytes) -> list[str]:
    page = split(html)
    return [page.segment_text(at) for at in range(len(page))]


def blocks(html: str) -> list[tuple[str, str]]:
    page = split(html)
    return [(page.kinds[at], page.segment_text(at)) for at in range(len(page))]


def check(page: SegmentedPage) -> None:
    """The invariants of `SegmentedPage`."""
    before = 0
    for at in range(len(page)):
        start, end = int(page.starts[at]), int(page.ends[at])
        assert before <= start < end <= len(page.text)
        assert not page.text[before:start].strip()
        assert not page.text[start:end].isspace()
        before = end
    assert not page.text[before:].strip()
    n = len(page)
    assert len(page.starts) == len(page.ends) == len(page.kinds) == n
    layout = page.layout
    if layout is None:
        return
    for array in (
        layout.segment_node,
        layout.link_chars,
        layout.n_links,
        layout.segment_href,
        layout.media_before,
        layout.elements_before,
        layout.flags,
    ):
        assert len(array) == n
    nodes = len(layout.node_parent)
    assert len(layout.node_tag) == len(layout.node_attrs) == nodes
    assert all(-1 <= parent < at for at, parent in enumerate(layout.node_parent.tolist()))
    assert all(0 <= node < nodes for node in layout.segment_node.tolist())
    assert (layout.link_chars <= page.ends - page.starts).all()


def test_blocks_and_kinds() -> None:
    assert blocks("<h1>A <i>b</i></h1><p>c<b>d</b></p><div>e<p>f</p>g</div><blockquote>h") == [
        ("h1", "A b"),
        ("p", "cd"),
        ("div", "e"),
        ("p", "f"),
        ("div", "g"),
        ("blockquote", "h"),
    ]


def test_text_is_blocks_with_blank_lines_lists_and_cells_without() -> None:
    page = split(
        "<p>one</p><ul><li>two<li>three</ul><table><tr><th>a<th>b<tr><td>1<td>2</table><p>end"
    )
    assert page.text == "one\n\ntwo\nthree\n\na\tb\n1\t2\n\nend"


def test_long_cells_stand_on_their_own_line() -> None:
    long = "word " * 30
    assert split(f"<table><tr><td>{long}<td>2</table>").text == long.strip() + "\n2"


def test_heading_kind_holds_for_generic_children() -> None:
    assert blocks("<h2><div>x</div></h2><figcaption><p>y</p></figcaption>") == [
        ("h2", "x"),
        ("figcaption", "y"),
    ]


def test_white_space_collapses_no_break_and_ideographic_too() -> None:
    assert texts("<p>\n a\t\tb&nbsp;\u3000c \u2003 d\n</p>") == ["a b c d"]


def test_inline_elements_join_without_a_gap() -> None:
    assert texts("<p>fore<b>cast</b>ing <a href=x>li</a>ne</p>") == ["forecasting line"]


def test_links_side_by_side_are_two_words() -> None:
    assert texts("<nav><a href=/a>Home</a><a href=/b>News</a></nav>") == ["Home News"]
    assert texts("<p><a href=/a>H</a>ome</p>") == ["Home"]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<span>2026</span><span>1h 47m</span>", "2026 1h 47m"),
        ("<b>Price:</b><i>$5</i>", "Price: $5"),
        ("<span>by <b>Ann</b></span><span>Monday</span>", "by Ann Monday"),
        ("<span>H</span><span>e</span><span>y</span>", "Hey"),
        ("<i>x</i><sub>2</sub>", "x2"),
        ("<code><b>foo</b><i>bar</i></code>", "foobar"),
        ("<b>a</b><i>-</i><b>b</b>", "a-b"),
        ("<span>Hot<b>spot</b></span>s", "Hotspots"),
    ],
)
def test_elements_side_by_side_are_two_words(html: str, expected: str) -> None:
    assert texts(f"<p>{html}</p>") == [expected]


def test_pictures_and_fields_part_words() -> None:
    assert texts("<p>left<img src=a alt='not read'>right<input value=no>end</p>") == [
        "left right end"
    ]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a<br>b</p>", ["a\nb"]),
        ("<p>a<br><br>b</p>", ["a", "b"]),
        ("<p>a<br> \n <br/>b<br></p>", ["a", "b"]),
        ("<p><br>a<br></p>", ["a"]),
        ("<div>first line<br>second line<br><br><br>next stanza<br>its end</div>",
         ["first line\nsecond line", "next stanza\nits end"]),
        ("<p>a<hr>b", ["a", "b"]),
    ],
)  # fmt: skip
def test_line_breaks(html: str, expected: list[str]) -> None:
    assert texts(html) == expected


def test_break_flag_only_where_a_line_is_broken() -> None:
    page = split("<p>a<br>b</p><p>c<br></p>")
    assert page.layout is not None
    assert page.layout.flags.tolist() == [Layout.HAS_BREAK, 0]


def test_pre_keeps_white_space_and_its_first_indent() -> None:
    page = split("<p>x</p><pre>\n  def f():\n\n      return  1  \n</pre>")
    assert page.segment_text(1) == "def f():\n\n      return  1"
    assert page.text == "x\n\n  def f():\n\n      return  1"
    check(page)


def test_not_rendered_is_not_read() -> None:
    html = """<head><title>T</title><style>a{}</style></head><p>x</p><script>s</script>
    <style>t</style><template><p>u</p></template><svg><text>v</text></svg><iframe>w</iframe>
    <select><option>y</select><textarea>z</textarea><video>old browser</video>
    <math><mi>m</mi><annotation>tex</annotation></math><!-- c --><datalist><option>o</datalist>"""
    page = split(html)
    assert [page.segment_text(at) for at in range(len(page))] == ["x", "m"]
    assert page.title == "T"


def test_hidden_is_read_and_said() -> None:
    page = split(
        "<div style='Display: none'><p>a</p></div><p hidden>b</p><p aria-hidden=true>c</p><p>d"
    )
    layout = page.layout
    assert layout is not None
    hidden = []
    for node in layout.segment_node.tolist():
        chain = []
        while node >= 0:
            chain.append("@hidden" in layout.node_attrs[node])
            node = layout.node_parent[node]
        hidden.append(any(chain))
    assert hidden == [True, True, True, False]


def test_noscript_is_read_unless_it_repeats() -> None:
    long = "This sentence stands in the page already."
    assert texts(f"<noscript><p>the thread</p></noscript><p>{long}</p>") == ["the thread", long]
    assert texts(f"<p>{long}</p><noscript><p>{long}</p><p>new</p></noscript>") == [long, "new"]
    assert texts("<p>a</p><noscript><img src=pixel></noscript>") == ["a"]


def test_buttons_are_blocks() -> None:
    assert blocks("<p>a</p><button>Share</button><button>Print</button>") == [
        ("p", "a"),
        ("button", "Share"),
        ("button", "Print"),
    ]


def test_zero_width_characters_alone_are_no_block() -> None:
    assert texts("<p>\u200b</p><p>&shy;&nbsp;</p><p>a\u200bb</p>") == ["a\u200bb"]


def test_layout_of_links() -> None:
    page = split(
        "<p>See <a href=' /one '>this one</a> and <a href='/two'>that</a></p>"
        "<a href=/card><h3>Head</h3><p>Sum</p></a><p>none <a name=here>anchor</a></p>"
    )
    layout = page.layout
    assert layout is not None
    assert layout.link_chars.tolist() == [12, 4, 3, 0]
    assert layout.n_links.tolist() == [2, 1, 1, 0]
    assert list(layout.segment_href) == ["/one", "/card", "/card", ""]


def test_holder_is_the_innermost_element_with_all_of_the_text() -> None:
    page = split("<p><b><i>x</i></b></p><p><b>x</b> y</p><p><a href=q>u <b>v</b></a></p>")
    assert [page.path(at) for at in range(3)] == [
        "html>body>p>b>i",
        "html>body>p",
        "html>body>p>a",
    ]


def test_nodes_are_shared_between_segments() -> None:
    page = split("<div id=m class='x y' role=main><a href=1>u<p>v</p>w</a></div>")
    layout = page.layout
    assert layout is not None
    assert layout.node_tag == ["html", "body", "div", "a", "p"]
    assert layout.node_attrs[2] == "#m x y role=main"
    assert layout.segment_node.tolist() == [3, 4, 3]


def test_flags_and_counts() -> None:
    page = split(
        "<p><b>a</b> <strong>b</strong></p><p><b>a</b>b</p><p><em>c</em></p>"
        "<p><time>d</time></p><p>run <code>e</code></p><p><label>f</label></p>"
        "<img><img><p>g</p><p>h</p>"
    )
    layout = page.layout
    assert layout is not None
    assert layout.flags.tolist() == [
        Layout.ALL_BOLD,
        0,
        Layout.ALL_ITALIC,
        Layout.HAS_TIME,
        Layout.HAS_CODE,
        Layout.HAS_CONTROL,
        0,
        0,
    ]
    assert layout.media_before.tolist() == [0, 0, 0, 0, 0, 0, 2, 0]
    assert layout.elements_before.tolist() == [3, 2, 2, 2, 2, 2, 3, 1]


def test_title_and_language() -> None:
    page = split("<html lang=' de-AT '><title> A \n b &amp; c</title><p>x", url="u", site="s")
    assert (page.title, page.lang, page.url, page.site) == ("A b & c", "de-AT", "u", "s")
    assert split("<p>x").lang is None
    assert split("<title> </title>x").title is None


@pytest.mark.parametrize(
    "html", ["", "   ", "<!doctype html>", "<frameset><frame src=a></frameset>", b""]
)
def test_pages_without_text(html: str | bytes) -> None:
    page = split(html)
    assert (len(page), page.text) == (0, "")
    check(page)


def test_invalid_bytes_and_lone_surrogates_become_replacement_characters() -> None:
    assert texts(b"<p>a\xff\xfeb</p>") == ["a\ufffd\ufffdb"]
    assert texts("<p>a\ud800b</p>") == ["a\ufffdb"]
    assert texts("<p>&#xD800;&#0;</p>") == ["\ufffd\ufffd"]


def test_emoji_combining_and_right_to_left_keep_their_offsets() -> None:
    page = split("<p>👩‍👩‍👧 e\u0301</p><p>مرحبا بالعالم</p><p>x</p>")
    assert [page.segment_text(at) for at in range(3)] == ["👩‍👩‍👧 e\u0301", "مرحبا بالعالم", "x"]
    check(page)


def test_long_blocks_are_cut_at_sentences() -> None:
    html = "<p><a href=q>" + "A sentence of words. " * 100 + "</a></p>"
    page = BlockSegmenter(max_chars=500).segment_html(html)
    check(page)
    assert all(page.ends - page.starts <= 500)
    assert all(page.segment_text(at).endswith(".") for at in range(len(page)))
    assert page.layout is not None
    assert (page.layout.link_chars == page.ends - page.starts).all()
    assert BlockSegmenter(max_chars=0).segment_html(html).text == split(html).text.replace(
        "\n\n", " "
    )


def test_max_chars_of_one_is_refused() -> None:
    with pytest.raises(SegmentError, match=r"segments\.max_chars=1: at least 2"):
        BlockSegmenter(max_chars=1)


_SNIPPETS = st.sampled_from(
    ["<p>", "</p>", "<div class=a>", "</div>", "<b>", "</b>", "<a href=x>", "</a>", "<br>", "<li>",
     "<ul>", "</ul>", "<table>", "<tr>", "<td>", "</table>", "<pre>", "</pre>", "<noscript>",
     "</noscript>", "<span>", "</span>", "<h2>", "</h2>", "<img>", "<hr>", "<button>", "</button>",
     "<script>", "</script>", "text", " ", "\n", "\u200b", "\xa0", "é", "<select><option>",
     "</select>", "<template>", "</template>", "<x-y>", "</x-y>", "&amp;", "\0", "<!--", "-->"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(_SNIPPETS, max_size=40).map("".join))
def test_any_markup_keeps_the_invariants(html: str) -> None:
    check(split(html))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_keep_the_invariants(data: bytes) -> None:
    check(split(data))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), max_size=8))
def test_every_visible_character_is_in_a_segment(parts: list[str]) -> None:
    html = "".join(f"<p>{part.replace('&', '&amp;').replace('<', '&lt;')}</p>" for part in parts)
    page = split(html)
    check(page)
    from curate.segments.block import INVISIBLE

    visible = [p for p in parts if " ".join(p.split()).strip(INVISIBLE)]
    assert [page.segment_text(at) for at in range(len(page))] == [
        " ".join(part.split()) for part in visible
    ]
