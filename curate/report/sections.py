"""The sections of the visual report, each from its part of the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from curate.report.agreement import agreement_body
from curate.report.charts import Part, Row, histogram, stacked_rows
from curate.report.data import (
    Group,
    LabelCount,
    ReportData,
    ReviewState,
    VersionDiff,
)
from curate.report.markup import Series, count, ratio, safe, tag
from curate.report.quality import quality_body
from curate.report.quotes import examples, unsure_row

__all__ = ["Section", "sections"]


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the report; `anchor` is its address within."""

    anchor: str
    title: str
    body: str


def sections(data: ReportData, series: Series) -> Iterator[Section]:
    """The sections that have something to show, in reading order."""
    yield Section("labels", "Labels", "".join(_labels(data)))
    if data.diff is not None:
        title = f"Changes since {data.diff.before}"
        yield Section("changes", title, "".join(_diff(data.diff)))
    if data.stages:
        yield Section("stages", "From input to dataset", "".join(_stages(data)))
    if data.splits:
        yield Section("splits", "Splits", "".join(_splits(data)))
    if data.sites or data.page_types or data.languages:
        yield Section("groups", "Sites and kinds of pages", "".join(_groups(data, series)))
    if data.unsure or any(label.scores for label in data.labels):
        yield Section("confidence", "Confidence", "".join(_confidence(data, series)))
    if data.review is not None:
        yield Section("review", "Review", "".join(_review(data.review, series)))
    if data.quality is not None:
        body = "".join(quality_body(data.quality, series))
        yield Section("quality", "Quality of the labeler", body)
    if data.agreement is not None:
        body = "".join(agreement_body(data.agreement, series))
        yield Section("agreement", "Agreement", body)
    if data.examples:
        yield Section("examples", "Example pages", "".join(examples(data.examples, series)))


def _labels(data: ReportData) -> Iterator[str]:
    labels = data.labels
    chars = sum(label.chars for label in labels)
    segments = sum(label.segments for label in labels)
    yield _legend(labels)
    rows = [
        Row("characters", count(chars), _label_parts(labels, "characters")),
        Row("segments", count(segments), _label_parts(labels, "segments")),
    ]
    told = "; ".join(f"{x.name} {ratio(x.chars, chars)} of characters" for x in labels)
    yield stacked_rows(rows, f"Labels: {told}")
    yield '<div class="scroll"><table><tr><th>label</th><th>it is</th>'
    yield '<th class="num">characters</th><th class="num">segments</th>'
    yield '<th class="num">characters a segment</th></tr>'
    for number, label in enumerate(labels):
        mean = f"{label.chars / label.segments:,.0f}" if label.segments else "-"
        yield (
            f'<tr><td><span class="tag g{number}">{safe(label.name)}</span></td>'
            f"<td>{safe(label.description)}</td>"
            f'<td class="num">{count(label.chars)} ({ratio(label.chars, chars)})</td>'
            f'<td class="num">{count(label.segments)} ({ratio(label.segments, segments)})</td>'
            f'<td class="num">{mean}</td></tr>'
        )
    yield "</table></div>"
    if data.origins:
        told = ", ".join(f"{count(n)} {safe(name)}" for name, n in data.origins.items())
        yield f'<p class="hint">Who said so, by segments: {told}.</p>'


def _label_parts(labels: Sequence[LabelCount], unit: str) -> list[Part]:
    values = [label.chars if unit == "characters" else label.segments for label in labels]
    total = sum(values)
    return [
        Part(number, n, f"{label.name}: {n:,} {unit} ({ratio(n, total)})")
        for number, (label, n) in enumerate(zip(labels, values, strict=True))
    ]


def _legend(labels: Sequence[LabelCount]) -> str:
    items = "".join(
        f'<li><i class="s{number}"></i>{safe(label.name)}</li>'
        for number, label in enumerate(labels)
    )
    return f'<ul class="legend">{items}</ul>'


def _stages(data: ReportData) -> Iterator[str]:
    largest = max((stage.n_in for stage in data.stages), default=0)
    yield '<p class="hint">In = out + dropped + quarantined at every stage.</p>'
    yield '<div class="scroll"><table><tr><th>stage</th><th class="num">in</th>'
    yield '<th class="num">out</th><th></th><th>left out, and why</th></tr>'
    for stage in data.stages:
        share = stage.n_out / largest if largest else 0
        yield (
            f'<tr><td>{safe(stage.stage)}</td><td class="num">{count(stage.n_in)}</td>'
            f'<td class="num">{count(stage.n_out)}</td>'
            f'<td><span class="meter"><i style="width:{share:.1%}"></i></span></td>'
            f'<td><ul class="reasons">{_reasons("dropped", stage.dropped)}'
            f"{_reasons('quarantined', stage.quarantined)}</ul></td></tr>"
        )
    yield "</table></div>"


def _reasons(what: str, reasons: Mapping[str, int]) -> str:
    found = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    return "".join(f"<li>{count(n)} {what}: {safe(reason)}</li>" for reason, n in found)


