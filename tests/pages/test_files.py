from __future__ import annotations

import bz2
import gzip
import lzma
import os
from collections import Counter
from pathlib import Path

import pytest
import zstandard

from curate.errors import PageError
from curate.pages.sniff import kind_of
from curate.text import digest

PAGE = "<!doctype html><html><body><h1>Title</h1><p>Words.</p></body></html>"


def write(root: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        put(root / name.replace("__", "/").replace("_dot_", "."), content)
    return root


def put(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (PAGE, "page.txt", "html"),
        (PAGE, "page", "html"),
        ("<!-- saved -->\n\n<p>One</p>", "a", "html"),
        ("Plain words, <b>some</b> marked.", "a.txt", "text"),
        ("Plain words, <b>some</b> marked.", "a.html", "html"),
        ("No tags here at all.", "a.html", "text"),
        ("5 < 6 & 7 > 3", "a.txt", "text"),
        ("Use <div> for blocks.\nAnd close </div> it.", "howto.txt", "text"),
        ("Intro\n<p>a</p><p>b</p><p>c</p>", "a.txt", "html"),
        ("BM is not a bitmap", "a.txt", "text"),
        ('{"a": "b"', "a.txt", "other"),
        ("[citation needed] is what it says", "a.txt", "text"),
        ('{"text": "a"}\n{"text": "b"}\n', "a.txt", "jsonl"),
        ('{"text": "a"}', "a.jsonl", "jsonl"),
        ('{"text": "a"}', "manifest", "other"),
        ('{\n "a": 1\n}', "a.txt", "other"),
        ("[1, 2]", "a", "other"),
        ('<?xml version="1.0"?><rss version="2.0"></rss>', "feed", "other"),
        ('<?xml version="1.0"?><!-- x --><note/>', "note.html", "other"),
        ('<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>', "x", "html"),
        ("<svg xmlns='http://www.w3.org/2000/svg'></svg>", "a.html", "other"),
        ("WARC/1.0\r\nWARC-Type: warcinfo\r\n", "a.txt", "warc"),
        ("crawl-data/a/b.warc.gz\ncrawl-data/a/c.warc.gz\n", "warc.paths", "paths"),
        ("", "a.html", "empty"),
    ],
)
def test_content_tells_and_the_name_breaks_ties(content: str, name: str, kind: str) -> None:
    assert kind_of(content.encode(), name, whole=True).name == kind


def test_a_folder_of_everything(tmp_path: Path, read) -> None:
    png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x10\x00\x00\x00\x10\x08\x06"
    write(
        tmp_path,
        a_dot_html=PAGE,
        b_dot_txt="Bare words.",
        c_dot_html="",
        d_dot_txt=" \n\t\n",
        e_dot_png=png,
        f_dot_css="p { color: red }",
        g_dot_pdf=b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        h_dot_json='{"a": 1}',
        i_dot_html=os.urandom(4000),
        sub__j_dot_html=PAGE,
        sub__README_dot_md="# About",
        robots_dot_txt="User-agent: *",
    )
    put(tmp_path / ".DS_Store", b"\x00\x00\x00\x01Bud1")
    put(tmp_path / ".git/config", "[core]")
    put(tmp_path / "sub/.hidden.html", PAGE)
    found = read(tmp_path)
    assert [page.source for page in found.pages] == ["a.html", "b.txt", "sub/j.html"]
    assert [page.media_type for page in found.pages] == ["text/html", "text/plain", "text/html"]
    assert found.dropped == {
        "empty": 2,
        "not a page (image/png)": 1,
        "not a page (text/css)": 1,
        "not a page (application/pdf)": 1,
        "not a page (application/json)": 1,
        "not a page (notes on the folder)": 1,
        "not a page (notes for robots)": 1,
        "hidden file": 2,
        "hidden folder": 1,
    }
    assert found.reasons == {"binary data": 1}
    assert len(found.items) == 15


def test_pages_without_url(tmp_path: Path, read) -> None:
    write(tmp_path, news__a_dot_txt="Words.", b_dot_txt="More.")
    own = read(tmp_path).pages
    assert [page.page_key for page in own] == [
        digest("b.txt#0", chars=24),
        digest("news/a.txt#0", chars=24),
    ]
    assert [page.site for page in own] == [page.page_key for page in own]
    assert [page.site for page in read(tmp_path, site="folder").pages] == [tmp_path.name, "news"]
    assert [page.site for page in read(tmp_path, site="constant:x").pages] == ["x", "x"]
    assert all(page.url is None for page in own)


def test_keys_do_not_depend_on_where_the_input_lies(tmp_path: Path, read) -> None:
    one = write(tmp_path / "one", sub__a_dot_txt="Words.")
    two = write(tmp_path / "else/two", sub__a_dot_txt="Words.")
    assert read(one).pages == read(two).pages
    assert read(f"{one}/*/*.txt").pages == read(two).pages


