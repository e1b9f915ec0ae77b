"""Label sets: the labels that people choose from, their guideline, and ways from older sets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from curate.text import digest

__all__ = ["LabelDef", "LabelRule", "LabelSet"]


@dataclass(frozen=True, slots=True)
class LabelDef:
    """One label of a label set, as reviewers see it.

    Attributes:
        name: the label's value in every file and on the server.
        color: CSS colour of its regions, `#rrggbb`.
        hotkey: one key on the review screen.
        description: one sentence a reviewer needs.
        examples: lines that carry it, for the guidelines and the dataset card.
    """

    name: str
    color: str
    hotkey: str
    description: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelRule:
    """One way out of a label that was split; of several the first that holds decides.

    Attributes:
        label: the name today.
        text: regular expression that is found in the labelled words; None: any words.
        min_chars, max_chars: length of the labelled words, code points.
    """

    label: str
    text: str | None = None
    min_chars: int = 0
    max_chars: int | None = None

    def holds(self, words: str) -> bool:
        """Whether it decides for a span with these words."""
        if not self.min_chars <= len(words) <= (self.max_chars or len(words)):
            return False
        return self.text is None or re.search(self.text, words) is not None


@dataclass(frozen=True, slots=True)
class LabelSet:
    """An ordered set of labels with its guideline text (config group `schema`).

    Attributes:
        from_labels: names of earlier label sets to names of today: a name
            (renamed, or merged with another), or rules (split).
    """

    name: str
    labels: tuple[LabelDef, ...]
    guideline: str
    from_labels: Mapping[str, str | tuple[LabelRule, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a map that leads nowhere."""
        for old, way in self.from_labels.items():
            for rule in (LabelRule(way),) if isinstance(way, str) else way:
                if rule.label not in self.names and rule.label not in self.from_labels:
                    raise ValueError(
                        f"from_labels.{old} leads to {rule.label!r}, which is not one of "
                        f"{', '.join(self.names)}"
                    )
                try:
                    re.compile(rule.text or "")
                except re.error as error:
                    raise ValueError(f"from_labels.{old}: {rule.text!r}: {error}") from error

    def label_of(self, name: str, words: str = "", *, schema: str | None = None) -> str | None:
        """Today's name of a label; None for one that is gone.

        Args:
            words: what carries it, for labels that were split.
            schema: name of the label set that it was given under. Under another
                one a name that still exists may have been split since.
        """
        older = schema is not None and schema != self.name
        seen = set[str]()
        while (name not in self.names or (older and not seen)) and name in self.from_labels:
            if name in seen:
                return None
            seen.add(name)
            way = self.from_labels[name]
            if isinstance(way, str):
                name = way
                continue
            found = next((rule.label for rule in way if rule.holds(words)), None)
            if found is None:
                return None
            name = found
        return name if name in self.names else None

    @property
    def names(self) -> tuple[str, ...]:
        """Label names in published (ClassLabel) order."""
        return tuple(label.name for label in self.labels)

    @property
    def guideline_digest(self) -> str:
        """What annotators were told, in 16 hex digits: text, labels, descriptions."""
        told = [(label.name, label.description, *label.examples) for label in self.labels]
        return digest(self.guideline, *("\n".join(row) for row in told), chars=16)
