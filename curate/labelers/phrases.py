"""Features in a reviewer's words."""

from __future__ import annotations

import math

__all__ = ["phrase"]

_LABELS = {
    "main": "main content",
    "article": "article",
    "boilerplate": "boilerplate",
    "teaser": "teaser",
    "caption": "caption",
    "w_main": "main content",
    "w_article": "article",
}

_WHERE = {
    "before3": "in the three segments before",
    "after3": "in the three segments after",
    "before10": "in the ten segments before",
    "after10": "in the ten segments after",
    "around30": "in the thirty segments around",
    "self": "in its element",
    "parent": "in the element around it",
    "parent2": "two elements up",
    "parent3": "three elements up",
    "item": "in its list item or card",
    "list": "in the list or card around it",
    "section": "in its section",
    "part": "in its part of the page",
    "path": "in elements of the same kind and place",
    "alike": "in elements of the same kind",
    "run": "in its run of similar lines",
    "previous": "in the segment before",
    "previous2": "two segments before",
    "next": "in the segment after",
    "next2": "two segments after",
    "mark": "in the recurring line before it",
    "heading": "in the heading before it",
}

_WHAT = {
    "segments": "segments",
    "length": "words a segment",
    "link": "link text",
    "links": "link text",
    "sentence": "sentence ends",
    "sentence_end": "sentence ends",
    "function": "function words",
    "title": "capitalised words",
    "digits": "numbers",
    "time": "times and dates",
    "short": "short segments",
    "action": "calls to action",
    "credit": "picture credits",
    "credit_end": "credits at the end",
    "media": "pictures",
    "story": "links that name another story",
    "share": "of the page's words",
    "body_share": "of the page's likely body",
    "log_words": "words",
    "words": "words",
    "ellipsis": "ellipses",
    "closes": "closing brackets",
    "distance": "distance from here",
    "level": "rank",
    "since": "distance from here",
    "until": "distance from here",
    "repeats": "repeats",
}

_OWN = {
    "log_chars": "characters",
    "log_words": "words",
    "chars_per_word": "letters a word",
    "log_sentences": "sentences",
    "log_credit": "words of picture credits",
    "links": "link text",
    "kind": "kind of block",
    "media": "pictures just before it",
    "elements": "elements between it and the segment before",
    "n_links": "links in it",
    "repeats": "repeats on this page",
    "is_repeat": "a repeat of an earlier line",
    "repeat_distance": "distance from its last repeat",
    "in_body": "words shared with the body text",
    "in_page": "words that the page repeats",
    "in_title": "words of the page's title",
    "of_title": "the share of the title that it holds",
    "telling_words": "telling words",
    "index": "segments before it",
    "from_end": "segments after it",
    "place": "way down the page",
    "place_words": "text before it",
    "body_before": "likely body text before it",
    "body_share": "share of the likely body",
    "page_words": "words on the page",
    "body_of_best": "likeness to the page's best body segment",
    "depth": "nesting depth",
    "item_repeats": "like cards or list items beside it",
    "list_repeats": "like lists beside it",
    "self_repeats": "like elements beside it",
    "item_index": "segments before it in its card",
    "item_rest": "segments after it in its card",
    "section_index": "segments before it in its section",
    "section_rest": "segments after it in its section",
    "heading_distance": "distance from the heading before it",
    "heading_level": "rank of the heading before it",
    "since_h1": "distance from the page's headline",
    "n_h1": "first-rank headings on the page",
    "has_link": "links",
    "link_here": "links within the page",
    "link_outside": "links to other sites",
    "link_depth": "depth of its link's address",
    "link_hyphens": "words in its link's address",
    "link_digits": "numbers in its link's address",
    "link_query": "queries in its link's address",
    "link_spells_text": "its words spelt in its link's address",
    "link_repeats": "segments with the same link",
    "link_to_self": "links to this very page",
    "bold": "bold type",
    "italic": "italic type",
    "has_time": "time elements",
    "has_code": "code",
    "has_control": "form controls",
    "has_break": "line breaks",
    "gap_before": "empty lines before it",
    "gap_after": "empty lines after it",
    "prose": "prose",
    "run_index": "similar lines before it",
    "run_rest": "similar lines after it",
    "mark_since": "distance from the recurring line before it",
    "mark_until": "distance to the recurring line after it",
    "mark_repeats": "repeats of the recurring line before it",
    "tail_length": "words in brackets at its end",
    "tail_credit": "a credit in brackets at its end",
    "tail_slash": "a slashed credit in brackets at its end",
    "tail_names": "names in brackets at its end",
    "credit_colon": "a credit word and a colon in front",
    "credit_number": "a figure's number in front",
    "end_credits": "credit words at its end",
    "end_slashes": "slashed names at its end",
    "rhythm": "regular repetition of line shapes",
    "site_pages": "pages of this site with the same line",
    "site_share": "share of this site's pages with the same line",
}

_MARKS = {
    "title_case": "capitalised words",
    "upper_case": "words in capitals",
    "lower_case": "words in small letters",
    "digits": "numbers",
    "number": "bare numbers",
    "sentence_end": "sentence ends",
    "clause_end": "commas and colons",
    "ellipsis": "ellipses",
    "symbol": "symbols",
    "quote": "quotation marks",
    "opens": "opening brackets",
    "closes": "closing brackets",
    "separator": "separators",
    "currency": "prices",
    "address": "web or mail addresses",
    "copyright": "copyright signs",
    "year": "years",
    "slash": "slashed names",
    "clock": "clock times or dates",
    "month": "names of months or days",
    "time": "words of time",
    "credit": "words of picture credits",
    "picture": "words that describe pictures",
    "action": "calls to action",
    "social": "words of sharing",
    "legal": "legal words",
    "comment": "words of comments and reviews",
    "author": "words of bylines",
    "related": "words of related-story lists",
    "site": "words of menus",
    "function": "function words",
}


def phrase(feature: str, value: float, usual: float) -> str:
    """One feature and its value as a few words.

    Args:
        feature: its name, see `features.feature_names`.
        value: of the segment; NaN where there is none.
        usual: where the trees split it on average: above is "much".
    """
    lack = math.isnan(value)
    much = not lack and value > usual
    head, _, tail = feature.partition("_")
    if head in ("score", "words", "elements") and tail in _LABELS:
        what = {"score": "words and elements", "words": "its words", "elements": "its elements"}
        return f"{what[head]} {'speak' if much else 'hardly speak'} for {_LABELS[tail]}"
    if feature in _OWN:
        return f"{_amount(lack, much)} {_OWN[feature]}"
    if head == "share" and tail in _MARKS:
        return f"{_amount(lack, much)} {_MARKS[tail]}"
    if head in ("first", "last") and tail in _MARKS:
        verb = "begins" if head == "first" else "ends"
        return f"{verb} {'with' if much else 'without'} {_MARKS[tail]}"
    if head == "in" and tail:
        return f"{'inside' if much else 'not inside'} <{tail}>"
    if head in _WHERE:
        if lack:
            return f"nothing {_WHERE[head]}"
        if tail in _LABELS:
            return f"{'much' if much else 'little'} like {_LABELS[tail]} {_WHERE[head]}"
        return f"{_amount(lack, much)} {_WHAT.get(tail, tail.replace('_', ' '))} {_WHERE[head]}"
    if feature.startswith("rhythm"):
        return f"{_amount(lack, much)} repetition of line shapes every {feature[6:]} lines"
    return f"{_amount(lack, much)} {feature.replace('_', ' ')}"


def _amount(lack: bool, much: bool) -> str:
    return "no" if lack else "much or many" if much else "little or few"
