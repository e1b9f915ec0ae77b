"""Tokens: marks, hashes, segments that are long or write no blanks."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.labelers.fingerprints import RowIndex
from curate.labelers.lexicon import FIRST_BIT, MARKS, mark_bits, marks_of
from curate.labelers.products import product
from curate.labelers.tokens import HEAD_CHARS, TAIL_CHARS, TokenTable, hash_text, spaced


def marked(token: str) -> set[str]:
    row = marks_of(token)
    return {name for name, value in zip(MARKS[FIRST_BIT:], row[FIRST_BIT:], strict=True) if value}


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("Reuters", {"title_case", "credit"}),
        ("(Getty", {"title_case", "opens", "credit"}),
        ("Olson/AFP)", {"title_case", "closes", "slash", "credit"}),
        ("2024.", {"digits", "number", "year", "sentence_end"}),
        ("12:45", {"digits", "number", "clock"}),
        ("»", {"symbol", "separator", "quote"}),
        ("€9.99", {"digits", "number", "currency"}),
        ("www.example.org", {"lower_case", "address"}),
        ("more…", {"lower_case", "ellipsis", "action"}),
        ("вчера", {"lower_case", "time"}),
        ("NASA,", {"upper_case", "clause_end"}),
        ("今天。", {"time", "sentence_end"}),
    ],
)
def test_marks_by_name(token: str, expected: set[str]) -> None:
    assert expected <= marked(token)


def test_the_short_way_for_plain_words_agrees_with_the_long_one() -> None:
    # A no-break hyphen sends the word the long way; nothing else may differ.
    for word in ("photo", "Photo", "PHOTO", "pHoto", "a", "A", "Hours"):
        n_words, bits = mark_bits(word)
        assert (n_words, bits) == mark_bits(word + "\u2011")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1))
def test_a_table_tells_the_same_of_a_token_whatever_it_met_before(texts: list[str]) -> None:
    texts = [text for text in texts if not text.isspace()]
    joined = " ".join(texts)
    if not joined:
        return
    alone, used = TokenTable(), TokenTable()
    used.read("some other words before", [0], [23])
    first, second = (table.read(joined, [0], [len(joined)]) for table in (alone, used))
    assert np.array_equal(alone.marks[first.rows], used.marks[second.rows])
    assert np.array_equal(alone.hashes[first.rows], used.hashes[second.rows])


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_tokens_are_what_split_makes_of_each_segment(texts: list[str]) -> None:
    texts = [text.strip() for text in texts if text.strip()]
    starts, joined = [], ""
    for number, text in enumerate(texts):
        joined += " \n" * (number % 2)  # every other segment touches the one before it
        starts.append(len(joined))
        joined += text
    if not texts:
        return
    table = TokenTable()
    ends = [start + len(text) for start, text in zip(starts, texts, strict=True)]
    tokens = table.read(joined, starts, ends)
    words = [spaced(text).split() for text in texts]
    assert np.diff(tokens.offsets).tolist() == [len(row) for row in words]
    flat = [word for row in words for word in row]
    number_of = dict(zip(flat, tokens.rows.tolist(), strict=True))
    assert tokens.rows.tolist() == [number_of[word] for word in flat]
    assert len(set(number_of.values())) == len(number_of)


def test_many_keys_are_found_again() -> None:
    keys = np.unique(np.random.default_rng(3).integers(1, 1 << 63, 20_000).astype(np.uint64))
    index = RowIndex()
    rows = np.concatenate([index.add(part) for part in np.array_split(keys, 7)])
    assert np.array_equal(index.find(keys), rows)
    assert (index.find(keys + np.uint64(1)) < 0).sum() >= len(keys) - 1
    # Keys that all want one place.
    crowd = np.arange(1, 300, dtype=np.uint64)
    other = RowIndex()
    assert np.array_equal(other.add(crowd), other.find(crowd))


def test_products_by_parts_are_the_product() -> None:
    random = np.random.default_rng(5)
    rows = random.integers(-8, 9, (700, 300)).astype(np.float32)
    weights = random.integers(-8, 9, (300, 12)).astype(np.float32)
    assert np.array_equal(product(rows, weights), rows.astype(np.int64) @ weights.astype(np.int64))


def test_offsets_and_segments() -> None:
    table = TokenTable()
    tokens = table.read("one two\nthree", [0, 8], [7, 13])
    assert tokens.offsets.tolist() == [0, 2, 3]
    assert tokens.segment_of.tolist() == [0, 0, 1]
    assert tokens.scale.tolist() == [1.0, 1.0]


def test_only_head_and_tail_of_a_long_line_are_read() -> None:
    line = "word " * 100_000
    tokens = TokenTable().read(line, [0], [len(line)])
    assert len(tokens.rows) <= (HEAD_CHARS + TAIL_CHARS) / 5 + 2
    assert tokens.scale[0] == pytest.approx(len(line) / (HEAD_CHARS + TAIL_CHARS))


def test_scripts_without_blanks_are_cut_in_pairs() -> None:
    assert spaced("今日の天気") == "今日 の天 気"
    assert spaced("plain words") == "plain words"


def test_hashes_are_the_same_in_every_process() -> None:
    assert hash_text("example") == 1861000095


def test_a_full_table_starts_anew_and_one_huge_page_stays_bounded() -> None:
    table = TokenTable(max_rows=100)
    text = " ".join(f"w{number}" for number in range(1000))
    tokens = table.read(text, [0], [len(text)])
    assert len(table) == 200
    assert int(tokens.rows.max()) < 200
    table.read("a b", [0], [3])
    assert len(table) == 2


def test_tables_pickle_without_what_they_remember() -> None:
    table = TokenTable(np.ones((1 << 16, 5), np.float32))
    table.read("a b c", [0], [5])
    again = pickle.loads(pickle.dumps(table))
    assert len(again) == 0
    assert again.bucket_weights.shape == (1 << 16, 5)


def test_tokens_with_one_key_are_alike_on_a_page() -> None:
    table = TokenTable()
    tokens = table.read("Dam dam, dike DAM. 17 18", [0], [24])
    assert tokens.alike.tolist() == [3, 3, 2, 3, 5, 5]
    # Another page doesn't disturb what is asked of this one.
    table.read("dike dam", [0], [8])
    assert table.alike(tokens.rows).tolist() == tokens.alike.tolist()
    found = table.among(tokens.rows, {hash_text("dam"), hash_text("unknown")})
    assert found.tolist() == [True, True, False, True, False, False]


def test_watched_parts_of_words_are_told() -> None:
    table = TokenTable(watched=("ook", "nab"))
    tokens = table.read("COOKIES enabled look-enable none", [0], [32])
    assert table.parts[tokens.rows].tolist() == [1, 2, 3, 0]
