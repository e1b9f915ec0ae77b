"""Publishing: splits, Parquet shards, dataset card, gate."""

from curate.dataset.base import DatasetConfig, LeftOut, Published, ShardPair, SplitCounts
from curate.dataset.publishing import publish

__all__ = ["DatasetConfig", "LeftOut", "Published", "ShardPair", "SplitCounts", "publish"]
