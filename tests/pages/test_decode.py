from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.pages import decode_html, decode_text
from curate.pages.decode import is_binary
from curate.pages.labels import python_codec, web_encoding

GERMAN = "Über die Brücke führt kein Weg, schöne Grüße aus der Größe der Straße."
JAPANESE = "日本語のページです。今日は天気がいいので散歩に行きました。"
RUSSIAN = "Съешь же ещё этих мягких французских булок, да выпей чаю."


def page(text: str, head: str = "") -> str:
    return f"<html><head>{head}</head><body><p>{text}</p></body></html>"


@pytest.mark.parametrize(
    ("label", "standard", "codec"),
    [
        ("iso-8859-1", "windows-1252", "cp1252"),
        ("Latin1", "windows-1252", "cp1252"),
        ("US-ASCII", "windows-1252", "cp1252"),
        (" UTF8\n", "utf-8", "utf-8"),
        ("gb2312", "gb18030", "gb18030"),
        ("x-sjis", "shift_jis", "cp932"),
        ("ks_c_5601-1987", "euc-kr", "cp949"),
        ("iso-8859-9", "windows-1254", "cp1254"),
        ("tis-620", "windows-874", "cp874"),
        ("iso-8859-8-i", "iso-8859-8", "iso8859-8"),
        ("utf-16", "utf-16le", "utf-16-le"),
    ],
)
def test_labels_are_those_of_the_standard(label: str, standard: str, codec: str) -> None:
    assert web_encoding(label) == standard
    assert python_codec(label) == codec


@pytest.mark.parametrize("label", ["rot13", "hex", "zlib", "nonsense", ""])
def test_codecs_that_are_no_encodings_are_refused(label: str) -> None:
    assert python_codec(label) is None


def test_every_codec_of_the_table_exists() -> None:
    import codecs

    from curate.pages.labels import _ENCODINGS, _LABELS

    for codec, _ in _ENCODINGS.values():
        assert codecs.lookup(codec).name
    labels = [label for _, labels in _ENCODINGS.values() for label in labels.split()]
    assert len(set(labels)) == len(labels)
    assert len(_LABELS) == 225


def test_byte_order_mark_beats_header_and_meta() -> None:
    data = b"\xef\xbb\xbf" + page(GERMAN, '<meta charset="shift_jis">').encode()
    decoded = decode_html(data, "windows-1251")
    assert (decoded.encoding, decoded.how) == ("utf-8", "bom")
    assert decoded.text == page(GERMAN, '<meta charset="shift_jis">')


@pytest.mark.parametrize(
    ("bom", "codec", "name"),
    [
        (b"\xff\xfe", "utf-16-le", "utf-16le"),
        (b"\xfe\xff", "utf-16-be", "utf-16be"),
        (b"\xff\xfe\x00\x00", "utf-32-le", "utf-32-le"),
    ],
)
def test_wide_encodings_by_byte_order_mark(bom: bytes, codec: str, name: str) -> None:
    decoded = decode_html(bom + page(JAPANESE).encode(codec))
    assert (decoded.text, decoded.encoding, decoded.how) == (page(JAPANESE), name, "bom")


def test_header_beats_meta() -> None:
    data = page(RUSSIAN, '<meta charset="koi8-r">').encode("cp1251")
    decoded = decode_html(data, "windows-1251")
    assert (decoded.encoding, decoded.how) == ("windows-1251", "http header")
    assert RUSSIAN in decoded.text


@pytest.mark.parametrize(
    "head",
    [
        '<meta charset="windows-1251">',
        "<META CHARSET=windows-1251>",
        '<meta/charset="windows-1251"/>',
        "<meta name=a content='charset=utf-8'><meta charset=cp1251>",
        '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">',
        "<meta content='text/html;charset=windows-1251' http-equiv=content-type>",
        '<!-- <meta charset="utf-8"> --><meta charset="windows-1251">',
    ],
)
def test_meta(head: str) -> None:
    decoded = decode_html(page(RUSSIAN, head).encode("cp1251"))
    assert (decoded.encoding, decoded.how) == ("windows-1251", "meta")
    assert decoded.text == page(RUSSIAN, head)


def test_xml_declaration() -> None:
    source = '<?xml version="1.0" encoding="windows-1251"?>' + page(RUSSIAN)
    decoded = decode_html(source.encode("cp1251"))
    assert (decoded.encoding, decoded.how, decoded.text) == ("windows-1251", "meta", source)


def test_meta_beats_xml_declaration() -> None:
    source = '<?xml version="1.0" encoding="utf-8"?>' + page(RUSSIAN, "<meta charset=cp1251>")
    assert decode_html(source.encode("cp1251")).encoding == "windows-1251"


