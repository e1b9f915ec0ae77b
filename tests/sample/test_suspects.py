"""Labels that look wrong."""

from __future__ import annotations

import numpy as np

from curate.sample.suspects import Checked, suspect_segments, why_again

NAMES = ("article", "boilerplate", "teaser", "caption")


def page(name: str, labels: list[int], scores: list[list[float]], settled: bool = False) -> Checked:
    n = len(labels)
    return Checked(
        name,
        np.array(labels),
        np.array(scores),
        np.full(n, settled),
        [f"the text of line {at} " * 3 for at in range(n)],
    )


SURE = [[0.9, 0.1, 0.0, 0.0], [0.1, 0.8, 0.1, 0.0]]


def test_a_label_against_a_model_that_is_as_sure_of_another() -> None:
    pages = [
        page("fine", [0, 1], SURE),
        page("slip", [1, 1], [[0.95, 0.05, 0.0, 0.0], SURE[1]]),
        page("unsure", [1], [[0.55, 0.45, 0.0, 0.0]]),
    ]
    found = suspect_segments(pages)
    assert list(found) == ["slip"]
    (suspect,) = found["slip"]
    assert (suspect.index, suspect.given, suspect.likely) == (0, 1, 0)
    assert round(suspect.margin, 6) == 0.9
    assert why_again(pages[1], found["slip"], NAMES) == (
        "second look: line 1 “the text of line 0 the text of line 0 t…” "
        "boilerplate, likely article (95%)"
    )


def test_pages_with_most_come_first_and_only_some_are_named() -> None:
    wrong = [[0.95, 0.05, 0.0, 0.0]]
    pages = [page("fine", [0, 1], SURE), page("one", [1], wrong), page("five", [1] * 5, wrong * 5)]
    found = suspect_segments(pages)
    assert list(found) == ["five", "one"]
    told = why_again(pages[2], found["five"], NAMES)
    assert told.count("boilerplate, likely article") == 3
    assert told.endswith(" and 2 more")


def test_what_two_people_agree_on_is_settled() -> None:
    wrong = page("agreed", [1], [[0.95, 0.05, 0.0, 0.0]], settled=True)
    assert suspect_segments([page("fine", [0, 1], SURE), wrong]) == {}


def test_a_label_that_nobody_gave_is_not_suspected() -> None:
    odd = page("odd", [1], [[0.0, 0.1, 0.0, 0.9]])
    assert suspect_segments([page("fine", [0, 1], SURE), odd]) == {}


def test_unlabelled_segments_and_no_pages() -> None:
    assert suspect_segments([]) == {}
    assert suspect_segments([page("none", [-1], [[0.9, 0.1, 0.0, 0.0]])]) == {}


def test_changed_labels_are_found_among_many() -> None:
    random = np.random.default_rng(3)
    pages, changed = [], set()
    for number in range(40):
        truth = random.choice(4, 50, p=[0.4, 0.45, 0.13, 0.02])
        scores = random.dirichlet(np.ones(4) * 0.5, 50) * 0.6
        scores[np.arange(50), truth] += 0.4
        given = truth.copy()
        for row in np.flatnonzero(random.random(50) < 0.03):
            given[row] = (truth[row] + random.integers(1, 4)) % 4
            changed.add((f"p{number}", int(row)))
        pages.append(page(f"p{number}", given.tolist(), scores.tolist()))
    every = [(name, s) for name, found in suspect_segments(pages).items() for s in found]
    every.sort(key=lambda row: -row[1].margin)
    top = every[: len(changed) // 2]
    right = sum((name, s.index) in changed for name, s in top)
    assert right >= 0.9 * len(top)
    assert len(top) >= 20
