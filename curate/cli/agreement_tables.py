"""Agreement on the terminal: tables of figures with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from curate.review.agreement import Agreement
    from curate.review.gold import GoldScore
    from curate.review.readers import Reader
    from curate.review.statistics import Estimate

__all__ = ["plain_table", "show_agreement"]

CONFUSIONS_SHOWN = 6

MIDDLE, WIDE = 100, 145
"""Columns of a terminal from which on the table of annotators shows more."""

RELIABLE, TENTATIVE = 0.8, 0.667
"""Krippendorff's own customary bounds: rely on data with alpha above the first, draw
tentative conclusions down to the second (Content Analysis, 2004, section 11.4)."""


def show_agreement(
    console: Console,
    found: Agreement,
    names: Mapping[str, str],
    scores: Sequence[GoldScore] = (),
) -> None:
    """Print the figures as tables.

    Args:
        names: what the owner calls each annotator, by pseudonym.
    """
    if not found.n_pages:
        console.print(
            f"{found.n_read} {'page' if found.n_read == 1 else 'pages'} read, none by two people: "
            "agreement can't be told. "
            "Name review.annotators and set review.annotators_per_page=2"
        )
    else:
        _overall(console, found)
        _by_label(console, found)
        _pairs(console, found, names)
        _confusions(console, found)
    _readers(console, found, names)
    _gold(console, scores, names)


def plain_table(*columns: str) -> Table:
    """A table without lines: names at the left, figures at the right."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left", header_style="dim")
    return table


def _overall(console: Console, found: Agreement) -> None:
    console.print(
        f"[bold]{found.n_pages:,}[/] of {found.n_read:,} pages were read by two or more: "
        f"{found.n_segments:,} segments, {found.n_chars:,} characters; "
        f"on {found.disputed:,} segments they differ.\n"
    )
    table = plain_table("Agreement (95 %)", "segments", "characters")
    table.add_row("same label", _figure(found.share), _figure(found.share_chars))
    table.add_row("Cohen's kappa", _figure(found.kappa), _figure(found.kappa_chars))
    table.add_row("Krippendorff's alpha", _figure(found.alpha), _figure(found.alpha_chars))
    console.print(table)
    value = found.alpha.value
    if value is not None:
        verdict = (
            f"at or above {RELIABLE}: reliable by Krippendorff's bounds"
            if value >= RELIABLE
            else f"between {TENTATIVE} and {RELIABLE}: for tentative conclusions only"
            if value >= TENTATIVE
            else f"below {TENTATIVE}: the guidelines or the people need a talk"
        )
        console.print(f"alpha {verdict}\n", style="dim")


def _by_label(console: Console, found: Agreement) -> None:
    table = plain_table("Label", "segments", "alpha (95 %)", "by characters", "kappa")
    for row in found.by_label:
        if row.n_segments:
            table.add_row(
                row.label,
                f"{row.n_segments:,}",
                _figure(row.alpha),
                _figure(row.alpha_chars),
                _figure(row.kappa),
            )
    console.print(table)
    console.print("each label against all others\n", style="dim")


def _pairs(console: Console, found: Agreement, names: Mapping[str, str]) -> None:
    if len(found.pairs) < 2:
        return
    table = plain_table("Pair", "pages", "segments", "same label", "kappa (95 %)", "by characters")
    for pair in found.pairs:
        table.add_row(
            f"{names.get(pair.first, pair.first)} · {names.get(pair.second, pair.second)}",
            f"{pair.n_pages:,}",
            f"{pair.n_segments:,}",
            _figure(pair.share, interval=False),
            _figure(pair.kappa),
            _figure(pair.kappa_chars),
        )
    console.print(table)
    console.print()


