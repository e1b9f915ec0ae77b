"""The dataset card's section on agreement and quality."""

from __future__ import annotations

from curate.dataset.card_input import CardInput
from curate.dataset.card_tables import counted, table
from curate.dataset.quality import Agreement, Estimate, Quality

__all__ = ["quality_section"]


def quality_section(told: CardInput) -> str:
    """How far people agree, and how good the labeler is where they have read."""
    facts = told.facts
    lines = ["## Agreement and quality", ""]
    if facts.agreement is None:
        lines.append("No segment has two or more annotators, so agreement can't be told.")
    else:
        lines += _agreement(facts.agreement, facts.adjudicated, facts.annotators)
    lines.append("")
    if told.quality is not None:
        lines += [*_labeler(told.quality), ""]
    if facts.kept_suggestions:
        rows = [
            [f"`{name}`", f"{kept:,} of {n:,}", _shown(Estimate(kept / n, low, high))]
            for name, (kept, n, low, high) in facts.kept_suggestions.items()
        ]
        lines += [
            (
                "How often people left the suggestion they saw as it was, by the label they gave "
                "(suggestions may be an older labeler's than the one above):"
            ),
            "",
            table(["label", "suggestion kept", "share (95 % interval)"], rows, right=2),
        ]
    else:
        lines.append("No labeler's suggestion has been reviewed yet.")
    return "\n".join(lines)


def _shown(share: Estimate) -> str:
    return f"{share.value:.1%} ({share.low:.1%} – {share.high:.1%})"


def _agreement(told: Agreement, adjudicated: int, annotators: int) -> list[str]:
    rows = [[f"`{name}`", f"{n:,}", _shown(share)] for name, (n, share) in told.labels.items()]
    return [
        (
            f"{counted(told.segments, 'segment')} have two or more annotators; on average "
            f"{_shown(told.share)} of them gave the final label, and on "
            f"{told.unanimous / told.segments:.1%} of the segments all agree. "
            f"{counted(adjudicated, 'segment')} went to an adjudicator. "
            f"{counted(annotators, 'annotator')} took part, under pseudonyms."
        ),
        "",
        table(["final label", "segments", "gave it (95 % interval)"], rows, right=2),
    ]


def _labeler(told: Quality) -> list[str]:
    rows = [
        [
            f"`{name}`",
            f"{label.segments:,}",
            _shown(label.precision) if label.precision else "never given",
            _shown(label.recall),
            _shown(label.f1),
        ]
        for name, label in told.labels.items()
    ]
    names = list(dict.fromkeys([*told.confusion, *next(iter(told.confusion.values()))]))
    confused = [
        [f"`{name}`", *(f"{told.confusion[name].get(other, 0):,}" for other in names)]
        for name in told.confusion
    ]
    return [
        (
            f"This version's labeler against people, on {counted(told.segments, 'segment')} of "
            f"{counted(told.pages, 'reviewed page')}: it agrees on {_shown(told.accuracy)}, "
            f"macro-F1 {_shown(told.macro_f1)}. Intervals are 95 %, from resampling pages."
        ),
        "",
        table(["people's label", "segments", "precision", "recall", "F1"], rows, right=4),
        "",
        table(
            ["people said, labeler says", *(f"`{n}`" for n in names)], confused, right=len(names)
        ),
        "",
        (
            "Read it with care: reviewers saw suggestions; pages are reviewed by need and not all "
            "at random; and a labeler trained on these pages looks better here than it is."
        ),
    ]
