"""Replay of review on gold pages: what chosen pages teach a labeler, against random ones.

python tests/benchmarks/sampling.py PAGES.parquet GOLD_DIR --cache FOLDER [--seeds 50]

A quarter of an hour on one core the first time; the features are kept in FOLDER.

1. A labeler is fitted without any page of the gold pages' sites and without any
   of their labels: on the other pages of PAGES.parquet and the bundled samples.
2. For each seed the sites are cut into pages to choose from and pages to score
   on. Review begins with ten random pages; then a second labeler is fitted on
   what is reviewed (LightGBM on the first one's features), and `choose` picks
   the next pages by the mean of both; and so on until all are reviewed.
3. Score: macro-F1 of the second labeler over words of the pages to score on.

With `--on-top` the second labeler has the first one's probabilities among its
features, as retraining in a run (`train.on_review`) begins from the labeler that
is there; without, it knows what is reviewed and nothing else.

`--sites choose` replays on half of the sites, with which the options were
chosen; `--sites report` on the other half, which had no part in that.
"""

from __future__ import annotations

import argparse
import pickle
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import curate
import curate.labelers
from curate.gold import read_gold_folder, read_reference
from curate.labelers.features import feature_names
from curate.labelers.folder import ModelFiles, read_folder, write_folder
from curate.labelers.model import SHIPPED, ModelLabeler
from curate.labelers.training.corpus import (
    Example,
    build_examples,
    folds_by_site,
    label_html_example,
)
from curate.labelers.training.fit import KindData
from curate.labelers.training.pipeline import FitOptions, fit_html
from curate.labelers.training.train import _kind_model
from curate.pages import decode_html, site_of
from curate.sample.base import SampleConfig
from curate.sample.choose import Seen, choose
from curate.sample.facts import Shape, candidate_of
from curate.segments.blocks import BlockSegmenter
from curate.text import digest

ROOT = Path(__file__).parents[2]
LABELS = ("article", "boilerplate", "teaser", "caption")
START = 10
STEPS = (10, 20, 35, 50, 70, 95)
TEST_SHARE = 0.37
TREES = 25
MINUTES = "minutes"


Run = tuple[list[int], dict[str, Any], dict[str, list[float]]]
"""Sizes; by strategy the labels' F1, and the minutes read."""


@dataclass(slots=True, eq=False)
class Gold:
    """A gold page as the replay needs it."""

    key: str
    site: str
    page_type: str | None
    shape: Shape
    columns: Any
    gold: Any
    scores: Any


# ------------------------------------------------------------------- features


def prepare(pages: Path, gold_folder: Path, folder: Path, log: Any) -> list[Gold]:
    """Features of the gold pages, by models that know neither their sites nor their labels."""
    found = {g.page_id.rsplit("-", 1)[-1]: g for g in read_gold_folder(gold_folder)}
    splitter = BlockSegmenter()
    gold: list[Example] = []
    rest: list[Example] = []
    for row in read_reference(pages):
        url = row.url or row.page_id
        (example,) = build_examples(
            row,
            lambda html, url=url: splitter.segment_html(html, url=url),
            found.get(row.page_id),
            site_of(url) or url,
            (),
            lambda data: decode_html(data).text,
        )
        if len(example.page):
            (rest if example.gold is None else gold).append(example)
    sites = {example.group for example in gold}
    rest = [example for example in rest if example.group not in sites]
    every = rest + samples()
    log(f"{len(gold)} gold pages of {len(sites)} sites; fitted on {len(every)} other pages")
    fold = folds_by_site(
        [[e.group] for e in every], 3, [1.0 + 3 * (e.gold is not None) for e in every]
    )
    names = {site: at for at, site in enumerate(sorted({e.group for e in every}))}
    options = FitOptions(silver_rows=80_000, page_rows=150, first_rows=100)
    fitted = fit_html(every, fold, np.array([names[e.group] for e in every]), options, log)
    data = KindData([example.page for example in gold], True)
    columns = data.features(*data.first(fitted.first, np.arange(len(data))))
    own = len(feature_names(True))
    columns = columns[:, [at for at in fitted.label_columns.tolist() if at < own]]
    told = labeler_of(fitted, folder).label([example.page for example in gold])
    return [
        Gold(e.key, e.group, e.page_type, Shape.of(e.page), part, e.gold, prediction.scores)
        for e, part, prediction in zip(
            gold, np.split(columns, np.cumsum(data.sizes)[:-1]), told, strict=True
        )
    ]


