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
    "segments": ("many segments", "few segments"),
    "length": ("long segments", "short segments"),
    "link": ("much link text", "little link text"),
    "links": ("much link text", "little link text"),
    "sentence": ("many full sentences", "few full sentences"),
    "sentence_end": ("a full stop at the end", "no full stop at the end"),
    "function": ("many function words", "few function words"),
    "title": ("many capitalised words", "few capitalised words"),
    "digits": ("many numbers", "few numbers"),
    "time": ("times or dates", "hardly any times or dates"),
    "short": ("many short segments", "few short segments"),
    "action": ("calls to action", "hardly any calls to action"),
    "credit": ("picture credits", "hardly any picture credits"),
    "credit_end": ("a credit at the end", "no credit at the end"),
    "media": ("many pictures", "few pictures"),
    "story": ("links that name other stories", "hardly any links that name other stories"),
    "share": ("much of the page's text", "little of the page's text"),
    "body_share": ("much of the page's likely body", "little of the page's likely body"),
    "log_words": ("many words", "few words"),
    "words": ("many words", "few words"),
    "ellipsis": ("an ellipsis at the end", "no ellipsis at the end"),
    "closes": ("a closing bracket at the end", "no closing bracket at the end"),
}
"""What a stretch of segments, or one beside, holds: above and below the usual."""

_OWN = {
    "log_chars": ("a long text", "a short text"),
    "log_words": ("many words", "few words"),
    "chars_per_word": ("long words", "short words"),
    "log_sentences": ("several full sentences", "hardly a full sentence"),
    "log_credit": ("words of picture credits", "hardly any words of picture credits"),
    "links": ("mostly link text", "little link text"),
    "media": ("a picture just before it", "no picture just before it"),
    "elements": (
        "many elements between it and the segment before",
        "few elements between it and the segment before",
    ),
    "n_links": ("several links in it", "hardly a link in it"),
    "repeats": ("repeated on this page", "not repeated on this page"),
    "is_repeat": ("repeats an earlier line", "repeats no earlier line"),
    "repeat_distance": ("repeats a line far above", "repeats no line far above"),
    "in_body": ("shares many words with the body text", "shares few words with the body text"),
    "in_page": ("its words recur on the page", "its words hardly recur on the page"),
    "in_title": ("many words of the page's title", "few words of the page's title"),
    "of_title": ("holds much of the page's title", "holds little of the page's title"),
    "telling_words": ("many telling words", "few telling words"),
    "index": ("many segments before it", "few segments before it"),
    "from_end": ("many segments after it", "few segments after it"),
    "place": ("far down the page", "far up the page"),
    "place_words": ("much of the page's text before it", "little of the page's text before it"),
    "body_before": ("much of the likely body before it", "little of the likely body before it"),
    "body_share": ("much of the likely body", "little of the likely body"),
    "page_words": ("a page of many words", "a page of few words"),
    "body_of_best": (
        "close to the page's likeliest body text",
        "far from the page's likeliest body text",
    ),
    "depth": ("deeply nested", "not deeply nested"),
    "item_repeats": (
        "many cards or list items like its own",
        "few cards or list items like its own",
    ),
    "list_repeats": ("many lists like its own", "few lists like its own"),
    "self_repeats": ("many elements like its own", "few elements like its own"),
    "item_index": ("late in its card", "early in its card"),
    "item_rest": ("much of its card after it", "little of its card after it"),
    "section_index": ("late in its section", "early in its section"),
    "section_rest": ("much of its section after it", "little of its section after it"),
    "heading_distance": ("far below a heading", "close below a heading"),
    "heading_level": ("below a minor heading", "below a major heading"),
    "since_h1": ("far below the page's headline", "above or near the page's headline"),
    "n_h1": ("several first-rank headings on the page", "few first-rank headings on the page"),
    "has_link": ("has a link", "has no link"),
    "link_here": ("a link within the page", "no link within the page"),
    "link_outside": ("a link to another site", "no link to another site"),
    "link_depth": ("a link deep into a site", "a link to a site's upper levels"),
    "link_hyphens": ("many words in its link's address", "few words in its link's address"),
    "link_digits": ("a number in its link's address", "no number in its link's address"),
    "link_query": ("a query in its link's address", "no query in its link's address"),
    "link_spells_text": (
        "its link's address spells its words",
        "its link's address doesn't spell its words",
    ),
    "link_repeats": ("other segments have the same link", "no other segment has its link"),
    "link_to_self": ("a link to this very page", "no link to this very page"),
    "bold": ("in bold type", "not in bold type"),
    "italic": ("in italic type", "not in italic type"),
    "has_time": ("a time element", "no time element"),
    "has_code": ("code in it", "no code in it"),
    "has_control": ("a form control", "no form control"),
    "has_break": ("line breaks in it", "no line breaks in it"),
    "gap_before": ("an empty line before it", "no empty line before it"),
    "gap_after": ("an empty line after it", "no empty line after it"),
    "prose": ("reads like prose", "doesn't read like prose"),
    "run_index": ("many similar lines before it", "few similar lines before it"),
    "run_rest": ("many similar lines after it", "few similar lines after it"),
    "mark_since": ("far below a recurring line", "close below a recurring line"),
    "mark_until": ("far above a recurring line", "close above a recurring line"),
    "mark_repeats": (
        "below a line that recurs many times",
        "below a line that recurs a few times",
    ),
    "tail_length": ("ends with words in brackets", "few or no words in brackets at its end"),
    "tail_credit": ("ends with a credit in brackets", "no credit in brackets at its end"),
    "tail_slash": (
        "ends with a slashed credit in brackets",
        "no slashed credit in brackets at its end",
    ),
    "tail_names": ("ends with names in brackets", "no names in brackets at its end"),
    "credit_colon": (
        "begins with a credit word and a colon",
        "no credit word and colon in front",
    ),
    "credit_number": ("begins with a figure's number", "no figure's number in front"),
    "end_credits": ("credit words at its end", "no credit words at its end"),
    "end_slashes": ("slashed names at its end", "no slashed names at its end"),
    "rhythm": ("among lines of regularly repeated shapes", "no regular repetition of line shapes"),
    "site_pages": ("on many pages of this site", "on few pages of this site"),
    "site_share": ("on a large share of this site's pages", "on few of this site's pages"),
}
"""What a segment is or has: above and below the usual."""

