"""The dataset card: README.md of a version, made from facts.

Nothing in it is written by hand but what stands between the notes' markers,
and that is carried from version to version.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from curate.dataset.card_input import CardInput
from curate.dataset.card_sections import NOTES_END, NOTES_START, sections
from curate.dataset.card_text import NOTES_HINT

__all__ = ["NOTES_END", "NOTES_START", "joined_notes", "notes_of", "render_card"]

_NOTES = re.compile(re.escape(NOTES_START) + r"(.*?)" + re.escape(NOTES_END), re.DOTALL)


def notes_of(card: str) -> str | None:
    """The hand-written part of a card, None where the markers are not there."""
    match = _NOTES.search(card)
    return match[1] if match else None


def joined_notes(cards: Sequence[str]) -> str | None:
    """The hand-written text of all cards: what one holds already is not said twice."""
    found: list[str] = []
    for card in cards:
        notes = notes_of(card)
        if notes is None or notes == NOTES_HINT or any(notes.strip() in met for met in found):
            continue
        found = [met for met in found if met.strip() not in notes]
        found.append(notes)
    return "".join(found) if found else None


def render_card(told: CardInput) -> str:
    """The card's text: YAML for the machines, then Markdown for people."""
    return f"{told.head}\n" + "\n\n".join(sections(told)) + "\n"
