"""The model card: what the model was made of, and how good it is where it was not trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.io import file_digest
from curate.labelers.training.figures import label_figures, main_figures
from curate.labelers.training.known import lines_folder

if TYPE_CHECKING:
    from curate.labelers.training.pipeline import FittedKind
    from curate.labelers.training.train import Corpus, TrainConfig

__all__ = ["CardFacts", "model_card"]


@dataclass(frozen=True, slots=True)
class CardFacts:
    """Data and figures, as JSON-like values."""

    data: list[dict[str, Any]]
    figures: dict[str, Any]

    @classmethod
    def of(
        cls, config: TrainConfig, corpus: Corpus, html: FittedKind, text: FittedKind
    ) -> CardFacts:
        """Digests of the inputs, and the out-of-fold figures."""
        data = [
            {
                "name": "WCXB 1.0, development half",
                "by": "Murrough Foley, 2026",
                "licence": "CC-BY-4.0",
                "file": Path(config.benchmark).name,
                "digest": file_digest(Path(config.benchmark)),
                "pages": len(corpus.html) + len(corpus.empty),
            }
        ]
        data.extend(
            {
                "name": "line labels of pages of WCXB",
                "by": "made for this project by machine-assisted reading",
                "licence": "CC-BY-4.0 (the pages' text)",
                "file": Path(folder).name,
                "digest": file_digest(Path(folder) / "labels.jsonl"),
                "pages": sum(e.gold is not None and e.judged for e in corpus.html),
            }
            for folder in config.gold
        )
        more = sum(e.gold is not None and not e.judged for e in corpus.html)
        data.extend(
            {
                "name": "line labels of further pages of WCXB, which no figure counts",
                "by": "a language model that read the pages by the annotation guidelines",
                "licence": "CC0-1.0 (labels without the text)",
                "file": folder,
                "digest": file_digest(lines_folder(folder) / "labels.jsonl"),
                "pages": more,
            }
            for folder in config.lines
            if more
        )
        figures = {
            "main_word_f1": round(main_figures(corpus, html), 4),
            "html": label_figures(corpus.html, html.oof_labels, None, html.oof_choice),
            "text": label_figures(corpus.text, text.oof_labels, corpus.scored, text.oof_choice),
        }
        return cls(data, figures)


def model_card(facts: CardFacts, meta: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    lines = [
        "# Model card: web4",
        "",
        "Labels every segment of a web page, from HTML or from bare text, as article,",
        "boilerplate, teaser or caption, and tells its main content and page type.",
        "Gradient-boosted trees over flat features and hashed words, and a small network over",
        "the sequence of segments; no pickle: plain arrays, JSON and LightGBM's text format.",
        "",
        "## Data and licences",
        "",
        "| data | by | licence | pages | digest |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row['name']} (`{row['file']}`) | {row['by']} | {row['licence']} | {row['pages']} "
        f"| `{row['digest']}` |"
        for row in facts.data
    ]
    lines += [
        "",
        "The benchmark's test half was never looked at.",
        "",
        "## Figures",
        "",
        f"Cross-validated by site ({meta['folds']} folds); pages of equal content stay together.",
        "First scores, silver labels, trees, networks, rules' weights, calibration and what each",
        "label counts come from the other folds; only the lists of features are chosen on all",
        "pages (`curate evaluate` with folds trains anew for each, with that inside too).",
        "",
        f"Word-F1 of the main content: **{facts.figures['main_word_f1']:.4f}**",
        "",
        "| input | macro-F1 | article | boilerplate | teaser | caption | calibration error |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for kind, weight in (("html", "words"), ("text", "characters")):
        row = facts.figures[kind]
        per = " | ".join(
            f"{row['f1'][name]:.3f}" for name in ("article", "boilerplate", "teaser", "caption")
        )
        lines.append(f"| {kind} (by {weight}) | {row['macro_f1']:.3f} | {per} | {row['ece']:.3f} |")
    versions = ", ".join(f"{name} {version}" for name, version in meta["libraries"].items())
    lines += [
        "",
        "## Rebuild",
        "",
        f"`curate train` with seed {meta['seed']}, Python {meta['python']}, {versions}.",
        "",
        "## Limits",
        "",
        "The gold lines are of English pages; other languages rest on the features being",
        "free of language. What a page's main content is differs between readers on product,",
        "collection and listing pages, and the figures there are lower.",
    ]
    return "\n".join(lines) + "\n"
