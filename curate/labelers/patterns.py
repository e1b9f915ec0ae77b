"""What the names that authors give to elements tell of their role.

Class and id names are English nearly everywhere, and shared by the common
content systems; what other languages add stands with its word.
"""

from __future__ import annotations

import re

__all__ = ["MACHINERY", "ROLE_WORDS", "UNSPACED_TIME", "WORD_ROLES", "role_bits"]

_ROLES = {
    "navigation": "nav navbar navigation menu submenu megamenu dropdown topbar menuitem navi skip",
    "header": "header masthead topper",
    "footer": "footer foot colophon copyright bottombar fuss fusszeile",
    "sidebar": "sidebar aside widget rail secondary side complementary",
    "related": """related recommend recommended recommendation recommendations recirc more popular
        trending latest recent mostread readmore readnext next upnext suggestions suggested
        similar also outbrain taboola discover""",
    "card": """card cards teaser tile tiles item items
        grid carousel slider swiper slide loop listing""",
    "comment": "comment comments reply replies disqus respond discussion commentlist kommentar",
    "caption": "caption figcaption credit credits legend imagecaption photocredit bildunterschrift",
    "author": """byline author authors writer bio contributor
        avatar vcard username user profile autor""",
    "date": "date time published timestamp datetime updated posted datum meta postmeta dateline",
    "sharing": "share sharing social facebook twitter addtoany addthis sharedaddy follow icons",
    "newsletter": "newsletter subscribe subscription signup optin mailing mailchimp email",
    "advertising": """ad ads advert advertisement promo promotion
        sponsor sponsored banner cta dfp gpt""",
    "consent": "cookie cookies consent gdpr onetrust privacy notice ccpa cmp",
    "breadcrumb": "breadcrumb breadcrumbs crumbs crumb",
    "tags": "tag tags category categories topic topics label labels cat kicker eyebrow section",
    "search": "search searchform suche filter filters facet sort sorting",
    "account": "login logon account register cart basket checkout minicart wishlist signin",
    "content": """content article body post entry story text main maincontent richtext prose
        markdown wysiwyg rte rich articlebody paragraph singlepost docs document""",
    "title": "title headline heading hed h1 h0 name subject",
    "summary": "summary excerpt dek description desc subtitle standfirst lead lede intro abstract",
    "price": "price prices amount money sale stock sku rating stars review reviews",
    "contents": "toc tableofcontents contents outline anchors",
    "dialog": "modal popup dialog overlay lightbox tooltip toast alert drawer offcanvas",
    "pages": "pagination pager page-numbers paging prev previous pagenav",
    "form": "form input field label checkbox radio select quantity qty submit",
    "quote": "quote blockquote pullquote testimonial",
    "thread": "thread topic message messages post posts forum reply answer question qa",
    "code": "code highlight codeblock syntax pre console terminal",
    "hidden": "@hidden hidden visuallyhidden sr screen reader offscreen collapsed",
}

ROLE_WORDS = tuple(_ROLES)
"""Names of the roles, in the order of the bits of `role_bits`."""

_WORDS: dict[str, int] = {}
for _bit, _names in enumerate(_ROLES.values()):
    for _word in _names.split():
        _WORDS[_word] = _WORDS.get(_word, 0) | 1 << _bit

WORD_ROLES = _WORDS
"""Words to the roles they name, as bits."""

_PART = re.compile(r"@?[A-Z]?[a-z]+|[A-Z]+(?![a-z])|h1")

MAX_REMEMBERED = 1 << 16
"""Names remembered at most; sites have a few hundred, generated ones are endless."""

_token_bits: dict[str, int] = {}
_attrs_bits: dict[str, int] = {}


def role_bits(attrs: str) -> int:
    """The roles that an element's tokens (`Layout.node_attrs`) name, as bits."""
    bits = _attrs_bits.get(attrs)
    if bits is None:
        bits = 0
        for token in attrs.split():
            bits |= _of_token(token)
        if len(_attrs_bits) >= MAX_REMEMBERED:
            _attrs_bits.clear()
        _attrs_bits[attrs] = bits
    return bits


def _of_token(token: str) -> int:
    bits = _token_bits.get(token)
    if bits is None:
        bits = _WORDS.get(token.lower(), 0)
        for part in _PART.findall(token):
            bits |= _WORDS.get(part.lower(), 0)
        if len(_token_bits) >= MAX_REMEMBERED:
            _token_bits.clear()
        _token_bits[token] = bits
    return bits


MACHINERY = (
    *("javascript", "browser", "cookie", "enable", "disabled", "accessib", "adblock", "ad-block"),
    *("aktivier", "navigateur", "activer", "navegador", "activar", "habilit", "attiva"),
    *("ingeschakeld", "aktivera", "włącz", "przeglądark", "браузер", "включите"),
    *("浏览器", "启用", "ブラウザ", "有効", "متصفح", "تفعيل"),
)
"""Parts of words: two of them in a line speak of scripts, cookies, the browser."""

UNSPACED_TIME = re.compile(
    r"[^\W\d]{0,6}[:：]?\s*(?:\d{1,4}\s*(?:年|月|日|号|时|時|点|分|秒)(?:\d{1,2}(?:月|日|時|时|分)?)*"
    r"(?:间|間|钟|鐘)?|\d+\s*(?:小时|小時|時間|分钟|分鐘|天|日間|週間|周|个月|か月|ヶ月|個月))"
    r"\s*(?:以?前|ごろ)?(?:\s*\d{1,2}[:：]\d{2})?"
)
"""A line that is a time in Chinese or Japanese, where no blanks part its words."""
