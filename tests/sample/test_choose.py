"""Choosing pages for review."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import SampleError
from curate.sample.base import Candidate, SampleConfig
from curate.sample.choose import Seen, choose
from curate.sample.pool import Pool

LABELS = ("article", "boilerplate", "teaser", "caption")


def page(
    number: int,
    errors: float,
    site: str = "a.example",
    chars: int = 600,
    *,
    kind: str | None = None,
    expected: tuple[float, ...] = (),
    misses: tuple[float, ...] = (),
    propagated: int = 0,
    vector: tuple[float, ...] | None = None,
) -> Candidate:
    return Candidate(
        f"k{number:03d}",
        f"k{number:03d}-x",
        site,
        errors,
        chars,
        kind,
        None,
        expected,
        misses,
        propagated,
        None if vector is None else np.array(vector, np.float32),
    )


def test_uncertainty_takes_most_errors_a_minute() -> None:
    config = SampleConfig(strategy="uncertainty", pages=2, same_site=1.0, reading_cost=1.0)
    pages = [page(1, 1.0), page(2, 3.0), page(3, 3.5, chars=30_000), page(4, 2.0)]
    chosen = choose(pages, config)
    assert [c.page_key for c in chosen] == ["k002", "k004"]
    assert [c.rank for c in chosen] == [0, 1]
    # 600 characters at 3,000 a minute and 12 seconds for the page: 0.4 minutes.
    assert chosen[0].why == "3.0 errors expected in 0.4 min"


def test_a_second_page_of_a_site_needs_twice_the_errors() -> None:
    pages = [page(1, 4.0), page(2, 3.9), page(3, 2.0, site="b.example")]
    chosen = choose(pages, SampleConfig(strategy="uncertainty", pages=2, same_site=0.5))
    assert [c.page_key for c in chosen] == ["k001", "k003"]


def test_errors_in_a_rare_label_count_more() -> None:
    often = page(1, 3.0, expected=(50, 50, 0, 0), misses=(3.0, 3.0, 0.0, 0.0))
    rare = page(2, 1.0, site="b.example", expected=(50, 40, 0, 2), misses=(1.0, 0.0, 0.0, 1.0))
    even = SampleConfig(strategy="uncertainty", pages=1, label_balance=0.0)
    assert choose([often, rare], even, LABELS)[0].page_key == "k001"
    balanced = SampleConfig(strategy="uncertainty", pages=1, label_balance=1.0)
    (chosen,) = choose([often, rare], balanced, LABELS)
    assert chosen.page_key == "k002"
    assert chosen.why == "1.0 errors expected in 0.4 min, most of them about caption"


def test_a_label_that_is_hardly_there_is_weighed_as_one_in_a_hundred() -> None:
    pool = Pool(100, 0)
    pool.expected = [9_995.0, 5.0]
    often, rare = pool.scarcity(2.0)
    assert rare / often == pytest.approx((0.9995 / 0.01) ** 2)
    assert pool.scarcity(0.0) == pytest.approx([1.0, 1.0], rel=0.01)


def test_random_takes_one_page_of_each_site_before_a_second() -> None:
    pages = [page(i, 0.0, site="big.example") for i in range(20)]
    pages += [page(30 + i, 0.0, site=f"s{i}.example") for i in range(4)]
    chosen = choose(pages, SampleConfig(strategy="random", pages=5))
    sites = {c.page_key: c.site for c in pages}
    assert len({sites[c.page_key] for c in chosen}) == 5


def test_random_keeps_the_shares_of_page_types() -> None:
    pages = [page(i, 0.0, f"s{i}.example", kind="forum" if i % 4 else "shop") for i in range(80)]
    chosen = choose(pages, SampleConfig(strategy="random", pages=20))
    kinds = {c.page_key: c.page_type for c in pages}
    assert sum(kinds[c.page_key] == "shop" for c in chosen) == 5
    assert chosen[0].why in (
        "drawn at random, by site (forum)",
        "drawn at random, by site (shop)",
    )


@pytest.mark.parametrize("strategy", ["mix", "uncertainty", "random", "diversity"])
def test_order_does_not_depend_on_the_order_of_the_input(strategy: str) -> None:
    pages = [
        page(i, i % 5, f"s{i % 3}.example", kind="ab"[i % 2], vector=(i % 7, i % 4))
        for i in range(60)
    ]
    config = SampleConfig(strategy=strategy, pages=15)
    assert choose(pages, config) == choose(list(reversed(pages)), config)
    assert choose(pages, config) != choose(pages, SampleConfig(strategy="random", pages=15, seed=9))


def test_mix_gives_each_way_its_share_and_interleaves_them() -> None:
    pages = [
        page(i, float(i), site=f"s{i}.example", vector=(i % 5, i // 20), propagated=int(i == 7))
        for i in range(100)
    ]
    config = SampleConfig(
        pages=20, random_share=0.3, diversity_share=0.1, audit_share=0.2, novelty=0
    )
    chosen = choose(pages, config)
    ways = [c.why.split()[0] for c in chosen]
    # One page alone carries propagated labels; the other audits go to uncertainty.
    assert {way: ways.count(way) for way in set(ways)} == {
        "drawn": 6,
        "stands": 2,
        "tests": 1,
        f"{99:.1f}": 1,
        **{f"{n:.1f}": 1 for n in range(89, 99)},
    }
    assert "drawn" in ways[:4]
    assert "drawn" in ways[-4:]


def test_diversity_takes_one_page_of_each_kind_of_page() -> None:
    centers = [(0.0, 0.0), (5.0, 0.0), (0.0, 5.0)]
    pages = [
        page(i, 0.0, vector=(centers[i % 3][0] + i / 900, centers[i % 3][1])) for i in range(30)
    ]
    chosen = choose(pages, SampleConfig(strategy="diversity", pages=3))
    assert {int(c.page_key[1:]) % 3 for c in chosen} == {0, 1, 2}
    assert chosen[0].why.startswith("stands for 33% of the pages")
    reviewed = Seen(reviewed={pages[0].page_id, pages[1].page_id})
    (first,) = choose(
        pages, SampleConfig(strategy="diversity", pages=1, suspects=0), LABELS, reviewed
    )
    assert int(first.page_key[1:]) % 3 == 2


def test_quotas_are_filled_by_pages_that_hold_the_label() -> None:
    few = page(1, 9.0, expected=(9, 9, 9, 1))
    many = page(2, 0.0, expected=(9, 9, 9, 30))
    none = page(3, 0.0, expected=(9, 9, 9, 0))
    config = SampleConfig(strategy="quota", pages=3, quotas={"caption": 100})
    seen = Seen(by_label={"caption": 88})
    (chosen,) = choose([few, many, none], config, LABELS, seen)
    assert chosen.page_key == "k002"
    # Half of the expected 30 is counted on: 12 more were wanted, 15 are thought to come.
    assert chosen.why == "about 30 caption expected; 88 of 100 seen so far"
    met = Seen(by_label={"caption": 100})
    assert choose([few, many, none], config, LABELS, met) == []


def test_in_a_mix_quotas_come_before_uncertainty() -> None:
    pages = [page(i, 5.0, f"s{i}.example", expected=(9, 9, 9, i % 2)) for i in range(40)]
    config = SampleConfig(pages=10, quotas={"caption": 3}, random_share=0, diversity_share=0)
    whys = [c.why for c in choose(pages, config, LABELS)]
    assert sum("caption expected" in why for why in whys) == 6
    assert sum("errors expected" in why for why in whys) == 4


def test_open_pages_stay_first_and_reviewed_ones_leave() -> None:
    pages = [page(i, float(i)) for i in range(6)]
    chosen = choose(
        pages,
        SampleConfig(strategy="uncertainty", pages=3),
        LABELS,
        Seen(reviewed={"k005-x"}, opened={"k000-x"}),
    )
    assert (chosen[0].page_key, chosen[0].why) == ("k000", "already open")
    assert [c.page_key for c in chosen[1:]] == ["k004", "k003"]


def test_reviewed_pages_come_back_for_a_second_look_beyond_the_round() -> None:
    pages = [page(i, float(i), f"s{i}.example") for i in range(5)]
    seen = Seen(
        reviewed={"k000-x", "k001-x", "k002-x"},
        second_look={"k002-x": "grave", "k000-x": "less", "gone-x": "not in the input"},
    )
    config = SampleConfig(strategy="uncertainty", pages=1, suspects=2)
    chosen = choose(pages, config, LABELS, seen)
    assert [(c.page_key, c.why) for c in chosen[1:]] == [("k002", "grave"), ("k000", "less")]
    assert len(choose(pages, SampleConfig(pages=1, suspects=1), LABELS, seen)) == 2


def test_audits_go_where_propagated_labels_are_tested_least() -> None:
    pages = [page(i, 0.0, f"s{i % 2}.example", propagated=20) for i in range(8)]
    config = SampleConfig(
        pages=4, audit_share=1.0, random_share=0.0, diversity_share=0.0, template_share=0.0
    )
    even = choose(pages, config, LABELS)
    assert [c.why for c in even] == [
        "tests 20 labels propagated on s0.example",
        "tests 20 labels propagated on s1.example",
    ] * 2
    tested = choose(pages, config, LABELS, Seen(audited={"s0.example": 500}))
    assert [c.why[-10:] for c in tested] == ["s1.example"] * 4


def test_the_first_page_of_a_site_is_the_one_that_decides_most() -> None:
    pages = [replace(page(i, 0.0, f"s{i % 3}.example"), carries=(0, 0.0)) for i in range(9)]
    pages[4] = replace(pages[4], carries=(5_000, 0.62))
    pages[5] = replace(pages[5], carries=(9_000, 0.81))
    config = SampleConfig(
        pages=5, template_share=0.8, random_share=0.2, diversity_share=0.0, audit_share=0.0
    )
    whys = {c.page_key: c.why for c in choose(pages, config, LABELS)}
    assert whys["k005"] == (
        "first of s2.example: its lines are 81% of what recurs on other pages (9,000 characters)"
    )
    assert whys["k004"].startswith("first of s1.example: its lines are 62%")
    assert sum(why.startswith("first of") for why in whys.values()) == 2


@pytest.mark.parametrize("strategy", ["mix", "uncertainty", "random", "diversity"])
def test_fewer_pages_than_wanted_are_all_taken(strategy: str) -> None:
    pages = [page(i, 1.0, vector=(i, 0)) for i in range(3)]
    chosen = choose(pages, SampleConfig(strategy=strategy, pages=50))
    assert {c.page_key for c in chosen} == {"k000", "k001", "k002"}
    assert choose(pages, SampleConfig(strategy=strategy, pages=0)) == []
    assert choose([], SampleConfig(strategy=strategy)) == []


def test_a_bounded_pool_keeps_the_neediest_of_a_large_input() -> None:
    pages = [page(i, float(i), f"s{i}.example", expected=(1.0,), misses=(i,)) for i in range(5000)]
    pool = Pool(100, seed=0)
    for candidate in pages:
        pool.add(candidate)
    kept = pool.candidates()
    assert pool.seen == 5000
    assert pool.expected == [5000.0]
    assert len(kept) <= 100 + 3 * 25
    assert {c.page_key for c in pages[-25:]} <= {c.page_key for c in kept}
    config = SampleConfig(strategy="uncertainty", pages=20, candidates=100)
    assert [c.page_key for c in choose(pages, config)] == [
        f"k{i:03d}" for i in range(4999, 4979, -1)
    ]


def test_shares_above_one_and_unknown_labels_are_refused() -> None:
    with pytest.raises(SampleError, match=r"is 1\.30; the shares of a round must not exceed 1"):
        choose([], SampleConfig(random_share=0.8, diversity_share=0.3, audit_share=0.1))
    with pytest.raises(SampleError, match=r"quotas names advert, which is no label; allowed"):
        choose([], SampleConfig(quotas={"advert": 3}), LABELS)
    with pytest.raises(SampleError, match="sample=quota without a quota"):
        choose([], SampleConfig(strategy="quota"), LABELS)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 50), st.integers(0, 5), st.integers(0, 9)), max_size=40),
    st.integers(0, 20),
    st.sampled_from(["mix", "uncertainty", "random", "diversity"]),
)
def test_never_more_pages_than_asked_never_one_twice(
    rows: list[tuple[float, int, int]], n_pages: int, strategy: str
) -> None:
    pages = [
        page(i, errors, f"s{site}.example", kind=str(kind), vector=(errors, kind))
        for i, (errors, site, kind) in enumerate(rows)
    ]
    chosen = choose(pages, SampleConfig(strategy=strategy, pages=n_pages))
    assert len(chosen) == min(n_pages, len(pages))
    assert len({c.page_key for c in chosen}) == len(chosen)
    assert [c.rank for c in chosen] == list(range(len(chosen)))
