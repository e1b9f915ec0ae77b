"""Publishing: splits, Parquet shards, dataset card, gate."""

from curate.dataset.base import DatasetConfig, LeftOut, Published, ShardPair, SplitCounts, Withdrawn
from curate.dataset.diff import compare
from curate.dataset.hub import Pushed, PushPlan, plan_push, push
from curate.dataset.publishing import publish

__all__ = [
    "DatasetConfig",
    "LeftOut",
    "Published",
    "PushPlan",
    "Pushed",
    "ShardPair",
    "SplitCounts",
    "Withdrawn",
    "compare",
    "plan_push",
    "publish",
    "push",
]