def labeler_of(fitted: Any, folder: Path) -> ModelLabeler:
    """What was fitted as a labeler; its half for bare text is the shipped one, and unused."""
    shipped = read_folder(Path(curate.labelers.__file__).parent / SHIPPED)
    write_folder(folder / "labeler", ModelFiles(_kind_model(fitted, True), shipped.text, {}), "")
    return ModelLabeler(folder=str(folder / "labeler"), max_reasons=0)


def samples() -> list[Example]:
    """The bundled HTML pages with their labels."""
    splitter = BlockSegmenter()
    out = []
    for gold in read_gold_folder(ROOT / "tests/data/samples-gold"):
        path = Path(curate.__file__).parent / "samples" / gold.source
        if path.suffix == ".html":
            page = splitter.segment_html(decode_html(path.read_bytes()).text, url=gold.url)
            example = Example(
                gold.source, gold.source.split("/")[0], page, page_type=gold.page_type
            )
            label_html_example(example, gold, None)
            out.append(example)
    return out


# --------------------------------------------------------------------- replay


def fit(pages: Sequence[Gold]) -> Any:
    """A labeler fitted on reviewed pages."""
    import lightgbm

    columns = np.concatenate([page.columns for page in pages])
    words = np.concatenate([page.gold for page in pages])
    known = words.sum(axis=1) > 0
    weight = np.minimum(np.sqrt(words.sum(axis=1)), 6.0)
    options = {
        "objective": "multiclass", "num_class": len(LABELS), "num_leaves": 10,
        "learning_rate": 0.15, "min_data_in_leaf": 20, "feature_fraction": 0.3,
        "lambda_l2": 5.0, "max_bin": 63, "verbose": -1, "num_threads": 1, "seed": 1,
        "deterministic": True, "force_col_wise": True,
    }  # fmt: skip
    data = lightgbm.Dataset(columns[known], words[known].argmax(axis=1), weight=weight[known])
    return lightgbm.train(options, data, TREES)


def predicted(model: Any, pages: Sequence[Gold]) -> list[Any]:
    """The labeler's probabilities, page by page."""
    chance = model.predict(np.concatenate([page.columns for page in pages]), num_threads=1)
    return np.split(chance, np.cumsum([len(page.columns) for page in pages])[:-1])


def label_f1(model: Any, pages: Sequence[Gold]) -> Any:
    """F1 of each label over words."""
    confusion = np.zeros((len(LABELS), len(LABELS)))
    for page, chance in zip(pages, predicted(model, pages), strict=True):
        np.add.at(confusion.T, chance.argmax(axis=1), page.gold)
    return 2 * np.diag(confusion) / np.maximum(confusion.sum(axis=0) + confusion.sum(axis=1), 1e-9)


def minutes(page: Gold) -> float:
    """Reading time of a page."""
    scores = np.full((len(page.columns), len(LABELS)), 0.25)
    return candidate_of(page.key, page.key, page.site, page.shape, scores).minutes


def next_pages(
    model: Any, pool: Sequence[Gold], have: Sequence[Gold], n: int, config: SampleConfig, seed: int
) -> list[Gold]:
    """The next pages that the strategy wants reviewed."""
    # Half the labeler that is there from the start, half what the reviewed pages taught.
    scores = [
        (page.scores + chance) / 2
        for page, chance in zip(pool, predicted(model, pool), strict=True)
    ]
    candidates = [
        candidate_of(p.key, p.key, p.site, p.shape, chance, page_type=p.page_type)
        for p, chance in zip(pool, scores, strict=True)
    ]
    config = replace(config, pages=n, seed=seed, suspects=0)
    seen = Seen(reviewed={page.key for page in have})
    by_key = {page.key: page for page in pool}
    return [by_key[choice.page_key] for choice in choose(candidates, config, LABELS, seen)]


