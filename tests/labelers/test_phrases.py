"""Features in a reviewer's words: every one of them, above and below the usual."""

import math

import pytest

from curate.labelers.features import feature_names
from curate.labelers.pagetype import TYPE_NAMES
from curate.labelers.phrases import phrase

NAMES = sorted({*feature_names(True), *feature_names(False), *TYPE_NAMES})


@pytest.mark.parametrize(
    ("feature", "value", "usual", "words"),
    [
        ("in_body", 0.9, 0.4, "shares many words with the body text"),
        ("in_body", 0.1, 0.4, "shares few words with the body text"),
        ("log_chars", 2.0, 4.0, "a short text"),
        ("score_teaser", 1.0, 0.0, "its text and surroundings speak for teaser"),
        ("words_caption", -3.0, 0.0, "its words hardly speak for caption"),
        ("before10_short", 0.9, 0.5, "many short segments in the ten segments before"),
        ("parent_w_main", 0.1, 0.5, "hardly any main content in the element around it"),
        ("next_article", math.nan, 0.5, "nothing in the segment after"),
        ("last_sentence_end", 0.0, 0.5, "doesn't end with a full stop"),
        ("first_credit", 1.0, 0.5, "begins with a word of picture credits"),
        ("share_month", 0.0, 0.1, "few or no names of months or days"),
        ("in_nav", 1.0, 0.5, "inside <nav>"),
        ("in_@caption", 1.0, 0.5, 'in an element named like "caption"'),
        ("mark_since", 0.0, 1.0, "no recurring line before it"),
        ("mark_since", 2.0, 1.0, "far below a recurring line"),
        ("mark_until", 0.0, 1.0, "no recurring line after it"),
        ("gap_before", math.nan, 1.0, "the same gap between all lines"),
        ("heading_level", math.nan, 6.0, "no heading before it"),
        ("link_depth", math.nan, 2.0, "no link"),
        ("since_h1", math.nan, 2.0, "no headline on the page"),
        ("type_forum", 0.8, 0.3, "on a page that may well be of type forum"),
        ("rhythm1", 0.1, 0.3, "line shapes hardly repeat from line to line"),
        ("rhythm3", 0.8, 0.3, "line shapes repeat every 3 lines"),
    ],
)
def test_a_feature_in_words(feature: str, value: float, usual: float, words: str) -> None:
    assert phrase(feature, value, usual) == words


def test_every_feature_has_words_of_its_own() -> None:
    for name in NAMES:
        above, below, lack = (phrase(name, value, 0.5) for value in (1.0, 0.0, math.nan))
        assert all("_" not in words for words in (above, below, lack)), name
        assert not above.startswith(("high ", "low ")), name
        assert above != below or name == "kind", name
