"""Bytes to characters: which encoding, told how, and what could not be decoded."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from curate.pages.labels import python_codec, web_encoding
from curate.text import REPLACEMENT, replace_surrogates

__all__ = ["Decoded", "decode_html", "decode_text", "is_binary"]

PRESCAN_BYTES = 1024
"""HTML Standard, "prescan a byte stream": authors must declare within this."""

LATE_PRESCAN_BYTES = 16_384
"""Many pages declare later; looked at only where the bytes are not UTF-8."""

CONTRADICTED_CHARS = 8
"""A declared legacy encoding gives way to UTF-8 where the bytes are valid UTF-8
with at least this many characters beyond ASCII. Text of a legacy encoding passes
for UTF-8 by chance in about one of 3^n cases for n double-byte characters whose
second byte is drawn evenly, far less for single-byte text."""

HEAD_BYTES = 8192
"""How much of a record is looked at to call it binary."""

MAX_CONTROL_RATIO = 0.02
"""Share of control characters (but white space, BS, FF, ESC) above which bytes
are no text. None of 1,354 real pages has any in its head; of 120 images, fonts,
libraries and archives the lowest has 0.047, and random bytes have 0.105."""

_CONTROLS = bytes(b for b in range(32) if b not in b"\t\n\r\x08\x0c\x1b") + b"\x7f"
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16le"),
    (b"\xfe\xff", "utf-16be"),
)

_XML_ENCODING = re.compile(rb"""^\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]+)""")
_TAG_OR_COMMENT = re.compile(rb"<!--(?:.*?-->|.*)|<meta[\s/]", re.I | re.S)
_ATTRIBUTE = re.compile(
    rb"""[\s/]*([^\s/>=][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']*)))?""", re.S
)
_CONTENT_CHARSET = re.compile(rb"""charset\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s;"']+))""", re.I)


@dataclass(frozen=True, slots=True)
class Decoded:
    """Decoded bytes.

    Attributes:
        text: the characters; no lone surrogates, no byte order mark.
        encoding: the standard's name, lower case.
        how: `forced`, `bom`, `http header`, `meta`, `valid utf-8`, `detected`,
            and what was passed over, if anything.
        n_replaced: undecodable sequences, each now U+FFFD.
    """

    text: str
    encoding: str
    how: str
    n_replaced: int = 0

    @property
    def note(self) -> str:
        """One line for the page's `charset` column."""
        lost = f", {self.n_replaced} undecodable" if self.n_replaced else ""
        return f"{self.encoding} ({self.how}{lost})"


def decode_html(
    data: bytes, http_charset: str | None = None, *, forced: str | None = None
) -> Decoded:
    """Decode an HTML document.

    In this order: `forced`, byte order mark, HTTP header, declaration in the
    document, valid UTF-8, detection from the bytes. A declaration that the
    bytes refute (most of what it decodes beyond ASCII is undecodable, or they
    are valid UTF-8 with `CONTRADICTED_CHARS`) is passed over.
    """
    return _decode(data, http_charset, forced, html=True)


def decode_text(
    data: bytes, http_charset: str | None = None, *, forced: str | None = None
) -> Decoded:
    """Decode plain text: as HTML, without looking for a declaration."""
    return _decode(data, http_charset, forced, html=False)


def is_binary(data: bytes) -> bool:
    """True where bytes can't be text: NULs or many control characters.

    UTF-16 and UTF-32 are told by their byte order mark or, for UTF-16, by NULs
    that keep to every second byte.
    """
    head = data[:HEAD_BYTES]
    if not head or any(head.startswith(bom) for bom, _ in _BOMS) or _bare_utf16(head):
        return False
    n_controls = len(head) - len(head.translate(None, _CONTROLS))
    # One stray NUL in a long text is a wound; several in one head are a format.
    return n_controls > MAX_CONTROL_RATIO * len(head) or head.count(0) > len(head) // 100


def _decode(data: bytes, http_charset: str | None, forced: str | None, *, html: bool) -> Decoded:
    if forced is not None:
        codec = python_codec(forced)
        if codec is None:
            raise LookupError(f"unknown encoding {forced!r}")
        decoded = _with(_without_bom(data), codec, web_encoding(forced) or codec, "forced")
        # Some of Python's own codecs (utf-7, unicode-escape) let surrogates through.
        return replace(decoded, text=replace_surrogates(decoded.text))
    for bom, name in _BOMS:
        if data.startswith(bom):
            return _with(data[len(bom) :], python_codec(name) or name, name, "bom")
    passed_over = ""
    declared = _declared(data, http_charset, html=html)
    if declared is not None:
        name, how = declared
        accepted = _accept_declared(data, name, how)
        if accepted is not None:
            return accepted
        passed_over = f"; {how} said {name}"
    text = _utf8(data)
    if text is not None:
        return Decoded(text, "utf-8", "valid utf-8" + passed_over)
    return _detect(data, passed_over, html=html)


def _declared(data: bytes, http_charset: str | None, *, html: bool) -> tuple[str, str] | None:
    if http_charset:
        name = web_encoding(http_charset.strip("\"' "))
        if name is not None:
            return name, "http header"
    if html:
        name = _prescan(data[:PRESCAN_BYTES])
        if name is not None:
            return name, "meta"
    return None


def _accept_declared(data: bytes, name: str, how: str) -> Decoded | None:
    """The declared decoding, or None where the bytes refute it."""
    if name == "utf-8":
        text = _utf8(data)
        if text is not None:
            return Decoded(text, name, how)
        decoded = _with(data, name, name, how)
        n_good = sum(1 for char in decoded.text if char > "\x7f") - decoded.n_replaced
        return decoded if decoded.n_replaced <= n_good else None
    decoded = _with(data, python_codec(name) or name, name, how)
    if decoded.text.isascii():
        return decoded
    text = _utf8(data)
    if text is not None and len(data) - len(text) >= CONTRADICTED_CHARS:
        n_beyond = sum(1 for char in text if char > "\x7f")
        if n_beyond >= CONTRADICTED_CHARS:
            return None
    return decoded


def _detect(data: bytes, passed_over: str, *, html: bool) -> Decoded:
    utf16 = _bare_utf16(data[:HEAD_BYTES])
    if utf16 is not None:
        return _with(data, python_codec(utf16) or utf16, utf16, "detected" + passed_over)
    if html and not passed_over:
        late = _prescan(data[:LATE_PRESCAN_BYTES])
        if late is not None:
            accepted = _accept_declared(data, late, "meta")
            if accepted is not None:
                return accepted
    # UTF-8 with a wound or two (cut in a character, one bad byte) is no legacy text.
    wounded = _with(data, "utf-8", "utf-8", "mostly utf-8" + passed_over)
    n_good = sum(1 for char in wounded.text if char > "\x7f") - wounded.n_replaced
    if n_good >= CONTRADICTED_CHARS and wounded.n_replaced * 4 <= n_good:
        return wounded
    from chardetng_py import EncodingDetector

    detector = EncodingDetector()
    detector.feed(data, last=True)
    name = str(detector.guess(tld=None, allow_utf8=False)).lower()
    name = web_encoding(name) or name
    return _with(data, python_codec(name) or name, name, "detected" + passed_over)


def _utf8(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _with(data: bytes, codec: str, name: str, how: str) -> Decoded:
    try:
        return Decoded(data.decode(codec), name, how)
    except UnicodeDecodeError:
        text = data.decode(codec, "replace")
    return Decoded(text, name, how, text.count(REPLACEMENT))


def _without_bom(data: bytes) -> bytes:
    for bom, _ in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :]
    return data


def _bare_utf16(head: bytes) -> str | None:
    """UTF-16 without byte order mark: ASCII letters leave a NUL at every second place."""
    even, odd = head[::2], head[1::2]
    if len(odd) < 8:
        return None
    n_even, n_odd = even.count(0), odd.count(0)
    if n_odd > 0.4 * len(odd) and n_even < 0.02 * len(even):
        return "utf-16le"
    if n_even > 0.4 * len(even) and n_odd < 0.02 * len(odd):
        return "utf-16be"
    return None


def _prescan(head: bytes) -> str | None:
    """Encoding that a document declares of itself (HTML Standard, 13.2.3.2)."""
    lowered = head.lower()
    if b"charset" not in lowered and b"encoding" not in lowered:
        return None
    xml = _XML_ENCODING.match(head)
    position = 0
    while True:
        found = _TAG_OR_COMMENT.search(head, position)
        if found is None:
            break
        position = found.end()
        if found.group().startswith(b"<!--"):
            continue
        name, position = _meta(head, position)
        if name is not None:
            return _from_ascii(name)
    return _from_ascii(web_encoding(xml.group(1).decode("ascii"))) if xml else None


def _from_ascii(name: str | None) -> str | None:
    # A declaration that was readable as ASCII is not UTF-16, whatever it says.
    return "utf-8" if name in ("utf-16le", "utf-16be") else name


def _meta(head: bytes, position: int) -> tuple[str | None, int]:
    pragma = False
    charset: bytes | None = None
    from_content: bytes | None = None
    seen: set[bytes] = set()
    while True:
        found = _ATTRIBUTE.match(head, position)
        if found is None:
            break
        position = found.end()
        key = found.group(1).lower()
        value = next((part for part in found.groups()[1:] if part is not None), b"")
        if key in seen:
            continue
        seen.add(key)
        if key == b"http-equiv":
            pragma = value.strip().lower() == b"content-type"
        elif key == b"charset":
            charset = value
        elif key == b"content":
            inner = _CONTENT_CHARSET.search(value)
            if inner is not None:
                from_content = next(part for part in inner.groups() if part is not None)
    label = charset if charset is not None else (from_content if pragma else None)
    if label is None:
        return None, position
    return web_encoding(label.decode("latin-1")), position