def test_meta_in_an_unclosed_comment_does_not_count() -> None:
    data = b"<!-- <meta charset=windows-1251> <p>" + GERMAN.encode()
    assert decode_html(data).how == "valid utf-8"


def test_utf16_in_a_meta_that_was_readable_means_utf8() -> None:
    data = page(GERMAN, "<meta charset=utf-16>").encode()
    assert (decode_html(data).encoding, decode_html(data).n_replaced) == ("utf-8", 0)


def test_meta_beyond_the_prescan_counts_where_bytes_are_not_utf8() -> None:
    source = page(RUSSIAN, " " * 3000 + "<meta charset=windows-1251>")
    assert decode_html(source.encode("cp1251")).text == source


def test_iso_8859_1_is_windows_1252() -> None:
    data = page("“quoted” — €5", "<meta charset=iso-8859-1>").encode("cp1252")
    assert "“quoted” — €5" in decode_html(data).text


@pytest.mark.parametrize(
    ("text", "codec", "name"),
    [(JAPANESE * 3, "shift_jis", "shift_jis"), (RUSSIAN * 3, "cp1251", "windows-1251")],
)
def test_detection(text: str, codec: str, name: str) -> None:
    decoded = decode_html(page(text).encode(codec))
    assert (decoded.text, decoded.encoding, decoded.how) == (page(text), name, "detected")


def test_latin_1_text() -> None:
    decoded = decode_text(GERMAN.encode("latin-1"))
    assert (decoded.text, decoded.encoding) == (GERMAN, "windows-1252")


def test_utf16_without_byte_order_mark() -> None:
    assert decode_text((GERMAN * 2).encode("utf-16-le")).text == GERMAN * 2
    assert decode_text((GERMAN * 2).encode("utf-16-be")).text == GERMAN * 2


def test_declared_utf8_that_is_legacy_is_passed_over() -> None:
    decoded = decode_html(page(RUSSIAN * 2).encode("cp1251"), "utf-8")
    assert decoded.text == page(RUSSIAN * 2)
    assert decoded.how == "detected; http header said utf-8"


def test_declared_legacy_that_is_utf8_is_passed_over() -> None:
    decoded = decode_html(page(GERMAN, "<meta charset=iso-8859-1>").encode())
    assert GERMAN in decoded.text
    assert decoded.how == "valid utf-8; meta said windows-1252"


def test_a_declared_legacy_encoding_stands_against_few_characters() -> None:
    decoded = decode_html("é".encode(), "iso-8859-1")
    assert (decoded.text, decoded.how) == ("Ã©", "http header")


def test_one_bad_byte_is_replaced_and_counted() -> None:
    data = page(GERMAN).encode().replace(b"Weg", b"W\xffg")
    for header in (None, "utf-8"):
        decoded = decode_html(data, header)
        assert decoded.text == page(GERMAN).replace("Weg", "W\N{REPLACEMENT CHARACTER}g")
        assert (decoded.encoding, decoded.n_replaced) == ("utf-8", 1)
    assert decode_html(data, "utf-8").note == "utf-8 (http header, 1 undecodable)"


def test_plain_text_keeps_every_character_but_the_mark() -> None:
    text = "a\r\nb\tc\N{NO-BREAK SPACE}d\x0be\N{ZERO WIDTH SPACE}\n\n"
    assert decode_text(text.encode()).text == text
    assert decode_text(b"\xef\xbb\xbf" + text.encode()).text == text


def test_plain_text_has_no_meta() -> None:
    text = f'Write <meta charset="shift_jis"> first. {GERMAN}'
    assert decode_text(text.encode()).text == text


def test_forced() -> None:
    data = page(GERMAN, "<meta charset=utf-8>").encode("cp1252")
    assert decode_html(data, "utf-8", forced="latin-1").text == page(GERMAN, "<meta charset=utf-8>")
    assert "\ud800" not in decode_text(b"\\ud800", forced="unicode_escape").text


@given(st.binary(max_size=3000), st.sampled_from([None, "utf-8", "shift_jis", "gbk", "x"]))
def test_any_bytes_give_encodable_text(data: bytes, header: str | None) -> None:
    for decode in (decode_html, decode_text):
        decode(data, header).text.encode("utf-8")


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=500))
def test_utf8_round_trip(text: str) -> None:
    assert decode_text(text.encode(), "utf-8").text == text.removeprefix("\ufeff")


def test_binary() -> None:
    import random

    noise = random.Random(1).randbytes(5000)
    assert is_binary(noise)
    assert is_binary(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01\x00")
    assert not is_binary(JAPANESE.encode("iso2022_jp"))
    assert not is_binary(GERMAN.encode("utf-16-le"))
    assert not is_binary(b"\xff\xfe" + GERMAN.encode("utf-16-le"))
    assert not is_binary(b"")
    assert not is_binary(b"a text with one NUL\x00 in it" + b" and more" * 50)
