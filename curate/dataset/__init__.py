"""Publishing: splits, Parquet shards, dataset card, gate."""

from curate.dataset.base import DatasetConfig, LeftOut, Published, ShardPair, SplitCounts, Withdrawn
from curate.dataset.diff import compare
from curate.dataset.hub import Pushed, PushPlan, plan_push, push
from curate.dataset.publishing import publish
from curate.dataset.remote import Remote
from curate.dataset.remote_work import exchange_work

__all__ = [
    "DatasetConfig",
    "LeftOut",
    "Published",
    "PushPlan",
    "Pushed",
    "Remote",
    "ShardPair",
    "SplitCounts",
    "Withdrawn",
    "compare",
    "exchange_work",
    "plan_push",
    "publish",
    "push",
]