def _splits(data: ReportData) -> Iterator[str]:
    yield '<p class="hint">All pages of a site are in one split.</p>'
    yield '<div class="scroll"><table class="narrow"><tr><th>split</th>'
    yield "".join(f'<th class="num">{n}</th>' for n in ("pages", "segments", "sites", "reviewed"))
    yield "</tr>"
    for split in data.splits:
        numbers = (split.pages, split.segments, split.sites, split.reviewed)
        cells = "".join(f'<td class="num">{count(n)}</td>' for n in numbers)
        yield f"<tr><td>{safe(split.name)}</td>{cells}</tr>"
    yield "</table></div>"


def _groups(data: ReportData, series: Series) -> Iterator[str]:
    yield '<p class="hint">Share of characters by label; at the right the number of pages.</p>'
    yield _legend(data.labels)
    for title, groups in (
        ("By site", data.sites),
        ("By page type", data.page_types),
        ("By language", data.languages),
    ):
        if groups:
            rows = [Row(g.name, _pages(g.pages), list(_group_parts(g, series))) for g in groups]
            yield f"<h3>{title}</h3>"
            yield stacked_rows(rows, f"Characters by label, {title.lower()}")


def _group_parts(group: Group, series: Series) -> Iterator[Part]:
    total = sum(group.chars.values())
    for name, number in series.items():
        n = group.chars.get(name, 0)
        yield Part(number, n, f"{group.name}, {name}: {n:,} characters ({ratio(n, total)})")


def _confidence(data: ReportData, series: Series) -> Iterator[str]:
    yield (
        '<p class="hint">Probability that the labeler gave the label, over segments. '
        "Height is the square root of the number, so that the few unsure ones show.</p>"
    )
    yield '<div class="small">'
    for number, label in enumerate(data.labels):
        if any(label.scores):
            told = f"Probabilities of {label.name}, {sum(label.scores):,} segments"
            chart = histogram(label.scores, number, told)
            yield (
                f'<figure><figcaption><span class="tag g{number}">{safe(label.name)}</span>'
                f"</figcaption>{chart}</figure>"
            )
    yield "</div>"
    if data.unsure:
        yield "<h3>Least certain</h3>"
        yield '<div class="scroll"><table><tr><th>label</th><th class="num">p</th>'
        yield "<th>or</th><th>text</th></tr>"
        yield from (unsure_row(segment, series) for segment in data.unsure)
        yield "</table></div>"


def _review(review: ReviewState, series: Series) -> Iterator[str]:
    share = review.reviewed / review.pages if review.pages else 0.0
    people = "1 person" if review.annotators == 1 else f"{count(review.annotators)} people"
    yield (
        f"<p>{count(review.reviewed)} of {count(review.pages)} pages reviewed "
        f"({share:.0%}) by {people}.</p>"
        f'<span class="meter" style="max-width:24rem"><i style="width:{share:.1%}"></i></span>'
    )
    told = [f"{count(n)} {safe(name)}" for name, n in review.actions.items()]
    if told:
        yield f"<p>Segments: {', '.join(told)}.</p>"
    if review.agreement is not None:
        mean, n = review.agreement
        yield f"<p>Agreement {mean:.2f} over {count(n)} segments read by two or more.</p>"
    if review.orphans:
        yield (
            f"<p>{count(review.orphans)} labels of people wait because their text "
            "is no longer on the page.</p>"
        )
    if review.kept:
        yield "<h3>Suggestions that people kept</h3>"
        yield '<div class="scroll"><table class="narrow"><tr><th>label</th>'
        yield '<th class="num">kept</th><th class="num">of</th><th class="num">share</th>'
        yield "<th>95 % interval</th></tr>"
        for row in review.kept:
            yield (
                f'<tr><td>{tag(row.label, series)}</td><td class="num">{count(row.kept)}</td>'
                f'<td class="num">{count(row.seen)}</td>'
                f'<td class="num">{ratio(row.kept, row.seen)}</td>'
                f"<td>{row.low:.1%} to {row.high:.1%}</td></tr>"
            )
        yield "</table></div>"


def _diff(diff: VersionDiff) -> Iterator[str]:
    names = ("added", "removed", "changed", "unchanged")
    yield '<div class="scroll"><table class="narrow"><tr><th></th>'
    yield "".join(f'<th class="num">{name}</th>' for name in names) + "</tr>"
    for what, counts in (("pages", diff.pages), ("segments", diff.segments)):
        cells = "".join(f'<td class="num">{count(counts.get(name, 0))}</td>' for name in names)
        yield f"<tr><td>{what}</td>{cells}</tr>"
    yield "</table></div>"
    if diff.relabelled:
        yield "<h3>Labels that changed</h3>"
        yield f'<ul class="reasons">{_reasons("segments", diff.relabelled)}</ul>'


def _pages(n: int) -> str:
    return "1 page" if n == 1 else f"{n:,} pages"
