"""Texts with everything that has ever moved an offset."""

from __future__ import annotations

ODD_TEXTS = {
    "emoji": (
        "Emoji \U0001f600 before the word, \U0001d49c after \U0001f680\U0001f680 it.\n"
        "A family \U0001f468\u200d\U0001f469\u200d\U0001f467 of three, "
        "a flag \U0001f1e9\U0001f1ea.\n"
    ),
    "crlf": "First line here.\r\nSecond line, with more.\r\n\r\nThird after a gap.\r\n",
    "tabs": "\tIndented by a tab.\nName\tPrice\tStock\nTea\t 4 EUR\t  12\n",
    "blanks": "No\u00a0break\u00a0space here.  Two  blanks   three.\n \n  Led by blanks.  \n",
    "combining": (
        "Cafe\u0301 au lait, a\u0300 la carte, n\u0303andu\u0301.\nZ\u0351\u036balgo text.\n"
    ),
    "rtl": (
        "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd, mixed with English words.\n"
        "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645 2024.\n"
    ),
    "cjk": (
        "\u6771\u4eac\u306e\u5929\u6c17\u306f\u6674\u308c\u3002\n"
        "\u6700\u9ad8\u6c17\u6e29\u306f25\u5ea6\u3067\u3059\u3002\n"
    ),
    "markup": (
        "Literal <b>bold</b> &amp; &lt;tag&gt; here.\n<script>alert(1)</script> stays text.\n"
    ),
    "controls": (
        "NUL\x00 and FF\x0c and NEL\x85 and DEL\x7f in line.\nLone\rreturn here.\nBOM\ufeff too.\n"
    ),
    "separators": (
        "Line\u2028separator and\u2029paragraph here.\nSoft\u00adhyphen, zero\u200bwidth.\n"
    ),
    "surrogate": "A lone \ud83d surrogate in the line.\nNext line is fine.\n",
}
