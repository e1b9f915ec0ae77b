"""The main content with the highest expected F1."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curate.labelers.choice import choose_main


def chosen(chance: list[float], words: list[float], same: list[int] | None = None) -> list[bool]:
    return choose_main(
        np.array(chance, np.float32),
        np.array(words, np.float32),
        np.array(same if same is not None else range(len(chance)), np.int64),
    ).tolist()


def test_no_segment() -> None:
    assert chosen([], []) == []


def test_sure_ones_are_taken_and_hopeless_ones_left() -> None:
    assert chosen([0.99, 0.98, 0.02], [50, 40, 60]) == [True, True, False]


def test_below_a_half_pays_where_little_is_sure() -> None:
    assert chosen([0.45, 0.4, 0.05], [50, 50, 50]) == [True, True, False]


def test_a_long_repeat_is_printed_once_a_short_one_stays() -> None:
    assert chosen([0.9, 0.9, 0.9], [20, 20, 20], [0, 0, 2]) == [True, False, True]
    assert chosen([0.9, 0.9, 0.9], [3, 3, 20], [0, 0, 2]) == [True, True, True]


@given(
    st.lists(
        st.tuples(
            st.floats(0, 1, width=32),
            st.integers(1, 500),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_what_is_chosen_is_a_prefix_by_probability(rows: list[tuple[float, int]]) -> None:
    chance = [row[0] for row in rows]
    taken = chosen(chance, [float(row[1]) for row in rows])
    assert any(taken)
    low = min(c for c, yes in zip(chance, taken, strict=True) if yes)
    left = [c for c, yes in zip(chance, taken, strict=True) if not yes]
    assert not left or max(left) <= low
