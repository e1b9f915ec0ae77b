"""The trained labeler: two heads of boosted trees over flat features, for HTML and text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
from annotated_types import Interval

from curate.labelers.base import LABEL_NAMES
from curate.labelers.batch import Batch, Floats, Ints, make_batch
from curate.labelers.choice import choose_main
from curate.labelers.features import (
    SegmentMarks,
    feature_groups,
    html_features,
    segment_marks,
    text_features,
)
from curate.labelers.first import first_scores, neighbours, node_weights
from curate.labelers.folder import KindModel, column_index, folder_digest, read_kind
from curate.labelers.language import page_language
from curate.labelers.net import run_net
from curate.labelers.nodes import NodeTable
from curate.labelers.pagetype import PAGE_TYPES, TYPE_NAMES, PageTypes
from curate.labelers.patterns import MACHINERY
from curate.labelers.reasons import LazyReasons, TreePaths
from curate.labelers.rules import read_weights, rule_scores, shipped_weights
from curate.labelers.rules_lines import TokenMarks
from curate.labelers.second import read_look
from curate.labelers.second_columns import Look
from curate.labelers.sheet import Plan, Sheet
from curate.labelers.slices import MAX_SEGMENTS, join_predictions, slices
from curate.labelers.tokens import Tokens, TokenTable
from curate.labelers.tree import grow_forest, read_names
from curate.labelers.trees import Trees
from curate.schema import PagePrediction, SegmentedPage
from curate.text import digest

__all__ = ["SHIPPED", "ModelLabeler"]

SHIPPED = "web4"
"""Folder of the shipped model, beside this file."""

BATCH_SEGMENTS = 20_000
"""Segments worked on at once: 40 MB of features; larger batches gain nothing."""

_TYPES = "types"
"""Features that hold the page type's probabilities, worked out after the others."""

_CARD_TYPES = [PAGE_TYPES.index("listing"), PAGE_TYPES.index("collection")]

LIKELY, UNLIKELY = 0.25, 0.3
"""On bare text, where article (and, on pages of cards, teaser) is less probable
than the first, the probability of main content is multiplied by the second."""

STORY_WORDS, STORY_SHARE = 300, 0.5
"""On bare text of a page with so many words labelled article, and so many for each
word of teasers, what is labelled teaser or caption is never main content. By site
that leaves word-F1 as it is (+0.0005 of 0.856, -0.0036 to 0.0045), and the two
heads agree on a story among lists of other stories."""

_ARTICLE, _TEASER = LABEL_NAMES.index("article"), LABEL_NAMES.index("teaser")

LEAST = 1e-7
"""Probabilities are never taken for less: one sure mistake would outweigh all else."""

MAX_ODDS = np.log(1e6)
"""The same for the log-odds of main content, which are clipped at one in a million."""


