"""Several annotators in a run: gold, what each has to do, and no names in what is published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from curate.report.agreement import AgreementView, ConfusionRow, Figure, LabelRow, PairRow
from curate.review.agreement import measure
from curate.review.people import BLIND_NOTE, ReviewTeam
from curate.review.statistics import Estimate
from curate.review.tasks import ReviewTask, make_task
from curate.review.team_plan import TeamPlan
from curate.review.team_state import read_note
from curate.schema import Annotation, SegmentedPage, Span, page_id_of
from curate.stages.labels import in_label_set
from curate.stages.settings import Settings
from curate.text import digest, text_hash

__all__ = [
    "agreement_view",
    "gold_readings",
    "gold_tasks",
    "near",
    "next_step",
    "next_steps",
    "plan_notes",
    "state_of",
    "told",
    "without_people",
]

GOLD = "gold"
"""Annotator of the truth, where gold is compared with people's readings of it."""


def without_people(facts: object) -> Any:
    """Configuration or overrides as they may be published: how many people, not who."""
    if isinstance(facts, Mapping):
        return {key: _unnamed(str(key), value) for key, value in facts.items()}
    if isinstance(facts, list | tuple):
        return [_override(str(entry)) for entry in facts]
    return facts


def _unnamed(key: str, value: Any) -> Any:
    if key == "annotators" and isinstance(value, list | tuple):
        return [f"person {number}" for number in range(1, len(value) + 1)]
    if key == "adjudicator" and value:
        return "a person"
    return without_people(value) if isinstance(value, Mapping) else value


def _override(entry: str) -> str:
    key, equals, _ = entry.partition("=")
    bare = key.lstrip("+~")
    return (
        f"{key}={equals and '***'}"
        if bare in ("review.annotators", "review.adjudicator")
        else entry
    )


def told(team: ReviewTeam) -> str:
    """The projects in a few words."""
    numbers = [str(project.number) for project in team.projects]
    return f"project{'s' if len(numbers) > 1 else ''} {', '.join(numbers) or 'still to be made'}"


def plan_notes(team: ReviewTeam, steps: TeamPlan) -> Iterator[str]:
    """What to know of a plan that was carried out."""
    if steps.foreign:
        yield f"{told(team)}: {steps.foreign} tasks there are not curate's; left alone"
    if steps.short:
        yield (
            f"{len(steps.short)} pages lack readers: all who could read them skipped them "
            f"or have read them ({', '.join(sorted(steps.short)[:3])} ...)"
        )
    if steps.again:
        yield (
            f"{steps.again} reviewed pages are open once more, for text that was left "
            "without a label: give one there, or delete it again to leave it out"
        )


def next_step(team: ReviewTeam, waiting: int, again: str) -> str:
    """What is to be done where one project is everybody's.

    Args:
        waiting: pages that are open.
    """
    if not waiting:
        return "every page is reviewed; nothing waits for a person"
    local = team.connection.local
    info = local.status() if local else None
    who = ""
    if info is not None:
        who = f" as {info.username} (password in {near(info.credentials_file)})"
    return f"open {team.url}{who}, review, then `{again}` again"


def next_steps(team: ReviewTeam, steps: TeamPlan, again: str) -> Iterator[str]:
    """What each annotator has to do, one line each.

    Args:
        steps: the plan that was just carried out.
    """
    local = team.connection.local
    info = local.status() if local else None
    base = info.url_for_others if info else team.connection.client.url
    for seat, (_, part) in zip(steps.progress, steps.parts, strict=False):
        left = seat.open + seat.drafts + len(part.new) - len(part.to_close)
        if not seat.former and left > 0:
            address = seat.url.replace(team.connection.client.url, base)
            yield f"{seat.name}: {left} of {seat.assigned + len(part.new)} pages left at {address}"
    if info is not None and local is not None:
        where = f"{near(local.home)}/people.json"
        yield f"people log in with their address and the password in {where}"
    if team.adjudication is not None:
        state = team.adjudication.progress()
        if left := state.tasks - state.annotated:
            yield f"{left} pages to adjudicate at {team.adjudication.url}"
    yield f"note: {BLIND_NOTE}"
    yield f"when they have read, `{again}` again"


