"""What is known of the lines of a benchmark's pages: gold, and labels of further pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from curate.gold import GoldPage, ReferencePage, read_gold_folder, read_line_labels
from curate.labelers.training.render import render_lines

__all__ = ["SHIPPED", "KnownLines", "lines_folder"]

SHIPPED = "shipped"
SHIPPED_LINES = Path(__file__).parent / "lines"
"""Labels of lines of pages of the benchmark beyond its gold."""


def lines_folder(name: str) -> Path:
    """The folder of labelled lines that `train.lines` names."""
    return SHIPPED_LINES if name == SHIPPED else Path(name)


class KnownLines:
    """Labelled lines by page.

    Gold pages bring their lines. The lines of the others are rendered from the page;
    labels of another rendering (other pages of the same name, other versions of the
    renderer) are not used.

    Args:
        gold: gold folders; ids of their pages end in the benchmark's.
        lines: folders of labels without lines, as `lines_folder` reads names.
        decode_html: bytes to characters.
    """

    def __init__(
        self, gold: Sequence[str], lines: Sequence[str], decode_html: Callable[[bytes], str]
    ) -> None:
        self._decode = decode_html
        self._gold = {
            page.page_id.rsplit("-", 1)[-1]: page
            for folder in gold
            for page in read_gold_folder(Path(folder))
        }
        self._more = {
            labels.page_id: labels
            for name in lines
            for labels in read_line_labels(lines_folder(name))
        }
        self.n_more = len(self._more)
        self.n_met = 0

    def of(self, row: ReferencePage) -> tuple[GoldPage | None, bool]:
        """The page's labelled lines, and whether figures may count them: gold is, the rest not."""
        if row.page_id in self._gold:
            return self._gold[row.page_id], True
        labels = self._more.get(row.page_id)
        if labels is None:
            return None, True
        found = labels.on(row, render_lines(self._decode(row.html), labels.renderer))
        self.n_met += found is not None
        return found, found is None
