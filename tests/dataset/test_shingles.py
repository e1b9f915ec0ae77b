import random
import re
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.dataset.shingles import shingles

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
)
WORD = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+")
"""What a word is, said as a pattern."""

CHARS = (
    st.sampled_from("aAbBéÉ_09 .,-\n\0\u00a0ßẞΣσ¿漢字。のไทยᄒ한\u0301\ud800😀𝐀𐐀𐐨𠀀")
    | st.characters()
)
TEXTS = st.lists(st.text(CHARS, max_size=40), max_size=12)


def told(text: str, main: str = "") -> list[str]:
    """The runs of five words, as strings."""
    plain = str.maketrans({"ς": "σ", "Σ": "σ", "İ": "i"})
    words = WORD.findall(main.translate(plain).lower())
    if len(words) < 50:
        words = WORD.findall(text.translate(plain).lower())
    if len(words) <= 5:
        return [" ".join(words) or "no word: " + text.strip()]
    return [" ".join(words[first : first + 5]) for first in range(len(words) - 4)]


def story(seed: int, n_words: int) -> str:
    rng = random.Random(seed)
    return " ".join(f"word{rng.randrange(500)}" for _ in range(n_words))


def assert_same_runs(texts: list[str], mains: list[str]) -> None:
    """Numbers are equal where the runs of words are, over all pages."""
    numbers = shingles(texts, mains)
    runs = list(map(told, texts, mains))
    assert list(map(len, numbers)) == list(map(len, runs))
    pairs = (
        set(zip(chain(*runs), np.concatenate(numbers).tolist(), strict=True)) if texts else set()
    )
    assert len({run for run, _ in pairs}) == len(pairs) == len({number for _, number in pairs})


@given(TEXTS)
def test_words_are_those_of_the_pattern(texts: list[str]) -> None:
    assert_same_runs(texts, [""] * len(texts))


def test_every_character_is_a_word_where_the_pattern_has_one() -> None:
    blocks = [map(chr, range(first, first + 256)) for first in range(0, 0x20000, 256)]
    texts = [" ".join(f"a {char} c{char}d" for char in block) for block in blocks]
    assert_same_runs(texts, [""] * len(texts))


@pytest.mark.parametrize("n_words", [0, 1, 49, 50, 51, 300])
def test_main_content_of_fifty_words_is_what_counts(n_words: int) -> None:
    main = story(1, n_words)
    text = f"menu {main} {story(2, 60)}"
    assert_same_runs([text, text, "short"], [main, "", main])
    (numbers,) = shingles([text], [main])
    assert (numbers.tolist() == shingles([main], [""])[0].tolist()) == (n_words >= 50)


def test_a_page_says_the_same_whatever_stands_beside_it() -> None:
    texts = [story(seed, seed * seed % 4000) for seed in range(70)]
    texts[20] = story(20, 30_000)  # more than a group holds
    texts[30] = "漢字 " + texts[30]
    together = shingles(texts, texts[::-1])
    for at, (text, main) in enumerate(zip(texts, texts[::-1], strict=True)):
        assert shingles([text], [main])[0].tolist() == together[at].tolist()


def test_short_texts_are_told_apart() -> None:
    texts = ["", " … ", "!", "a", "a b", "a b c", "a b c d", "a b c d e", "b a", "a a"]
    numbers = shingles(texts, [""] * len(texts))
    assert all(len(page) == 1 for page in numbers)
    assert len({int(page[0]) for page in numbers}) == len(texts)
    assert shingles(["  …"], [""])[0] == numbers[1]


def test_no_pages() -> None:
    assert shingles([], []) == []
