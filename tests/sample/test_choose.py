"""Choosing pages for review."""

from __future__ import annotations

import pytest

from curate.sample.base import Candidate, SampleConfig, choose


def page(number: int, errors: float, site: str = "a.example", chars: int = 600) -> Candidate:
    return Candidate(f"k{number:03d}", f"k{number:03d}-x", site, errors, chars)


def test_uncertainty_takes_most_errors_a_minute() -> None:
    config = SampleConfig(strategy="uncertainty", pages=2)
    pages = [page(1, 1.0), page(2, 3.0), page(3, 3.5, chars=30_000), page(4, 2.0)]
    chosen = choose(pages, config)
    assert [c.page_key for c in chosen] == ["k002", "k004"]
    assert [c.rank for c in chosen] == [0, 1]
    # 600 characters at 3,000 a minute and 12 seconds for the page: 0.4 minutes.
    assert chosen[0].why == "3.0 errors expected in 0.4 min"


def test_random_takes_one_page_of_each_site_before_a_second() -> None:
    pages = [page(i, 0.0, site="big.example") for i in range(20)]
    pages += [page(30 + i, 0.0, site=f"s{i}.example") for i in range(4)]
    chosen = choose(pages, SampleConfig(strategy="random", pages=5))
    sites = {c.page_key: c.site for c in pages}
    assert len({sites[c.page_key] for c in chosen}) == 5


def test_order_does_not_depend_on_the_order_of_the_input() -> None:
    pages = [page(i, i % 5, site=f"s{i % 3}.example") for i in range(30)]
    config = SampleConfig(pages=10)
    assert choose(pages, config) == choose(list(reversed(pages)), config)


def test_mix_gives_the_random_share() -> None:
    pages = [page(i, float(i), site=f"s{i}.example") for i in range(40)]
    chosen = choose(pages, SampleConfig(strategy="mix", pages=10, random_share=0.3))
    assert sum(c.why == "drawn at random, by site" for c in chosen) == 3
    assert [c.page_key for c in chosen[:7]] == [f"k{i:03d}" for i in range(39, 32, -1)]


def test_open_pages_stay_first_and_reviewed_ones_leave() -> None:
    pages = [page(i, float(i)) for i in range(6)]
    chosen = choose(
        pages,
        SampleConfig(strategy="uncertainty", pages=3),
        reviewed={"k005"},
        opened={"k000"},
    )
    assert (chosen[0].page_key, chosen[0].why) == ("k000", "already open")
    assert [c.page_key for c in chosen[1:]] == ["k004", "k003"]


@pytest.mark.parametrize("strategy", ["mix", "uncertainty", "random"])
def test_fewer_pages_than_wanted_are_all_taken(strategy: str) -> None:
    pages = [page(i, 1.0) for i in range(3)]
    chosen = choose(pages, SampleConfig(strategy=strategy, pages=50))
    assert {c.page_key for c in chosen} == {"k000", "k001", "k002"}
    assert choose(pages, SampleConfig(strategy=strategy, pages=0)) == []
