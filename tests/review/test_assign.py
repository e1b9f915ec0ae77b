"""Who reads what: balanced, distinct, and nothing moves when pages are added."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import ReviewError
from curate.review.assign import assign, gold_pages, readers_wanted
from curate.review.config import ReviewConfig

PEOPLE = ("ada", "bo", "cy", "di")


def everybody(n: int, k: int, held=None, finished=None, people=PEOPLE):
    pages = [f"page-{i:03}" for i in range(n)]
    return pages, assign(pages, dict.fromkeys(pages, k), held or {}, finished or {}, people)


@given(st.integers(0, 60), st.integers(1, 4), st.integers(4, 7))
def test_loads_differ_by_one_at_most_and_nobody_reads_a_page_twice(n, k, n_people):
    people = [f"p{i}" for i in range(n_people)]
    _, found = everybody(n, k, people=people)
    loads = [len(found.new[reader]) for reader in people]
    assert sum(loads) == n * k
    assert max(loads) - min(loads) <= 1
    assert all(len(set(mine)) == len(mine) for mine in found.new.values())
    assert found.short == {}
    assert everybody(n, k, people=people)[1] == found


def test_pairs_come_together_about_equally_often():
    _, found = everybody(60, 2)
    together = Counter(
        pair
        for page in found.new["ada"] + found.new["bo"] + found.new["cy"] + found.new["di"]
        for pair in combinations([r for r in PEOPLE if page in found.new[r]], 2)
    )
    assert len(together) == 6
    assert max(together.values()) / 2 - min(together.values()) / 2 <= 2


@given(st.integers(1, 30), st.integers(1, 30))
def test_pages_that_come_later_move_nothing(n_first, n_more):
    pages, first = everybody(n_first, 2)
    held = {p: {r: "open" for r in PEOPLE if p in first.new[r]} for p in pages}
    _, second = everybody(n_first + n_more, 2, held)
    assert not set(pages) & {page for mine in second.new.values() for page in mine}
    loads = [len(first.new[r]) + len(second.new[r]) for r in PEOPLE]
    assert max(loads) - min(loads) <= 1


def test_a_skipped_page_goes_to_another_and_a_draft_is_its_readers():
    held = {"p": {"ada": "skipped", "bo": "draft"}}
    found = assign(["p"], {"p": 2}, held, {}, PEOPLE)
    assert sum(map(len, found.new.values())) == 1
    assert found.new["ada"] == found.new["bo"] == ()
    # All who are left skipped it: told, not dealt again.
    held = {"p": {"ada": "skipped", "bo": "skipped", "cy": "done"}}
    found = assign(["p"], {"p": 2}, held, {"p": frozenset({"cy"})}, PEOPLE[:3])
    assert found.new == {"ada": (), "bo": (), "cy": ()}
    assert found.short == {"p": 1}


def test_work_of_somebody_who_left_counts_and_is_not_asked_for_again():
    finished = {"p": frozenset({"eve"}), "q": frozenset({"ada"})}
    found = assign(["p", "q"], {"p": 2, "q": 2}, {}, finished, ("ada", "bo"))
    assert found.new["ada"] == ("p",) or found.new["bo"] == ("p", "q")
    assert "q" not in found.new["ada"]
    assert sum(map(len, found.new.values())) == 2


def test_a_newcomer_gets_the_next_pages():
    held = {f"old-{i}": {"ada": "open", "bo": "open"} for i in range(6)}
    found = assign(["a", "b", "c"], dict.fromkeys("abc", 1), held, {}, ("ada", "bo", "cy"))
    assert found.new["cy"] == ("a", "b", "c")


def test_a_share_of_the_pages_is_read_twice_and_always_the_same():
    config = ReviewConfig(annotators=PEOPLE, annotators_per_page=2, overlap=0.3)
    twice = {k for k in map(str, range(4000)) if readers_wanted(k, "s", config, {}) == 2}
    assert len(twice) / 4000 == pytest.approx(0.3, abs=0.02)
    more = ReviewConfig(annotators=PEOPLE, annotators_per_page=2, overlap=0.5)
    assert all(readers_wanted(key, "s", more, {}) == 2 for key in twice)
    whole = ReviewConfig(annotators=PEOPLE, annotators_per_page=3)
    assert readers_wanted("k", None, whole, {}) == 3


def test_sites_of_low_agreement_get_all_readers():
    config = ReviewConfig(
        annotators=PEOPLE, annotators_per_page=2, overlap=0.0, overlap_rule="low_agreement"
    )
    known = {"bad.example": 0.7, "good.example": 0.95}
    assert readers_wanted("k", "bad.example", config, known) == 2
    assert readers_wanted("k", "good.example", config, known) == 1
    assert readers_wanted("k", "new.example", config, known) == 1


def test_gold_has_its_share_and_comes_once():
    gold = [f"g{i}" for i in range(10)]
    assert len(gold_pages("ada", 18, 0, 0.1, gold)) == 2
    assert gold_pages("ada", 18, 2, 0.1, gold) == []
    assert len(gold_pages("ada", 100, 0, 0.5, gold)) == 10
    assert gold_pages("ada", 18, 0, 0.0, gold) == []
    assert gold_pages("ada", 18, 0, 0.1, gold) != gold_pages("bo", 18, 0, 0.1, gold)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"annotators": ("ada",), "annotators_per_page": 2}, "name more people, or lower it"),
        ({"annotators": ("ada", "ADA")}, "names ada twice"),
        ({"annotators": ("Ada L",)}, "a name with blanks"),
        ({"annotators_per_page": 2, "overlap": 0.5}, "need review.annotators"),
        ({"gold_share": 0.1}, "review.gold_share needs review.annotators"),
    ],
)
def test_options_that_contradict_are_told(options, told):
    with pytest.raises(ReviewError) as error:
        ReviewConfig(**options)
    assert told.replace("a name with blanks", "blanks in it") in str(error.value)


def test_which_hosts_are_open_to_others():
    assert not ReviewConfig().is_open_to_others
    assert not ReviewConfig(server_host="localhost").is_open_to_others
    assert ReviewConfig(server_host="0.0.0.0").is_open_to_others
