"""Sections of the dataset card, each from facts."""

from __future__ import annotations

import re
from collections.abc import Mapping

from curate.dataset.card_input import CardInput, shapes_of
from curate.dataset.card_quality import quality_section
from curate.dataset.card_tables import bar, counted, shares, table
from curate.dataset.card_text import LIMITS, LOADING, NOTES_HINT
from curate.dataset.columns import columns_of

__all__ = ["NOTES_END", "NOTES_START", "sections"]

NOTES_START = "<!-- curate:notes -->"
NOTES_END = "<!-- /curate:notes -->"


def sections(told: CardInput) -> list[str]:
    """All sections in their order; empty ones are left out."""
    parts = [
        _intro(told),
        _making(told),
        _labels(told),
        _numbers(told),
        quality_section(told),
        _splits(told),
        _columns(told),
        _loading(told),
        _left_out(told),
        _changes(told),
        _rights(told),
        LIMITS,
        _notes(told),
        _citation(told),
    ]
    return [part.strip() for part in parts if part]


def _intro(told: CardInput) -> str:
    counts = told.facts.flat()
    names = ", ".join(f"`{name}`" for name in told.label_set.names)
    human = counts.get("origin/human", 0)
    by_people = (
        f"{counted(human, 'segment')} carry a person's label, on "
        f"{counted(counts['reviewed'], 'reviewed page')}."
        if human
        else "No segment carries a person's label yet."
    )
    third = "; `annotations` adds each annotator's own reading"
    return f"""# {told.config.title or told.name}

{counted(counts["segments"], "segment")} of {counted(counts["pages"], "web page")} from \
{counted(counts["sites"], "site")}, each segment labelled {names}. Every row says where its label \
comes from. {by_people}

Version `{told.version}` of `{told.name}`, with two views of the same data: `segments`, one row a \
segment, and `pages`, one row a page with its segments as spans of its text\
{third if "annotations" in shapes_of(told.config, told.files) else ""}."""


def _making(told: CardInput) -> str:
    lines = [
        "## How it was made",
        "",
        (
            "Pages are split into ordered, disjoint segments that hold every character that is "
            "not white space. A labeler gives each segment a label with a probability; people "
            "review pages in Label Studio, where the labeler's suggestions are shown; their labels "
            "win over the labeler's. Splits are by site, and near copies are left out across them."
        ),
        "",
    ]
    lines += [f"- {name}: {value}" for name, value in _told_facts(told.given)]
    lines.append(
        f"- guidelines for annotators: digest `{told.label_set.guideline_digest}`, text in "
        "`manifest.json` under `labels`"
    )
    lines.append("- everything else, such as configuration and library versions: `manifest.json`")
    return "\n".join(lines)


ON_THE_CARD = ("curate", "code", "labeler", "inputs", "overrides")
"""Facts that help a reader of the card; the manifest has them all."""


def _told_facts(given: Mapping[str, object]) -> list[tuple[str, str]]:
    told = {name: _value(given[name]) for name in ON_THE_CARD if given.get(name)}
    labeler = given.get("labeler")
    if isinstance(labeler, Mapping) and "version" in labeler:
        told["labeler"] = f"`{labeler.get('name')}`, version `{labeler['version']}`"
    units = given.get("inputs")
    if isinstance(units, (list, tuple)) and units:
        size = sum(unit.get("bytes") or 0 for unit in units if isinstance(unit, Mapping))
        told["inputs"] = f"{counted(len(units), 'part')}, {size:,} bytes"
    return list(told.items())


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value(part)}" for name, part in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_value(part) for part in value)
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"`{value}`" if isinstance(value, str) else str(value)


def _labels(told: CardInput) -> str:
    rows = [
        [
            str(number),
            f"`{label.name}`",
            label.description,
            "; ".join(label.examples[:4]),
        ]
        for number, label in enumerate(told.label_set.labels)
    ]
    return "## Labels\n\n" + table(["number", "label", "it is", "examples"], rows)


def _numbers(told: CardInput) -> str:
    facts = told.facts
    total = facts.flat()["segments"]
    rows = []
    for name in told.label_set.names:
        by_split = [facts.labels[split].get(name, 0) for split in facts.splits]
        share = sum(by_split) / total
        rows.append([f"`{name}`", *(f"{n:,}" for n in by_split), f"{share:.1%}", bar(share)])
    parts = [
        "## Counts",
        "",
        table(["segments", *facts.splits, "share", ""], rows, right=1 + len(facts.splits)),
        "",
        shares("labels by origin", facts.origins),
        "",
    ]
    if facts.actions:
        parts += [shares("people's labels by action", facts.actions), ""]
    if facts.page_types:
        parts += [shares("pages by type", facts.page_types), ""]
    if facts.languages:
        parts += [shares("pages by language", dict(list(facts.languages.items())[:12])), ""]
    if facts.scores:
        tenths = {f"{at / 10:.1f} - {(at + 1) / 10:.1f}": n for at, n in enumerate(facts.scores)}
        parts += [shares("machine's labels by score", tenths), ""]
    parts.append(
        f"A page has {facts.chars[0]:,} characters in the median, {facts.chars[1]:,} in the "
        f"95th percentile. The largest sites: "
        + ", ".join(f"{site} ({n:,})" for site, n in facts.largest_sites.items())
        + ". Charts, example pages and the least certain segments are in `report.html`."
    )
    return "\n".join(parts)


