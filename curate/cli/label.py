"""`curate label`: one page, labelled."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from curate.errors import PageError

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Label a file or standard input, in colour or as JSON."""
    parser = argparse.ArgumentParser(
        prog="curate label",
        description="Label one page: HTML or plain text, told by its content.",
    )
    parser.add_argument("file", metavar="FILE", help="a file, or - for standard input")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--url", help="the page's address, which helps the labeler")
    parser.add_argument(
        "--kind", choices=("auto", "html", "text"), default="auto", help="default: by content"
    )
    args = parser.parse_args(argv)
    data = _read(args.file)

    import curate
    from curate.pages.decode import decode_html, decode_text
    from curate.pages.sniff import is_html

    as_html = is_html(data) if args.kind == "auto" else args.kind == "html"
    if as_html:
        page = curate.label_html(decode_html(data).text, url=args.url)
    else:
        page = curate.label_text(decode_text(data).text, url=args.url)
    if args.json:
        json.dump(page.to_json(), sys.stdout, ensure_ascii=False)
        sys.stdout.write("\n")
        return 0
    from rich.console import Console

    from curate.report.page_view import render_page

    render_page(page, Console())
    return 0


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except FileNotFoundError as error:
        raise PageError(f"{name}: no such file; give a page's file, or - for stdin") from error
    except IsADirectoryError as error:
        raise PageError(
            f"{name} is a folder; label one file, or use `curate run pages.path={name}`"
        ) from error
