"""What readers are told, and the pieces that input is cut into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Interval

from curate.errors import PageError

__all__ = ["STAGE", "Container", "Format", "PagesConfig", "Unit"]

STAGE = "pages"
"""Name of the stage in rows of the quarantine."""

Format = Literal["auto", "html", "text", "jsonl", "parquet", "arrow", "warc", "wet", "paths"]

Container = Literal["files", "jsonl", "rows", "arrow", "warc"]
"""How a unit is read: whole files that are one page each, lines, Parquet rows,
Arrow rows, or archive records."""


@dataclass(frozen=True)
class PagesConfig:
    """Options of the `pages` group; see `configs/pages/default.yaml`.

    Attributes:
        path: file, folder, glob, or a list of them; local, an fsspec URL,
            `hf://datasets/org/name[@revision][/folder]`, or `pkg://samples`.
        format: what the files are; `auto` looks into each of them.
        html_field, text_field, url_field, title_field, time_field: names of
            fields or columns; None finds them by name (`rows.FIELD_NAMES`).
        id_field: field whose value stands for the record number in the key of
            a page without URL; never found by name.
        site: of pages without URL: `folder` (name of the parent folder),
            `constant:NAME`, or None: each page is its own site.
        url_from: `record`, or `path` where relative paths are `host/path`.
        encoding: forced on all bytes; None tells it for each page.
        limit: stop after this many pages, in input order.
        max_bytes: a larger record, or one that unpacks to more, is quarantined.
        unit_bytes: unpacked bytes that one unit should hold.
        base_url: where the paths of a list (`warc.paths.gz`) are found.
    """

    path: str | list[str]
    format: Format = "auto"
    html_field: str | None = None
    text_field: str | None = None
    url_field: str | None = None
    title_field: str | None = None
    time_field: str | None = None
    id_field: str | None = None
    site: str | None = None
    url_from: Literal["record", "path"] = "record"
    encoding: str | None = None
    limit: Annotated[int, Interval(ge=1)] | None = None
    max_bytes: Annotated[int, Interval(ge=1024)] = 50 * 2**20
    unit_bytes: Annotated[int, Interval(ge=4096)] = 32 * 2**20
    base_url: str | None = None

    def check(self) -> None:
        """Refuse values that no type can rule out.

        Raises:
            PageError: `site` or `encoding` can't be used.
        """
        from curate.pages.labels import python_codec

        if self.encoding is not None and python_codec(self.encoding) is None:
            raise PageError(
                f"pages.encoding={self.encoding!r} is no known encoding; use a name such as "
                "utf-8, windows-1252, shift_jis, or null to tell it for each page"
            )
        site = self.site
        if site is not None and site != "folder" and not site.removeprefix("constant:").strip():
            raise PageError("pages.site='constant:' names no site; use constant:NAME")
        if site is not None and site != "folder" and not site.startswith("constant:"):
            raise PageError(
                f"pages.site={site!r} is not one of folder, constant:NAME, null "
                "(each page without URL its own site)"
            )


@dataclass(frozen=True)
class Unit:
    """A piece of input, read by one task.

    Attributes:
        key: relative name of its (first) file and its range; the same
            wherever the input lies.
        version: digest of what the unit reads; changes with the bytes, not
            with times. For a range of lines it covers just them, for other
            ranges the whole file. Remote files whose store names their
            content (ETag, LFS digest) are told by that name.
        container: how to read it.
        names: relative name of each file.
        uris: where each file is now; no part of the unit's identity.
        start, stop: half-open range of bytes (JSONL, WARC) or rows (Parquet,
            Arrow); stop None reads to the end.
        first: number of the first record in the file, 0 for its beginning.
        n_bytes: about how many unpacked bytes it holds.
        root: name of the input's root folder.
        named: the user named the file itself, so it is read whatever its name.
        limit: most pages to give, or None.
    """

    key: str
    version: str
    container: Container
    names: tuple[str, ...]
    uris: tuple[str, ...]
    start: int = 0
    stop: int | None = None
    first: int = 0
    n_bytes: int = 0
    root: str = ""
    named: bool = False
    limit: int | None = None