def on_top(pages: Sequence[Gold]) -> None:
    """Add the first labeler's probabilities to the features."""
    for page in pages:
        told = np.log(np.maximum(page.scores, 1e-4)).astype(page.columns.dtype)
        page.columns = np.concatenate([page.columns, told], axis=1)


def replay(
    pages: Sequence[Gold],
    strategies: dict[str, SampleConfig | None],
    seed: int,
    folder: Path,
    way: str = "",
) -> Run:
    """Sizes, and for each strategy the labels' F1 and the minutes read at each size.

    What was replayed before is read from the folder; so a run can be stopped.

    Args:
        way: how the labeler learns; told apart in the folder.
    """
    keys = sorted(page.key for page in pages)
    file = folder / f"seed-{digest(*keys, repr((STEPS, TREES)), chars=8)}-{seed}.pickle"
    known: dict[str, tuple[Any, list[float]]] = {}
    sizes: list[int] = []
    if file.exists():
        sizes, known = pickle.loads(file.read_bytes())
    marks = {
        name: f"{name} {config!r}" + " by both labelers" * (config is not None) + way
        for name, config in strategies.items()
    }
    todo = {name: config for name, config in strategies.items() if marks[name] not in known}
    if todo:
        sizes, curves, read = _replay(pages, todo, seed)
        known |= {marks[name]: (curves[name], read[name]) for name in todo}
        file.write_bytes(pickle.dumps((sizes, known)))
    return (
        sizes,
        {name: known[mark][0] for name, mark in marks.items()},
        {name: known[mark][1] for name, mark in marks.items()},
    )


def _replay(pages: Sequence[Gold], strategies: dict[str, SampleConfig | None], seed: int) -> Run:
    random = np.random.default_rng(seed)
    sites = sorted({page.site for page in pages})
    test_sites: set[str] = set()
    for site in random.permutation(sites):
        if sum(page.site in test_sites for page in pages) >= TEST_SHARE * len(pages):
            break
        test_sites.add(str(site))
    test = [page for page in pages if page.site in test_sites]
    pool = [page for page in pages if page.site not in test_sites]
    order = [pool[at] for at in random.permutation(len(pool))]
    sizes = [*(n for n in STEPS if n < len(pool)), len(pool)]
    first = fit(order[:START])
    begin, end = label_f1(first, test), label_f1(fit(pool), test)
    curves, read = {}, {}
    for name, config in strategies.items():
        have, model = order[:START], first
        curve, spent = [begin], [sum(map(minutes, have))]
        for size in sizes[1:]:
            if size == len(pool):
                curve.append(end)
                spent.append(sum(map(minutes, pool)))
                continue
            if config is None:
                have = order[:size]
            else:
                have = have + next_pages(model, pool, have, size - len(have), config, seed)
            model = fit(have)
            curve.append(label_f1(model, test))
            spent.append(sum(map(minutes, have)))
        curves[name], read[name] = np.array(curve), spent
    return sizes, curves, read


# -------------------------------------------------------------------- figures


def interval(values: Any) -> str:
    """Mean with its 95 % interval over seeds (normal approximation of the mean)."""
    values = np.asarray(values)
    return f"{values.mean():+.4f} ± {1.96 * values.std(ddof=1) / len(values) ** 0.5:.4f}"


def reached(at: Any, curve: Any, target: float) -> float:
    """Where the curve first reaches the target, between sizes by straight lines."""
    over = np.flatnonzero(curve >= target - 1e-12)
    if not len(over):
        return float(at[-1])
    first = int(over[0])
    if first == 0:
        return float(at[0])
    low, high = curve[first - 1], curve[first]
    return float(at[first - 1] + (at[first] - at[first - 1]) * (target - low) / (high - low))


def area(at: Any, curve: Any) -> float:
    """Mean height of a curve over what it is drawn against."""
    at = np.asarray(at, float)
    return float(np.trapezoid(curve, at) / (at[-1] - at[0]))


