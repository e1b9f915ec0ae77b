from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.dataset.splits import bucket_hash, bucket_numbers, choose_bucket_bits, split_of

RATIOS = (0.8, 0.1, 0.1)


def test_known_sites_never_move() -> None:
    told = {site: split_of(site, RATIOS) for site in ("a.example", "b.example", "site8.example")}
    assert told == {"a.example": "train", "b.example": "train", "site8.example": "train"}


def test_ratios_hold_over_many_sites() -> None:
    counts = Counter(split_of(f"{n}.example", RATIOS) for n in range(20_000))
    assert {split: round(n / 20_000, 2) for split, n in counts.items()} == {
        "train": 0.8,
        "validation": 0.1,
        "test": 0.1,
    }


@settings(deadline=None)  # the first call pays for imports
@given(st.text(), st.text(max_size=3))
def test_a_split_with_ratio_zero_gets_nothing(site: str, salt: str) -> None:
    assert split_of(site, (0.0, 1.0, 0.0), salt) == "validation"
    assert split_of(site, (1.0, 0.0, 0.0), salt) == "train"


@settings(deadline=None)  # the first call pays for imports
@given(st.lists(st.text(min_size=1), min_size=1, unique=True))
def test_doubling_the_buckets_splits_each_in_two(keys: list[str]) -> None:
    hashes = np.array([bucket_hash(key) for key in keys], np.uint64)
    for bits in range(8):
        assert (bucket_numbers(hashes, bits + 1) // 2 == bucket_numbers(hashes, bits)).all()


@pytest.mark.parametrize(("target", "bits"), [(10_000, 0), (5_000, 1), (2_500, 2), (1_250, 3)])
def test_buckets_double_with_growth(target: int, bits: int) -> None:
    hashes = np.array([bucket_hash(str(n)) for n in range(1000)], np.uint64)
    assert choose_bucket_bits(hashes, np.full(1000, 10), target) == bits


def test_no_bucket_is_left_empty() -> None:
    hashes = np.array([1 << 60, 1 << 61, 1 << 62], np.uint64)  # all in the lower half
    assert choose_bucket_bits(hashes, np.full(3, 1000), 1) == 0
