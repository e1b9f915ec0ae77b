"""Publishing: splits, Parquet shards, dataset card, gate."""
