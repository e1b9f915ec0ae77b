"""What a file is, told by its first bytes; its name only breaks ties."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from curate.pages.decode import is_binary

__all__ = ["HEAD_BYTES", "Kind", "compression_of", "is_html", "kind_of", "not_a_page_by_name"]

HEAD_BYTES = 16_384

_COMPRESSIONS = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
)
_ZSTD_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")

_BINARY = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\x7fELF", "application/x-executable"),
    (b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"\xd0\xcf\x11\xe0", "application/x-ole-storage"),
    (b"{\\rtf", "application/rtf"),
)
_TAGGED_BINARY = (
    (b"RIFF", 8, b"WEBP", "image/webp"),
    (b"RIFF", 8, b"WAVE", "audio/wav"),
    (b"RIFF", 8, b"AVI ", "video/x-msvideo"),
    (b"", 4, b"ftyp", "video/mp4"),
    (b"", 257, b"ustar", "application/x-tar"),
)

_BY_NAME = {
    "css": "text/css",
    "scss": "text/css",
    "js": "text/javascript",
    "mjs": "text/javascript",
    "map": "application/json",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "svg": "image/svg+xml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "toml": "application/toml",
    "ini": "text/x-ini",
    "cfg": "text/x-ini",
    "py": "text/x-python",
    "sh": "text/x-shellscript",
    "sql": "application/sql",
    "ics": "text/calendar",
    "vcf": "text/vcard",
    "lock": "lock file",
    "log": "log file",
    "cdx": "index of an archive",
    "cdxj": "index of an archive",
    "sha256": "checksums",
    "md5": "checksums",
}
_NOTES = re.compile(
    r"^(?:readme|licen[cs]e|copying|changelog|notice|authors|contributing|makefile|dockerfile)"
    r"(?:[.-].*)?$",
    re.I,
)
_ROBOTS = re.compile(r"^(?:robots|humans|ads|app-ads|security|llms)\.txt$", re.I)

_CONTAINERS = ((".warc", "warc"), (".wet", "warc"), (".parquet", "parquet"), (".arrow", "arrow"))

_LEAD = re.compile(rb"(?:\s|\xef\xbb\xbf|<!--.*?-->|<\?[^>]*>)*", re.S)
# What browsers take for HTML at the start of a resource (MIME Sniffing Standard
# 7.1), and the other elements that pages or fragments of pages begin with.
_OPENING = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|script|iframe|h[1-6]|div|font|table|a|style|title|b|br"
    rb"|p|article|section|main|header|nav|footer|aside|ul|ol|dl|span|img|meta|link|center|form"
    rb"|blockquote|figure|noscript|frameset|em|strong|i|pre)[\s>/]",
    re.I,
)
_ROOT = re.compile(rb"<(?:!doctype\s+html|html|body|head)[\s>]", re.I)
_BLOCK = re.compile(
    rb"</(?:p|div|h[1-6]|li|ul|ol|table|tr|td|article|section|blockquote)\s*>", re.I
)
_ANY_TAG = re.compile(rb"</?[a-z][a-z0-9-]*(?:\s[^<>]*)?/?>|&(?:[a-z]+|#\d+);", re.I)
_XML_ROOT = re.compile(rb"<(?:[\w.-]+:)?([A-Za-z][\w.-]*)")
_XML_TYPES = {
    b"rss": "application/rss+xml",
    b"rdf": "application/rdf+xml",
    b"feed": "application/atom+xml",
    b"svg": "image/svg+xml",
    b"urlset": "sitemap",
    b"sitemapindex": "sitemap",
}
_JSON_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*[{\[]")
_ARCHIVE_PATH = re.compile(rb"^\S+\.(?:warc|wet|wat)(?:\.gz|\.zst)?$")

STRONG_BLOCKS = 3
"""Closing tags of blocks in the head that make text HTML in spite of a start
without a tag: a text that mentions tags closes fewer."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file is.

    Attributes:
        name: html, text, jsonl, parquet, arrow, warc, paths, empty, other.
        mime: for `other`, what it is, in words for the drop reason.
    """

    name: str
    mime: str = ""


def compression_of(head: bytes) -> str | None:
    """gzip, zstd, bz2, xz, or None."""
    for magic, name in _COMPRESSIONS:
        if head.startswith(magic):
            return name
    return "zstd" if _ZSTD_SKIPPABLE.match(head) else None


def kind_of(head: bytes, name: str, *, whole: bool) -> Kind:
    """What the bytes are.

    Args:
        head: the first bytes, uncompressed.
        name: file name, without a suffix of compression.
        whole: `head` is everything there is.
    """
    if not head:
        return Kind("empty")
    container = _container(head, name, whole=whole)
    if container is not None:
        return container
    for magic, mime in _BINARY:
        # Two letters are a weak sign: they must not hide a text.
        if head.startswith(magic) and (len(magic) > 2 or is_binary(head)):
            return Kind("other", mime)
    for magic, offset, tag, mime in _TAGGED_BINARY:
        if head.startswith(magic) and head[offset : offset + len(tag)] == tag:
            return Kind("other", mime)
    if is_binary(head):
        # Its first bytes may be broken: the reader of what it is named will tell.
        named = next((kind for suffix, kind in _CONTAINERS if suffix in name.lower()), None)
        return Kind(named) if named else Kind("other", "binary")
    plain = head.replace(b"\x00", b"")
    xml = _xml_type(plain)
    if xml is not None:
        return Kind("other", xml)
    if _JSON_START.match(plain) and _is_json(plain, name):
        return Kind("other", "application/json")
    return Kind("html" if is_html(plain, name) else "text")


def is_html(head: bytes, name: str = "") -> bool:
    """True where bytes (or UTF-8 of a text) are HTML, in whole or as a fragment."""
    head = head[:HEAD_BYTES]
    if b"<" not in head and b"&" not in head:
        return False
    lead = _LEAD.match(head)
    if _OPENING.match(head, lead.end() if lead else 0) or _ROOT.search(head):
        return True
    if len(_BLOCK.findall(head)) >= STRONG_BLOCKS:
        return True
    if _ANY_TAG.search(head) is None:
        return False
    suffix = PurePosixPath(name.partition("?")[0]).suffix.lower()
    return suffix in (".html", ".htm", ".xhtml", ".shtml", ".php", ".asp", ".aspx", ".jsp")


def not_a_page_by_name(name: str, *, mirror: bool) -> str | None:
    """What a text file is, where its name says that it is no page.

    Args:
        name: relative name, `/` between folders.
        mirror: file names come from URLs, so `readme` may well be a page.
    """
    last = name.rpartition("/")[2].partition("?")[0]
    if last.endswith((".gz", ".zst", ".bz2", ".xz")):
        last = last.rpartition(".")[0]
    suffix = PurePosixPath(last).suffix.lower().lstrip(".")
    if suffix in _BY_NAME:
        return _BY_NAME[suffix]
    if _ROBOTS.match(last):
        return "notes for robots"
    if not mirror and _NOTES.match(last):
        return "notes on the folder"
    return None


def _container(head: bytes, name: str, *, whole: bool) -> Kind | None:
    if head.startswith(b"PAR1"):
        return Kind("parquet")
    if head.startswith(b"ARROW1\x00\x00") or (
        head.startswith(b"\xff\xff\xff\xff") and head[8:9] in (b"\x10", b"\x0c", b"\x14")
    ):
        return Kind("arrow")
    if head.lstrip(b"\r\n").startswith((b"WARC/0.", b"WARC/1.")):
        return Kind("warc")
    if _is_jsonl(head, name, whole=whole):
        return Kind("jsonl")
    lines = head.split(b"\n") if whole else head.split(b"\n")[:-1]
    lines = [line.strip() for line in lines if line.strip()]
    if lines and all(_ARCHIVE_PATH.match(line) for line in lines):
        return Kind("paths")
    return None


def _is_jsonl(head: bytes, name: str, *, whole: bool) -> bool:
    import json

    body = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not body.startswith(b"{"):
        return False
    named = name.lower().endswith((".jsonl", ".ndjson", ".jsonlines"))
    lines = [line for line in body.split(b"\n") if line.strip()]
    if not whole and len(lines) == 1:
        # One line longer than the head: an object, but is it the only one?
        return named or re.match(rb'\{\s*"[^"]*"\s*:', lines[0]) is not None
    try:
        first = json.loads(lines[0].decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return named
    if not isinstance(first, dict):
        return False
    return named or len(lines) > 1


def _is_json(head: bytes, name: str) -> bool:
    import json

    if name.lower().endswith((".json", ".geojson", ".webmanifest", ".jsonld")):
        return True
    try:
        json.loads(head.decode("utf-8", "replace"), strict=False)
    except json.JSONDecodeError as error:
        # An array or object that runs on beyond the head parses up to its end.
        return error.pos >= len(head) - 8 and re.match(rb'\s*[{\[]\s*[{\["]', head) is not None
    except (ValueError, RecursionError):
        return False
    return True


def _xml_type(head: bytes) -> str | None:
    lead = _LEAD.match(head)
    position = lead.end() if lead else 0
    rest = head[position : position + 4096]
    is_xml = b"<?xml" in head[:position]
    root = _XML_ROOT.match(rest)
    if root is None:
        if is_xml and rest[:9].lower() == b"<!doctype" and b"html" not in rest[:200].lower():
            return "application/xml"
        return None
    tag = root.group(1).lower()
    if tag in _XML_TYPES:
        return _XML_TYPES[tag]
    if is_xml and tag != b"html" and not _OPENING.match(rest):
        return "application/xml"
    return None
