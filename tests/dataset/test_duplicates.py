import random
from pathlib import Path

import numpy as np
import pytest

from curate.dataset.duplicates import (
    Signatures,
    bands_for,
    groups_of_equal,
    link_similar,
    sign,
    similar_to,
)


def story(seed: int, n_words: int = 300) -> list[str]:
    rng = random.Random(seed)
    return [f"word{rng.randrange(5000)}" for _ in range(n_words)]


def changed(words: list[str], n: int) -> list[str]:
    """The story with n words replaced at even distances."""
    words = list(words)
    for number in range(n):
        words[number * len(words) // n] = f"new{number}"
    return words


def runs(text: str) -> set[tuple[str, ...]]:
    words = text.split()
    return set(zip(*(words[first:] for first in range(5)), strict=False))


def signed(tmp_path: Path, texts: list[str]) -> np.ndarray:
    signatures = Signatures(tmp_path / "signatures")
    for text in texts:
        signatures.add(text)
    return signatures.rows()


def test_near_copies_are_linked_and_others_are_not(tmp_path: Path) -> None:
    texts = [" ".join(story(seed)) for seed in range(50)]
    texts += [" ".join(changed(story(seed), 4)) for seed in (3, 7)]  # 20 of 296 shingles differ
    texts += [" ".join(changed(story(9), 60))]  # nearly all shingles differ
    assert link_similar(signed(tmp_path, texts), 0.8) == [[3, 50], [7, 51]]


def test_order_does_not_matter(tmp_path: Path) -> None:
    texts = [" ".join(changed(story(seed % 5), seed // 5)) for seed in range(25)]
    rows = signed(tmp_path, texts)
    clusters = {frozenset(cluster) for cluster in link_similar(rows, 0.8)}
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(texts))
        moved = link_similar(np.asarray(rows)[order], 0.8)
        assert {frozenset(order[row] for row in cluster) for cluster in moved} == clusters


def test_similarity_chains_make_one_cluster(tmp_path: Path) -> None:
    rows = np.zeros((3, 128), np.uint32)
    rows[0] = np.arange(128)
    rows[1], rows[2] = rows[0], rows[0]
    rows[1, 108:] += 1000  # 84 % like the first
    rows[2, :20] += 1000  # 84 % like the first, 69 % like the second
    assert link_similar(rows, 0.8) == [[0, 1, 2]]


def test_rows_that_are_out_link_nothing(tmp_path: Path) -> None:
    rows = signed(tmp_path, ["one two three four five six"] * 3)
    assert link_similar(rows, 0.8, np.array([True, False, True])) == [[0, 2]]


def test_signature_of_a_text_is_fixed(tmp_path: Path) -> None:
    row = signed(tmp_path, ["the same text gives the same signature on every machine"])[0]
    assert row[:4].tolist() == [1116834811, 3246113936, 3286058765, 3393130147]


def test_signatures_agree_as_much_as_pages_do() -> None:
    texts = [" ".join(story(seed)) for seed in range(300)]
    others = [" ".join(changed(story(seed), seed % 30)) for seed in range(300)]
    true = [
        len(a & b) / len(a | b) for a, b in zip(map(runs, texts), map(runs, others), strict=True)
    ]
    error = (sign(texts) == sign(others)).mean(axis=1) - true
    assert abs(error.mean()) < 0.006  # three times what 300 pairs leave to chance
    assert np.sqrt((error**2).mean()) < 0.036


def test_many_long_texts_are_signed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [" ".join(story(seed, seed * 7 % 90)) for seed in range(60)]
    whole = sign(texts)
    monkeypatch.setattr("curate.dataset.duplicates.BATCH_CHARS", 500)
    assert (sign(texts) == whole).all()


def test_texts_given_for_decontamination_are_found(tmp_path: Path) -> None:
    mine = signed(tmp_path, [" ".join(story(seed)) for seed in range(20)])
    others = Signatures(tmp_path / "others")
    others.add(" ".join(changed(story(4), 3)))
    others.add(" ".join(story(1000)))
    assert np.flatnonzero(similar_to(mine, others.rows(), 0.8)).tolist() == [4]


@pytest.mark.parametrize(("ratio", "bands"), [(0.5, (42, 3)), (0.8, (21, 6)), (0.95, (8, 16))])
def test_bands_miss_at_most_one_in_a_hundred(ratio: float, bands: tuple[int, int]) -> None:
    n_bands, n_rows = bands_for(ratio)
    assert (n_bands, n_rows) == bands
    assert (1 - ratio**n_rows) ** n_bands <= 0.01


def test_groups_of_equal() -> None:
    assert list(groups_of_equal(["b", "a", "b", "c", "a", "b"])) == [[1, 4], [0, 2, 5]]