def test_a_mirror(tmp_path: Path, read) -> None:
    write(tmp_path, a_dot_example__x_dot_html=PAGE, a_dot_example__readme="Words.")
    pages = read(tmp_path, url_from="path").pages
    assert [page.url for page in pages] == ["https://a.example/readme", "https://a.example/x.html"]
    assert {page.site for page in pages} == {"a.example"}
    assert pages[1].page_key == digest("//a.example/x.html", chars=24)


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".xz", lzma.compress),
        (".zst", zstandard.compress),
    ],
)
def test_compressed_files(tmp_path: Path, read, suffix: str, pack) -> None:
    packed = pack(PAGE.encode() * 50)
    put(tmp_path / f"a.html{suffix}", packed)
    put(tmp_path / f"b.html{suffix}", packed[:-9])
    put(tmp_path / f"c.html{suffix}", packed + b"something else entirely")
    found = read(tmp_path)
    assert [page.content for page in found.pages] == [PAGE * 50]
    assert found.reasons == {"truncated archive": 1, "damaged archive": 1}


def test_plain_text_is_kept_character_for_character(tmp_path: Path, read) -> None:
    text = "\tOne\r\nTwo\N{NO-BREAK SPACE} \N{FAMILY}\x0c\r\n\r\nThree\x00 "
    put(tmp_path / "a.txt", b"\xef\xbb\xbf" + text.encode() + b"x" * 500)
    assert read(tmp_path).pages[0].content == text + "x" * 500


def test_files_named_by_the_user_are_read(tmp_path: Path, read) -> None:
    path = put(tmp_path / "README.md", "Words about it.")
    assert [page.content for page in read(path).pages] == ["Words about it."]
    hidden = put(tmp_path / ".page.html", PAGE)
    assert len(read(hidden).pages) == 1
    assert len(read(f"file://{hidden}").pages) == 1


def test_too_large(tmp_path: Path, read) -> None:
    put(tmp_path / "a.txt", "words " * 1000)
    put(tmp_path / "b.txt", "words")
    found = read(tmp_path, max_bytes=5999)
    assert (len(found.pages), found.reasons) == (1, Counter({"too large": 1}))
    assert len(read(tmp_path, max_bytes=6000).pages) == 2


def test_a_bomb_is_not_unpacked(tmp_path: Path, read) -> None:
    put(tmp_path / "a.html.gz", gzip.compress(b"<p>" * 30_000_000))
    put(tmp_path / "b.html", PAGE)
    assert read(tmp_path, max_bytes=100_000).reasons == {"too large": 1}


def test_what_cannot_be_opened(tmp_path: Path, read) -> None:
    put(tmp_path / "a.html", PAGE)
    (tmp_path / "broken.html").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.html")
    found = read(tmp_path)
    assert [(item.source, item.reason) for item in found.quarantined] == [
        ("broken.html", "unreadable file"),
        ("pipe.html", "unreadable file"),
    ]


def test_links_to_folders_are_followed_once(tmp_path: Path, read) -> None:
    write(tmp_path / "in", a_dot_txt="Words.")
    (tmp_path / "in/loop").symlink_to(tmp_path / "in")
    (tmp_path / "in/twice").symlink_to(put(tmp_path / "other/b.txt", "More.").parent)
    assert [page.source for page in read(tmp_path / "in").pages] == ["a.txt", "twice/b.txt"]


def test_names_that_are_no_utf8(tmp_path: Path, read) -> None:
    try:
        Path(os.fsdecode(bytes(tmp_path) + b"/n\xffme.txt")).write_text("Words.")
    except OSError:
        pytest.skip("this file system refuses such names")
    (page,) = read(tmp_path).pages
    assert page.source == "n\N{REPLACEMENT CHARACTER}me.txt"


def test_forced_encoding_and_format(tmp_path: Path, read) -> None:
    put(tmp_path / "a.html", "<p>Größe</p>".encode("cp1252"))
    (page,) = read(tmp_path, encoding="cp1252", format="text").pages
    assert (page.content, page.media_type) == ("<p>Größe</p>", "text/plain")
    assert page.charset == "windows-1252 (forced)"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "there is no file in it"),
        ({"a.png": b"\x89PNG\r\n\x1a\n" + bytes(30)}, "nothing in it can be read as pages"),
        ({"README.md": "Hi"}, "met: 1 notes on the folder"),
        ({"data.jsonl": '{"a": 1}\n{"b": 2}\n'}, "its fields are a, b"),
    ],
)
def test_nothing_readable(tmp_path: Path, read, files, message: str) -> None:
    for name, content in files.items():
        put(tmp_path / name, content)
    with pytest.raises(PageError, match=message):
        read(tmp_path)


def test_missing_path(tmp_path: Path, read) -> None:
    for path in (tmp_path / "none", f"{tmp_path}/none/*.html", "pkg://other", [], ""):
        with pytest.raises(PageError, match=r"pages\.path"):
            read(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoding": "utf-9"}, "pages.encoding='utf-9' is no known encoding"),
        ({"site": "host"}, "pages.site='host' is not one of folder, constant:NAME, null"),
        ({"site": "constant: "}, "names no site"),
    ],
)
def test_wrong_options(tmp_path: Path, read, options, message: str) -> None:
    put(tmp_path / "a.txt", "Words.")
    with pytest.raises(PageError, match=message):
        read(tmp_path, **options)


def test_bundled_samples(read) -> None:
    found = read("pkg://samples", url_from="path")
    assert len(found.pages) >= 24
    assert len({page.site for page in found.pages}) >= 6
    assert found.quarantined == []
    assert all(page.url and page.url.startswith("https://") for page in found.pages)