def _confusions(console: Console, found: Agreement) -> None:
    if not found.confusions:
        return
    total = sum(row.n_segments for row in found.confusions)
    table = plain_table("Where they differ", "segments", "share", "characters")
    for row in found.confusions[:CONFUSIONS_SHOWN]:
        table.add_row(
            f"{row.first} / {row.second}",
            f"{row.n_segments:,}",
            f"{row.n_segments / total:.0%}",
            f"{row.n_chars:,}",
        )
    console.print(table)
    console.print()


def _readers(console: Console, found: Agreement, names: Mapping[str, str]) -> None:
    drifting = any(reader.drift.value is not None for reader in found.readers)
    columns = ["Annotator", "pages", "shared", "as others", "alone", "min a page", "chars a min"]
    # A narrow terminal gets fewer columns rather than broken ones; --json has all.
    steps_shown = drifting and console.width >= WIDE
    habits_shown = console.width >= (WIDE if drifting else MIDDLE)
    more = ["drift (95 %)"] * drifting + ["over time"] * steps_shown + ["most often"] * habits_shown
    table = plain_table(*columns, *more)
    for reader in found.readers:
        row = [
            names.get(reader.annotator, reader.annotator),
            f"{reader.n_pages:,}",
            f"{reader.n_shared:,}",
            _figure(reader.share, interval=False),
            f"{reader.alone:,}" if reader.n_shared else "-",
            "-" if reader.minutes is None else f"{reader.minutes:.1f}",
            "-" if reader.chars_per_minute is None else f"{reader.chars_per_minute:,.0f}",
        ]
        if drifting:
            steps = " ".join(
                "-" if w.agreement is None else f"{w.agreement:.2f}" for w in reader.windows
            )
            row += [_signed(reader.drift), *([steps] if steps_shown else [])]
        table.add_row(*row, *([_habit(reader, found.labels)] if habits_shown else []))
    console.print(table)
    notes = ["alone: segments on which two or more others agree and this one differs"]
    if habits_shown and any(reader.n_shared for reader in found.readers):
        notes.append("most often: what one says where another says the second label")
    if drifting:
        notes.append("drift: agreement with others, last fifth less first")
    console.print("; ".join(notes), style="dim")


def _habit(reader: Reader, labels: Sequence[str]) -> str:
    """The most frequent difference from others: own label, theirs, and how often."""
    found = [
        (n, labels[mine], labels[theirs])
        for mine, row in enumerate(reader.table)
        for theirs, n in enumerate(row)
        if n and mine != theirs
    ]
    if not found:
        return "-"
    n, mine_name, their_name = max(found, key=lambda entry: entry[0])
    return f"{mine_name} for {their_name} {n:,}"


def _gold(console: Console, scores: Sequence[GoldScore], names: Mapping[str, str]) -> None:
    if not scores:
        return
    console.print()
    table = plain_table(
        "On gold", "pages", "segments", "right (95 %)", "by characters", "weakest label"
    )
    for score in scores:
        weakest = min(score.recall.items(), key=lambda item: item[1][0], default=None)
        table.add_row(
            names.get(score.annotator, score.annotator),
            f"{score.n_pages} of {score.n_given}",
            f"{score.n_segments:,}",
            _figure(score.right),
            _figure(score.right_chars),
            "-" if weakest is None else f"{weakest[0]} {weakest[1][0]:.2f} of {weakest[1][1]}",
        )
    console.print(table)
    console.print(
        "told here only: not in anybody's project, and not in what is published", style="dim"
    )


def _figure(estimate: Estimate, *, interval: bool = True) -> str:
    if estimate.value is None:
        return "-"
    told = f"{estimate.value:.3f}"
    if not interval or estimate.low is None or estimate.high is None:
        return told
    return f"{told} [dim]{estimate.low:.2f}-{estimate.high:.2f}[/]"


def _signed(estimate: Estimate) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "-"
    told = f"{estimate.value:+.2f} [dim]{estimate.low:+.2f}..{estimate.high:+.2f}[/]"
    return f"[bold]{told}[/]" if estimate.low > 0 or estimate.high < 0 else told
