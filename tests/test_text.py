"""Text: lone surrogates, words, digests."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from curate.schema import page_id_of, segment_id_of
from curate.text import digest, is_blank, replace_surrogates, text_hash, words


def test_lone_surrogates_are_replaced_one_for_one() -> None:
    assert replace_surrogates("a\ud800b\udfffc😀") == "a\ufffdb\ufffdc😀"


@given(st.text(alphabet=st.characters()))
def test_replacing_keeps_the_length_and_makes_it_encodable(text: str) -> None:
    clean = replace_surrogates(text)
    assert len(clean) == len(text)
    assert clean.encode("utf-8").decode("utf-8") == clean


def test_words_are_those_of_the_benchmark() -> None:
    assert words("It’s 3.5 KM — Straße_x") == ["it", "s", "3", "5", "km", "straße_x"]


def test_blank_is_isspace_so_zero_width_is_not() -> None:
    assert is_blank("")
    assert is_blank(" \u00a0\u2003\n")
    assert not is_blank("\u200b")


def test_digest_keeps_parts_apart() -> None:
    assert digest("ab", "c") != digest("a", "bc")
    assert digest("ab", "c") == digest(b"ab", b"c")
    assert len(digest("x", chars=24)) == 24


def test_ids_name_the_state_and_the_span() -> None:
    page_id = page_id_of("0123456789abcdef01234567", "Hi")
    assert page_id == "0123456789abcdef01234567-" + text_hash("Hi")[:16]
    assert segment_id_of(page_id, 0, 2) == page_id + "-0-2"
    assert page_id_of("k", "Hi") != page_id_of("k", "Hi ")