@dataclass(frozen=True)
class ModelLabeler:
    """Labels by a trained model.

    Attributes:
        folder: model folder as `curate train` writes it; None is the shipped one.
        max_reasons: features told for each segment.
        site_evidence: whether a run lets a site's other pages inform the labels.
    """

    folder: str | None = None
    max_reasons: Annotated[int, Interval(ge=0, le=20)] = 3
    site_evidence: bool = True

    @property
    def name(self) -> str:
        """`model`."""
        return "model"

    @property
    def version(self) -> str:
        """Digest of the model folder and of the rules' weights; options change no label."""
        return digest(_digest(self._path()), shipped_weights()[1], chars=16)

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels of `web4`."""
        return LABEL_NAMES

    def label(self, pages: Sequence[SegmentedPage]) -> list[PagePrediction]:
        """One prediction a page, in order; the same whatever pages stand beside it."""
        found = self._at_first(pages)
        look = read_look(self._path())
        if look is None:
            return found
        return look.apply([Look(page, p) for page, p in zip(pages, found, strict=True)])

    @property
    def model_folder(self) -> Path:
        """The model folder, the shipped one where none is given."""
        return Path(self._path())

    def _at_first(self, pages: Sequence[SegmentedPage]) -> list[PagePrediction]:
        """Predictions before the second look that a model trained further has."""
        out: list[PagePrediction | None] = [None] * len(pages)
        for html in (True, False):
            held: list[int] = []
            size = 0
            for number, page in enumerate(pages):
                if (page.layout is not None) is not html:
                    continue
                if len(page) > MAX_SEGMENTS:
                    parts = [self._at_first([part])[0] for part in slices(page, MAX_SEGMENTS)]
                    out[number] = join_predictions(parts)
                    continue
                if not len(page):
                    empty = np.zeros((0, len(LABEL_NAMES)), np.float32)
                    out[number] = PagePrediction([], empty, np.zeros(0, bool), [])
                    continue
                held.append(number)
                size += len(page)
                if size >= BATCH_SEGMENTS:
                    self._fill(out, pages, held, html)
                    held, size = [], 0
            if held:
                self._fill(out, pages, held, html)
        return [prediction for prediction in out if prediction is not None]

    def _path(self) -> str:
        return self.folder or str(Path(__file__).parent / SHIPPED)

    def _fill(
        self,
        out: list[PagePrediction | None],
        pages: Sequence[SegmentedPage],
        held: Sequence[int],
        html: bool,
    ) -> None:
        predictor = _predictor(self._path(), html)
        found = predictor.predict([pages[number] for number in held], self.max_reasons)
        for number, prediction in zip(held, found, strict=True):
            out[number] = prediction


@lru_cache(maxsize=4)
def _digest(folder: str) -> str:
    return folder_digest(Path(folder))


@lru_cache(maxsize=4)
def _predictor(folder: str, html: bool) -> _Predictor:
    return _Predictor(read_kind(Path(folder), html), html)


class _Predictor:
    """One kind of input, loaded: tables that remember tokens, and heads.

    Features stand in rows of a `Sheet`: those that any head reads, and the page types.
    """

    def __init__(self, model: KindModel, html: bool) -> None:
        self.html = html
        self.model = model
        watched = MACHINERY if model.shares[2] else ()
        self.table = TokenTable(model.first.words, watched=watched)
        self.rules = read_weights(model.rules, "model folder") if model.rules else None
        self.nodes = NodeTable(node_weights(model.first)) if html else None
        net_columns = model.net.columns if model.net else ()
        heads = (model.main_columns, model.label_columns, model.type_columns, net_columns)
        groups = (*feature_groups(html), (_TYPES, TYPE_NAMES))
        column_index({name for names in heads for name in names}, Plan(groups).names)
        self.plan = plan = Plan(groups, {*TYPE_NAMES, *(name for names in heads for name in names)})
        self.label_rows = column_index(model.label_columns, plan.names)
        self.net_rows = column_index(net_columns, plan.names)
        self.main = Trees(model.main_trees, column_index(model.main_columns, plan.names))
        self.labels = Trees(model.label_trees, self.label_rows)
        self.types = PageTypes(model.type_trees, column_index(model.type_columns, plan.names))
        self.bias = np.array(model.bias, np.float64)[:, None]
        self.decision = np.array(model.decision, np.float32)
        self._paths: TreePaths | None = None

    def paths(self) -> TreePaths:
        """The label trees, readable branch by branch; made when reasons are first asked for."""
        if self._paths is None:
            self._paths = TreePaths(self.model.label_trees, self.model.label_columns)
        return self._paths

    def rule_scores(self, batch: Batch, marks: SegmentMarks) -> Floats:
        """What the rules say, from the same tokens."""
        tokens = batch.tokens
        if len(batch.pages) == 1:
            told = TokenMarks(tokens, marks.first, marks.last, marks.sums, marks.extras)
            return rule_scores(batch.pages[0], self.table, told, self.rules)
        scores = []
        for number, page in enumerate(batch.pages):
            low, high = int(batch.first[number]), int(batch.stop[number])
            begin, end = int(tokens.offsets[low]), int(tokens.offsets[high])
            own = Tokens(
                tokens.rows[begin:end],
                tokens.offsets[low : high + 1] - begin,
                tokens.scale[low:high],
                tokens.alike[begin:end] - begin,
                tokens.whole[low:high],
            )
            parts = (marks.first, marks.last, marks.sums, marks.extras)
            told = TokenMarks(own, *(part[:, low:high] for part in parts))
            scores.append(rule_scores(page, self.table, told, self.rules))
        return np.concatenate(scores)

    def features(self, batch: Batch, marks: SegmentMarks) -> Sheet:
        """Features of a batch; the rows of the page types are not filled yet."""
        roles = neighbours(batch, self.html)
        weights, table = self.model.first, self.table
        if self.nodes is None:
            first = first_scores(batch, weights, table, marks.weights, roles, None, None)
            return text_features(batch, table, marks, first, self.plan)
        forest = grow_forest(batch, self.nodes, marks.words)
        names = read_names(forest, self.nodes)
        first = first_scores(batch, weights, table, marks.weights, roles, forest, names)
        return html_features(batch, table, marks, first, forest, names, roles[3], self.plan)

    def predict(self, pages: Sequence[SegmentedPage], max_reasons: int) -> list[PagePrediction]:
        """Predictions of pages of this kind, none of them empty."""
        batch = make_batch(pages, self.table)
        marks = segment_marks(batch, self.table)
        sheet = self.features(batch, marks)
        features = sheet.values
        types = self.types.chance(features, batch)
        sheet.put(_TYPES, types.T[:, batch.page_of])
        net = self.net_odds(features, batch)
        main = self.main_chance(features, net)
        rules = self.rule_scores(batch, marks) if self.model.shares[2] else None
        scores = self.scores(features, net, rules)
        best = (scores * self.decision).argmax(axis=1)
        words = marks.sums[1]
        if not self.html:
            # Without elements the main head takes cards for text at times: the
            # labels know better (0.4 points of word-F1, by site).
            cards = types[:, _CARD_TYPES].sum(axis=1)[batch.page_of]
            likely = scores[:, 0] + scores[:, 2] * cards
            main = np.where(likely > LIKELY, main, UNLIKELY * main)
            main[self._of_others(batch, best, words)] = 0.0
        seen = features[self.label_rows].T
        best_type = types.argmax(axis=1).tolist()
        sharp = types**self.model.type_sharpness
        sharp /= sharp.sum(axis=1, keepdims=True)
        out = []
        for number, page in enumerate(pages):
            here = slice(int(batch.first[number]), int(batch.stop[number]))
            labels = best[here]
            kind = best_type[number]
            out.append(
                PagePrediction(
                    labels=[LABEL_NAMES[at] for at in labels.tolist()],
                    scores=scores[here],
                    main=choose_main(main[here], words[here], batch.same[here]),
                    reasons=LazyReasons(self.paths, seen[here], labels, max_reasons),
                    page_type=PAGE_TYPES[kind],
                    page_type_score=float(sharp[number, kind]),
                    language=page_language(page),
                )
            )
        return out

    @staticmethod
    def _of_others(batch: Batch, best: Ints, words: Floats) -> npt.NDArray[np.bool_]:
        """Lines about other pages and about pictures, on pages that tell a story."""
        n_pages = len(batch.pages)
        article = np.bincount(batch.page_of, words * (best == _ARTICLE), n_pages)
        teaser = np.bincount(batch.page_of, words * (best == _TEASER), n_pages)
        story = (article >= STORY_WORDS) & (article >= STORY_SHARE * teaser)
        out: npt.NDArray[np.bool_] = (best >= _TEASER) & story[batch.page_of]
        return out

    def net_odds(self, features: Floats, batch: Batch) -> Floats | None:
        """What the network says of labels and main content, [5, n]; None without one."""
        if self.model.net is None:
            return None
        return run_net(self.model.net, features[self.net_rows], batch.first, batch.stop).T

    def main_chance(self, features: Floats, net: Floats | None) -> npt.NDArray[np.float64]:
        """Probability of main content, fitted to words."""
        slope, offset = self.model.main_scale
        odds = np.clip(self.main.raw(features)[0], -MAX_ODDS, MAX_ODDS)
        if net is not None:
            share = self.model.net_main_share
            odds = (1.0 - share) * odds + share * net[-1]
        out: npt.NDArray[np.float64] = 1.0 / (1.0 + np.exp(-(slope * odds + offset)))
        return out

    def scores(self, features: Floats, net: Floats | None, rules: Floats | None) -> Floats:
        """Calibrated probabilities of the labels, float32 [n, n_labels]; rows sum to 1."""
        shares = np.repeat(np.array(self.model.shares)[:, None], features.shape[1], axis=1)
        if rules is not None:
            sure = rules.max(axis=1) >= self.model.rules_sure
            shares[:, sure] = np.array(self.model.sure_shares)[:, None]
        z = shares[0] * _log_chance(self.labels.raw(features))
        if net is not None:
            z += shares[1] * _log_chance(net[:-1].astype(np.float64))
        if rules is not None:
            z += shares[2] * np.log(np.maximum(rules.T, LEAST))
        z = z * self.model.temperature + self.bias
        z -= z.max(axis=0)
        odds = np.exp(z)
        out: Floats = (odds / odds.sum(axis=0)).astype(np.float32)
        return np.ascontiguousarray(out.T)


def _log_chance(odds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Logarithms of probabilities from unnormalised ones, none below that of `LEAST`.

    Args:
        odds: float64 [n_labels, n].
    """
    z = odds - odds.max(axis=0)
    z -= np.log(np.exp(z).sum(axis=0))
    out: npt.NDArray[np.float64] = np.maximum(z, np.log(LEAST))
    return out
