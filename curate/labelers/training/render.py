"""Bare-text renderings of HTML, as the tools in common use make them.

Text mode learns from pages whose labels come from their HTML; each tool breaks
lines in its own way, so several are used.
"""

from __future__ import annotations

from collections.abc import Callable

from curate.errors import LabelerError

__all__ = ["RENDERERS", "render_lines"]


def _html_text(html: str) -> str:
    import html_text

    return str(html_text.extract_text(html))


def _inscriptis(html: str) -> str:
    import inscriptis

    return str(inscriptis.get_text(html))


def _resiliparse(html: str) -> str:
    from resiliparse.extract.html2text import extract_plain_text

    return str(
        extract_plain_text(
            html,
            main_content=False,
            preserve_formatting=True,
            alt_texts=False,
            list_bullets=False,
        )
    )


RENDERERS: dict[str, Callable[[str], str]] = {
    "html_text": _html_text,
    "inscriptis": _inscriptis,
    "resiliparse": _resiliparse,
}


def render_lines(html: str, renderer: str) -> list[str]:
    """The lines of a page that are not blank, white space collapsed.

    Raises:
        LabelerError: the renderer is unknown or its package not installed.
    """
    if renderer not in RENDERERS:
        raise LabelerError(f"renderer {renderer!r} is not one of {', '.join(sorted(RENDERERS))}")
    try:
        text = RENDERERS[renderer](html)
    except ImportError as error:
        raise LabelerError(
            f"renderer {renderer!r} needs a package that is not installed ({error.name}); "
            "install pagecurate[train]"
        ) from error
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]
