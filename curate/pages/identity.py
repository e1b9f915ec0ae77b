"""What a page is called: canonical URL, key, site.

Two addresses that differ only in scheme (http or https), default port, fragment,
order of query arguments, letter case of the host or escaping are one page. A
fragment that starts with `!` names a page of its own (`#!/about`) and stays.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from w3lib.url import canonicalize_url

from curate.text import digest, replace_surrogates

if TYPE_CHECKING:
    from tldextract import TLDExtract

__all__ = ["canonical_url", "host_of", "page_key_of", "site_of", "url_from_path"]

KEY_CHARS = 24
"""96 bits: among 10^10 pages two keys collide with probability 10^-9."""

HOSTS_CACHED = 65_536

_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:")
_BARE = re.compile(r"^[^\s/?#:@]+\.[^\s/?#:@.]{2,}(?::\d+)?(?:[/?#]|$)")
_DEFAULT_PORT = re.compile(r"^(//[^/?#]*?):(?:80|443)?(?=[/?#]|$)")
_HOST = re.compile(r"^(?:[\w-]+\.)+[\w-]+\.?(?::\d+)?$")


def canonical_url(url: str) -> str:
    """The form in which addresses are compared; without scheme for the web's two.

    A URL that can't be parsed is its own canonical form.
    """
    url = url.strip()
    if not _SCHEME.match(url) or _BARE.match(url):
        url = f"http://{url.removeprefix('//')}" if _BARE.match(url.removeprefix("//")) else url
    try:
        _, mark, fragment = url.partition("#")
        keep = bool(mark) and fragment.startswith("!")
        canonical = str(canonicalize_url(replace_surrogates(url), keep_fragments=keep))
    except (ValueError, UnicodeError):
        return url
    scheme, mark, rest = canonical.partition("://")
    if mark and scheme in ("http", "https"):
        return _DEFAULT_PORT.sub(r"\1", f"//{rest}")
    return canonical


def page_key_of(url: str | None, name: str, record: int | str) -> str:
    """Key of a page: by its URL, else by relative path and record number."""
    if url:
        return digest(canonical_url(url), chars=KEY_CHARS)
    return digest(f"{name}#{record}", chars=KEY_CHARS)


def host_of(url: str) -> str | None:
    """Host of a URL in lower case, None where it has none."""
    bare = url.strip()
    if _BARE.match(bare) and not bare.startswith("//"):
        bare = "//" + bare
    try:
        host = urlsplit(bare).hostname
    except ValueError:
        return None
    return host.rstrip(".").lower() or None if host else None


def site_of(url: str) -> str | None:
    """Registrable domain of a URL (`bbc.co.uk`), None where it has no host.

    By the list of public suffixes that comes with tldextract; nothing is
    fetched. Hosting domains (`github.io`) count as one site: their pages
    share templates, and splits by site shall not part them. Under an unknown
    top level the last two labels count; an IP address is its own site.
    """
    host = host_of(url)
    return _site_of_host(host) if host else None


@lru_cache(maxsize=HOSTS_CACHED)
def _site_of_host(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            host = replace_surrogates(host)
    parts = _extract()(host)
    if parts.suffix and parts.domain:
        return f"{parts.domain}.{parts.suffix}"
    labels = [label for label in host.split(".") if label]
    return ".".join(labels[-2:]) or host


@lru_cache(maxsize=1)
def _extract() -> TLDExtract:
    from tldextract import TLDExtract

    return TLDExtract(suffix_list_urls=(), cache_dir=None)


def url_from_path(name: str, root: str) -> str | None:
    """URL of a file in a mirror: relative name `host/path`, else root folder `host`.

    `index.html` stands for its folder, as `wget -r` saves it. None where
    neither the first folder nor the root looks like a host.
    """
    host, slash, path = name.partition("/")
    if not (slash and _HOST.match(host)):
        if not (_HOST.match(root) and _is_known(root)):
            return None
        host, path = root, name
    if path.endswith(".gz"):
        path = path.removesuffix(".gz")
    head, _, last = path.rpartition("/")
    stem, mark, query = last.partition("?")
    if stem in ("index.html", "index.htm"):
        stem = ""
    path = f"{head}/{stem}" if head else stem
    # A mirror's names are unescaped or not, by the tool; both give one URL.
    path = quote(unquote(path, errors="surrogateescape"), safe="/:@!$&'()*+,;=~", errors=_ESCAPED)
    return f"https://{host}/{path}" + (f"?{query}" if mark else "")


_ESCAPED = "surrogateescape"


def _is_known(host: str) -> bool:
    parts: Any = _extract()(host)
    return bool(parts.suffix and parts.domain)
