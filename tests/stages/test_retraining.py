"""The loop's choice: a better model is taken, noise changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from curate.labelers.base import LABEL_NAMES
from curate.labelers.second_columns import Look
from curate.labelers.training.corpus import text_page
from curate.labelers.training.project import ProjectTraining, Reviewed, reviewed_page
from curate.labelers.training.second import LookOptions
from curate.schema import FinalLabels, PagePrediction
from curate.stages.retraining import weigh

OPTIONS = ProjectTraining(look=LookOptions(trees=16, min_rows=3, folds=4))
WORDS = ("tram", "harbour", "library", "orchard", "railway", "museum", "market", "theatre")


def reviewed(number: int, change: object) -> Reviewed:
    """A page, its prediction, and labels of people who `change(row, label)` it."""
    word = WORDS[number % len(WORDS)]
    lines = ["Home", "News", f"The {word} is back", "By Ada Vance", f"Published {number} May"]
    labels = ["boilerplate", "boilerplate", "article", "boilerplate", "boilerplate"]
    for part in range(8):
        lines.append(
            f"What the {word} needs, say {part + number} people, is a new roof and a door."
        )
        labels.append("article")
    lines += ["Read next", f"Why the {word} closed", "2 hours ago", "Photo: Town", "Imprint"]
    labels += ["boilerplate", "teaser", "teaser", "caption", "boilerplate"]
    page = text_page(lines)
    rng = np.random.default_rng(number)
    scores = np.full((len(lines), 4), 0.05, np.float32)
    scores[np.arange(len(lines)), [LABEL_NAMES.index(name) for name in labels]] = 0.85
    main = np.array([name == "article" for name in labels])
    said = PagePrediction(labels, scores, main, [()] * len(lines), "article", 0.9, "en")
    people = [change(line, label, rng) for line, label in zip(lines, labels, strict=True)]  # type: ignore[operator]
    n = len(lines)
    final = FinalLabels(
        page.starts, page.ends, page.kinds, people, ["human"] * n, ["accepted"] * n, [0.9] * n,
        [1] * n, [None] * n, [False] * n, [("a",)] * n, [False] * n, reviewed=True,
    )  # fmt: skip
    found = reviewed_page(f"p{number:02}", Look(page, said), final, f"site{number % 6}")
    assert found is not None
    return found


def with_bylines(line: str, label: str, _: np.random.Generator) -> str:
    return "article" if line.startswith(("By ", "Published")) else label


def noise(_: str, label: str, rng: np.random.Generator) -> str:
    return str(rng.choice(LABEL_NAMES)) if rng.random() < 0.15 else label


def test_labels_that_differ_by_rule_give_a_new_model() -> None:
    verdict = weigh([reviewed(n, with_bylines) for n in range(12)], OPTIONS)
    assert verdict.taken
    assert verdict.gain.low > 0.02
    assert str(verdict).startswith("new model taken: +")
    assert str(verdict).endswith("macro-F1 on 12 held-out pages")


def test_a_rare_label_used_otherwise_is_seen_by_accuracy() -> None:
    def without_captions(_: str, label: str, __: np.random.Generator) -> str:
        return "article" if label == "caption" else label

    verdict = weigh([reviewed(n, without_captions) for n in range(12)], OPTIONS)
    assert verdict.accuracy.low > 0
    assert verdict.taken


def test_noise_keeps_the_model() -> None:
    verdict = weigh([reviewed(n, noise) for n in range(12)], OPTIONS)
    assert not verdict.taken
    assert str(verdict).startswith("model kept: ")


def test_a_gain_below_the_threshold_keeps_the_model() -> None:
    pages = [reviewed(n, with_bylines) for n in range(12)]
    options = ProjectTraining(min_gain=90.0, look=OPTIONS.look)
    assert not weigh(pages, options).taken


def test_the_choice_is_the_same_every_time() -> None:
    pages = [reviewed(n, with_bylines) for n in range(8)]
    assert weigh(pages, OPTIONS) == weigh(pages, OPTIONS)


def test_what_annotators_disagree_on_weighs_less() -> None:
    page = reviewed(1, with_bylines)
    chars, truth = page.chars, page.fit.truth
    assert chars[0].tolist() == [0, 4, 0, 0]
    assert truth[0].tolist() == pytest.approx([0, np.sqrt(4 / 200), 0, 0])
    look = page.fit.look
    n = len(look.page)
    final = FinalLabels(
        look.page.starts, look.page.ends, look.page.kinds, ["article"] * n, ["human"] * n,
        ["accepted"] * n, [0.9] * n, [3] * n, [2 / 3] * n, [False] * n, [("a", "b", "c")] * n,
        [False] * n, reviewed=True,
    )  # fmt: skip
    half = reviewed_page("p", look, final, "s")
    assert half is not None
    assert half.fit.truth[0, 0] == pytest.approx(np.sqrt(4 / 200) * 2 / 3)