def gold_tasks(settings: Settings) -> dict[str, ReviewTask]:
    """The pages of `review.gold` as tasks like any other, by page id."""
    folder = settings.review.gold
    if not folder or not settings.review.gold_share:
        return {}
    labeler = settings.labeler
    tasks = {}
    for key, segmented, _ in _gold_pages(settings, Path(folder)):
        (made,) = labeler.label([segmented])
        prediction, order = in_label_set(made, labeler.label_names, settings.label_set)
        task = make_task(key, segmented, prediction, order, f"{labeler.name}@{labeler.version}")
        tasks[task.page_id] = task
    return tasks


def gold_readings(settings: Settings) -> dict[str, Annotation]:
    """What is true of the pages of `review.gold`, by page id."""
    from datetime import UTC, datetime

    folder = settings.review.gold
    if not folder:
        return {}
    found = {}
    for key, segmented, spans in _gold_pages(settings, Path(folder)):
        page_id = page_id_of(key, segmented.text)
        found[page_id] = Annotation(
            annotation_id=f"gold-{page_id}",
            page_key=key,
            text_hash=text_hash(segmented.text),
            text=segmented.text,
            annotator=GOLD,
            status="submitted",
            spans=tuple(spans),
            updated_at=datetime(1970, 1, 1, tzinfo=UTC),
            origin=GOLD,
        )
    return found


def _gold_pages(
    settings: Settings, folder: Path
) -> Iterator[tuple[str, SegmentedPage, Sequence[Span]]]:
    """Each gold page's key, text as the pipeline sees it, and true spans."""
    from curate.gold import read_gold_folder

    for gold in read_gold_folder(folder):
        lines = [line.strip() for line in gold.lines]
        text = "\n".join(line for line in lines if line)
        site = urlsplit(gold.url or "").hostname or ""
        page = settings.segmenter.segment(
            text, media_type="text/plain", url=gold.url, site=site.removeprefix("www.")
        )
        spans, at = [], 0
        for line, label in zip(lines, gold.labels, strict=True):
            if line:
                end = at + len(line)
                spans.append(Span(at, end, label, "drawn", f"gold-{at}", line))
                at = end + 1
        yield digest(GOLD, gold.page_id, chars=16), replace(page, title=lines[0]), spans


def near(path: Path) -> str:
    """The path relative to the working folder where it lies below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def state_of(settings: Settings) -> tuple[dict[str, str], dict[str, list[str]]]:
    """What the owner calls each annotator, and the gold each was given; by pseudonym.

    From the workspace's state, without a server.
    """
    names = read_note(Path(settings.paths.state), settings.name, "people")
    given = read_note(Path(settings.paths.state), settings.name, "gold")
    return (
        {reader: str(email) for reader, email in names.items()},
        {reader: [str(page) for page in pages] for reader, pages in given.items()},
    )


def agreement_view(
    settings: Settings, annotations: Mapping[str, Sequence[Annotation]]
) -> AgreementView | None:
    """How far people agree, as the report draws it; None where no two read one page."""
    found = measure([a for rows in annotations.values() for a in rows], settings.label_set)
    if not found.n_pages:
        return None
    return AgreementView(
        pages=found.n_pages,
        segments=found.n_segments,
        chars=found.n_chars,
        disputed=found.disputed,
        overall=[
            ("same label", _shown(found.share), _shown(found.share_chars)),
            ("Cohen's kappa", _shown(found.kappa), _shown(found.kappa_chars)),
            ("Krippendorff's alpha", _shown(found.alpha), _shown(found.alpha_chars)),
        ],
        labels=[
            LabelRow(r.label, r.n_segments, _shown(r.alpha), _shown(r.alpha_chars))
            for r in found.by_label
        ],
        pairs=[
            PairRow(p.first, p.second, p.n_pages, p.n_segments, _shown(p.share), _shown(p.kappa))
            for p in found.pairs
        ],
        confusions=[
            ConfusionRow(c.first, c.second, c.n_segments, c.n_chars) for c in found.confusions
        ],
        consensus={"majority": "majority", "dawid_skene": "the model of Dawid and Skene"}[
            settings.review.consensus
        ],
    )


def _shown(estimate: Estimate) -> Figure:
    return Figure(estimate.value, estimate.low, estimate.high)
