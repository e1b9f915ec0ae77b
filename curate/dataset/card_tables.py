"""Markdown tables and bars of the dataset card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["bar", "counted", "shares", "table"]

BAR_CELLS = 20
"""Width of a full bar in the tables, in characters."""


def counted(number: int, noun: str) -> str:
    """The number with its noun, in the plural but for one."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def bar(share: float) -> str:
    """A share in 0-1 as a bar of eighths of a character."""
    eighths = round(share * BAR_CELLS * 8)
    return "█" * (eighths // 8) + ("▏▎▍▌▋▊▉"[eighths % 8 - 1] if eighths % 8 else "")


def shares(what: str, counts: Mapping[str, int]) -> str:
    """A table of counts with their shares and bars."""
    total = sum(counts.values()) or 1
    rows = [[name, f"{n:,}", f"{n / total:.1%}", bar(n / total)] for name, n in counts.items()]
    return table([what, "", "share", ""], rows, right=2)


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: int = 0,
    right_last: bool = False,
) -> str:
    """A Markdown table; `right` columns after the first are set flush right."""
    aligned = [0 < at <= right or (right_last and at == len(head) - 1) for at in range(len(head))]
    lines = [
        "| " + " | ".join(head) + " |",
        "| " + " | ".join("---:" if flush else "---" for flush in aligned) + " |",
    ]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
