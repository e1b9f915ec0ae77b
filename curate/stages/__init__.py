"""The stages: how the rooms are joined into a pipeline."""