_LACKING = {
    "heading": "no heading before it",
    "link": "no link",
    "mark": "no recurring line before it",
    "since": "no headline on the page",
    "gap": "the same gap between all lines",
}
"""What it means that there is no value, by the first word of the feature."""

_MARKS = {
    "title_case": ("capitalised words", "a capitalised word"),
    "upper_case": ("words in capitals", "a word in capitals"),
    "lower_case": ("words in small letters", "a word in small letters"),
    "digits": ("numbers", "a number"),
    "number": ("bare numbers", "a bare number"),
    "sentence_end": ("sentence ends", "a full stop"),
    "clause_end": ("commas and colons", "a comma or colon"),
    "ellipsis": ("ellipses", "an ellipsis"),
    "symbol": ("symbols", "a symbol"),
    "quote": ("quotation marks", "a quotation mark"),
    "opens": ("opening brackets", "an opening bracket"),
    "closes": ("closing brackets", "a closing bracket"),
    "separator": ("separators", "a separator"),
    "currency": ("prices", "a price"),
    "address": ("web or mail addresses", "a web or mail address"),
    "copyright": ("copyright signs", "a copyright sign"),
    "year": ("years", "a year"),
    "slash": ("slashed names", "a slashed name"),
    "clock": ("clock times or dates", "a clock time or date"),
    "month": ("names of months or days", "the name of a month or day"),
    "time": ("words of time", "a word of time"),
    "credit": ("words of picture credits", "a word of picture credits"),
    "picture": ("words that describe pictures", "a word that describes pictures"),
    "action": ("calls to action", "a call to action"),
    "social": ("words of sharing", "a word of sharing"),
    "legal": ("legal words", "a legal word"),
    "comment": ("words of comments and reviews", "a word of comments and reviews"),
    "author": ("words of bylines", "a word of bylines"),
    "related": ("words of related-story lists", "a word of related-story lists"),
    "site": ("words of menus", "a word of menus"),
    "function": ("function words", "a function word"),
}
"""Marks of words: several, and one."""


def phrase(feature: str, value: float, usual: float) -> str:
    """One feature and its value as a few words.

    Args:
        feature: its name, see `features.feature_names`.
        value: of the segment; NaN where there is none.
        usual: where the trees split it on average.
    """
    lack = math.isnan(value)
    much = not lack and value > usual
    head, _, tail = feature.partition("_")
    if feature == "kind":
        return "its kind of element"
    if feature in ("mark_since", "mark_until") and value <= 0:
        return f"no recurring line {'before' if tail == 'since' else 'after'} it"
    if head in ("score", "words", "elements") and tail in _LABELS:
        what = {"score": "its text and surroundings", "words": "its words",
                "elements": "its elements"}[head]  # fmt: skip
        return f"{what} {'speak' if much else 'hardly speak'} for {_LABELS[tail]}"
    if feature in _OWN:
        return _LACKING[head] if lack and head in _LACKING else _either(_OWN[feature], much)
    if head == "share" and tail in _MARKS:
        return f"{'many' if much else 'few or no'} {_MARKS[tail][0]}"
    if head in ("first", "last") and tail in _MARKS:
        if much:
            return f"{'begins' if head == 'first' else 'ends'} with {_MARKS[tail][1]}"
        return f"doesn't {'begin' if head == 'first' else 'end'} with {_MARKS[tail][1]}"
    if head in ("in", "near") and tail.startswith("@"):
        return f"{'in' if much else 'not in'} an element named like {_named(tail)}"
    if head == "in" and tail:
        return f"{'inside' if much else 'not inside'} <{tail}>"
    if head == "type" and tail:
        return f"on a page that {'may well be' if much else 'is hardly'} of type {tail}"
    if head in _WHERE:
        if lack:
            return _LACKING.get(head, f"nothing {_WHERE[head]}")
        if tail in _LABELS:
            return f"{'likely' if much else 'hardly any'} {_LABELS[tail]} {_WHERE[head]}"
        if tail in _WHAT:
            return f"{_either(_WHAT[tail], much)} {_WHERE[head]}"
    if feature.startswith("rhythm"):
        period = "from line to line" if feature == "rhythm1" else f"every {feature[6:]} lines"
        return f"line shapes {'repeat' if much else 'hardly repeat'} {period}"
    return f"{'high' if much else 'low'} {feature.replace('_', ' ')}"


def _either(words: tuple[str, str], much: bool) -> str:
    return words[0] if much else words[1]


def _named(role: str) -> str:
    return f'"{role.removeprefix("@").replace("_", " ")}"'
