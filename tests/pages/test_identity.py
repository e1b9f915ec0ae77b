from __future__ import annotations

import socket

import pytest

from curate.pages import canonical_url, page_key_of, site_of
from curate.pages.identity import url_from_path
from curate.text import digest


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://Example.com", "//example.com/"),
        ("http://example.com:80/a?b=2&a=1#top", "//example.com/a?a=1&b=2"),
        ("https://example.com:443/a", "//example.com/a"),
        ("https://example.com:8443/a", "//example.com:8443/a"),
        ("example.com/a", "//example.com/a"),
        ("//example.com/a", "//example.com/a"),
        ("http://example.com/%7Ea", "//example.com/~a"),
        ("https://example.com/#!/about", "//example.com/#!/about"),
        ("https://münchen.example/ä", "//xn--mnchen-3ya.example/%C3%A4"),
        ("urn:isbn:0451450523", "urn:isbn:0451450523"),
        ("http://[broken/", "http://[broken/"),
    ],
)
def test_canonical_url(url: str, canonical: str) -> None:
    assert canonical_url(url) == canonical


def test_key_by_url_else_by_path_and_record() -> None:
    key = page_key_of("https://example.com/a#x", "crawl.warc.gz", 7)
    assert key == page_key_of("http://EXAMPLE.com/a", "other", 1)
    assert key == digest("//example.com/a", chars=24)
    assert page_key_of(None, "sub/a.txt", 0) == digest("sub/a.txt#0", chars=24)
    assert page_key_of("", "sub/a.txt", 0) == page_key_of(None, "sub/a.txt", 0)


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://news.bbc.co.uk/1", "bbc.co.uk"),
        ("http://a.b.harbourpost.example/x", "harbourpost.example"),
        ("http://harbourpost.example:8080/x", "harbourpost.example"),
        ("https://user:pass@www.example.com./", "example.com"),
        ("http://127.0.0.1:9/x", "127.0.0.1"),
        ("http://[2001:DB8::1]/x", "2001:db8::1"),
        ("http://localhost/x", "localhost"),
        ("https://someone.github.io/", "github.io"),
        ("https://www.bücher.de/", "xn--bcher-kva.de"),
        ("www.example.org/a", "example.org"),
        ("https://co.uk/", "co.uk"),
        ("urn:isbn:1", None),
        ("http://[broken/", None),
    ],
)
def test_site(url: str, site: str | None) -> None:
    assert site_of(url) == site


def test_sites_need_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    from curate.pages import identity

    def refuse(*args: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "create_connection", refuse)
    identity._extract.cache_clear()
    identity._site_of_host.cache_clear()
    assert site_of("https://a.example.co.jp/") == "example.co.jp"


@pytest.mark.parametrize(
    ("name", "root", "url"),
    [
        ("a.example/news/1.html", "mirror", "https://a.example/news/1.html"),
        ("a.example/news/index.html", "mirror", "https://a.example/news/"),
        ("a.example/index.html", "mirror", "https://a.example/"),
        ("a.example/index.html?p=3", "mirror", "https://a.example/?p=3"),
        ("a.example/ü b.html", "mirror", "https://a.example/%C3%BC%20b.html"),
        ("a.example/%C3%BC.html", "mirror", "https://a.example/%C3%BC.html"),
        ("news/1.html", "www.example.org", "https://www.example.org/news/1.html"),
        ("1.html", "www.example.org", "https://www.example.org/1.html"),
        ("news/1.html", "mirror", None),
        ("1.html", "pages.d", None),
    ],
)
def test_url_from_path(name: str, root: str, url: str | None) -> None:
    assert url_from_path(name, root) == url
