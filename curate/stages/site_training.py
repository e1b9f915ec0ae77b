"""Training the look at a site's other pages on predictions of models that never saw the site."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from curate.io import file_digest
from curate.labelers.second import write_look
from curate.labelers.training.corpus import Example
from curate.labelers.training.known import lines_folder
from curate.labelers.training.project import decision_of
from curate.labelers.training.site import SitePage, SiteTraining, fit_site_look
from curate.labelers.training.train import Sources, TrainConfig, read_examples
from curate.stages.crossval import FoldModels, fold_models

__all__ = ["train_site"]

TEXT = " (text)"
"""Added to the site of a rendering: its lines are not its page's segments."""


def train_site(
    config: SiteTraining,
    base: TrainConfig,
    sources: Sources,
    cache: Path,
    log: Callable[[str], None],
) -> str:
    """Train and write the look.

    Args:
        config: what to train on, and where to.
        base: how the labeler itself is trained, on the same data.
        sources: what training needs from other rooms.
        cache: folder of the models of the folds.
        log: told of progress.

    Returns:
        Digest of the look.
    """
    models = fold_models(base, config.folds, sources, cache, log)
    corpus = read_examples(base, sources, log)
    pages = [*_pages(corpus.html, models, ""), *_pages(_once(corpus.text), models, TEXT)]
    log(f"{len(pages)} pages and renderings predicted")
    about = {
        "benchmark": file_digest(Path(config.benchmark)),
        "gold": [file_digest(Path(folder) / "labels.jsonl") for folder in config.gold],
        "lines": [file_digest(lines_folder(folder) / "labels.jsonl") for folder in base.lines],
        "labeler": models.name,
    }
    decision = decision_of(models.labelers[0])
    model = fit_site_look(pages, decision, options=config.look, about=about, log=log)
    return write_look(Path(config.out), model)


def _once(examples: Sequence[Example]) -> list[Example]:
    """One rendering of each page."""
    return list({example.key: example for example in reversed(examples)}.values())[::-1]


def _pages(examples: Sequence[Example], models: FoldModels, kind: str) -> list[SitePage]:
    out = []
    for example in examples:
        (prediction,) = models.labeler_of(example.key).label([example.page])
        site = example.group + kind
        out.append(
            SitePage(site, example.page, prediction, example.main, example.gold, example.page_type)
        )
    return out
