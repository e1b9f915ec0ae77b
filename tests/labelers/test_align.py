"""References and gold lines against segments."""

import pytest

pytest.importorskip("rapidfuzz", reason="the aligner comes with pagecurate[train]")

from curate.labelers.training.align import align_labels, align_main

BODY = "The council voted on Tuesday to keep the old bridge open for another year."
MORE = "Engineers had warned that repairs would cost more than the town can pay."


def test_body_is_found_menus_with_the_same_words_are_not() -> None:
    segments = ["Home", "Bridge", "Town council", BODY, MORE, "Repairs", "Contact"]
    share = align_main(segments, f"{BODY}\n{MORE}")
    assert share.tolist() == [0, 0, 0, 1, 1, 0, 0]


def test_a_short_heading_counts_only_beside_the_body() -> None:
    segments = ["Next steps", BODY, "Next steps", MORE]
    share = align_main(segments, f"{BODY}\nNext steps\n{MORE}")
    assert share.tolist() == [0, 1, 1, 1]


def test_a_reordered_reference_is_found_on_a_second_pass() -> None:
    share = align_main([BODY, MORE], f"{MORE}\n{BODY}")
    assert share.tolist() == pytest.approx([1, 1], abs=0.1)


def test_a_long_segment_printed_twice_is_accepted_twice() -> None:
    assert align_main([BODY, "Menu", BODY], BODY).tolist() == [1, 0, 1]


def test_empty_reference_and_empty_page() -> None:
    assert align_main([BODY], "").tolist() == [0]
    assert align_main([], BODY).tolist() == []


def test_words_of_gold_lines_are_counted_by_label() -> None:
    counts = align_labels(["Home About", BODY], ["Home", "About", BODY], [1, 1, 0], 4)
    assert counts[0].tolist() == [0, 2, 0, 0]
    assert counts[1].tolist() == [14, 0, 0, 0]


def test_a_block_of_two_lines_with_two_labels() -> None:
    counts = align_labels([f"{BODY} Photo: Example"], [BODY, "Photo: Example"], [0, 3], 4)
    assert counts[0].tolist() == [14, 0, 0, 2]