def _splits(told: CardInput) -> str:
    rows = [
        [split, f"{c.pages:,}", f"{c.segments:,}", f"{c.sites:,}", f"{c.reviewed:,}", str(c.shards)]
        for split, c in told.facts.splits.items()
    ]
    leaks = [[what, f"{n:,}"] for what, n in told.leaks.items()]
    ratios = ", ".join(f"{split} {ratio:g}" for split, ratio in told.config.split_ratios.items())
    lines = [
        "## Splits",
        "",
        table(["split", "pages", "segments", "sites", "reviewed pages", "shards"], rows, right=5),
        "",
        (
            f"A page's split is a function of its site's name alone (wanted: {ratios}), so a "
            "site never stands in two splits and never moves when the dataset grows. Of a "
            "near-duplicate cluster that spans splits only one split's pages are published: one "
            "with reviewed pages first, else test, then validation."
        ),
        "",
        "Checked on the published files:",
        "",
        table(["shared between splits", "found"], leaks, right=1),
    ]
    if told.messages:
        lines += ["", *(f"- {message}" for message in told.messages)]
    return "\n".join(lines)


def _columns(told: CardInput) -> str:
    parts = ["## Columns"]
    types = {
        "strings": "list of string",
        "floats": "list of float32",
        "label": "ClassLabel (int64)",
        "spans": "list of struct",
        "readings": "list of struct",
    }
    for shape in shapes_of(told.config, told.files):
        rows = [
            [f"`{column.name}`", types.get(column.kind, column.kind), column.doc]
            for column in columns_of(shape, told.config)
        ]
        parts += ["", f"### {shape}", "", table(["column", "type", "meaning"], rows)]
    parts += [
        "",
        (
            "`start` and `end` count Unicode code points of the page's `text`, `end` not included: "
            "in Python `page['text'][start:end]` is the segment."
        ),
    ]
    return "\n".join(parts)


def _loading(told: CardInput) -> str:
    return LOADING.replace("SPLIT", next(iter(told.facts.splits))).replace("VERSION", told.version)


def _left_out(told: CardInput) -> str:
    rows = [["pages", reason, f"{n:,}"] for reason, n in told.left_out.pages.items()]
    rows += [["segments", reason, f"{n:,}"] for reason, n in told.left_out.segments.items()]
    lines = ["## What is not in it", ""]
    if rows:
        lines.append(table(["what", "why", "how many"], rows, right_last=True))
    else:
        lines.append("All pages and segments that were given are published.")
    if told.masked:
        masked = ", ".join(f"{n:,} {kind} matches" for kind, n in told.masked.items())
        lines += ["", f"Masked in texts and titles, length kept (letters x, digits 0): {masked}."]
    if told.withdrawn:
        people = told.withdrawn.get("people", 0)
        gone = [counted(told.withdrawn["pages"], "page")] if "pages" in told.withdrawn else []
        gone += [counted(people, "annotator") + " with all their labels"] if people else []
        lines += [
            "",
            f"Withdrawn on request, so absent from now on: {' and '.join(gone)}.",
        ]
    return "\n".join(lines)


def _changes(told: CardInput) -> str:
    if told.diff is None or told.previous is None:
        return "## Changes\n\nThis is the first version."
    rows = []
    for what in ("pages", "segments"):
        part = told.diff[what]
        assert isinstance(part, Mapping)
        rows.append(
            [what, *(f"{part[key]:,}" for key in ("added", "removed", "changed", "unchanged"))]
        )
    lines = [
        f"## Changes since `{told.previous}`",
        "",
        table(["", "added", "removed", "changed", "unchanged"], rows, right=4),
    ]
    relabelled = told.diff.get("relabelled")
    if isinstance(relabelled, Mapping) and relabelled:
        top = list(relabelled.items())[:8]
        lines += ["", "Labels that changed: " + ", ".join(f"{k} ({n:,})" for k, n in top) + "."]
    return "\n".join(lines)


def _rights(told: CardInput) -> str:
    lines = [
        "## Licence and sources",
        "",
        (
            f"Licence of the labels and of this compilation: `{told.config.license}`. The texts of "
            "the pages are their publishers'; check the terms of each site before you pass them on."
        ),
    ]
    if told.config.sources:
        lines += ["", told.config.sources.strip()]
    if told.config.contact:
        lines += ["", f"Contact, also for the removal of a page: {told.config.contact}"]
    return "\n".join(lines)


def _notes(told: CardInput) -> str:
    notes = NOTES_HINT if told.notes is None else told.notes
    return f"## Notes\n\n{NOTES_START}{notes}{NOTES_END}"


def _citation(told: CardInput) -> str:
    title = told.config.title or told.name
    key = re.sub(r"\W+", "_", told.name)
    cite = told.config.citation.strip() or (
        f"@misc{{{key}_{told.version},\n  title = {{{title}}},\n"
        f"  note = {{Version {told.version}, {told.label_set.name} labels}}\n}}"
    )
    return f"## Citation\n\n```bibtex\n{cite}\n```"