def table(runs: Sequence[Run]) -> Iterator[str]:
    """The figures as lines of Markdown."""
    names = list(runs[0][1])
    macro = {name: [run[1][name].mean(axis=1) for run in runs] for name in names}
    by_pages = {k: [area(r[0], c) for r, c in zip(runs, macro[k], strict=True)] for k in names}
    by_time = {k: [area(r[2][k], c) for r, c in zip(runs, macro[k], strict=True)] for k in names}
    width = min(len(run[0]) for run in runs)
    keep = [*range(width - 1), -1]
    at = np.mean([np.take(run[0], keep) for run in runs], axis=0)
    mean = {k: np.mean([np.take(c, keep) for c in macro[k]], axis=0) for k in names}
    spent = {k: np.mean([np.take(run[2][k], keep) for run in runs], axis=0) for k in names}
    target = mean["random"][-1]
    yield f"{len(runs)} seeds, {at[-1]:.0f} pages to choose from on average"
    yield ""
    begin = mean["random"][0]
    yield (
        "| strategy | area by pages | by minutes | pages for the whole gain | minutes for it "
        "| pages for 99 % of it | for 80 % |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for name in names:
        cells = [f"{np.mean(values[name]):.4f}" for values in (by_pages, by_time)]
        if name != "random":
            for number, values in enumerate((by_pages, by_time)):
                against = np.array(values[name]) - np.array(values["random"])
                cells[number] += f" ({interval(against)})"
        cells.append(f"{reached(at, mean[name], target) / at[-1]:.0%}")
        cells.append(f"{reached(spent[name], mean[name], target) / spent['random'][-1]:.0%}")
        for share in (0.99, 0.8):
            part = begin + share * (target - begin)
            cells.append(f"{reached(at, mean[name], part) / at[-1]:.0%}")
        yield f"| {name} | " + " | ".join(cells) + " |"
    yield ""
    yield "| pages read | " + " | ".join(f"{n:.0f}" for n in at) + " |"
    yield "| --- |" + " --- |" * len(at)
    for name in names:
        yield f"| {name} | " + " | ".join(f"{v:.3f}" for v in mean[name]) + " |"
    for name in names:
        caption = np.mean([np.take(run[1][name][:, 3], keep) for run in runs], axis=0)
        yield f"| {name}, caption | " + " | ".join(f"{v:.3f}" for v in caption) + " |"
    for name in names:
        yield f"| {name}, minutes read | " + " | ".join(f"{v:.0f}" for v in spent[name]) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", type=Path)
    parser.add_argument("gold", type=Path)
    parser.add_argument("--cache", type=Path, required=True, help="folder for the features")
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--sites", choices=("all", "choose", "report"), default="all")
    parser.add_argument("--on-top", action="store_true", help="retrain on top of the labeler")
    parser.add_argument("--options", action="store_true", help="replay several options")
    parser.add_argument("--only", nargs="+", default=[], help="strategies beside random")
    args = parser.parse_args()
    began = time.process_time()

    def log(line: str) -> None:
        sys.stderr.write(f"{time.process_time() - began:7.1f} s  {line}\n")
        sys.stderr.flush()

    file = args.cache / "replay.pickle"
    if not file.exists():
        args.cache.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pickle.dumps(prepare(args.pages, args.gold, args.cache, log)))
    pages: list[Gold] = pickle.loads(file.read_bytes())
    if args.sites != "all":
        half = args.sites == "choose"
        pages = [page for page in pages if (int(digest(page.site, chars=4), 16) % 2 == 0) is half]
    if args.on_top:
        on_top(pages)
    strategies: dict[str, SampleConfig | None] = {
        "random": None,
        "mix": SampleConfig(),
        "uncertainty": SampleConfig(strategy="uncertainty", reading_cost=1.0),
    }
    if args.options:
        strategies = {"random": None} | {
            f"{way} cost {cost}": SampleConfig(way, reading_cost=cost)
            for way, cost in (
                ("uncertainty", 0.0),
                ("uncertainty", 0.5),
                ("uncertainty", 1.0),
                ("mix", 0.0),
                ("mix", 0.5),
            )
        }
    if args.only:
        strategies = {k: v for k, v in strategies.items() if k in ("random", *args.only)}
    runs = []
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        way = " on top" if args.on_top else ""
        runs.append(replay(pages, strategies, seed, args.cache, way))
        log(f"seed {seed}")
    for line in table(runs):
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
